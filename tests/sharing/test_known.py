"""What a memory knows, told again: an empty memory that hears it decides the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freerouter.memory.costs import ACCOUNT
from freerouter.pipeline.actions import Request, Send
from freerouter.replies.reading import Flaw, Reading
from freerouter.sharing.facts import Kind, heard, tell
from freerouter.sharing.slots import Slot
from freerouter.sharing.telling import PIECE
from tests.sharing.test_news import DAY_OVER, GONE, LIMITED, MINE, Peer, asker
from tests.walks import ANSWER, HELLO, error_reading, once

COSTS = ANSWER._replace(usage={"cost": 0.5})
LATER = error_reading(429, "limited", {"retry-after": "300"}, metadata={"provider_name": "P"})
NO_TOOLS = error_reading(404, "No endpoints found that support tool use.")
BODIES = [HELLO, HELLO | {"session_id": "s"}, HELLO | {"session_id": "t", "seed": 1}]
REQUESTS = st.tuples(
    st.sampled_from([ANSWER, LIMITED, LATER, GONE, NO_TOOLS, COSTS, DAY_OVER]),
    st.sampled_from(BODIES),
    st.sampled_from([0.5, 20.0, 400.0]),
)


def lived(requests):
    """A peer that has sent these, each after some seconds."""
    peer = Peer(count=4)
    for reading, body, seconds in requests:
        peer.stage.advance(seconds)
        peer.walk(once(reading), body)
    return peer


def again(peer):
    """All that it knows, as it is sent."""
    now = peer.stage.clock()
    return [told for piece in peer.router.held(PIECE) for fact in piece if (told := tell(fact, now)) is not None]


def told_by(peer):
    """A peer that has heard all of it, on another clock."""
    other = Peer(count=4, ahead=7_777.0)
    other.stage.wall.advance(peer.stage.wall() - other.stage.wall())
    other.hear(again(peer))
    return other


def decisions(peer):
    router, now = peer.router, peer.stage.clock()
    router.rng.seed(7)
    return {
        "cooling": {model: round(seconds, 3) for model, seconds in router.cooling().items()},
        "strikes": {model: router.health.record(model).strikes for model in router.cooling()},
        "gate": router.gate("mine"),
        "barred": {model: round(since - now, 3) for model, since in router.health.lessons.barred(asker()).items()},
        "costs": (router.health.costs.models, router.health.costs.accounts),
        "talks": {
            place: home[:2] for place in router.conversations.places() if (home := router.conversations.at(place))
        },
        "times": router.timings.measured(),
        "sent": [peer.walk(once(ANSWER), body).sent for body in BODIES],
    }


@settings(deadline=None, max_examples=30)
@given(st.lists(REQUESTS, max_size=12))
def test_an_empty_memory_that_hears_all_decides_the_same(requests):
    peer = lived(requests)
    other = told_by(peer)
    other.told(), peer.told()
    assert decisions(other) == decisions(peer)


def known(peer):
    counted = (Kind.SENT, Kind.DAY)
    return {
        (fact.key, fact.over, round(fact.since, 3), round(fact.until, 3))
        for fact in heard(again(peer), 0.0)
        if fact.kind not in counted
    }


@settings(deadline=None, max_examples=30)
@given(st.lists(REQUESTS, max_size=12))
def test_what_was_heard_is_told_again_with_its_own_age_and_the_time_that_is_left(requests):
    peer = lived(requests)
    assert known(told_by(peer)) == known(peer)


def test_what_has_ended_is_told_again_too():
    peer = lived([(LIMITED, HELLO, 0.0)])
    (failed,) = peer.router.cooling()
    peer.stage.advance(5)
    peer.walk(once(ANSWER), HELLO | {"model": failed})
    (fact,) = [fact for fact in heard(again(peer), peer.stage.clock()) if fact.kind is Kind.COOLED]
    assert fact.over
    peer.stage.advance(601)
    assert Kind.COOLED not in {fact.kind for fact in heard(again(peer), 0.0)}


def sends(peer):
    now = peer.stage.clock()
    facts = [fact for piece in peer.router.held(PIECE) for fact in piece if fact.kind is Kind.SENT]
    return [(fact.about, now - fact.since) for fact in facts if fact.until > now]


def send(peer, slot):
    routing = peer.router.route(Request(HELLO, caller=MINE))
    routing.next()
    routing.reserved(slot)
    assert isinstance(routing.next(), Send)
    return routing


@pytest.mark.parametrize("slot", [Slot(True, (60.0,) * 9), None], ids=["with a place", "without an answer"])
def test_the_places_that_this_process_has_taken_are_told_again_and_no_others(slot):
    peer = Peer(requests_per_minute=20)
    for _ in range(3):
        send(peer, slot)
        peer.stage.advance(25)
    assert sends(peer) == [(("mine", "1"), 50), (("mine", "2"), 25)]


def test_a_place_that_was_given_back_is_not_told_again():
    peer = Peer(requests_per_minute=20)
    routing = send(peer, Slot(True, (60.0,)))
    routing.record(routing.judge(Reading(flaw=Flaw.NOT_SENT)))
    assert sends(peer) == []


def test_what_is_left_of_the_day_is_told_again_as_older_than_any_reading():
    peer = Peer()
    peer.router.learn_allowance("mine", 8, 50)
    (day,) = [fact for piece in peer.router.held(PIECE) for fact in piece if fact.kind is Kind.DAY]
    assert (day.value, day.until - peer.stage.clock() <= 86_400) == ([50, 42], True)
    assert peer.stage.clock() - day.since == 86_400


def test_it_is_told_in_pieces():
    peer = Peer()
    for number in range(250):
        peer.walk(once(ANSWER), HELLO | {"session_id": str(number)})
    pieces = list(peer.router.held(100))
    assert max(map(len, pieces)) == 100
    assert sum(fact.kind is Kind.TALK for piece in pieces for fact in piece) == 250


def test_requests_are_decided_between_the_pieces():
    peer = lived([(ANSWER, HELLO, 0.0)])
    for _ in peer.router.held(1):
        assert not peer.router.lock.locked()


def test_what_ends_while_it_is_told_is_left_out():
    peer = lived([(ANSWER, HELLO, 0.0)])
    pieces = peer.router.held(1)
    next(pieces)
    peer.stage.advance(601)
    assert Kind.TALK not in {fact.kind for piece in pieces for fact in piece}


@pytest.mark.parametrize("account", ["", "mine"])
def test_an_alarm_is_told_again_with_its_own_age(account):
    peer = Peer()
    barred = ACCOUNT if account else "m/0:free"
    peer.router.health.costs.block(barred, account, 0.5, peer.stage.clock())
    peer.stage.advance(100)
    (told,) = again(peer)
    assert told.age == 100


def test_what_leaves_has_nothing_to_tell():
    peer = lived([(LIMITED, HELLO, 0.0)])
    peer.router.leave()
    assert list(peer.router.held(PIECE)) == []
