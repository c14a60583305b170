"""What other processes have learnt: of two, the one that lasts longer stays; what has ended is forgotten."""

import pytest

from freerouter.memory.lessons import Lesson, Lessons
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Lasting, Scope, Verdict
from tests.builders import Clock, asker_of, healthy, required

ALPHA, BETA = "acme/alpha:free", "acme/beta:free"
EVERYBODY, LONGER = (Lasting.GONE, None), (Lasting.CONTEXT, None)
NOW = 1_000.0


def lesson(until: float, since: float = NOW, kind: Lasting = Lasting.GONE) -> Lesson:
    return Lesson(kind, since, until)


@pytest.mark.parametrize("audience", [EVERYBODY, LONGER], ids=["everybody", "longer"])
@pytest.mark.parametrize(("second", "kept"), [(2_000.0, 1.0), (1_999.0, 1.0), (2_001.0, 2.0)])
def test_of_two_lessons_the_one_that_lasts_longer_stays(audience, second, kept):
    lessons = Lessons(Clock())
    lessons.hear(ALPHA, audience, lesson(2_000.0, 1.0, audience[0]))
    lessons.hear(ALPHA, audience, lesson(second, 2.0, audience[0]))
    assert lessons.barred(asker_of()) == {ALPHA: kept}


@pytest.mark.parametrize("audience", [EVERYBODY, LONGER], ids=["everybody", "longer"])
@pytest.mark.parametrize(("since", "stays"), [(NOW - 1, True), (NOW, False), (NOW + 1, False)])
def test_what_was_learnt_up_to_then_is_forgotten(audience, since, stays):
    lessons = Lessons(Clock())
    for model in (ALPHA, BETA):
        lessons.hear(model, audience, lesson(2_000.0, kind=audience[0]))
    lessons.forget(ALPHA, audience, since)
    assert set(lessons.barred(asker_of())) == {BETA} | ({ALPHA} if stays else set())
    lessons.forget("acme/unknown:free", audience, since)
    lessons.forget(BETA, audience, since)
    assert len(lessons) == 2 * stays


def test_a_group_without_lessons_takes_no_room():
    lessons = Lessons(Clock())
    lessons.hear(ALPHA, EVERYBODY, lesson(2_000.0))
    for number in range(2_000):
        group = (Lasting.REGION, str(number))
        lessons.hear(ALPHA, group, lesson(2_000.0, kind=Lasting.REGION))
        lessons.forget(ALPHA, group, NOW)
    assert lessons.barred(asker_of()) == {ALPHA: NOW}


def test_what_is_learnt_and_what_an_answer_ends_is_told():
    lessons, asker = Lessons(Clock()), asker_of(required("text", tokens=9))
    outcome = Outcome(Verdict.TRY_ANOTHER, Scope.REQUEST, "test", 404, lasting=Lasting.CONTEXT)
    assert lessons.learn(ALPHA, outcome, asker) == (LONGER, Lesson(Lasting.CONTEXT, NOW, NOW + 3_600, tokens=9))
    gone = outcome._replace(lasting=Lasting.GONE)
    assert lessons.learn(ALPHA, gone, asker) == (EVERYBODY, Lesson(Lasting.GONE, NOW, NOW + 3_600))
    assert lessons.answered(ALPHA, asker) == [EVERYBODY, LONGER]
    assert lessons.answered(ALPHA, asker) == []


def test_of_two_cooldowns_the_one_that_lasts_longer_stays():
    clock = Clock()
    health = healthy(clock)
    health.hear(ALPHA, 3, NOW, NOW + 20)
    health.hear(ALPHA, 1, NOW + 1, NOW + 20)
    assert (health.record(ALPHA).strikes, health.record(ALPHA).since) == (3, NOW)
    health.hear(ALPHA, 1, NOW + 1, NOW + 30)
    assert (health.record(ALPHA).strikes, health.cooling) == (3, {ALPHA: NOW + 30})
    health.hear(BETA, 1, NOW, NOW + 10)
    clock.advance(10)
    health.wake()
    assert health.cooling == {ALPHA: NOW + 30}


def test_whether_an_answer_ends_failures_is_told():
    health = healthy()
    assert health.restore(ALPHA, NOW) is False
    health.hear(ALPHA, 1, NOW, NOW + 20)
    assert health.restore(BETA, NOW) is False
    assert health.restore(ALPHA, NOW - 1) is False
    assert health.restore(ALPHA, NOW) is True
