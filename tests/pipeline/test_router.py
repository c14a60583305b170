"""Router: what it tells of its state, and a request that it refuses at once."""

from random import Random

import pytest

from freerouter import FreeRouterError, Router, Settings
from freerouter.memory.timings import Stated
from freerouter.pipeline.actions import Refused, Request
from freerouter.pipeline.routing import Routing
from freerouter.replies.verdicts import Gate
from tests.builders import Clock, catalog_of, row
from tests.walks import ANSWER, HELLO, NOON, always, error_reading, models, stage, walk


def test_a_router_needs_no_settings_and_keeps_those_that_it_gets():
    assert Router().settings == Settings()
    settings, clock, wall, rng = Settings(max_attempts=2), Clock(), Clock(NOON), Random(1)
    router = Router(settings, models(1), clock=clock, wall=wall, rng=rng)
    assert router.settings is settings
    assert (router.clock, router.wall, router.rng) == (clock, wall, rng)


def test_a_request_is_routed():
    request = Request(HELLO)
    routing = stage(models(1)).router.route(request)
    assert isinstance(routing, Routing)
    assert routing.trace.attempts == []


def test_a_request_that_cannot_be_routed_is_refused_with_its_trace():
    request = Request({"messages": 3})
    refused = stage(models(1)).router.route(request)
    assert isinstance(refused, Refused)
    assert refused.request is request
    assert refused.trace.ending == "failed"
    assert refused.error.trace is refused.trace
    assert refused.error.__traceback__ is None


def test_explain_raises_what_route_refuses_and_else_tells_of_the_models():
    router = stage(models(2)).router
    with pytest.raises(FreeRouterError):
        router.explain(Request({"messages": 3}))
    assert {entry["id"] for entry in router.explain(Request(HELLO))["eligible"]} == {"m/0:free", "m/1:free"}


def test_what_the_key_says_of_its_allowance_is_known_until_the_day_ends():
    actor = stage(models(1))
    assert actor.router.allowance_left("me") is None
    actor.router.learn_allowance("me", 48, 50)
    assert actor.router.allowance_left("me") == 2
    assert actor.router.allowance_left("other") is None


@pytest.mark.parametrize(("words", "gate", "seconds"), [("min", Gate.MINUTE, 50), ("day", Gate.DAY, 43_190)])
def test_the_gate_that_is_shut_is_told_with_the_seconds_left(words, gate, seconds):
    actor = stage(models(2))
    assert actor.router.gate("") is None
    walk(actor.router, always(error_reading(429, f"Rate limit exceeded: free-models-per-{words}. ")))
    shut = actor.router.gate("")
    assert shut == (gate, pytest.approx(seconds))
    assert actor.router.is_day_used_up("") is (gate is Gate.DAY)
    actor.advance(seconds + 1)
    assert actor.router.gate("") is None
    assert actor.router.is_day_used_up("") is False


def test_models_are_listed_by_what_they_can_do():
    router = stage(catalog_of(row("a/one:free"), row("a/two:free", parameters=["tools"]))).router
    assert [model.id for model in router.models()] == ["a/one:free", "a/two:free"]
    assert [model.id for model in router.models(["tools"])] == ["a/two:free"]


def test_the_models_that_cool_down_are_told_with_the_seconds_left():
    actor = stage(models(3))
    assert actor.router.cooling() == {}
    replies = always(error_reading(503, "busy", {"retry-after": "20"}, metadata={"provider_name": "Acme"}))
    sent = walk(actor.router, replies).sent
    cooling = actor.router.cooling()
    assert set(cooling) == set(sent)
    assert all(19 < seconds < 60 for seconds in cooling.values())
    actor.advance(3_600)
    assert actor.router.cooling() == {}


def test_a_router_without_a_catalog_refuses():
    refused = Router(catalog=None).route(Request(HELLO))
    assert isinstance(refused, Refused)
    assert "has not been read yet" in refused.error.message


def test_what_is_shown_of_an_account():
    actor = stage(models(2))
    actor.router.learn_allowance("", 48, 50)
    walk(actor.router, always(ANSWER))
    assert actor.router.figures("") == (1, 50, 1)


def test_the_models_that_an_account_is_not_offered_may_train_on_prompts():
    router = stage(models(2)).router
    assert not router.knows_training("me")
    router.learn_allowed("me", frozenset({"m/0:free"}))
    assert router.knows_training("me")
    assert not router.knows_training("other")
    assert router.trains("me") == {"m/0:free": "unknown", "m/1:free": "yes"}
    assert router.trains("other") == {"m/0:free": "unknown", "m/1:free": "unknown"}


def test_without_a_catalog_no_model_is_known_to_train():
    router = Router()
    router.learn_allowed("me", frozenset())
    assert router.knows_training("me")


def test_the_times_of_the_models_are_stored_once_and_restored():
    actor = stage(models(2))
    assert actor.router.new_timings() == {}
    walk(actor.router, always(ANSWER))
    stored = actor.router.new_timings()
    assert len(stored) == 1
    assert actor.router.new_timings() == {}
    other = stage(models(2)).router
    other.restore_timings(stored)
    assert other.timings.measured().answered.keys() == stored.keys()


# The setting, what OpenRouter states of one of two models; what counts, and which model is the best.
STANDINGS = {
    "uniform": ("uniform", Stated(), "quality", None),
    "fast": ("fast", Stated(first=1.0, pace=0.01), "fast", "m/1:free"),
    "reliable": ("reliable", Stated(uptime=1.0), "reliable", "m/1:free"),
}


@pytest.mark.parametrize(("prefer", "stated", "kind", "best"), STANDINGS.values(), ids=STANDINGS)
def test_how_the_models_stand(prefer, stated, kind, best):
    actor = stage(models(2), prefer=prefer)
    actor.router.learn_stated("m/1:free", stated)
    actor.advance(10)
    found, places = actor.router.standings()
    assert found == kind
    assert set(places) == {"m/0:free", "m/1:free"}
    if best is not None:
        assert "not" not in places[best].why
