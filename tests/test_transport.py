"""What a routing transport routes, passes and refuses, and how it answers."""

import json

import httpx
import pytest

from freerouter.pipeline.tracking import Trace
from tests.builders import NO_PRICE
from tests.stage import BODY, CATALOG, KEY, PLAIN, URL, Upstream, completion, exchange, router

CHAT = f"{URL}/chat/completions"


def asking(upstream: Upstream, way: str, method: str, url: str, base: str | None = None, **request) -> httpx.Response:
    """Let a request through a transport with a key of its own to a scripted upstream."""
    options = {"router": router(api_key=KEY, **({"upstream": base} if base else {}))}
    return exchange(way, httpx.Request(method, url, **request), upstream.transport, **options)


# What is routed.


@pytest.mark.parametrize(
    "url",
    [
        CHAT,
        f"{CHAT}?beta=1",
        "https://openrouter.ai:443/api/v1/chat/completions",
        "https://OpenRouter.AI/api/v1/chat/completions",
        "https://openrouter.ai/api/v1/../v1/chat/completions",
        "https://openrouter.ai/api/v1/chat%2Fcompletions",
    ],
)
@pytest.mark.parametrize("base", [URL, f"{URL}/", "https://openrouter.ai:443/api/v1", "HTTPS://OPENROUTER.AI/api/v1"])
def test_chat_completions_are_routed_however_the_address_is_written(way, url, base):
    upstream = Upstream()
    options = {"router": router(upstream=base)}
    response = exchange(way, httpx.Request("POST", url, json=BODY), upstream.transport, **options)
    assert response.json() == completion()
    sent = json.loads(upstream.sent[-1].content)
    assert CATALOG.get(sent["model"]).is_free
    assert sent["provider"] == {"max_price": NO_PRICE}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["keys/abc", "chat/completions"])
def test_what_is_no_reading_below_the_upstream_is_refused(way, method, path):
    upstream = Upstream()
    response = asking(upstream, way, method, f"{URL}/{path}", json=BODY)
    assert response.status_code == 400
    assert f"{method} /api/v1/{path} could cost money" in response.json()["error"]["message"]
    assert not upstream.sent


@pytest.mark.parametrize(
    "path",
    ["embeddings", "images/generations", "audio/speech", "completions", "rerank", "chat/completions/", "x", "models"],
)
def test_other_posts_below_the_upstream_are_refused(way, path):
    upstream = Upstream()
    response = asking(upstream, way, "POST", f"{URL}/{path}", json={"model": PLAIN})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, 400)
    assert "could cost money" in error["message"]
    assert response.headers["x-should-retry"] == "false"
    assert isinstance(response.extensions["freerouter"], Trace)
    assert not upstream.sent


@pytest.mark.parametrize(
    "path", ["//api/v1/chat/completions", "/api//v1/chat/completions", "/api/v2/x", "/v1/messages"]
)
def test_posts_to_the_upstreams_server_beside_its_base_url_are_refused(way, path):
    upstream = Upstream()
    response = asking(upstream, way, "POST", f"https://openrouter.ai{path}", json={"model": "openai/gpt-5.4-mini"})
    assert response.status_code == 400
    assert not upstream.sent


SPELLINGS = [
    f"{scheme}://{subdomain}openrouter.ai{dot}{port}/api/v1/chat/completions"
    for scheme in ("http", "https")
    for subdomain in ("", "www.", "api.eu.", "OPENROUTER.AI.")
    for dot in ("", ".")
    for port in ("", ":8443", ":80")
    if (scheme, subdomain, dot, port) != ("https", "", "", "")
]


@pytest.mark.parametrize("base", [None, "http://127.0.0.1:9/api/v1", "https://gateway.example.test/v1"])
@pytest.mark.parametrize("url", SPELLINGS)
def test_openrouter_under_another_spelling_is_refused_as_unguarded(way, url, base):
    upstream = Upstream()
    response = asking(upstream, way, "POST", url, base, json={"model": "openai/gpt-5.4-mini"})
    assert (response.status_code, upstream.sent) == (400, [])
    assert "could cost money" in response.json()["error"]["message"]


@pytest.mark.parametrize("url", SPELLINGS[:4])
def test_what_only_reads_there_passes_without_our_key(way, url):
    upstream = Upstream(lambda _: httpx.Response(200, content=b"[]"))
    assert asking(upstream, way, "GET", url).content == b"[]"
    assert "authorization" not in upstream.last.headers


# What passes.


