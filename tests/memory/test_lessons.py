"""Lessons: whom each kind holds for, until when, what ends it earlier, and that their number is bounded."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.memory.lessons import Asker, Lessons
from freerouter.openrouter.headers import Caller
from freerouter.openrouter.requirements import Requirements
from freerouter.openrouter.tokens import Bounds
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Lasting, Scope, Verdict
from tests.builders import Clock, asker_of, need_of, required

ALPHA, BETA = "acme/alpha:free", "acme/beta:free"
ME, OTHER = Caller("account", "app"), Caller("other account", "other app")
HOUR = 3_600.0
PREFERENCES_KEPT, AUDIENCES_KEPT = 64, 2_000


def failure(kind: Lasting | None, lacks: str | None = None) -> Outcome:
    return Outcome(Verdict.TRY_ANOTHER, Scope.REQUEST, "test", 404, lasting=kind, lacks=lacks)


def taught(asker: Asker, outcome: Outcome, clock: Clock | None = None) -> Lessons:
    lessons = Lessons(clock or Clock())
    lessons.learn(ALPHA, outcome, asker)
    return lessons


# Requests that differ in every way which decides for whom a lesson holds.
HARD = st.sampled_from([("text",), ("text", "tools"), ("text", "image"), ("text", "tools", "image")])
REQUIREMENTS = st.builds(
    lambda hard, tokens, output, media: required(*hard, tokens=tokens, output=output, media=media),
    HARD,
    st.sampled_from([10, 1_000, 5_000]),
    st.sampled_from([0, 100]),
    st.sampled_from([0, 1]),
)
CALLERS = st.builds(Caller, st.sampled_from(["one", "two"]), st.sampled_from(["x", "y"]))
ASKERS = st.builds(asker_of, REQUIREMENTS, CALLERS, st.sampled_from(["", "first", "second"]))
LACKING = st.none() | st.sampled_from(["tools", "image"])


def holds(kind: Lasting, lacks: str | None, taught_by: Asker, asker: Asker) -> bool:
    """Whether a lesson that one request taught applies to another."""
    same_account = taught_by.caller.account == asker.caller.account
    may_be_preferred = kind in (Lasting.GONE, Lasting.LACKS, Lasting.PRIVACY, Lasting.PROVIDERS)
    if taught_by.preferences and may_be_preferred:
        return same_account and asker.preferences == taught_by.preferences
    mine, media = taught_by.requirements, taught_by.requirements.media
    lacking = lacks in asker.need.hard if lacks in taught_by.need.hard else not media and asker.need == taught_by.need
    is_sure = not media and not taught_by.preferences
    return {
        Lasting.GONE: True,
        Lasting.LACKS: lacking,
        Lasting.CONTEXT: is_sure and asker.requirements.context >= mine.context,
        Lasting.APP: asker.caller.app == taught_by.caller.app,
        Lasting.PRIVACY: same_account,
        Lasting.PROVIDERS: same_account,
        Lasting.REGION: same_account,
    }.get(kind, False)


@given(st.sampled_from(Lasting), LACKING, ASKERS, ASKERS)
def test_whom_a_lesson_holds_for(kind, lacks, taught_by, asker):
    lessons = taught(taught_by, failure(kind, lacks))
    expected = holds(kind, lacks, taught_by, asker)
    assert lessons.barred(asker) == ({ALPHA: Clock().now} if expected else {})
    assert len(list(lessons.objections(ALPHA, asker))) == expected
    assert list(lessons.objections(BETA, asker)) == []


@given(st.sampled_from(Lasting), LACKING, ASKERS, ASKERS)
def test_an_answer_ends_what_held_for_such_a_request_and_nothing_else(kind, lacks, taught_by, asker):
    lessons = taught(taught_by, failure(kind, lacks))
    before = lessons.barred(taught_by)
    lessons.answered(BETA, asker)
    assert lessons.barred(taught_by) == before
    lessons.answered(ALPHA, asker)
    assert lessons.barred(asker) == {}
    assert lessons.barred(taught_by) == ({} if holds(kind, lacks, taught_by, asker) else before)


# What taught: its tokens, media and preferences; the tokens of another request, and whether the lesson holds for it.
CONTEXTS = {
    "as long": (1_000, 0, "", 1_000, True),
    "longer": (1_000, 0, "", 1_001, True),
    "shorter": (1_000, 0, "", 999, False),
    "by our estimate of an image": (1_000, 1, "", 1_000, False),
    "by the preferences": (1_000, 0, "first", 1_000, False),
}


@pytest.mark.parametrize(("tokens", "media", "preferences", "asked", "is_barred"), CONTEXTS.values(), ids=CONTEXTS)
def test_a_context_lesson_holds_for_requests_as_long(tokens, media, preferences, asked, is_barred):
    teacher = asker_of(required("text", tokens=tokens, media=media), ME, preferences)
    lessons = taught(teacher, failure(Lasting.CONTEXT))
    asker = asker_of(required("text", tokens=asked), ME)
    assert bool(lessons.barred(asker)) is is_barred
    known = len(lessons)
    lessons.answered(ALPHA, asker)
    assert len(lessons) == known - is_barred


def test_a_lack_of_what_was_not_asked_for_is_one_of_all_that_was():
    lessons = taught(asker_of(required("text")), failure(Lasting.LACKS, "tools"))
    assert lessons.barred(asker_of(required("text")))
    assert not lessons.barred(asker_of(required("text", "tools")))


def test_a_fault_of_an_image_teaches_no_lack():
    asker = asker_of(required("text", "image", media=1))
    assert len(taught(asker, failure(Lasting.LACKS, "tools"))) == 0


@pytest.mark.parametrize("kinds", [(Lasting.GONE, Lasting.APP), (Lasting.APP, Lasting.GONE)], ids=str)
def test_of_several_lessons_about_a_model_the_latest_counts(kinds):
    clock, asker = Clock(), asker_of(caller=ME)
    lessons = Lessons(clock)
    for kind in kinds:
        clock.advance(10)
        lessons.learn(ALPHA, failure(kind), asker)
    assert lessons.barred(asker) == {ALPHA: clock.now}


def test_a_request_has_no_preferences_by_default():
    lessons = taught(Asker(required(), ME), failure(Lasting.GONE))
    assert lessons.barred(Asker(required(), OTHER))


def test_lessons_of_all_kinds_are_counted():
    lessons, asker = Lessons(Clock()), asker_of(required("text"), ME)
    for kind in (Lasting.CONTEXT, Lasting.GONE, Lasting.REGION):
        lessons.learn(ALPHA, failure(kind), asker)
    assert len(lessons) == 3


@given(ASKERS)
def test_what_has_no_lesson_teaches_nothing(asker):
    assert len(taught(asker, failure(None))) == 0


@pytest.mark.parametrize("kind", [Lasting.GONE, Lasting.LACKS, Lasting.CONTEXT, Lasting.APP, Lasting.REGION])
def test_a_lesson_ends_after_an_hour(kind):
    clock, asker = Clock(), asker_of(required("text", tokens=9), ME)
    lessons = taught(asker, failure(kind), clock)
    clock.advance(HOUR - 1)
    assert lessons.barred(asker)
    clock.advance(1)
    assert lessons.barred(asker) == {}


@pytest.mark.parametrize("kind", [Lasting.PRIVACY, Lasting.PROVIDERS])
def test_what_a_setting_excludes_is_tried_again_after_a_minute_then_at_doubling_pauses_up_to_an_hour(kind):
    clock, asker = Clock(), asker_of(caller=ME)
    lessons = Lessons(clock)
    for pause in (60, 120, 240, 480, 960, 1_920, 3_600, 3_600):
        lessons.learn(ALPHA, failure(kind), asker)
        clock.advance(pause - 1)
        assert lessons.barred(asker)
        clock.advance(1)
        assert lessons.barred(asker) == {}
    lessons.answered(ALPHA, asker)
    lessons.learn(ALPHA, failure(kind), asker)
    clock.advance(60)
    assert lessons.barred(asker) == {}


def test_what_a_requests_own_preferences_exclude_is_not_tried_again_for_an_hour():
    clock, asker = Clock(), asker_of(caller=ME, preferences="first")
    lessons = taught(asker, failure(Lasting.PROVIDERS), clock)
    clock.advance(HOUR - 1)
    assert lessons.barred(asker)


@pytest.mark.parametrize(("after", "listed", "ends"), [(121, True, True), (120, True, False), (121, False, False)])
def test_gone_ends_with_a_newer_catalog_that_lists_the_model(after, listed, ends):
    """Newer than the lesson for sure: OpenRouter's edge keeps a list for two minutes."""
    clock, asker = Clock(), asker_of()
    lessons = taught(asker, failure(Lasting.GONE), clock)
    clock.advance(after)
    lessons.listed(frozenset({ALPHA if listed else BETA}))
    assert (lessons.barred(asker) == {}) is ends


