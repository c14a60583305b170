"""Plan: what a request is before it is sent, and what is refused before that."""

import json

import pytest

from freerouter.errors import CostRefusedError, FreeRouterError
from freerouter.pipeline.actions import Request
from freerouter.pipeline.aside import LARGE
from freerouter.pipeline.planning import Plan, fingerprint, make_plan
from freerouter.pipeline.tracking import Trace
from tests.builders import catalog_of, row
from tests.walks import HELLO, models, stage

EXCLUDING = ["order", "only", "ignore", "allow_fallbacks", "require_parameters", "data_collection", "zdr"]
EXCLUDING += ["enforce_distillable_text", "quantizations"]


def plan_of(body, catalog=None, trace: Trace | None = None, **request) -> Plan:
    return make_plan(stage(catalog or models(2)).router, Request(body, **request), trace or Trace())


def preferences(provider) -> str:
    return plan_of(HELLO | {"provider": provider}).asker.preferences


@pytest.mark.parametrize("name", EXCLUDING)
def test_preferences_that_can_exclude_a_provider_are_told_apart(name):
    first, second = preferences({name: ["acme"]}), preferences({name: ["other"]})
    assert first
    assert second
    assert first != second


@pytest.mark.parametrize("provider", [{}, {"sort": "price"}, {"max_price": {"prompt": 0}}, None])
def test_other_preferences_exclude_no_provider(provider):
    assert preferences(provider) == ""


def test_preferences_are_the_same_in_any_order():
    assert preferences({"only": ["acme"], "sort": "price"}) == preferences({"sort": "price", "only": ["acme"]})
    assert plan_of(HELLO).asker.preferences == ""


def test_a_fingerprint_reveals_no_content():
    assert fingerprint({"content": "secret"}) != fingerprint({"content": "other"})
    assert "secret" not in fingerprint({"content": "secret"})


def test_what_could_cost_is_refused():
    with pytest.raises(CostRefusedError):
        plan_of(HELLO | {"plugins": [{"id": "web"}]})


def test_the_native_engine_needs_a_model_that_takes_files():
    native = {"plugins": [{"id": "file-parser", "pdf": {"engine": "native"}}]}
    assert "file" in plan_of(HELLO | native).requirements.need.hard
    assert "file" not in plan_of(HELLO).requirements.need.hard


def refuse(_answer) -> str:
    return "no"


def test_what_is_accepted_is_what_the_request_asks_for_or_what_the_caller_gives():
    asked = HELLO | {"response_format": {"type": "json_object"}}
    assert plan_of(asked).accept is None
    assert plan_of(asked, accept=refuse).accept is refuse
    assert plan_of(asked, accept=True).accept not in (None, True, refuse)


def test_the_trace_tells_how_many_models_are_free_and_eligible():
    catalog = catalog_of(row("a/one:free"), row("a/two:free", parameters=["tools"]), row("a/paid"))
    trace = Trace()
    plan = plan_of(HELLO, catalog, trace, needs=("tools",))
    assert (trace.free, trace.eligible, trace.requirements) == (2, 1, plan.requirements)


@pytest.mark.parametrize(
    ("body", "parsed"), [(HELLO, False), (json.dumps(HELLO), True), (json.dumps(HELLO).encode(), True)]
)
def test_whether_it_came_as_json(body, parsed):
    assert plan_of(body).parsed is parsed


# What the settings say of conversations, what the request says, and whether it belongs to one.
STICKY = {
    "by the settings": ("off", None, False),
    "by the request": ("off", "session", True),
    "not by the request": ("session", "off", False),
    "by both": ("session", "session", True),
    "by the settings alone": ("session", None, True),
}


@pytest.mark.parametrize(("setting", "asked", "belongs"), STICKY.values(), ids=STICKY)
def test_a_request_may_say_whether_it_belongs_to_a_conversation(setting, asked, belongs):
    request = Request(HELLO | {"session_id": "mine"}, sticky=asked)
    plan = make_plan(stage(models(2), sticky=setting).router, request, Trace())
    assert (plan.conversation is not None) is belongs


def test_models_that_a_request_names_are_asked_in_its_order_and_those_that_are_gone_are_told():
    trace = Trace()
    plan = plan_of(HELLO | {"models": ["m/1:free", "m/gone:free", "m/0:free"]}, models(3), trace)
    assert [model.id for model in plan.selection.order.models] == ["m/1:free", "m/0:free"]
    assert trace.skipped == ("m/gone:free",)


def long(size: int) -> bytes:
    """A request of so many bytes, of which each word is a token for sure."""
    start, end = b'{"messages": [{"role": "user", "content": "', b'"}]}'
    return start + (b"word " * size)[: size - len(start) - len(end)] + end


SMALL = models(2, context=1_000)


def test_what_no_model_has_room_for_is_refused_before_it_is_parsed():
    two = catalog_of(row("a/one:free", context=1_000), row("a/two:free", context=2_000))
    with pytest.raises(FreeRouterError, match=r"2,?000"):
        plan_of(long(LARGE + 1), two)
    with pytest.raises(FreeRouterError, match=r"2,?000"):
        plan_of(bytearray(long(LARGE + 1)), two)
    broken = long(LARGE + 2)[:-1]
    with pytest.raises(FreeRouterError, match=r"1,?000"):
        plan_of(broken, SMALL)


ROOM = {
    "of the size that is not looked at": (long(LARGE), SMALL),
    "as text": (long(LARGE + 1).decode(), SMALL),
    "parsed": (json.loads(long(LARGE + 1)), SMALL),
    "with a model that has room": (
        long(LARGE + 1), catalog_of(row("a/one:free", context=1_000), row("a/two:free", context=10**9))),
    "without any model": (long(LARGE + 1), catalog_of(row("a/paid"))),
}  # fmt: skip


@pytest.mark.parametrize(("body", "catalog"), ROOM.values(), ids=ROOM)
def test_what_may_have_room_is_parsed(body, catalog):
    assert plan_of(body, catalog).body["messages"][0]["role"] == "user"
