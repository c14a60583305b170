"""Each way to say what counts in the draw, and which models a request leaves out: the nearest one decides."""

import asyncio

import httpx
import pytest

from freerouter import AsyncFreeRouter, Catalog, FreeRouter, Router, RoutingTransport, Settings
from freerouter.emulator import Emulator, Fault, Faults
from freerouter.errors import InvalidRequestError, NoEligibleModelError
from freerouter.pipeline.actions import Request
from tests.builders import body_of, row
from tests.server.stage import served
from tests.stage import HELLO

# Coding, agentic and context each have another best model; the tools are on all but the best in coding.
CODER, AGENT, LARGE, REST = (f"acme/{name}:free" for name in ("coder", "agent", "large", "rest"))


def scored(name, coding, agentic, context, *parameters):
    scores = {"intelligence_index": coding, "coding_index": coding, "agentic_index": agentic}
    return row(name, context=context, parameters=parameters, benchmarks={"artificial_analysis": scores})


OFFER = body_of(
    scored(CODER, 60.0, 10.0, 20_000),
    scored(AGENT, 50.0, 60.0, 30_000, "tools"),
    scored(LARGE, 10.0, 20.0, 90_000, "tools"),
    row(REST, context=10_000, parameters=["tools"]),
)


@pytest.fixture
def emulator():
    return Emulator(seed=1, per_minute=None, per_day=None, catalog=OFFER)


@pytest.fixture
def sharp(settings):
    """Draws are sharp, so that one is enough to see what counts."""
    return Settings.adjusted(settings, sharpness=float("inf"))


WAYS = {
    "coding": ({"prefer": "coding"}, CODER),
    "the best": ({"prefer": "best"}, CODER),
    "agentic": ({"prefer": "agentic"}, AGENT),
    "large": ({"prefer": "large"}, LARGE),
    "only those": ({"prefer": "coding", "include": [LARGE, "acme/agent*"]}, AGENT),
    "without some": ({"prefer": "coding", "exclude": "*coder*"}, AGENT),
    "with room": ({"prefer": "coding", "min_context": 50_000}, LARGE),
}


def headers_of(said):
    joined = {
        name: value if isinstance(value, str) else ",".join(value) for name, value in said.items() if value != 50_000
    }
    joined |= {"min_context": "50000"} if "min_context" in said else {}
    return {f"x-freerouter-{name.replace('_', '-')}": value for name, value in joined.items()}


@pytest.mark.parametrize(("said", "best"), WAYS.values(), ids=WAYS)
def test_the_library_says_it_by_keywords(sharp, emulator, said, best):
    with FreeRouter(settings=sharp) as router:
        assert router.chat.send("Hi", **said).answered_by == best
        with router.chat.stream("Hi", **said) as stream:
            assert "".join(chunk.text for chunk in stream)
        assert stream.answered_by == best
        chances = {row["id"]: row["probability"] for row in router.explain({"messages": HELLO}, **said)["eligible"]}
    assert chances[best] == 1.0
    assert all(name not in received.json for received in emulator.completions for name in said)


def test_the_async_library_says_it_too(sharp):
    async def ask():
        async with AsyncFreeRouter(settings=sharp) as router:
            answer = await router.chat.send("Hi", prefer="agentic")
            explained = await router.explain({"messages": HELLO}, prefer="agentic")
        return answer.answered_by, explained["preference"]["prefer"]

    assert asyncio.run(ask()) == (AGENT, "agentic")


@pytest.mark.parametrize(("said", "best"), WAYS.values(), ids=WAYS)
def test_an_sdk_says_it_by_headers(sharp, emulator, said, best):
    with httpx.Client(transport=RoutingTransport(settings=sharp)) as client:
        answer = client.post(f"{sharp.upstream}/chat/completions", json={"messages": HELLO}, headers=headers_of(said))
    assert answer.headers["x-freerouter-model"] == best
    assert not any(name.startswith("x-freerouter") for name in emulator.completions[-1].headers)


@pytest.mark.parametrize(("said", "best"), WAYS.values(), ids=WAYS)
def test_a_program_says_it_to_the_server_by_headers(upstream, said, best):
    headers = headers_of(said)
    with served(upstream, catalog=Catalog.parse(OFFER), sharpness="inf") as server:
        assert server.ask(headers=headers).headers["x-freerouter-model"] == best
        explained = server.http.post("/explain", json={"messages": HELLO}, headers=headers).json()
        refused = server.ask(headers={"x-freerouter-prefer": "codng"})
    assert {row["id"] for row in explained["eligible"] if row["probability"]} == {best}
    assert refused.status_code == 400
    assert "did you mean coding" in refused.json()["error"]["message"]