def test_a_catalog_ends_no_other_lesson():
    clock, asker = Clock(), asker_of(required("text"), ME)
    lessons = Lessons(clock)
    for kind in (Lasting.APP, Lasting.REGION, Lasting.LACKS):
        lessons.learn(ALPHA, failure(kind), asker)
    clock.advance(200)
    lessons.listed(frozenset({ALPHA}))
    assert len(lessons) == 3


WORDS = {
    "gone": (Lasting.GONE, None, "gone, by its own answer"),
    "lacks": (Lasting.LACKS, "tools", "lacks tools, by its own answer"),
    "reasoning": (Lasting.LACKS, "reasoning:off", "reasoning is mandatory, by its own answer"),
    "refused": (Lasting.LACKS, None, "refused such a request within the last hour"),
    "context": (Lasting.CONTEXT, None, "context is less than 15, by its own answer"),
    "app": (Lasting.APP, None, "reserved for other apps"),
    "privacy": (Lasting.PRIVACY, None, "hidden by the account's privacy settings"),
    "providers": (Lasting.PROVIDERS, None, "has no provider that the account's settings allow"),
    "region": (Lasting.REGION, None, "not available in this region"),
}
EVERYTHING = Requirements(need_of("tools", "reasoning:off", output=5), {}, Bounds(10, 10), stream=False)


