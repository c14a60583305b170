"""Quota: any sixty seconds, the gates that OpenRouter shuts, the day that ends at 00:00 UTC; each account by itself."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.memory.allowance import Allowances
from freerouter.replies.verdicts import Gate
from tests.builders import Clock

EVENING = datetime(2026, 9, 1, 23, 0, tzinfo=UTC).timestamp()
ME, OTHER = "account", "other account"


class World:
    """A quota with its two clocks, which run together."""

    def __init__(self, per_minute: int = 3) -> None:
        self.clock, self.wall = Clock(), Clock(EVENING)
        self.quota = Allowances(per_minute, self.clock, self.wall)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.wall.advance(seconds)

    def send(self, times: int = 1, account: str = ME) -> None:
        for _ in range(times):
            self.quota.count(account)


@pytest.fixture
def world():
    return World()


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 5))
def test_no_sixty_seconds_ever_hold_more_than_allowed(pauses, per_minute):
    world, sent = World(per_minute), []
    for pause in pauses:
        world.advance(pause)
        if world.quota.shut(ME) is None:
            world.send()
            sent.append(world.clock.now)
    assert all(sum(start <= other < start + 60 for other in sent) <= per_minute for start in sent)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(1, 5))
def test_nobody_waits_for_longer_than_needed(pauses, per_minute):
    world, sent = World(per_minute), []
    for pause in pauses:
        world.advance(pause)
        shut = world.quota.shut(ME)
        if shut is not None:
            gate, seconds = shut
            assert gate is Gate.MINUTE
            assert len([moment for moment in sent if moment > world.clock.now - 60]) == per_minute
            assert 0 < seconds <= 60
            world.advance(seconds)
        assert world.quota.shut(ME) is None
        world.send()
        sent.append(world.clock.now)


def test_what_could_not_be_sent_does_not_count(world):
    world.send(3)
    world.quota.uncount(ME)
    assert world.quota.shut(ME) is None
    world.send()
    assert world.quota.shut(ME) == (Gate.MINUTE, 60)


GATES = {
    "a minute": ([(Gate.MINUTE, 20)], Gate.MINUTE, 20),
    "a day": ([(Gate.DAY, 3_600)], Gate.DAY, 3_600),
    "a later, smaller word": ([(Gate.DAY, 3_600), (Gate.DAY, 60)], Gate.DAY, 3_600),
    "a minute after a day": ([(Gate.DAY, 3_600), (Gate.MINUTE, 20)], Gate.DAY, 3_600),
    "a minute that is as long as the day": ([(Gate.DAY, 60), (Gate.MINUTE, 60)], Gate.DAY, 60),
    "a day after a minute": ([(Gate.MINUTE, 20), (Gate.DAY, 3_600)], Gate.DAY, 3_600),
    "a longer minute": ([(Gate.MINUTE, 20), (Gate.MINUTE, 40)], Gate.MINUTE, 40),
}


@pytest.mark.parametrize(("words", "gate", "seconds"), GATES.values(), ids=GATES)
def test_a_gate_stays_shut_until_the_latest_of_its_resets(world, words, gate, seconds):
    for word in words:
        world.quota.close(ME, *word)
    assert world.quota.shut(ME) == (gate, seconds)
    world.advance(seconds - 1)
    assert world.quota.shut(ME) == (gate, 1)
    world.advance(1)
    assert world.quota.shut(ME) is None


def test_a_gate_that_opened_can_be_shut_again_for_less(world):
    world.quota.close(ME, Gate.MINUTE, 50)
    world.advance(50)
    world.quota.close(ME, Gate.MINUTE, 10)
    assert world.quota.shut(ME) == (Gate.MINUTE, 10)


def test_a_day_is_counted_down_and_comes_back_at_midnight_utc():
    world = World(per_minute=1_000)
    assert world.quota.left(ME) is None
    world.quota.learn(ME, used=45, limit=50)
    world.send(4)
    assert (world.quota.left(ME), world.quota.shut(ME)) == (1, None)
    world.send()
    assert (world.quota.left(ME), world.quota.shut(ME)) == (0, None)
    world.send()
    world.advance(3_599)
    assert (world.quota.left(ME), world.quota.shut(ME)) == (0, None)
    world.advance(1)
    assert (world.quota.left(ME), world.quota.shut(ME)) == (50, None)


@given(st.integers(0, 60), st.integers(0, 50), st.sampled_from([50, 1_000]))
def test_the_key_s_word_alone_never_shuts_a_gate(used, sends, limit):
    world = World(per_minute=1_000)
    world.quota.learn(ME, used, limit)
    world.send(sends)
    assert world.quota.shut(ME) is None
    assert world.quota.left(ME) == max(limit - used - sends, 0)


# Seconds since the day was shut, used of fifty, and whether the gate is open then.
NEWS = {
    "no room": (600, 50, False),
    "more used than there are": (600, 60, False),
    "room, newer than the refusal": (60, 49, True),
    "room, but as old as the refusal": (59, 0, False),
}


@pytest.mark.parametrize(("seconds", "used", "opens"), NEWS.values(), ids=NEWS)
def test_the_key_opens_the_day_when_it_shows_room(world, seconds, used, opens):
    world.quota.close(ME, Gate.DAY, 3_600, limit=50)
    world.advance(seconds)
    world.quota.learn(ME, used, 50)
    assert world.quota.shut(ME) == (None if opens else (Gate.DAY, 3_600 - seconds))
    assert world.quota.left(ME) == (50 - used if opens else 0)


def test_the_key_says_nothing_of_the_minute(world):
    world.quota.close(ME, Gate.MINUTE, 600)
    world.advance(61)
    world.quota.learn(ME, 0, 50)
    assert world.quota.shut(ME) == (Gate.MINUTE, 539)


def test_more_used_than_allowed_is_nothing_left(world):
    world.quota.learn(ME, used=60, limit=50)
    assert world.quota.left(ME) == 0


def test_a_day_that_openrouter_says_is_over_comes_back_with_its_reset():
    world = World(per_minute=1_000)
    world.quota.close(ME, Gate.DAY, 3_600, limit=50)
    assert (world.quota.left(ME), world.quota.of(ME).limit) == (0, 50)
    world.advance(3_600)
    assert (world.quota.shut(ME), world.quota.left(ME)) == (None, 50)


@pytest.mark.parametrize("behind", [-600, 600])
def test_a_day_comes_back_with_its_reset_though_our_clock_is_wrong(behind):
    world = World()
    world.wall.advance(-behind)
    world.quota.close(ME, Gate.DAY, 3_600, limit=50)
    world.advance(3_600)
    assert (world.quota.shut(ME), world.quota.left(ME)) == (None, 50)


def test_the_end_of_a_minute_gives_nothing_of_the_day_back(world):
    world.quota.learn(ME, used=10, limit=50)
    world.quota.close(ME, Gate.MINUTE, 20)
    world.advance(20)
    assert (world.quota.shut(ME), world.quota.left(ME)) == (None, 40)


def test_a_day_that_the_key_has_opened_early_does_not_hide_a_minute(world):
    world.quota.close(ME, Gate.DAY, 3_600, limit=50)
    world.advance(60)
    world.quota.learn(ME, used=10, limit=50)
    world.quota.close(ME, Gate.MINUTE, 20)
    assert world.quota.shut(ME) == (Gate.MINUTE, 20)


def test_a_minute_says_nothing_about_the_day(world):
    world.quota.close(ME, Gate.MINUTE, 30, limit=20)
    assert world.quota.left(ME) is None


def test_a_request_of_yesterday_that_was_not_sent_gives_nothing_back(world):
    world.quota.learn(ME, used=0, limit=50)
    world.send()
    assert world.quota.left(ME) == 49
    world.advance(3_600)
    world.quota.uncount(ME)
    assert world.quota.left(ME) == 50


def test_what_was_not_sent_gives_its_place_in_the_day_back(world):
    world.quota.learn(ME, used=0, limit=50)
    world.send(2)
    world.quota.uncount(ME)
    assert world.quota.left(ME) == 49


@given(st.lists(st.sampled_from(["send", "close", "learn", "wait"]), max_size=20))
def test_one_accounts_affairs_are_not_anothers(events):
    world = World()
    for event in events:
        match event:
            case "send":
                world.send()
            case "close":
                world.quota.close(ME, Gate.DAY, 600, limit=50)
            case "learn":
                world.quota.learn(ME, used=50, limit=50)
            case _:
                world.advance(7)
        assert world.quota.shut(OTHER) is None
        assert world.quota.left(OTHER) is None
    assert not world.quota.of(OTHER).sent


def test_of_more_accounts_than_are_kept_the_one_that_was_idle_longest_is_forgotten():
    world = World()
    for number in range(1_000):
        world.quota.count(str(number))
        world.advance(0.01)
    world.quota.count("0")
    world.quota.count("one more")
    assert [len(world.quota.of(account).sent) for account in ("0", "one more", "2", "1")] == [2, 1, 1, 0]


def test_one_that_never_sent_is_forgotten_before_those_that_did():
    world = World()
    world.clock.now = 0.5
    for number in range(999):
        world.quota.count(str(number))
    world.quota.of("never")
    world.quota.count("one more")
    assert all(world.quota.of(str(number)).sent for number in range(999))


def test_the_figures_of_an_account(world):
    assert world.quota.figures(ME) == (None, None, 0)
    world.send(2)
    world.quota.learn(ME, 3, 50)
    world.send()
    assert world.quota.figures(ME) == (46, 50, 3)
    world.advance(60)
    world.send()
    assert world.quota.figures(ME) == (45, 50, 1)
    assert world.quota.figures(OTHER) == (None, None, 0)
    world.advance(3600)
    assert world.quota.figures(ME) == (50, 50, 0)
