"""The plan: what becomes of each error, when the next request is sent, and how long it will take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter import errors
from freerouter.batch.plan import (
    OUTAGE,
    Ending,
    Fate,
    Hold,
    Leave,
    Quota,
    Schedule,
    Take,
    days_needed,
    fate,
    pause_before_again,
    seconds_needed,
    why_down,
)
from freerouter.durations import DAY
from freerouter.pipeline import refusals
from freerouter.pipeline.tracking import Attempt, Trace
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Lasting, Scope, Verdict

NOON = 43_200.0


def traced(scope: Scope | None = None, reason: str = "why", lasting: Lasting | None = None) -> Trace:
    trace = Trace()
    if scope is not None:
        trace.attempts.append(Attempt("a:free", Outcome(Verdict.STOP, scope, reason, lasting=lasting), 0.0, 0.0))
    return trace


FORBIDDEN = traced(Scope.ACCOUNT, "forbidden")


def upstream(status: int) -> errors.UpstreamError:
    return errors.UpstreamError("no", status=status, body={})


def exhausted(gate: str, seconds: float = 100.0) -> errors.AllowanceExhaustedError:
    return errors.AllowanceExhaustedError("used up", retry_after=seconds, metadata={"gate": gate})


FATES = [
    (None, None, Fate.ANSWERED),
    (exhausted("day"), Scope.ACCOUNT, Fate.LATER),
    (exhausted("minute"), None, Fate.LATER),
    (errors.UpstreamUnavailableError("no network"), Scope.UPSTREAM, Fate.LATER),
    (errors.CatalogError("no list"), None, Fate.LATER),
    (upstream(401), Scope.ACCOUNT, Fate.HALT),
    (upstream(402), Scope.ACCOUNT, Fate.HALT),
    (upstream(404), Scope.UPSTREAM, Fate.HALT),  # the address redirects
    (upstream(403), Scope.ACCOUNT, Fate.HALT),  # the key's own limit is reached
    (refusals.web_page("https://example.org", 403), Scope.UPSTREAM, Fate.LATER),
    (refusals.upstream_down("https://example.org", "5xx"), Scope.MODEL, Fate.LATER),
    (upstream(400), Scope.REQUEST, Fate.FAILED),
    (upstream(413), Scope.REQUEST, Fate.FAILED),
    (errors.InvalidRequestError("no messages"), None, Fate.FAILED),
    (errors.CostRefusedError("costs", field="plugins"), None, Fate.FAILED),
    (refusals.account_costs(0.01), None, Fate.HALT),
    (errors.NoEligibleModelError("nobody"), None, Fate.FAILED),
    (errors.AttemptsFailedError("all failed"), Scope.MODEL, Fate.AGAIN),
    (errors.AttemptsFailedError("all refused"), Scope.REQUEST, Fate.FAILED),
]


@pytest.mark.parametrize(("error", "scope", "expected"), FATES, ids=lambda value: repr(value)[:40])
def test_what_becomes_of_a_request(error, scope, expected):
    assert fate(error, traced(scope)) is expected


def test_a_forbidden_request_may_be_so_for_what_it_says():
    assert fate(upstream(403), FORBIDDEN) is Fate.FAILED


@pytest.mark.parametrize("tries", [2, 3])
def test_a_request_that_models_fail_has_two_tries(tries):
    assert fate(errors.AttemptsFailedError("all failed"), traced(Scope.MODEL), tries) is Fate.FAILED


def test_a_model_that_is_gone_does_not_come_back_in_a_while():
    gone = traced(Scope.MODEL, "gone", Lasting.GONE)
    assert fate(errors.AttemptsFailedError("all gone"), gone) is Fate.FAILED
    gone.attempts += traced(Scope.MODEL, "overloaded").attempts
    assert fate(errors.AttemptsFailedError("all failed"), gone) is Fate.AGAIN


@pytest.mark.parametrize(
    ("stated", "seconds"), [(12.0, 13.0), (None, 31.0), (86_400.0, 301.0)], ids=["stated", "not stated", "too long"]
)
def test_the_pause_before_a_second_try(stated, seconds):
    assert pause_before_again(errors.AttemptsFailedError("all failed", retry_after=stated)) == seconds


def started(concurrency=3, answered=True, **options) -> Schedule:
    """A plan whose first request has been taken, and answered."""
    plan = Schedule(concurrency, **{"patient": False, **options})
    assert plan.next(NOON) == Take()
    if answered:
        plan.judge(None, traced(), NOON)
        plan.running -= 1
    return plan


def test_one_request_goes_ahead_and_the_others_follow_when_it_has_been_answered():
    plan = started(answered=False)
    assert plan.next(NOON) == Hold()
    plan.judge(None, traced(), NOON)
    plan.running -= 1
    assert [plan.next(NOON) for _ in range(4)] == [Take(), Take(), Take(), Hold()]


def test_the_run_is_done_when_nothing_is_left_and_nothing_under_way():
    plan = started()
    assert [plan.next(NOON), plan.next(NOON)] == [Take(), Take()]
    assert plan.exhausted() == Hold()
    plan.running -= 1
    assert plan.next(NOON) == Take()
    assert plan.exhausted() == Leave()
    assert plan.ending is Ending.DONE


def test_no_more_is_sent_than_allowed():
    plan = started(limit=2)
    assert [plan.next(NOON), plan.next(NOON)] == [Take(), Hold()]
    plan.running -= 1
    assert plan.next(NOON) == Leave()
    assert plan.ending is Ending.LIMIT


def test_what_stayed_unsent_does_not_count():
    plan = started(limit=2)
    plan.next(NOON)
    plan.judge(exhausted("minute", 10.0), traced(), NOON)
    plan.running -= 1
    assert plan.next(NOON + 12) == Take()


@pytest.mark.parametrize("patient", [False, True])
def test_the_minutes_gate_makes_every_run_pause(patient):
    plan = started(patient=patient)
    plan.next(NOON)
    assert plan.judge(exhausted("minute", 30.0), traced(), NOON) is Fate.LATER
    plan.running -= 1
    assert plan.next(NOON + 30) == Hold(1.0)
    assert plan.next(NOON + 31) == Take()
    assert plan.next(NOON + 31) == Hold(), "one goes ahead again"


@pytest.mark.parametrize(
    ("error", "ending"),
    [(exhausted("day", 50.0), Ending.ALLOWANCE), (errors.UpstreamUnavailableError("down"), Ending.UNREACHABLE)],
)
def test_the_days_gate_and_a_dead_network_end_a_run_unless_it_is_patient(error, ending):
    hasty, patient = started(), started(patient=True)
    for plan in (hasty, patient):
        plan.next(NOON)
        plan.judge(error, traced(), NOON)
        plan.running -= 1
    assert (hasty.next(NOON), hasty.ending, hasty.error) == (Leave(), ending, error)
    assert hasty.until == patient.until == NOON + (error.retry_after or 30.0) + 1
    assert patient.next(NOON) == Hold(patient.until - NOON)
    assert patient.next(patient.until) == Take()


def test_a_wrong_key_ends_the_run_at_once():
    plan = started(answered=False)
    assert plan.judge(upstream(401), traced(Scope.ACCOUNT), NOON) is Fate.HALT
    assert plan.next(NOON) == Leave()
    assert (plan.ending, plan.error.status) == (Ending.HALTED, 401)


@pytest.mark.parametrize("between", [None, errors.InvalidRequestError("no")], ids=["answer", "failure"])
def test_three_forbidden_requests_in_a_row_end_the_run_but_not_three_apart(between):
    plan = started(answered=False)
    forbidden = [plan.judge(upstream(403), FORBIDDEN, NOON) for _ in range(2)]
    plan.judge(between, traced(), NOON)
    forbidden += [plan.judge(upstream(403), FORBIDDEN, NOON) for _ in range(3)]
    assert forbidden == [Fate.FAILED] * 4 + [Fate.HALT]


DOWN = refusals.upstream_down("https://example.org", "5xx", 60.0)


@pytest.mark.parametrize("patient", [False, True])
def test_an_outage_is_waited_for_up_to_a_bound_unless_the_run_is_patient(patient):
    plan, now = started(patient=patient), NOON
    while plan.next(now) == Take():
        plan.judge(DOWN, traced(), now)
        plan.running -= 1
        now = max(now, plan.until)
        if now > NOON + 2 * OUTAGE:
            break
    assert (plan.ending, now >= NOON + OUTAGE) == (None if patient else Ending.UNREACHABLE, True)
    assert plan.error is DOWN


def test_an_answer_ends_an_outage_and_the_next_one_is_waited_for_anew():
    plan = started()
    for at in range(0, int(3 * OUTAGE), int(OUTAGE / 2)):
        plan.judge(DOWN, traced(), NOON + at)
        plan.judge(None, traced(), NOON + at + 1)
    assert plan.ending is None


def test_what_is_down():
    assert why_down(DOWN) == "5xx"
    assert why_down(refusals.web_page("https://example.org", 403)) == "page 403"
    assert why_down(refusals.unreachable("https://example.org")) == ""
    assert why_down(exhausted("day")) == ""


def test_a_request_that_waits_for_its_second_try_keeps_the_run_going_and_does_not_count():
    plan = started(limit=2)
    plan.next(NOON)
    plan.judge(errors.AttemptsFailedError("all failed"), traced(Scope.MODEL), NOON)
    plan.running -= 1
    assert plan.next(NOON) == Take()
    assert plan.exhausted(again_in=12.0) == Hold(12.0)
    assert plan.ending is None
    assert plan.next(NOON + 12) == Take()


def test_the_first_reason_to_end_stands_but_for_one_that_time_does_not_mend():
    plan = started()
    plan.interrupt()
    plan.judge(exhausted("day"), traced(), NOON)
    assert plan.ending is Ending.INTERRUPTED
    plan.halt(errors.BatchError("disk full"))
    assert (plan.ending, plan.error.message) == (Ending.HALTED, "disk full")


@pytest.mark.parametrize(
    ("requests", "allowance", "days"),
    [
        (0, Quota(), 0),
        (1, Quota(), 1),
        (50, Quota(), 1),
        (51, Quota(), 2),
        (50, Quota(left=0), 2),
        (51, Quota(left=0), 3),
        (100_000, Quota(daily=1000), 100),
        (1500, Quota(left=600, daily=1000), 2),
    ],
)
def test_how_many_days_it_takes(requests, allowance, days):
    assert days_needed(requests, allowance) == days


def test_how_long_it_takes():
    assert seconds_needed(40, Quota(), NOON) == 120
    assert seconds_needed(70, Quota(left=50), NOON) == DAY / 2 + 60
    assert seconds_needed(70, Quota(left=0), NOON) == DAY / 2 + DAY + 60


@given(st.integers(0, 5000), st.integers(0, 2000), st.integers(1, 1000), st.integers(1, 20), st.floats(0, 2 * DAY))
def test_estimates_are_sound(requests, left, daily, minute, now):
    allowance = Quota(left, daily, minute)
    assert seconds_needed(requests, allowance, now) >= 0
    if left >= requests:
        assert seconds_needed(requests, allowance, now) == pytest.approx(requests / minute * 60)
    assert days_needed(requests + 1, allowance) >= days_needed(requests, allowance)