NAMES = {
    "free:best": CODER,
    "free:coding": CODER,
    "auto:large": LARGE,
    "openrouter/free:agentic": AGENT,
    "free:coding+tools": AGENT,
    "free:tools+coding": AGENT,
}


@pytest.mark.parametrize(("name", "best"), NAMES.items(), ids=NAMES)
def test_a_models_name_says_it(sharp, name, best):
    router = Router(sharp, Catalog.parse(OFFER))
    explained = router.explain(Request({"messages": HELLO, "model": name}))
    assert {row["id"] for row in explained["eligible"] if row["probability"]} == {best}


def test_the_request_wins_over_the_name_and_the_name_over_the_settings(sharp):
    with FreeRouter(settings=Settings.adjusted(sharp, prefer="large")) as router:
        assert router.chat.send("Hi").answered_by == LARGE
        assert router.chat.send("Hi", model="free:coding").answered_by == CODER
        assert router.chat.send("Hi", model="free:coding", prefer="agentic").answered_by == AGENT
        assert router.chat.send("Hi", extra_headers={"X-FreeRouter-Prefer": "agentic"}).answered_by == AGENT
        headers = {"x-freerouter-prefer": "agentic"}
        assert router.chat.send("Hi", extra_headers=headers, prefer="coding").answered_by == CODER
        explained = router.explain({"messages": HELLO}, prefer="uniform")
    assert {row["probability"] for row in explained["eligible"]} == {0.25}


def test_the_auto_routers_plugin_is_understood_and_not_sent_on(sharp, emulator):
    plugin = {"id": "auto-router", "allowed_models": ["acme/*"], "excluded_models": ["acme/coder"]}
    with FreeRouter(settings=Settings.adjusted(sharp, prefer="coding")) as router:
        answer = router.chat.send("Hi", plugins=[plugin, {"id": "response-healing"}])
    assert answer.answered_by == AGENT
    assert "auto-router" not in {each["id"] for each in emulator.completions[-1].json["plugins"]}


def test_after_a_failure_the_next_best_is_asked_and_a_cooling_one_comes_last(sharp, emulator):
    emulator.faults = Faults([Fault("rate_limited", CODER)])
    with FreeRouter(settings=Settings.adjusted(sharp, prefer="coding", exclude=REST)) as router:
        first, second = router.chat.send("Hi"), router.chat.send("Hi")
        chances = router.explain({"messages": HELLO})["eligible"]
    assert [attempt.model for attempt in first.trace.attempts] == [CODER, AGENT]
    assert [attempt.model for attempt in second.trace.attempts] == [AGENT]
    assert {row["id"]: row["probability"] for row in chances} == {CODER: 0.0, AGENT: 1.0, LARGE: 0.0}


def test_a_conversation_stays_on_its_model(sharp, emulator):
    with FreeRouter(settings=sharp) as router:
        assert router.chat.send("Hi", session="talk", prefer="agentic").answered_by == AGENT
        assert router.chat.send("Hi", session="talk", prefer="coding").answered_by == AGENT


def test_a_trace_says_what_counted(sharp):
    with FreeRouter(settings=sharp) as router:
        trace = router.chat.send("Hi", prefer="coding").trace
        plain = router.chat.send("Hi").trace
    assert (trace.as_dict()["prefer"], plain.as_dict()["prefer"]) == ("coding", "uniform")
    assert str(trace).startswith("4 of 4 free models eligible, drawn by coding")
    assert str(plain).startswith("4 of 4 free models eligible\n")


def test_a_model_asked_for_by_name_is_asked_whatever_the_patterns_say(sharp):
    with FreeRouter(settings=sharp) as router:
        assert router.chat.send("Hi", model=REST, exclude="*", prefer="coding").answered_by == REST


def test_without_a_model_that_the_request_allows_the_error_says_so(sharp, emulator):
    with FreeRouter(settings=sharp) as router, pytest.raises(NoEligibleModelError, match=r"include nobody/\*"):
        router.chat.send("Hi", include="nobody/*")
    assert not emulator.completions


def test_what_makes_no_sense_is_refused_before_anything_is_sent(sharp, emulator):
    with FreeRouter(settings=sharp) as router:
        with pytest.raises(InvalidRequestError, match="did you mean coding"):
            router.chat.send("Hi", prefer="codng")
        with pytest.raises(InvalidRequestError, match="x-freerouter-prefer"):
            router.chat.send("Hi", extra_headers={"x-freerouter-prefer": "codng"})
    assert not emulator.completions
