"""How a routing transport answers: byte for byte, or with an error in OpenRouter's shape."""

import json
import logging

import httpx
import pytest

from freerouter import Settings
from tests.stage import BODY, KEY, NOWHERE, URL, Upstream, completion, exchange, router, striking

CHAT = f"{URL}/chat/completions"


def asking(upstream: Upstream, way: str) -> httpx.Response:
    return exchange(way, httpx.Request("POST", CHAT, json=BODY), upstream.transport, router=router(api_key=KEY))


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_comes_byte_for_byte_and_says_who_gave_it(way, upstream, settings, emulator, stream):
    request = httpx.Request("POST", f"{upstream}/chat/completions", json=BODY | {"stream": stream})
    response = exchange(way, request, settings=settings)
    trace = response.extensions["freerouter"]
    (sent,) = emulator.completions
    assert sent.model == trace.model == response.headers["x-freerouter-model"]
    assert response.headers["x-freerouter-attempts"] == "1"
    assert response.headers["x-freerouter-trace"] == trace.id
    assert response.headers["x-generation-id"].startswith("gen-")
    assert (trace.eligible, trace.ending) == (18, "finished")
    if stream:
        assert response.headers["content-type"] == "text/event-stream"
        assert "content-length" not in response.headers
        assert response.text.startswith(": OPENROUTER PROCESSING\n\n")
        assert response.text.endswith("data: [DONE]\n\n")
    else:
        assert response.headers["content-length"] == str(len(response.content))
        assert response.json()["model"].endswith(":free")


def test_an_answer_without_announced_length_is_whole(way):
    def in_pieces(_):
        body = json.dumps(completion()).encode()
        kind = {"content-type": "application/json", "transfer-encoding": "chunked"}
        return httpx.Response(200, headers=kind, content=body)

    response = asking(Upstream(in_pieces), way)
    assert response.json() == completion()
    assert "transfer-encoding" not in response.headers


ERRORS = [
    ("daily_limit", 429, "rate_limit_exceeded", "false", 1),
    ("minute_limit", 429, "rate_limit_exceeded", None, 1),
    ("unauthorized", 401, None, "false", 1),
    ("payment_required", 402, None, "false", 1),
    ("guardrail", 403, None, "false", 1),
    ("invalid_request", 400, None, "false", 1),
    ("payload_too_large", 413, None, "false", 1),
    ("internal_error", 429, "provider_unavailable", "false", 5),
    ("html_in_502", 429, "provider_unavailable", "false", 5),
]


@pytest.mark.parametrize(("fault", "status", "kind", "retry", "sends"), ERRORS, ids=[row[0] for row in ERRORS])
def test_errors_are_answered_in_openrouters_shape_and_never_as_5xx(
    way, settings, emulator, fault, status, kind, retry, sends
):
    emulator.faults = striking(fault)
    request = httpx.Request("POST", f"{settings.upstream}/chat/completions", json=BODY)
    response = exchange(way, request, settings=settings)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, status)
    assert error["message"]
    assert kind is None or error["metadata"]["error_type"] == kind
    assert response.headers.get("x-should-retry") == retry
    assert len(emulator.completions) == sends
    attempts = error["metadata"]["attempts"]
    assert [attempt["model"] for attempt in attempts] == [sent.model for sent in emulator.completions]
    assert response.headers["x-freerouter-attempts"] == str(sends)
    assert len(response.extensions["freerouter"].attempts) == sends
    if status == 429:
        assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_of_a_routed_request_are_not_followed(way, status):
    upstream = Upstream(lambda _: httpx.Response(status, headers={"location": "https://evil.test/"}))
    response = asking(upstream, way)
    assert response.status_code == 404
    assert "location" not in response.headers
    assert [request.url.host for request in upstream.sent] == ["openrouter.ai"]


def test_without_catalog_the_error_is_an_answer_too(way):
    def refuse(request):
        raise httpx.ConnectError(f"refused, Bearer {KEY}", request=request)

    settings = Settings(upstream=NOWHERE, api_key=KEY)
    request = httpx.Request("POST", f"{NOWHERE}/chat/completions", json=BODY)
    inner = Upstream(refuse).transport if way == "sync" else None
    response = exchange(way, request, inner, settings=settings)
    assert response.status_code == 429
    assert "could not be reached" in response.json()["error"]["message"]
    assert KEY not in response.text
    assert response.headers["x-should-retry"] == "false"


def test_nothing_of_a_request_is_logged_but_the_attempt(way, upstream, settings, caplog):
    caplog.set_level(logging.DEBUG)
    body = {"messages": [{"role": "user", "content": "my secret question"}]}
    exchange(way, httpx.Request("POST", f"{upstream}/chat/completions", json=body), settings=settings)
    own = [record.getMessage() for record in caplog.records if record.name == "freerouter"]
    assert len([line for line in own if line.startswith("attempt 1 of")]) == 1
    assert KEY not in caplog.text
    assert "my secret question" not in caplog.text
