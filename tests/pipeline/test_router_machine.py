"""Router under whatever comes, in whatever order: requests side by side, replies of all kinds, clocks that jump."""

import ast
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

import freerouter
from freerouter.durations import DAY
from freerouter.errors import AllowanceExhaustedError, FreeRouterError
from freerouter.openrouter.headers import Caller
from freerouter.pipeline.actions import Fail, Request, Wait
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.router import Router, Routing
from freerouter.replies.ending import StreamEnd
from freerouter.replies.outcome import Outcome
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.verdicts import Gate, Lasting, Scope, Verdict
from freerouter.settings import Settings
from tests.builders import Clock, catalog_of, row
from tests.replies.rows import SECTION_6
from tests.walks import NOON, error_reading

ATTEMPTS, PER_MINUTE, MAX_WAIT = 3, 9, 20.0
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}

CATALOG = catalog_of(
    *(row(f"plain/{n}:free", context=4_000 * (n + 1)) for n in range(3)),
    *(row(f"tools/{n}:free", context=9_000, parameters=("tools", "seed"), moderated=n == 0) for n in range(4)),
)
SMALLER = catalog_of(
    *(row(model.id, parameters=tuple(model.parameters)) for model in CATALOG.models if model.id != "plain/1:free")
)
CATALOGS = {"all": CATALOG, "smaller": SMALLER}


def body(**fields):
    return {"messages": [{"role": "user", "content": "Hi"}], **fields}


BODIES = {
    "plain": body(),
    "tools": body(tools=[TOOL]),
    "seed": body(seed=1),
    "long": body(max_tokens=6_000),
    "session": body(session_id="a"),
    "named": body(models=["plain/0:free", "tools/1:free"]),
}
CALLERS = [Caller(account, app) for account in ("one", "two") for app in ("x", "y")]
PROBES = [(kind, caller) for kind in BODIES for caller in (CALLERS[0], CALLERS[-1])]
NEEDS = {kind: analyze(given) for kind, given in BODIES.items()}


def of(case: str) -> Reading:
    told = SECTION_6[case]
    return error_reading(told.status, told.message, told.headers, metadata=told.metadata)


REPLIES = {
    "answer": Reading(200, body={"choices": []}),
    "cost": Reading(200, usage={"cost": 0.01}),
    **{case: of(case) for case in SECTION_6},
    **{flaw.value: Reading(200, flaw=flaw) for flaw in Flaw},
    "a page that blocks": Reading(403, flaw=Flaw.HTML),
    "an error of a server": error_reading(502, "Bad gateway"),
    "an unknown refusal": error_reading(400, "I would rather not"),
    "an unknown 401": error_reading(401, "Who are you?"),
    "an unknown 429": error_reading(429, "Slow down", {"retry-after": "7"}),
    "a provider's 401": error_reading(401, "Provider returned error", metadata={"provider_name": "Acme"}),
    "a provider's 400": error_reading(400, "Provider returned error", metadata={"provider_name": "Acme"}),
    "another region": error_reading(403, "This model is not available in your region."),
}


