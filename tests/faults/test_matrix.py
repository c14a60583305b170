"""Every fault x (JSON, stream) x (sync, async) x (the first model, all models), made from the registry of faults."""

from itertools import pairwise

import pytest

from freerouter import Catalog
from freerouter.emulator import FAULTS
from freerouter.replies.verdicts import Lasting, Verdict
from tests.faults.expected import EXPECTED, HANGING, Expected
from tests.stage import until
from tests.walks import SHORT, emulated_router, play_either, sent_to, struck

ATTEMPTS = 5


CASES = [
    pytest.param(kind, stream, way, id=f"{kind}-{'stream' if stream else 'json'}-{way}")
    for kind, fault in FAULTS.items()
    for stream in (False, True)
    if (fault.stream if stream else fault.json)
    for way in ("sync", "async")
]


class Scene:
    """One request on an emulator that fails, and what is to be seen of it afterwards."""

    def __init__(self, emulator, upstream, kind: str, *, way: str, stream: bool, count: int | None) -> None:
        self.emulator = emulator
        self.expected: Expected = EXPECTED[kind]
        self.all_fail = count is None
        self.router = emulated_router(emulator, upstream, max_attempts=ATTEMPTS, **(SHORT if kind in HANGING else {}))
        # A stale connection takes one that was used before.
        self.warm = self.expected.verdict is Verdict.AGAIN
        emulator.faults = struck(kind, count=count)
        self.played = play_either(way, self.router, stream=stream, warm=self.warm)
        self.trace = self.played.trace
        assert self.trace is not None
        self.sends = emulator.completions[1 if self.warm else 0 :]

    def check(self) -> None:
        """What holds whatever happens: no money, no connection left, every send told, one model's bytes."""
        assert self.emulator.bill == []
        until(lambda: self.emulator.open_connections == 0)
        assert sent_to(self.sends) == [attempt.model for attempt in self.trace.attempts]
        named = {self.name(slug) for slug in self.played.models}
        assert named == ({self.trace.model} if self.trace.model else set())
        self.check_first_attempt()
        self.check_cooling()

    def name(self, slug: str) -> str:
        model = Catalog.parse(self.emulator.catalog_body).get(slug)
        assert model is not None
        return model.id

    def check_first_attempt(self) -> None:
        expected, attempt = self.expected, self.trace.attempts[0]
        outcome = attempt.outcome
        assert (outcome.reason, outcome.status) == (expected.reason, expected.status)
        assert (outcome.verdict, outcome.scope) == (expected.verdict, expected.scope)
        assert (outcome.lasting, outcome.gate) == (expected.lasting, expected.gate)

    def check_cooling(self) -> None:
        """Those that failed by their own fault cool, for as long as they are to; nobody else does."""
        failed = [model for model in sent_to(self.sends) if model != self.answering]
        cooling, now = self.router.health.cooling, self.router.clock()
        if self.expected.cools is None or (self.all_fail and (self.expected.outage or self.expected.sends)):
            assert cooling == {}
            return
        assert sorted(cooling) == sorted(failed)
        low, high = self.expected.cools
        assert all(low - 2 < ready - now <= high for ready in cooling.values())

    @property
    def answering(self) -> str | None:
        return self.trace.model if self.played.error is None else None


@pytest.mark.parametrize(("kind", "stream", "way"), CASES)
def test_a_fault_of_the_first_model_alone(emulator, upstream, kind, stream, way):
    scene = Scene(emulator, upstream, kind, way=way, stream=stream, count=1)
    scene.check()
    expected, played, trace = scene.expected, scene.played, scene.trace
    if expected.verdict in (Verdict.TRY_ANOTHER, Verdict.AGAIN):
        assert played.error is None
        assert played.text.endswith("emulated.")
        assert [send.fault for send in scene.sends] == [kind, None]
        assert (len(set(sent_to(scene.sends))) == 1) is (expected.verdict is Verdict.AGAIN)
        assert [a.outcome.verdict for a in trace.attempts] == [expected.verdict, Verdict.ANSWERED]
        assert trace.ending == "finished"
    else:
        check_the_only_send(scene, kind)


@pytest.mark.parametrize(("kind", "stream", "way"), CASES)
def test_a_fault_of_all_models(emulator, upstream, kind, stream, way):
    scene = Scene(emulator, upstream, kind, way=way, stream=stream, count=None)
    scene.check()
    expected, played, trace = scene.expected, scene.played, scene.trace
    if expected.verdict is Verdict.AGAIN:
        assert played.error is None
        assert [send.fault for send in scene.sends] == [kind, None]
    elif expected.verdict is Verdict.TRY_ANOTHER:
        assert type(played.error) is expected.error
        assert (played.error.status, played.text) == (expected.seen, "")
        assert trace.ending == "failed"
        check_sends(scene)
        if expected.sends or expected.outage:
            return
        cause = played.error.metadata["cause"]
        assert (cause["status"], cause["reason"]) == (expected.status, expected.reason)
    else:
        check_the_only_send(scene, kind)


def check_sends(scene: Scene) -> None:
    """As many models as may be asked, none of them twice; after a context that was too small, larger ones first."""
    asked = sent_to(scene.sends)
    assert len(set(asked)) == len(asked)
    assert len(asked) == (scene.expected.sends or ATTEMPTS)
    if scene.expected.lasting in (Lasting.CONTEXT, Lasting.TOO_LONG):
        contexts = [scene.router.catalog.get(model).context for model in asked]
        largest = max(model.context for model in scene.router.models())
        # All models have room for so short a prompt: when the largest has failed, smaller ones follow.
        climb = contexts[: contexts.index(largest) + 1] if largest in contexts else contexts
        assert all(earlier < later for earlier, later in pairwise(climb))


def check_the_only_send(scene: Scene, kind: str) -> None:
    expected, played, trace = scene.expected, scene.played, scene.trace
    assert [send.fault for send in scene.sends] == [kind]
    if expected.error is None:
        assert played.error is None
        assert (trace.cost, list(scene.router.health.costs.models)) == (0.01, [trace.model])
        return
    assert type(played.error) is expected.error
    assert played.error.status == expected.seen
    if expected.verdict is Verdict.ANSWERED:
        assert trace.ending == "interrupted"
        assert played.error.text
        assert "emulated." not in played.error.text
    else:
        assert (trace.ending, trace.model) == ("failed", None)


def test_every_fault_has_its_row():
    assert EXPECTED.keys() == FAULTS.keys()
