"""What reaches OpenRouter is, as a JSON value, what was sent, but for the model and the price limit."""

import json
import math

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from freerouter import RoutingTransport
from freerouter.pipeline.actions import Request
from tests.builders import BILLING_OFF, NO_PRICE
from tests.stage import BODY, CATALOG, KEY, TODAY, URL, Upstream, router

# Names that mean something to the router, here or in a later version: everything else is unknown to it.
KNOWN = {
    *("model", "models", "fallbacks", "messages", "provider", "stream", "max_tokens", "max_completion_tokens", "tools"),
    *("tool_choice", "response_format", "modalities", "reasoning", "reasoning_effort", "plugins", "service_tier"),
    *("web_search_options", "preset", "session_id", "prompt_cache_key"),
    *(name for model in CATALOG.models for name in model.parameters),
}

LONE = st.sampled_from(["\ud800", "a\udfffb", "\udc00\ud800", "\ud83d"])
TEXT = (
    st.text() | LONE | st.sampled_from(["\0", "\u2028", "\N{BOM}", "é", "😀", "</script>", '"\\/\b', "NaN", "Infinity"])
)
NUMBERS = (
    st.integers()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([-0.0, 5e-324, 1.7976931348623157e308, 1e22, 2**53 + 1, 0.1, 1e-7, 1.0])
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)
UNKNOWN = st.dictionaries(TEXT.filter(lambda name: name not in KNOWN), JSON, max_size=5)
PARTS = st.lists(st.builds(lambda text, more: {**more, "type": "text", "text": text}, TEXT, UNKNOWN), max_size=3)
ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool", "unheard-of"])
MESSAGES = st.lists(
    st.builds(
        lambda role, content, more: {**more, "role": role, "content": content},
        ROLES,
        TEXT | PARTS | st.none(),
        UNKNOWN.map(lambda more: {k: v for k, v in more.items() if k not in ("images", "audio")}),
    ),
    min_size=1,
    max_size=4,
)
PROVIDER = st.none() | st.builds(
    lambda more, price: {**more, **({"max_price": price} if price else {})},
    st.dictionaries(TEXT.filter(lambda name: name not in ("require_parameters", "max_price")), JSON, max_size=3),
    st.none() | st.dictionaries(st.sampled_from(["prompt", "completion", "image", "request"]), st.integers(0, 5)),
)
BODIES = st.builds(
    lambda unknown, messages, rest: {**unknown, **rest, "messages": messages},
    UNKNOWN,
    MESSAGES,
    st.fixed_dictionaries(
        {},
        optional={
            "model": st.sampled_from(["openrouter/free", "free", "openrouter/auto"]),
            "provider": PROVIDER,
            "temperature": st.floats(0, 2),
            "metadata": UNKNOWN,
            "reasoning": st.just({"effort": "low", "unknown": [1.0, 1]}),
        },
    ),
)


def same(a: object, b: object) -> bool:
    """Whether two JSON values are the same: 1 and 1.0 are not, nor 0 and -0.0, nor true and 1."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b and (not isinstance(a, float) or math.copysign(1, a) == math.copysign(1, b))


ROUTER = router()


def forwarded(body: bytes) -> dict:
    upstream = Upstream()
    with httpx.Client(transport=RoutingTransport(upstream.transport, router=ROUTER)) as client:
        response = client.post(f"{URL}/chat/completions", content=body)
    assert response.status_code == 200, response.text
    return json.loads(upstream.sent[-1].content)


def assert_unchanged(sent: dict, received: dict) -> None:
    received = dict(received)
    assert received.pop("plugins") == BILLING_OFF
    assert CATALOG.get(received.pop("model")).is_free(TODAY)
    price = received["provider"].pop("max_price")
    assert {**price, **NO_PRICE} == price
    asked = dict(sent.get("provider") or {})
    assert price.keys() == {*NO_PRICE, *asked.pop("max_price", {})}
    if sent.get("provider") is None:
        assert received.pop("provider") == {}
    expected = {name: value for name, value in sent.items() if name not in ("model", "models")}
    if sent.get("provider") is None:
        expected.pop("provider", None)
    else:
        expected["provider"] = asked
    assert same(received, expected)


@settings(max_examples=60, deadline=None)
@given(BODIES, st.booleans())
@example({"messages": [{"role": "user", "content": "\ud83d"}], "x": 10**300, "y": [1.0, 1, -0.0]}, True)
@example({"messages": [{"role": "user", "content": "NaN"}], "NaN": [["Infinity"]]}, False)
def test_a_body_arrives_as_it_was_sent(body, escaped):
    written = json.dumps(body, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    assert_unchanged(body, forwarded(written))


@settings(max_examples=30, deadline=None)
@given(body=BODIES)
def test_and_so_it_does_when_it_is_given_as_python_values(body):
    assert_unchanged(body, json.loads(ROUTER.route(Request(body)).next().body))


WRITTEN = {
    "blanks": b' \n{"messages" : [ {"role":"user","content":"x"} ]\t}\r\n ',
    "a byte order mark": b'\xef\xbb\xbf{"messages":[{"role":"user","content":"x"}]}',
    "escapes": rb'{"messages":[{"role":"user","content":"\u00e9\/\ud83d\ude00\ud83d"}],"\u0061":1}',
    "numbers": b'{"messages":[{"role":"user","content":"x"}],"a":1E2,"b":-0,"c":-0.0,"d":1e-320,"e":'
    + b"1234567890" * 40
    + b"}",
    "a deep value": b'{"messages":[{"role":"user","content":"x"}],"a":' + b"[" * 60 + b"]" * 60 + b"}",
    "an empty name": b'{"messages":[{"role":"user","content":"x"}],"":{"":""}}',
    "a nested model": b'{"messages":[{"role":"user","content":"x","model":"paid/model"}],"x":{"model":"paid/model"}}',
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_however_it_is_written(written):
    assert_unchanged(json.loads(written), forwarded(written))


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_it_arrives_at_a_real_server_as_well(settings, emulator, written):
    with httpx.Client(transport=RoutingTransport(settings=settings)) as client:
        response = client.post(f"{settings.upstream}/chat/completions", content=written)
    assert response.status_code == 200
    assert_unchanged(json.loads(written), emulator.completions[-1].json)
    assert emulator.completions[-1].headers["content-length"] == str(len(emulator.completions[-1].body))


@pytest.mark.parametrize(
    "names",
    [
        ["openai/gpt-5.4-mini", "openrouter/free"],
        ["openrouter/auto", "free"],
        ["anthropic/claude-sonnet-4.6", "openai/gpt-oss-20b:free"],
    ],
)
def test_a_model_that_is_given_twice_is_sent_once_and_it_is_the_one_that_was_checked(names):
    twice = b",".join(b'"model":' + json.dumps(name).encode() for name in names)
    upstream = Upstream()
    body = b"{" + twice + b',"messages":[{"role":"user","content":"x"}]}'
    with httpx.Client(transport=RoutingTransport(upstream.transport, router=router(api_key=KEY))) as client:
        assert client.post(f"{URL}/chat/completions", content=body).status_code == 200
    sent = upstream.sent[-1].content
    assert sent.count(b'"model"') == 1
    assert CATALOG.get(json.loads(sent)["model"]).is_free(TODAY)


def test_a_list_of_models_is_walked_here_and_not_sent():
    free = ["openai/gpt-oss-20b:free", "z-ai/glm-4.5-air:free"]
    received = forwarded(json.dumps(BODY | {"models": free}).encode())
    assert received["model"] == free[0]
    assert "models" not in received
