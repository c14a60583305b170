"""How answers and errors come back: unchanged, at once, with the headers that say who answered."""

import json
import socket
import threading

import httpx
import pytest

from tests.builders import SEAL
from tests.server.stage import Scripted, ask, served
from tests.stage import KEY, PLAIN, chunk, completion, events, striking


def test_an_answer_says_who_gave_it(server, emulator, dialect):
    answer = server.ask(dialect)
    assert answer.headers["x-freerouter-model"] == emulator.completions[-1].model
    assert answer.headers["x-freerouter-attempts"] == "1"
    assert answer.headers["x-freerouter-trace"]
    assert answer.headers["x-generation-id"]


def test_so_does_a_stream_which_nobody_may_hold_up(server, emulator, dialect):
    emulator.faults = striking("bad_gateway", count=1)
    answer = server.ask(dialect, stream=True)
    assert answer.headers["x-freerouter-model"] == emulator.completions[-1].model
    assert answer.headers["x-freerouter-attempts"] == "2"
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers.get_list("cache-control") == ["no-cache"]
    assert answer.headers["x-accel-buffering"] == "no"


PIECES = [
    b": OPENROUTER PROCESSING\n\n",
    events(chunk("Hel")),
    events(chunk("lo \xe2\x80\xa6\xff\x00".encode("latin-1").decode("latin-1"))),
    b'data: {"half',
    b'":1}\r\n\r\n',
    events(chunk("", "stop")),
    b"data: [DONE]\n\n",
]


def test_a_stream_comes_through_byte_for_byte_and_piece_by_piece():
    """The upstream sends a piece only when the client has the one before: nothing is held back but the first token."""
    arrived = threading.Semaphore(0)

    def script(connection):
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        connection.sendall(head + PIECES[0])
        connection.sendall(PIECES[1])
        for piece in PIECES[2:]:
            assert arrived.acquire(timeout=5)
            connection.sendall(piece)

    with Scripted(script).running() as upstream, served(upstream) as server:
        received = b""
        with server.http.stream("POST", "/api/v1/chat/completions", json=ask(stream=True, model=PLAIN)) as response:
            expected = iter(PIECES[1:])
            due = PIECES[0] + next(expected)
            for piece in response.iter_raw():
                received += piece
                if received.endswith(due):
                    due = next(expected, None) or b"the end"
                    arrived.release()
    assert received == b"".join(PIECES)


def test_an_answer_comes_through_byte_for_byte():
    body = json.dumps(completion("ü \ud83d"), indent=3).encode() + b" \n"

    def script(connection):
        head = f"HTTP/1.1 200 Fine\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nx-odd: 1\r\n"
        head += "set-cookie: a=b\r\naccess-control-allow-origin: *\r\nserver: them\r\nconnection: x-hop\r\n\r\n"
        connection.sendall(head.encode() + body)

    with Scripted(script).running() as upstream, served(upstream) as server:
        response = server.ask(model=PLAIN)
    assert response.content == body
    assert response.headers["x-odd"] == "1"
    assert response.headers.keys().isdisjoint({"set-cookie", "access-control-allow-origin", "server"})
    assert len(response.headers.get_list("date")) == 1


# Errors.


def trail(response: httpx.Response) -> list[dict]:
    error = response.json()["error"]
    return error["metadata"]["attempts"]


@pytest.mark.parametrize("stream", [False, True])
def test_when_all_fail_the_error_tells_the_whole_story(server, emulator, dialect, stream):
    emulator.faults = striking("bad_gateway")
    response = server.ask(dialect, stream=stream)
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 0
    assert response.headers["x-should-retry"] == "false"
    attempts = trail(response)
    assert [attempt["model"] for attempt in attempts] == [received.model for received in emulator.completions]
    assert {attempt["status"] for attempt in attempts} == {502}
    assert len(attempts) == 5
    assert KEY not in response.text
    assert "Hello" not in response.text


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("chat", {"code": 400}),
        ("responses", {"code": 400}),
        ("messages", {"code": 400, "type": "invalid_request_error"}),
    ],
)
def test_an_error_has_its_dialects_shape(server, name, shape):
    body = server.ask(name, model="openai/gpt-4o").json()
    assert body["error"].items() >= shape.items()
    assert (body.get("type") == "error") == (name == "messages")
    assert body["error"]["metadata"]["attempts"] == []


@pytest.mark.parametrize(
    ("fault", "status"), [("unauthorized", 401), ("payment_required", 402), ("invalid_request", 400)]
)
def test_what_no_other_model_would_mend_stops_at_once(server, emulator, dialect, fault, status):
    emulator.faults = striking(fault)
    response = server.ask(dialect)
    assert (response.status_code, len(emulator.completions)) == (status, 1)
    assert ("www-authenticate" in response.headers) == (status == 401)
    assert len(trail(response)) == 1


def test_an_exhausted_day_stops_at_once_and_shows_no_attempts(server, emulator, dialect):
    emulator.faults = striking("daily_limit")
    response = server.ask(dialect)
    assert (response.status_code, len(emulator.completions)) == (403, 1)
    assert "attempts" not in response.json()["error"]["metadata"]


