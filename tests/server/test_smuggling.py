"""Requests that are framed or written oddly: each is answered with a 4xx or taken for one request, and never a 5xx."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import JSON as ANY_JSON
from tests.server.stage import JSON, ask, posted, raw, statuses
from tests.stage import PLAIN

BODY = json.dumps(ask(model=PLAIN)).encode()
LENGTH = f"content-length: {len(BODY)}"
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
INNER = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        posted(CHUNKED, LENGTH, "transfer-encoding: chunked"),
        posted(CHUNKED, "transfer-encoding: chunked", LENGTH),
        posted(BODY + INNER, LENGTH, f"content-length: {len(BODY) + len(INNER)}"),
        posted(BODY, LENGTH, LENGTH),
        posted(BODY, f"content-length: +{len(BODY)}"),
        posted(BODY, f"content-length: {len(BODY)}, {len(BODY)}"),
        posted(BODY, f"content-length: 0x{len(BODY):x}"),
        posted(BODY, "content-length: -1"),
        posted(BODY, f"content-length : {len(BODY)}"),
        posted(BODY, "transfer-encoding: xchunked", LENGTH),
        posted(CHUNKED, "transfer-encoding: chunked, identity"),
        posted(CHUNKED, "transfer-encoding:\x0bchunked", LENGTH),
        posted(b"5;\n" + BODY, "transfer-encoding: chunked"),
        posted(b"zz\r\n" + BODY, "transfer-encoding: chunked"),
        posted(b"fffffffffffffffff\r\n" + BODY, "transfer-encoding: chunked"),
        posted(BODY, LENGTH, "x-folded: a\r\n b"),
        posted(BODY, LENGTH, "x-nul: a\0b"),
        posted(BODY, LENGTH, "x-bare: a\rb"),
        posted(BODY, LENGTH, "no colon"),
        posted(BODY, LENGTH, ": no name"),
        posted(BODY, LENGTH, "host: evil.test"),
        posted(BODY, LENGTH).replace(b"\r\n", b"\n"),
        posted(BODY, LENGTH).replace(b"HTTP/1.1", b"HTTP/9.9"),
        posted(BODY, LENGTH).replace(b"host: localhost\r\n", b""),
        posted(BODY, LENGTH).replace(b"POST", b"P\xffST"),
        posted(BODY, LENGTH).replace(b"/api/v1", b"/\xff\xfe"),
        b"CONNECT openrouter.ai:443 HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET http://evil.test/metrics HTTP/1.1\r\nhost: evil.test\r\n\r\n",
        b"GET //evil.test/metrics HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /api/v1/models%2fuser%3f HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /api/v1/model/%2e%2e/key HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /%00 HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /%ff%fe HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ],
)
def test_a_request_that_is_framed_oddly_is_refused_and_nothing_hides_in_it(server, emulator, request_, capfd):
    found = statuses(raw(server.address, request_))
    assert len(found) <= 1, "one request, one answer"
    assert all(400 <= status < 500 for status in found)
    assert not [received for received in emulator.requests if received.path != "/api/v1/key"]
    assert "Traceback" not in "".join(capfd.readouterr())
    assert server.http.get("/health").status_code == 200


def test_a_request_to_be_upgraded_is_answered_as_it_is(server):
    upgrade = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    assert statuses(raw(server.address, upgrade)) == [200]


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/v1/chat/completions", None), ("/v1/messages", "error"), ("/api/v1//messages", "error")]
)
@pytest.mark.parametrize(
    ("broken", "status"),
    [
        (posted(BODY, "content-length: -1"), 400),
        (posted(BODY, "no colon"), 400),
        (posted(b"", "x: " + "y" * 99_999)[:-4], 431),
    ],
    ids=["length", "colon", "size"],
)
def test_what_is_broken_before_the_app_sees_it_is_answered_in_the_dialects_shape(server, path, kind, broken, status):
    head, _, body = raw(server.address, broken.replace(b"/api/v1/chat/completions", path.encode())).partition(
        b"\r\n\r\n"
    )
    assert statuses(head) == [status]
    assert b"connection: close" in head
    said = json.loads(body)
    assert said.get("type") == kind
    assert said["error"]["message"]


def test_a_request_without_a_host_is_a_400(server):
    nameless = posted(BODY, LENGTH).replace(b"host: localhost\r\n", b"")
    received = raw(server.address, nameless)
    assert statuses(received) == [400]
    assert b"host header is missing" in received


def test_two_requests_on_one_connection_are_two(server, emulator):
    one = posted(BODY, LENGTH)
    assert statuses(raw(server.address, one + one)) == [200, 200]
    assert len(emulator.completions) == 2


def test_chunks_are_a_body(server, emulator):
    assert statuses(raw(server.address, posted(CHUNKED, "transfer-encoding: chunked"))) == [200]
    assert emulator.completions[-1].json["messages"] == ask()["messages"]
    assert "transfer-encoding" not in emulator.completions[-1].headers


# Odd bodies.


def post(server, body: bytes, path: str = "chat/completions") -> int:
    return server.http.post(f"/api/v1/{path}", content=body, headers=JSON).status_code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"messages": NaN}',
        b'{"messages": [], "seed": Infinity}',
        b'{"messages": [{"role": "user", "content": "Hi"}], "temperature": NaN}',
        b'{"messages": [{"role": "user", "content": "Hi"}], "temperature": 1e999}',
        b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"\xff\xfe{\x00}\x00",
        b'{"messages": [{"role": "user", "content": "\xff"}]}',
        b'{"messages": []}',
        b'{"messages": {}}',
        b'{"messages": [5]}',
        b'{"messages": [{"role": "user", "content": [5]}]}',
        b'{"model": 5, "messages": [{"role": "user", "content": "Hi"}]}',
        b'{"model": ["openrouter/free"], "messages": [{"role": "user", "content": "Hi"}]}',
        b'{"tools": 5, "messages": [{"role": "user", "content": "Hi"}]}',
        b'{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": "many"}',
        b'{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": ' + b"9" * 5000 + b"}",
    ],
)
@pytest.mark.parametrize("path", ["chat/completions", "responses", "messages", "messages/count_tokens"])
def test_a_body_that_makes_no_sense_is_a_4xx(server, emulator, body, path, capfd):
    assert 400 <= post(server, body, path) < 500 or path.endswith("tokens") or b'"Hi"' in body
    assert not emulator.bill
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("prefix", [b"\xef\xbb\xbf", b" \r\n\t"])
def test_what_stands_before_a_body_does_not_matter(server, emulator, prefix):
    assert post(server, prefix + BODY) == 200
    assert emulator.completions[-1].json["messages"] == ask()["messages"]


def test_a_model_that_is_given_twice_is_sent_once(server, emulator):
    twice = b'{"model":"openai/gpt-4o","messages":[{"role":"user","content":"Hi"}],"model":"%b"}' % PLAIN.encode()
    assert post(server, twice) == 200
    assert emulator.completions[-1].body.count(b'"model"') == 1
    assert emulator.completions[-1].model == PLAIN
    assert post(server, twice[:-1] + b',"model":"openai/gpt-4o"}') == 400


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    body=st.dictionaries(
        st.sampled_from(["model", "messages", "input", "tools", "stream", "max_tokens", "provider", "plugins", "x"]),
        ANY_JSON,
    ),
    path=st.sampled_from(["chat/completions", "responses", "messages", "messages/count_tokens"]),
)
def test_whatever_is_sent_there_is_no_5xx(server, emulator, body, path):
    assert post(server, json.dumps(body).encode(), path) < 500
    assert not emulator.bill
