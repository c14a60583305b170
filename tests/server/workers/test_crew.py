"""Which workers there are: tables of what happened and what is to be done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.server.workers.crew import Crew, Deed, Phase
from tests.builders import Clock

START, RETIRE, STOP, HASTEN, KILL = Deed.START, Deed.RETIRE, Deed.STOP, Deed.HASTEN, Deed.KILL


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def crew(clock):
    return Crew(clock)


@pytest.fixture
def serving(crew):
    """Two workers that serve."""
    crew.renew(2)
    crew.ready(1)
    crew.ready(2)
    return crew


def test_the_first_generation_is_all_of_its_size(crew):
    assert crew.renew(3) == [(START, 1), (START, 2), (START, 3)]
    assert (crew.current, crew.is_renewing) == (0, True)
    assert crew.ready(2) == []
    assert (crew.current, crew.is_renewing) == (1, False)
    assert crew.ready(3) == crew.ready(1) == []
    assert crew.pause() is None


def test_one_that_ends_before_it_serves_is_replaced_if_another_serves(crew):
    crew.renew(2)
    crew.ready(2)
    assert crew.ended(1) == []
    assert crew.due() == [(START, 1)]


def test_nothing_is_due_while_all_serve(serving):
    assert serving.pause() is None
    assert serving.due() == []


def test_one_that_ends_is_replaced_under_its_number(serving):
    assert serving.ended(2) == []
    assert serving.pause() == 0
    assert serving.due() == [(START, 2)]
    assert serving.due() == []
    assert serving.ready(2) == []


def test_the_more_often_they_end_the_longer_is_the_pause(serving, clock):
    pauses = []
    for _ in range(9):
        serving.ended(1)
        pauses.append(serving.pause())
        clock.now += pauses[-1]
        assert serving.due() == [(START, 1)]
        serving.ready(1)
    assert pauses == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]
    clock.now += 61
    serving.ended(1)
    assert serving.pause() == 0


def test_new_ones_take_over_once_all_of_them_serve(serving):
    assert serving.renew(3) == [(START, 3), (START, 4), (START, 5)]
    assert serving.ready(3) == serving.ready(4) == []
    assert serving.ready(5) == [(RETIRE, 1), (RETIRE, 2)]
    assert serving.phase(1) is Phase.RETIRING
    assert serving.ended(1) == serving.ended(2) == []
    assert serving.pause() is None


def test_a_generation_that_cannot_start_gives_way_to_the_former_one(serving):
    serving.renew(2)
    serving.ready(3)
    assert serving.ended(4) == [(RETIRE, 3)]
    assert (serving.current, serving.is_renewing) == (1, False)
    serving.ended(3)
    serving.ended(1)
    assert serving.due() == [(START, 1)]
    assert serving.generation(1) == 1


def test_a_newer_generation_wins(serving):
    serving.renew(2)
    serving.ready(3)
    assert serving.renew(1) == [(RETIRE, 3), (STOP, 4), (START, 5)]
    assert serving.ready(4) == []
    assert serving.ready(5) == [(RETIRE, 1), (RETIRE, 2)]


def test_one_of_the_former_is_replaced_while_new_ones_start(serving):
    serving.renew(2)
    serving.ended(1)
    assert serving.due() == [(START, 1)]
    serving.ready(3)
    assert serving.ready(4) == [(RETIRE, 2), (STOP, 1)]


def test_a_replacement_that_is_no_longer_needed_is_not_made(serving):
    serving.renew(1)
    serving.ended(1)
    serving.ready(3)
    assert serving.due() == []


def test_when_the_first_ones_cannot_start_all_stop(crew):
    crew.renew(2)
    assert crew.ended(2) == [(STOP, 1)]
    assert (crew.has_failed, crew.is_over) == (True, False)
    crew.ended(1)
    assert crew.is_over


def test_stopping_ends_all_and_the_second_time_at_once(serving):
    serving.renew(1)
    assert serving.stop() == [(STOP, 1), (STOP, 2), (STOP, 3)]
    assert serving.stop() == [(HASTEN, 1), (HASTEN, 2), (HASTEN, 3)]
    assert [serving.ready(3), serving.ended(1), serving.ended(2), serving.renew(2), serving.due()] == [[]] * 5
    assert not serving.is_over
    serving.ended(3)
    assert serving.is_over


@pytest.mark.parametrize(("happens", "seconds"), [(lambda crew: crew.renew(1), 60), (lambda crew: crew.stop(), 45)])
def test_one_that_is_late_is_killed(serving, clock, happens, seconds):
    happens(serving)
    assert serving.pause() == seconds
    clock.now += seconds
    killed = [order for order in serving.due() if order.deed is KILL]
    assert killed
    assert serving.due() == []


def test_one_that_retires_has_as_long_as_its_requests_need(serving, clock):
    serving.renew(1)
    serving.ready(3)
    clock.now += 10_000
    assert serving.pause() is None
    assert serving.due() == []


# What may happen, as (kind, which of the workers it happens to).
EVENTS = st.lists(
    st.tuples(st.sampled_from(["ready", "ended", "ended", "renew", "wait"]), st.integers(0, 6)), max_size=40
)


@given(EVENTS)
def test_whatever_happens_there_are_as_many_again_in_the_end(events):
    clock = Clock()
    crew, alive = Crew(clock), set()

    def do(orders):
        for deed, number in orders:
            if deed is START:
                assert number not in alive
                alive.add(number)
            else:
                assert number in alive

    def end(number):
        alive.discard(number)
        do(crew.ended(number))

    do(crew.renew(2))
    for kind, which in [("ready", 0), ("ready", 1), *events]:
        chosen = sorted(alive)[which % len(alive)] if alive else None
        if kind == "ready" and chosen is not None:
            do(crew.ready(chosen))
        elif kind == "ended" and chosen is not None and crew.current:
            end(chosen)
        elif kind == "renew":
            do(crew.renew(which % 3 + 1))
        clock.now += crew.pause() or 0
        do(crew.due())
    size = 2
    do(crew.renew(size))
    for _ in range(10):
        for number in sorted(alive):
            if crew.phase(number) in (Phase.RETIRING, Phase.STOPPING):
                end(number)
            else:
                do(crew.ready(number))
    assert len(alive) == size
    assert {crew.generation(number) for number in alive} == {crew.current}