@pytest.mark.parametrize(
    "url",
    [
        "https://example.test/api/v1/chat/completions",
        "https://openrouter.ai.example.test/api/v1/chat/completions",
        "https://notopenrouter.ai/api/v1/chat/completions",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_other_origins_are_left_alone_and_get_no_key_of_ours(way, url, method):
    upstream = Upstream(lambda _: httpx.Response(302, headers={"location": CHAT, "x-other": "1"}, content=b"\xffraw"))
    headers = {"cookie": "a=b", "x-mine": "2", "te": "trailers", "content-encoding": "gzip"}
    response = asking(upstream, way, method, url, headers=headers, content=b"\xff not JSON")
    assert (response.status_code, response.content) == (302, b"\xffraw")
    assert "x-freerouter-trace" not in response.headers
    assert "freerouter" not in response.extensions
    assert (upstream.last.method, str(upstream.last.url)) == (method, url)
    assert upstream.last.content == b"\xff not JSON"
    assert headers.items() <= upstream.last.headers.items()
    assert "authorization" not in upstream.last.headers


@pytest.mark.parametrize("path", ["models", "key", "credits", "generation?id=1", "models/a/b/endpoints"])
@pytest.mark.parametrize("theirs", [None, "Bearer theirs"])
def test_gets_below_the_upstream_pass_with_our_key_if_they_have_none(way, path, theirs):
    upstream = Upstream(lambda _: httpx.Response(404, content=b"as it came"))
    headers = {"x-mine": "2"} | ({"authorization": theirs} if theirs else {})
    response = asking(upstream, way, "GET", f"{URL}/{path}", headers=headers)
    assert (response.status_code, response.content) == (404, b"as it came")
    assert str(upstream.last.url) == f"{URL}/{path}"
    assert upstream.last.headers["authorization"] == (theirs or f"Bearer {KEY}")
    assert upstream.last.headers["x-mine"] == "2"


def test_gets_beside_the_base_url_pass_without_our_key(way):
    upstream = Upstream()
    asking(upstream, way, "GET", "https://openrouter.ai/docs")
    assert "authorization" not in upstream.last.headers


def test_a_get_without_any_key_passes_as_it_is(way):
    upstream = Upstream()
    exchange(way, httpx.Request("GET", f"{URL}/models"), upstream.transport, router=router())
    assert "authorization" not in upstream.last.headers


def test_what_passes_raises_as_ever(way):
    def refuse(request):
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(httpx.ConnectError, match="refused"):
        asking(Upstream(refuse), way, "GET", f"{URL}/models")


# Bodies.


def test_a_body_that_comes_in_pieces_is_read(way):
    pieces = [b'{"messages": [{"role": "us', b'er", "content": "Hello"}]}']

    async def in_pieces():
        for piece in pieces:
            yield piece

    upstream = Upstream()
    body = iter(pieces) if way == "sync" else in_pieces()
    assert asking(upstream, way, "POST", CHAT, content=body).status_code == 200
    assert json.loads(upstream.sent[-1].content)["messages"] == BODY["messages"]
    assert upstream.sent[-1].headers["content-length"] == str(len(upstream.sent[-1].content))
    assert "transfer-encoding" not in upstream.sent[-1].headers


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("br", 415), ("identity", 200), ("zstd, gzip", 415)])
def test_encoded_bodies_are_refused(way, encoding, status):
    upstream = Upstream()
    response = asking(upstream, way, "POST", CHAT, headers={"content-encoding": encoding}, json=BODY)
    assert response.status_code == status
    assert len(upstream.sent) == (status == 200)
    if status == 415:
        assert response.json()["error"]["code"] == 415
        assert response.headers["x-should-retry"] == "false"
        assert isinstance(response.extensions["freerouter"], Trace)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "JSON"),
        (b"no JSON", "JSON"),
        (b"[]", "object"),
        (b"{}", "messages"),
        (b'{"messages": []}', "messages"),
        (b'{"messages": [7]}', "messages[0]"),
        (b"[" * 100_000, "JSON"),
        (b'{"messages": [{"role": "user", "content": "x"}], "seed": NaN}', "JSON"),
        (b'{"messages": [{"role": "user", "content": "x"}], "seed": 1e999}', "finite"),
        (b"\xff", "JSON"),
    ],
)
def test_nonsense_is_answered_with_400_and_not_sent(way, body, word):
    upstream = Upstream()
    response = asking(upstream, way, "POST", CHAT, content=body)
    assert response.status_code == 400
    assert word in response.json()["error"]["message"]
    assert not upstream.sent