@pytest.mark.parametrize(("kind", "lacks", "words"), WORDS.values(), ids=WORDS)
def test_a_lesson_is_told_in_words(kind, lacks, words):
    asker = asker_of(EVERYTHING, ME)
    assert list(taught(asker, failure(kind, lacks)).objections(ALPHA, asker)) == [words]


def test_a_lesson_of_preferences_is_told_in_words():
    asker = asker_of(EVERYTHING, ME, "only acme")
    (words,) = taught(asker, failure(Lasting.GONE)).objections(ALPHA, asker)
    assert words == "has no provider that the request's provider preferences allow"


def test_only_the_latest_preferences_are_kept():
    lessons = Lessons(Clock())
    askers = [asker_of(caller=ME, preferences=str(number)) for number in range(100)]
    for asker in askers:
        lessons.learn(ALPHA, failure(Lasting.PROVIDERS), asker)
    kept = [asker for asker in askers if lessons.barred(asker)]
    assert kept == askers[-PREFERENCES_KEPT:]


def test_preferences_that_have_been_used_again_are_kept():
    lessons = Lessons(Clock())
    first, second, *others = [asker_of(caller=ME, preferences=str(number)) for number in range(PREFERENCES_KEPT + 1)]
    for asker in (first, second, *others[:-1], first, others[-1]):
        lessons.learn(ALPHA, failure(Lasting.PROVIDERS), asker)
    assert (bool(lessons.barred(first)), bool(lessons.barred(second))) == (True, False)


def callers(count: int) -> list[Asker]:
    return [asker_of(caller=Caller(str(number))) for number in range(count)]


def test_lessons_of_callers_without_end_are_bounded_and_the_latest_are_kept():
    lessons = Lessons(Clock())
    first, *_, last = askers = callers(AUDIENCES_KEPT + 10)
    for asker in askers:
        lessons.learn(ALPHA, failure(Lasting.REGION), asker)
    assert len(lessons) == AUDIENCES_KEPT
    assert (bool(lessons.barred(first)), bool(lessons.barred(last))) == (False, True)


def test_a_lesson_that_has_ended_takes_no_room():
    lessons = Lessons(Clock())
    first, *others = callers(AUDIENCES_KEPT + 10)
    lessons.learn(ALPHA, failure(Lasting.REGION), first)
    for asker in others:
        lessons.learn(ALPHA, failure(Lasting.REGION), asker)
        lessons.answered(ALPHA, asker)
    assert lessons.barred(first)


def test_lessons_of_others_take_no_time():
    """10,000 lessons that hold for others; the fastest of several rounds, so that a busy machine matters little."""
    empty, full = Lessons(Clock()), Lessons(Clock())
    # One lesson that holds for this request, so that both have something to look at.
    for lessons in (empty, full):
        lessons.learn(ALPHA, failure(Lasting.REGION), asker_of(caller=ME))
    for number in range(1_000):
        for model in range(10):
            full.learn(f"m/{model}:free", failure(Lasting.REGION), asker_of(caller=Caller(str(number))))
    assert len(full) == 10_001
    asker = asker_of(caller=ME)
    assert fastest(full, asker) < 3 * fastest(empty, asker)


def fastest(lessons: Lessons, asker: Asker) -> float:
    return min(timed(lessons, asker) for _ in range(20))


def timed(lessons: Lessons, asker: Asker) -> float:
    start = time.perf_counter()
    for _ in range(50):
        lessons.barred(asker)
    return time.perf_counter() - start
