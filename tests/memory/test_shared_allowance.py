"""An allowance that processes share: what one hears from the others, and from the store that counts for all."""

import pytest

from freerouter.memory.allowance import Allowances
from freerouter.replies.verdicts import Gate
from tests.builders import Clock

ME, NOW, NOON = "account", 1_000.0, 1_788_264_000.0


def allowances() -> Allowances:
    return Allowances(3, Clock(NOW), Clock(NOON))


def test_a_glance_tells_whether_a_request_may_be_sent():
    found = allowances()
    assert found.looks_open(ME) is True
    for looks_open in (True, True, False):
        found.count(ME)
        assert found.looks_open(ME) is looks_open
    shut = allowances()
    shut.close(ME, Gate.MINUTE, 10.0)
    assert shut.looks_open(ME) is False


def test_what_all_have_sent_replaces_our_own_count_and_leaves_a_day_that_is_over():
    found = allowances()
    found.count(ME)
    found.see(ME, (30.0,), (50, 5), granted=False)
    assert (list(found.of(ME).sent), found.left(ME)) == ([NOW - 30], 5)
    found.close(ME, Gate.DAY, 100.0)
    found.see(ME, (30.0,), (50, 5), granted=False)
    assert found.left(ME) == 0


# Until when others say that it is used up; until when it then is, and since when.
HEARD = {"sooner": (NOW + 10, NOW + 20, NOW), "the same": (NOW + 20, NOW + 20, NOW), "later": (NOW + 30, NOW + 30, 990)}


@pytest.mark.parametrize(("until", "ends", "since"), HEARD.values(), ids=HEARD)
def test_a_shorter_time_does_not_shorten_a_gate(until, ends, since):
    found = allowances()
    found.close(ME, Gate.MINUTE, 20.0)
    found.hear(ME, Gate.MINUTE, None, 990.0, until)
    assert (found.of(ME).until, found.of(ME).shut_at) == (ends, since)


@pytest.mark.parametrize(
    ("gate", "since", "opens"), [(Gate.DAY, NOW, True), (Gate.DAY, NOW - 1, False), (Gate.MINUTE, NOW, False)]
)
def test_only_a_days_gate_that_was_shut_up_to_then_is_opened(gate, since, opens):
    found = allowances()
    found.close(ME, gate, 100.0)
    assert found.open(ME, since) is opens
    assert (found.shut(ME) is None) is opens
