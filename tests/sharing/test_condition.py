"""Whether the store can be used: what is said, and how often."""

import logging
import time

import pytest

from freerouter.sharing.condition import Condition
from freerouter.sharing.facts import Kind, ended
from freerouter.sharing.file_store import FileStore
from freerouter.sharing.outbox import Outbox
from freerouter.sharing.replication import REST, Replication
from tests.stage import until

LATE, LOST = "does not answer in time", "cannot be reached"


@pytest.fixture
def condition(caplog):
    caplog.set_level(logging.WARNING)
    made = Condition("redis", "redis://host")
    made.works(anew=True)
    return made


def times(act, number=3):
    for _ in range(number):
        act()


def test_a_store_that_is_too_slow_for_slots_is_said_once_though_it_answers_checks(condition, caplog):
    for _ in range(10):
        times(lambda: condition.not_answered(LATE))
        condition.works()
    assert (condition.trouble, condition.is_late, condition.is_lost) == (LATE, True, False)
    assert len(caplog.records) == 1


def test_now_and_then_a_late_slot_is_nothing(condition, caplog):
    for _ in range(10):
        times(lambda: condition.not_answered(LATE), 2)
        condition.answered()
    assert condition.trouble == ""
    assert caplog.records == []
    assert condition.status().unanswered == 20


def test_slots_that_are_answered_again_end_it(condition, caplog):
    times(lambda: condition.not_answered(LATE))
    condition.answered()
    assert condition.trouble == LATE
    times(condition.answered)
    assert condition.trouble == ""
    assert [record.getMessage().split(":")[1][:6] for record in caplog.records] == [" Redis", " again"]


def test_facts_that_cannot_be_told_are_said_once_though_the_store_answers_checks(condition, caplog):
    for _ in range(10):
        condition.told("is out of memory")
        condition.works()
    assert condition.trouble == "is out of memory"
    condition.told()
    assert condition.trouble == ""
    assert len(caplog.records) == 2


def test_the_closest_cause_is_said(condition):
    times(lambda: condition.not_answered(LATE))
    condition.failed(LOST)
    assert condition.trouble == LOST
    condition.works(anew=True)
    assert condition.trouble == ""


class Defective(FileStore):
    def publish(self, told, *, again=False):
        raise RuntimeError


def test_after_a_defect_facts_do_not_pile_up(tmp_path, caplog):
    outbox = Outbox()
    replication = Replication(lambda: Defective(tmp_path / "shared.sqlite3", "me"), outbox, list, lambda _: iter(()))
    replication.start(5.0)
    outbox.put(ended(Kind.COOLED, ("m",), replication._clock()))
    until(lambda: replication.status().trouble == "has met a defect")
    until(lambda: not replication._threads[1].is_alive())
    outbox.put(ended(Kind.COOLED, ("n",), replication._clock()))
    assert [fact.about for fact in outbox.take(0.0)] == [("m",)]
    assert "a defect: RuntimeError" in caplog.text
    replication.close()


def test_the_writer_rests_so_that_many_facts_are_told_at_once_and_tells_the_last_ones(tmp_path):
    outbox = Outbox()
    replication = Replication(lambda: FileStore(tmp_path / "shared.sqlite3", "me"), outbox, list, lambda _: iter(()))
    replication.start(5.0)
    begun = time.monotonic()
    for number in range(3):
        outbox.put(ended(Kind.COOLED, (f"m{number}",), replication._clock()))
        until(lambda number=number: replication.status().sent == number + 1)
    assert time.monotonic() - begun >= 2 * REST
    outbox.put(ended(Kind.COOLED, ("last",), replication._clock()))
    replication.close()
    assert replication.status().sent == 4