class RouterMachine(RuleBasedStateMachine):
    """The requests on their way, those of them that were sent, and what must hold by what was heard so far."""

    waiting = Bundle("waiting")
    sent = Bundle("sent")
    handed_on = Bundle("handed_on")

    @initialize(seed=st.integers(0, 99))
    def begin(self, seed: int) -> None:
        self.clock, self.wall = Clock(), Clock(NOON)
        adjusted = Settings(
            seed=seed, max_attempts=ATTEMPTS, requests_per_minute=PER_MINUTE, max_wait=MAX_WAIT, deadline=10**6
        )
        self.router = Router(adjusted, CATALOG, clock=self.clock, wall=self.wall)
        self.shut: dict[str, float] = {}  # account: when its gate opens
        self.sends: dict[str, list[float]] = {"one": [], "two": []}
        self.live: list[Routing] = []
        self.cooling: dict[str, float] = {}

    @rule(target=waiting, kind=st.sampled_from(sorted(BODIES)), caller=st.sampled_from(CALLERS))
    def arrive(self, kind: str, caller: Caller):
        routing = self.router.route(Request(BODIES[kind], caller=caller))
        self.live.append(routing)
        return routing

    @rule(target=sent, routing=consumes(waiting))
    def send(self, routing: Routing):
        account, now = routing.request.caller.account, self.clock()
        step = routing.next()
        while isinstance(step, Wait):
            assert 0 <= step.seconds <= MAX_WAIT
            self.advance(step.seconds)
            now, step = self.clock(), routing.next()
        if isinstance(step, Fail):
            assert isinstance(step.error, FreeRouterError)
            assert step.error.trace is routing.trace
            assert type(routing.next()) is Fail
            self.check_refusal(account, step.error)
            return multiple()
        assert account not in self.router.health.costs.accounts
        assert now >= self.shut.get(account, 0)
        self.sends[account].append(now)
        assert sum(at > now - 60 for at in self.sends[account]) <= PER_MINUTE
        self.check_model(routing, step.model.id)
        return routing

    def check_refusal(self, account: str, error: FreeRouterError) -> None:
        if isinstance(error, AllowanceExhaustedError):
            own = [at for at in self.sends[account] if at > self.clock() - 60]
            assert self.clock() < self.shut.get(account, 0) or len(own) >= PER_MINUTE

    def check_model(self, routing: Routing, model: str) -> None:
        assert model not in self.router.health.costs.models
        before = routing.trace.attempts
        again = bool(before) and before[-1].outcome.verdict is Verdict.AGAIN
        # What was not sent, and what met the minute's limit, is no attempt; that model may be asked again.
        minute = [attempt for attempt in before if attempt.outcome.gate is Gate.MINUTE]
        unsent = [attempt for attempt in before if attempt.outcome.reason == Flaw.NOT_SENT]
        others = {attempt.model for attempt in before if attempt.outcome.verdict is not Verdict.AGAIN}
        assert model not in others - {attempt.model for attempt in minute}
        assert len(before) - len(unsent) - len(minute) < ATTEMPTS
        if again:
            assert model == before[-1].model
        else:
            self.check_that_none_is_better(routing, model)

    def check_that_none_is_better(self, routing: Routing, model: str) -> None:
        """A model that is cooling is asked only when all others are, too."""
        ruling_out = {Lasting.CONTEXT, Lasting.TOO_LONG, Lasting.MODERATED}
        attempts = routing.trace.attempts
        if self.router.health.ready_in(model) is None or any(a.outcome.lasting in ruling_out for a in attempts):
            return
        tried = {model, *(attempt.model for attempt in attempts)}
        left = [row for row in routing.explain()["eligible"] if row["id"] not in tried]
        assert all(row["cooling_s"] is not None for row in left)

    @rule(target=waiting, routing=consumes(sent), reply=st.sampled_from(sorted(REPLIES)))
    def reply(self, routing: Routing, reply: str):
        outcome = routing.judge(REPLIES[reply])
        caller = routing.request.caller
        unconcerned = self.unconcerned(routing, outcome)
        pools, gates = self.pools(unconcerned), self.gates()
        routing.record(outcome)
        outcome, model = routing.trace.attempts[-1].outcome, routing.trace.attempts[-1].model
        if outcome.verdict is Verdict.AGAIN:
            if outcome.reason == Flaw.NOT_SENT:
                self.sends[caller.account].pop()
            return routing
        if outcome.gate is not None:
            until = self.clock() + outcome.seconds
            self.shut[caller.account] = max(until, self.shut.get(caller.account, 0))
        if outcome.verdict is not Verdict.ANSWERED:
            assert self.pools(unconcerned) == pools
        assert {a: gate for a, gate in self.gates().items() if a != caller.account} == {
            a: gate for a, gate in gates.items() if a != caller.account
        }
        self.check_cooldown(model, outcome)
        is_over = outcome.verdict is Verdict.ANSWERED or routing.trace.ending == "failed"
        return multiple() if is_over else routing

    def unconcerned(self, routing: Routing, outcome: Outcome) -> list[tuple[str, Caller]]:
        """The requests whose pool must not change: those with another need, of another account or app."""
        mine, caller = routing.trace.requirements, routing.request.caller
        assert mine is not None

        def concerned(kind: str, other: Caller) -> bool:
            its = NEEDS[kind]
            match outcome.lasting:
                case Lasting.GONE:
                    return True
                case Lasting.LACKS:
                    return its.need == mine.need or outcome.lacks in (its.need.hard & mine.need.hard)
                case Lasting.CONTEXT:
                    return its.context >= mine.context
                case Lasting.APP:
                    return other.app == caller.app
                case Lasting.PRIVACY | Lasting.REGION | Lasting.PROVIDERS:
                    return other.account == caller.account
            return False

        return [probe for probe in PROBES if not concerned(*probe)]

    def pools(self, probes) -> list[list[str]]:
        explained = [self.router.explain(Request(BODIES[kind], caller=caller)) for kind, caller in probes]
        return [[row["id"] for row in explanation["eligible"]] for explanation in explained]

    def gates(self):
        return {account: self.router.endpoint.allowances.shut(account) for account in ("one", "two")}

    def check_cooldown(self, model: str, outcome: Outcome) -> None:
        """It begins by the model's own fault alone, is never shortened by a failure, and ends with an answer."""
        before, after = self.cooling.get(model, 0), self.router.health.cooling.get(model, 0)
        if outcome.verdict is Verdict.ANSWERED:
            assert after == 0
        elif self.router.endpoint.outage.reason:
            assert after <= max(before, self.clock() + 600)  # its cooldowns are taken back
        elif outcome.scope is Scope.MODEL and outcome.sure:
            assert after >= before
            assert self.clock() < after <= self.clock() + DAY
            assert outcome.seconds is None or after >= self.clock() + outcome.seconds
        elif not outcome.refuses:
            assert after == before or after == 0 >= before - self.clock()
        self.cooling = dict(self.router.health.cooling)

    @invariant()
    def cooldowns_end_with_time_alone(self) -> None:
        """Whatever was cooling is so still, unless its time is over or it has answered."""
        if not hasattr(self, "router"):
            return
        now = self.router.health.cooling
        for model, ready in self.cooling.items():
            assert now.get(model) == ready or (model not in now and ready <= self.clock())
        self.cooling = dict(now)

    @rule(target=handed_on, routing=consumes(sent))
    def answer(self, routing: Routing):
        routing.record(routing.judge(REPLIES["answer"]))
        self.cooling = dict(self.router.health.cooling)
        return routing

    @rule(
        routing=consumes(handed_on),
        ending=st.sampled_from([StreamEnd(True), StreamEnd(False), StreamEnd(False, {"code": 429})]),
    )
    def end(self, routing: Routing, ending: StreamEnd) -> None:
        model, before = routing.trace.model, self.router.health.cooling.get(routing.trace.model, 0)
        error = routing.finish(ending)
        assert (error is None) is (ending.finished or ending.error is not None)
        after = self.router.health.cooling.get(model, 0)
        if ending.finished:
            assert after == before
        elif not self.router.endpoint.outage.reason:
            assert after > self.clock()
        self.cooling = dict(self.router.health.cooling)

    @rule(routing=consumes(sent))
    def leave(self, routing: Routing) -> None:
        before = dict(self.router.health.cooling)
        routing.abandon()
        assert self.router.health.cooling == before

    @rule(seconds=st.sampled_from([0.5, 7.0, 31.0, 61.0, 601.0, 3_601.0]))
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.wall.advance(seconds)

    @rule(seconds=st.sampled_from([-86_400.0, -30.0, 30.0, 86_400.0]))
    def jump(self, seconds: float) -> None:
        """NTP, or a laptop that was asleep: the wall clock is another, the cooldowns and gates are not."""
        before = dict(self.router.health.cooling), {a: self.clock() < at for a, at in self.shut.items()}
        self.wall.advance(seconds)
        shut = {account: self.gates()[account] for account, is_shut in before[1].items() if is_shut}
        assert None not in shut.values()
        assert dict(self.router.health.cooling) == before[0]

    @rule(catalog=st.sampled_from(sorted(CATALOGS)))
    def refresh(self, catalog: str) -> None:
        self.router.update(CATALOGS[catalog])

    def teardown(self) -> None:
        """Whatever has been: once the upstream is well again, an ordinary request is answered within three tries."""
        for routing in getattr(self, "live", ()):
            routing.abandon()
        for caller in CALLERS if hasattr(self, "router") else ():
            tries = [self.try_once(caller) for _ in range(3)]
            costs = self.router.health.costs
            assert None in tries or all("freerouter alarms" in error.message for error in tries)
            assert None in tries or costs.models or caller.account in costs.accounts

    def try_once(self, caller: Caller) -> FreeRouterError | None:
        """One request while the upstream is well; None when it is answered. After an error the stated wait passes."""
        routing = self.router.route(Request(BODIES["plain"], caller=caller))
        while True:
            match routing.next():
                case Wait(seconds):
                    self.advance(seconds)
                case Fail(error):
                    self.advance(error.retry_after or 0)
                    return error
                case _:
                    routing.record(routing.judge(REPLIES["answer"]))
                    routing.finish(StreamEnd(True))
                    return None


RouterMachine.TestCase.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestRouter = RouterMachine.TestCase


def test_gates_have_a_row_each():
    assert {REPLIES[case].status for case in ("429 a day", "429 a minute")} == {429}
    assert len(Gate) == 2


DECIDING = [
    path
    for pattern in ("pipeline/*.py", "memory/*.py", "replies/*.py", "openrouter/**/*.py")
    for path in sorted(Path(freerouter.__file__).parent.glob(pattern))
    if path.stem not in ("forwarding", "sending", "delivery")  # drivers, which wait
]
NOW = {("time", "time"), ("time", "monotonic"), ("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}


@pytest.mark.parametrize("path", DECIDING, ids=lambda path: path.stem)
def test_time_and_chance_come_in_as_arguments(path):
    source = path.read_text(encoding="utf-8")
    called = {
        (node.func.value.id, node.func.attr)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
    }
    assert not called & NOW
    assert not [name for module, name in called if module in ("random", "secrets")]