@pytest.mark.parametrize(
    ("name", "last"),
    [("chat", b'"error"'), ("responses", b"response.failed"), ("messages", b"event: error")],
)
def test_a_stream_that_breaks_off_ends_with_an_error_of_its_dialect(server, emulator, name, last):
    emulator.faults = striking("stream_cut_midway")
    response = server.ask(name, stream=True)
    assert response.status_code == 200
    assert last in response.content.rstrip().split(b"\n\n")[-1]
    assert b"[DONE]" not in response.content
    assert len(emulator.completions) == 1


@pytest.mark.parametrize(("name", "created"), [("chat", "created"), ("responses", "created_at")])
def test_its_last_event_is_of_the_same_answer_as_the_first(server, emulator, name, created):
    emulator.faults = striking("stream_cut_midway")
    response = server.ask(name, stream=True)
    assert response.status_code == 200
    said = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]
    first, last = (event.get("response", event) for event in (said[0], said[-1]))
    assert first["id"]
    assert [last[label] for label in ("id", "model", created)] == [first[label] for label in ("id", "model", created)]


def test_an_upstream_that_is_not_there(dialect):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with served(f"http://127.0.0.1:{port}/api/v1") as server:
        response = server.ask(dialect)
        assert response.status_code == 429
        assert "could not be reached" in response.json()["error"]["message"]
        passed = server.http.get("/api/v1/credits")
        assert (passed.status_code, passed.json()["error"]["code"]) == (429, 429)


def test_a_defect_of_our_own_is_no_5xx_and_shows_nothing(server, monkeypatch, caplog):
    def fail(*_):
        raise ZeroDivisionError(f"Bearer {KEY}")

    monkeypatch.setattr(server.app.router, "route", fail)
    response = server.ask()
    assert (response.status_code, response.json()["error"]["metadata"]["error_type"]) == (400, "server")
    assert "ZeroDivisionError" in response.json()["error"]["message"]
    assert KEY not in response.text + caplog.text
    assert "ZeroDivisionError at route" in caplog.text


# Requests.


def test_a_request_arrives_as_it_was_sent(server, emulator):
    body = ask(temperature=0.1, unknown={"deep": [1, 2.5, None, "é\u2028"]}, seed=2**53 + 1, model=PLAIN)
    assert server.ask(**body).status_code == 200
    sent = emulator.completions[-1].json
    assert sent == body | SEAL
    assert list(sent)[: len(body)] == list(body)


def test_only_headers_that_are_for_openrouter_go_there(server, emulator):
    meant = {
        "http-referer": "https://example.test/",
        "x-title": "Mine",
        "x-openrouter-title": "Mine",
        "x-openrouter-metadata": "enabled",
        "x-session-id": "s-1",
        "anthropic-version": "2023-06-01",
        "user-agent": "me/1",
    }
    private = {
        "authorization": "Bearer sk-other",
        "x-api-key": "sk-other",
        "cookie": "a=b",
        "x-forwarded-for": "10.0.0.1",
        "x-real-ip": "10.0.0.1",
        "proxy-authorization": "Basic eA==",
        "api-key": "sk-other",
        "connection": "keep-alive, x-title-2",
        "te": "trailers",
        "x-freerouter-anything": "1",
    }
    assert server.ask(headers=meant | private).status_code == 200
    sent = emulator.completions[-1].headers
    assert sent.items() >= meant.items()
    assert sent["authorization"] == f"Bearer {KEY}"
    ours = {"host", "accept", "accept-encoding", "content-type", "content-length", "authorization", "via"}
    assert sent.keys() == meant.keys() | ours
    assert sent["host"].startswith("127.0.0.1:")
    assert sent["accept-encoding"] == "identity"


def test_bytes_of_a_header_arrive_as_they_were_sent(server, emulator):
    for value in ("Müller".encode(), "Müller".encode("latin-1")):
        headers = [(b"content-type", b"application/json"), (b"x-title", value)]
        response = server.http.post("/api/v1/chat/completions", content=json.dumps(ask()), headers=headers)
        assert response.status_code == 200
    first, second = (received.headers["x-title"] for received in emulator.completions)
    assert first.encode("latin-1").decode() == "Müller"
    assert second == "Müller"  # the recorder reads Latin-1


BAD_SCHEMA = {"type": 5}
FORMS = {
    "chat": {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": BAD_SCHEMA}}},
    "responses": {"text": {"format": {"type": "json_schema", "name": "n", "schema": BAD_SCHEMA}}},
    "messages": {"output_config": {"format": {"type": "json_schema", "schema": BAD_SCHEMA}}},
}


@pytest.mark.parametrize("stream", [False, True])
def test_a_header_asks_for_answers_that_are_checked(server, emulator, dialect, stream):
    refused = server.ask(dialect, headers={"x-freerouter-accept": "true"}, stream=stream, **FORMS[dialect])
    assert (refused.status_code, len(emulator.completions)) == (400, 0)
    assert "the JSON schema is not valid" in refused.text


def test_the_setting_asks_for_answers_that_are_checked(upstream, emulator, dialect):
    with served(upstream, accept=True) as server:
        refused = server.ask(dialect, **FORMS[dialect])
    assert (refused.status_code, len(emulator.completions)) == (400, 0)
