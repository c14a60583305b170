"""The plan: what becomes of each error, when the next request is sent, and how long it will take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter import errors
from freerouter.batch.plan import Allowance, Ending, Fate, Hold, Leave, Plan, Take, days_needed, fate, seconds_needed
from freerouter.durations import DAY
from freerouter.pipeline.tracking import Attempt, Trace
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Scope, Verdict

NOON = 43_200.0


def traced(scope: Scope | None = None) -> Trace:
    trace = Trace()
    if scope is not None:
        trace.attempts.append(Attempt("a:free", Outcome(Verdict.STOP, scope, "why"), 0.0, 0.0))
    return trace


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
    (upstream(403), Scope.ACCOUNT, Fate.FAILED),  # perhaps for what it says
    (upstream(400), Scope.REQUEST, Fate.FAILED),
    (upstream(413), Scope.REQUEST, Fate.FAILED),
    (errors.InvalidRequestError("no messages"), None, Fate.FAILED),
    (errors.CostRefusedError("costs"), None, Fate.FAILED),
    (errors.NoEligibleModelError("nobody"), None, Fate.FAILED),
    (errors.AttemptsFailedError("all failed"), Scope.MODEL, Fate.FAILED),
]


@pytest.mark.parametrize(("error", "scope", "expected"), FATES, ids=lambda value: repr(value)[:40])
def test_what_becomes_of_a_request(error, scope, expected):
    assert fate(error, traced(scope)) is expected


def started(concurrency=3, answered=True, **options) -> Plan:
    """A plan whose first request has been taken, and answered."""
    plan = Plan(concurrency, **{"patient": False, **options})
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
def test_three_forbidden_requests_on_end_end_the_run_but_not_three_apart(between):
    plan = started(answered=False)
    forbidden = [plan.judge(upstream(403), traced(Scope.ACCOUNT), NOON) for _ in range(2)]
    plan.judge(between, traced(), NOON)
    forbidden += [plan.judge(upstream(403), traced(Scope.ACCOUNT), NOON) for _ in range(3)]
    assert forbidden == [Fate.FAILED] * 4 + [Fate.HALT]


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
        (0, Allowance(), 0),
        (1, Allowance(), 1),
        (50, Allowance(), 1),
        (51, Allowance(), 2),
        (50, Allowance(left=0), 2),
        (51, Allowance(left=0), 3),
        (100_000, Allowance(daily=1000), 100),
        (1500, Allowance(left=600, daily=1000), 2),
    ],
)
def test_how_many_days_it_takes(requests, allowance, days):
    assert days_needed(requests, allowance) == days


def test_how_long_it_takes():
    assert seconds_needed(40, Allowance(), NOON) == 120
    assert seconds_needed(70, Allowance(left=50), NOON) == DAY / 2 + 60
    assert seconds_needed(70, Allowance(left=0), NOON) == DAY / 2 + DAY + 60


@given(st.integers(0, 5000), st.integers(0, 2000), st.integers(1, 1000), st.integers(1, 20), st.floats(0, 2 * DAY))
def test_estimates_are_sound(requests, left, daily, minute, now):
    allowance = Allowance(left, daily, minute)
    assert seconds_needed(requests, allowance, now) >= 0
    if left >= requests:
        assert seconds_needed(requests, allowance, now) == pytest.approx(requests / minute * 60)
    assert days_needed(requests + 1, allowance) >= days_needed(requests, allowance)
