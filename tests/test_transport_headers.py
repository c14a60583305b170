"""Which headers reach OpenRouter, which come back, and what a header can break."""

import json

import httpx
import pytest

from freerouter import FreeRouter, InvalidRequestError, Settings
from tests.stage import BODY, KEY, URL, Upstream, completion, exchange, router

CHAT = f"{URL}/chat/completions"


def asking(upstream: Upstream, way: str, headers=None, key: str | None = KEY, **body) -> httpx.Response:
    request = httpx.Request("POST", CHAT, headers=headers, json=BODY | body)
    return exchange(way, request, upstream.transport, router=router(api_key=key))


# Towards OpenRouter.

REACH = {
    "HTTP-Referer": "https://me.test/app?x=1",
    "X-OpenRouter-Title": "My App, the 2nd",
    "X-Title": "My App",
    "X-OpenRouter-Categories": "cli-agent,  programming-app",
    "X-OpenRouter-Metadata": "enabled",
    "X-OpenRouter-Cache": "true",
    "X-OpenRouter-Cache-TTL": "60",
    "x-session-id": "conversation 7",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "a,b",
    "User-Agent": "agent/1",
    "x-stainless-lang": "python",
    "x-unheard-of": "1",
    "accept": "text/event-stream",
}
STAY = {
    "Connection": "keep-alive, x-hop",
    "Keep-Alive": "timeout=5",
    "Proxy-Authorization": "Basic c2VjcmV0",
    "Proxy-Authenticate": "Basic",
    "Proxy-Connection": "keep-alive",
    "TE": "trailers",
    "Trailer": "x-trailer",
    "Upgrade": "websocket",
    "Cookie": "session=secret",
    "Expect": "100-continue",
    "x-freerouter-trace": "mine",
}


@pytest.mark.parametrize(("name", "value"), REACH.items(), ids=REACH)
def test_the_callers_headers_reach_openrouter_unchanged(way, name, value):
    upstream = Upstream()
    asking(upstream, way, {name: value})
    assert upstream.sent[-1].headers.get_list(name) == [value]


@pytest.mark.parametrize(("name", "value"), STAY.items(), ids=STAY)
def test_what_holds_for_one_hop_or_for_us_does_not(way, name, value):
    upstream = Upstream()
    asking(upstream, way, {name: value})
    assert name not in upstream.sent[-1].headers


def test_what_is_made_anew_is_there_once_and_right(way):
    upstream = Upstream()
    headers = {"accept-encoding": "gzip, br", "content-type": "text/plain", "host": "else.test"}
    asking(upstream, way, headers)
    (sent,) = upstream.sent
    assert sent.headers.get_list("host") == ["openrouter.ai"]
    assert sent.headers.get_list("accept-encoding") == ["identity"]
    assert sent.headers.get_list("content-type") == ["application/json"]
    assert sent.headers.get_list("content-length") == [str(len(sent.content))]
    assert str(sent.url) == CHAT


@pytest.mark.parametrize(
    ("theirs", "ours", "sent"),
    [(None, KEY, f"Bearer {KEY}"), ("Bearer theirs", KEY, "Bearer theirs"), ("Bearer theirs", None, "Bearer theirs")],
)
def test_the_callers_authorization_wins(way, theirs, ours, sent):
    upstream = Upstream()
    asking(upstream, way, theirs and {"authorization": theirs}, ours)
    assert upstream.sent[-1].headers.get_list("authorization") == [sent]


def test_without_any_key_none_is_sent(way):
    upstream = Upstream()
    asking(upstream, way, key=None)
    assert "authorization" not in upstream.sent[-1].headers


def test_a_header_that_is_given_twice_arrives_twice(way):
    upstream = Upstream()
    asking(upstream, way, [("x-twice", "1"), ("x-twice", "2")])
    assert upstream.sent[-1].headers.get_list("x-twice") == ["1", "2"]


def test_bytes_beyond_ascii_arrive_as_they_are(way):
    upstream = Upstream()
    title = "Größe 作者".encode()
    assert asking(upstream, way, [(b"x-title", title)]).status_code == 200
    assert (b"x-title", title) in upstream.sent[-1].headers.raw


@pytest.mark.parametrize("name", ["authorization", "x-title", "x-api-key"])
@pytest.mark.parametrize("character", ["\n", "\r", "\r\n", "\0", "\x7f"], ids=repr)
def test_a_value_that_no_header_can_hold_is_refused_without_being_shown(way, caplog, name, character):
    upstream = Upstream()
    response = asking(upstream, way, {name: f"Bearer {KEY}{character}"})
    assert response.status_code == 400
    assert name in response.json()["error"]["message"]
    assert KEY not in f"{response.text} {response.headers.raw} {caplog.text}"
    assert not upstream.sent


def test_the_library_refuses_it_too():
    with (
        FreeRouter(settings=Settings(upstream="http://127.0.0.1:9/api/v1")) as client,
        pytest.raises(InvalidRequestError, match="x-title") as caught,
    ):
        client.chat.send("Hello", extra_headers={"X-Title": f"{KEY}\n"})
    assert KEY not in str(caught.value)


# Back to the caller.


def test_openrouters_headers_come_back_but_those_of_one_hop(way):
    headers = {
        "x-generation-id": "gen-1",
        "x-ratelimit-remaining": "7",
        "x-unheard-of": "1",
        "connection": "close",
        "keep-alive": "timeout=5",
    }
    upstream = Upstream(lambda _: httpx.Response(200, json=completion(), headers=headers))
    response = asking(upstream, way)
    assert {name: response.headers.get(name) for name in headers} == {
        "x-generation-id": "gen-1",
        "x-ratelimit-remaining": "7",
        "x-unheard-of": "1",
        "connection": None,
        "keep-alive": None,
    }


def test_bytes_beyond_ascii_come_back_as_they_are(way):
    odd = (b"x-provider", "Größe".encode())
    upstream = Upstream(lambda _: httpx.Response(200, json=completion(), headers=[odd]))
    response = asking(upstream, way)
    assert response.json() == completion()
    assert odd in response.headers.raw


@pytest.mark.parametrize("stream", [False, True])
def test_openrouters_own_metadata_comes_back_when_asked_for(way, upstream, settings, stream):
    for asked in (True, False):
        headers = {"X-OpenRouter-Metadata": "enabled"} if asked else {}
        url = f"{upstream}/chat/completions"
        request = httpx.Request("POST", url, headers=headers, json=BODY | {"stream": stream})
        response = exchange(way, request, settings=settings)
        assert ("openrouter_metadata" in response.text) is asked
        if asked and not stream:
            assert json.loads(response.content)["openrouter_metadata"]["strategy"] == "direct"
