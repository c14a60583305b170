"""Facts: what is sent can be read, what cannot be read is passed over, and of two facts the right one holds."""

import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.durations import DAY
from freerouter.sharing.facts import LONGEST, LONGEST_TIME, Fact, Kind, Told, ended, hear, name_of, replaces, tell
from freerouter.sharing.outbox import Outbox

COOLED = Fact(Kind.COOLED, ("a/b:free",), 3, 90.0, 150.0)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FACTS = st.builds(
    Fact,
    st.sampled_from(Kind),
    st.lists(NAMES, max_size=3).map(tuple),
    st.none() | st.integers() | NAMES | st.lists(st.integers() | NAMES, max_size=3),
    st.floats(0, 100),
    st.floats(101, 1_000),
    st.booleans(),
)


@given(FACTS, st.floats(-1e6, 1e6))
def test_a_fact_arrives_on_a_clock_that_shows_another_time(fact, ahead):
    heard = hear(tell(fact, 100.0), 100.0 + ahead)
    assert heard._replace(since=0, until=0) == fact._replace(since=0, until=0)
    assert (heard.since - ahead, heard.until - ahead) == pytest.approx((fact.since, fact.until), abs=1e-6)


def test_times_are_relative():
    assert tell(COOLED, 100.0) == Told('["cooled","a/b:free"]', b'["cooled",["a/b:free"],3]', 50.0, 10.0, over=False)


@pytest.mark.parametrize(
    ("fact", "now"),
    [(COOLED, 150.0), (COOLED, 151.0), (COOLED._replace(value="x" * LONGEST), 100.0)],
    ids=["it ends now", "it has ended", "it is too long"],
)
def test_what_does_not_matter_is_not_told(fact, now):
    assert tell(fact, now) is None


def test_nothing_holds_for_longer_than_a_cost_alarm():
    assert tell(COOLED._replace(until=1e12), 100.0).left == LONGEST_TIME


@pytest.mark.parametrize(
    "told",
    [
        Told("", b"", 1, 1, over=False),
        Told("", b"{}", 1, 1, over=False),
        Told("", b"[1,2,3]", 1, 1, over=False),
        Told("", b'["cooled",["a"]]', 1, 1, over=False),
        Told("", b'["of another version",["a"],1]', 1, 1, over=False),
        Told("", b'["cooled",[1],1]', 1, 1, over=False),
        Told("", b'["cooled",7,1]', 1, 1, over=False),
        Told("", b'["cooled",["a"],1]', 0, 1, over=False),
        Told("", b'["cooled",["a"],1]', 366 * DAY, 1, over=False),
        Told("", b'["cooled",["a"],1]', float("nan"), 1, over=False),
        Told("", b'["cooled",["a"],1]', 1, -1, over=False),
        Told("", b'["cooled",["a"],1]', 1, float("inf"), over=False),
        Told("", b'["cooled",["a"],1]', 1, 366 * DAY, over=False),
        Told("", b"[" * LONGEST, 1, 1, over=False),
        Told("", b'["cooled",["a"],"' + b"x" * LONGEST + b'"]', 1, 1, over=False),
    ],
    ids=str,
)
def test_what_is_not_valid_is_passed_over(told):
    assert hear(told, 100.0) is None


# since, until, over
SHORT, LONG, LATER = (0, 30, False), (0, 600, False), (10, 40, False)
OVER, OVER_LATER = (5, 605, True), (20, 620, True)


@pytest.mark.parametrize(
    ("new", "old", "holds"),
    [
        (LONG, SHORT, True),
        (SHORT, LONG, False),
        (LATER, LONG, False),
        (LATER, SHORT, True),
        (OVER, LONG, True),
        (LONG, OVER, False),
        (LATER, OVER, True),
        (OVER, LATER, False),
        (OVER_LATER, OVER, True),
        (OVER, OVER_LATER, False),
        (LONG, LONG, False),
    ],
)
def test_of_two_facts_one_holds(new, old, holds):
    assert replaces(fact(new), fact(old)) is holds
    assert replaces(fact(new), None)


def fact(times):
    since, until, over = times
    return Fact(Kind.COOLED, ("m",), 1, since, until, over)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(4, 8)), max_size=4))
def test_without_an_end_the_order_of_arrival_does_not_matter(times):
    facts = [fact((*each, False)) for each in times]
    assert len({last(order) for order in permutations(facts)}) <= 1


def last(facts):
    held = None
    for each in facts:
        held = each if replaces(each, held) else held
    return held


def test_the_end_of_something_is_remembered_for_a_while():
    over = ended(Kind.COOLED, ("m",), 100.0)
    assert over.over
    assert tell(over, 100.0).left == 600


def test_an_outbox_tells_of_each_key_once_until_it_is_done():
    outbox = Outbox()
    for times in (SHORT, LONG, LATER):
        outbox.put(fact(times))
    (waiting,) = outbox.take(None)
    assert waiting == fact(LONG)
    assert outbox.take(None) == [fact(LONG)]
    outbox.put(fact(OVER))
    outbox.done([waiting])
    assert outbox.take(None) == [fact(OVER)]
    outbox.done([fact(OVER)])
    assert outbox.take(None) == [fact(OVER)]  # an equal one is another one
    outbox.done(outbox.take(None))
    assert outbox.take(0.0) == []


def test_an_outbox_is_bounded():
    outbox = Outbox()
    for number in range(10_005):
        outbox.put(COOLED._replace(about=(str(number),)))
    assert len(outbox.take(None)) == 10_000
    assert outbox.dropped == 5


def test_waking_ends_the_wait_for_facts():
    outbox = Outbox()
    outbox.wake()
    assert outbox.take(None) == []


def test_the_name_of_a_fact_is_its_key():
    assert json.loads(tell(COOLED, 100.0).name) == list(COOLED.key)
    assert name_of(*COOLED.key) == tell(COOLED, 100.0).name
