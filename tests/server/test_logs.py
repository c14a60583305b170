"""What the server logs: a line a request, and never what a client sent."""

import io
import json
import logging

import httpx
import pytest

from freerouter.server import Access, logs, tokens
from tests.server.processes import serving
from tests.server.stage import ask, served
from tests.stage import KEY, striking

TOKEN = "canary-token-0123456789"
CANARY = "canary-of-the-client"


@pytest.fixture
def log(monkeypatch):
    """Installs a form and a level; gives what is logged from then on."""
    root, stream = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(stream)
    requests = logging.getLogger("freerouter.requests")
    before = requests.level
    monkeypatch.setattr(root, "handlers", [handler])

    def install(form: str, level: str) -> io.StringIO:
        logs.install(form, level)
        return stream

    yield install
    requests.setLevel(before)


def read(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_request_is_one_line(log, upstream, emulator):
    stream = log("json", "info")
    emulator.faults = striking("bad_gateway", count=1)
    with served(upstream, Access(tokens(f"alice={TOKEN}"))) as server:
        answer = server.ask(headers={"x-api-key": TOKEN})
        server.http.get("/health")
    (line,) = read(stream)
    assert line.keys() == {
        *("time", "level", "trace", "message", "place", "status", "dialect", "needs", "eligible", "attempts"),
        *("model", "ending", "first_ms", "total_ms", "token"),
    }
    assert line["trace"] == answer.headers["x-freerouter-trace"]
    assert (line["level"], line["place"], line["status"], line["dialect"]) == ("info", "route", 200, "chat")
    assert (line["attempts"], line["model"]) == (2, answer.headers["x-freerouter-model"])
    assert (line["needs"], line["ending"], line["token"]) == (["text"], "finished", "alice")
    assert 0 < line["first_ms"] <= line["total_ms"]


def test_text_has_the_same_in_one_line(log, server):
    stream = log("text", "info")
    trace = server.ask(stream=True).headers["x-freerouter-trace"]
    assert server.http.get("/nothing").status_code == 404
    first, second = stream.getvalue().splitlines()
    assert f"Z INFO {trace} request place=route status=200 dialect=chat needs=text eligible=" in first
    assert " INFO - request place=unknown status=404 total_ms=" in second


@pytest.mark.parametrize(
    ("level", "lines"), [("debug", {"request", "attempt 1 of"}), ("warning", set()), ("error", set())]
)
def test_the_level_says_how_much(log, server, level, lines):
    stream = log("json", level)
    assert server.ask().status_code == 200
    assert {message for line in read(stream) for message in lines if line["message"].startswith(message)} == lines
    assert bool(read(stream)) == bool(lines)


def test_neither_a_key_nor_a_text_of_a_client_is_logged(log, upstream, emulator):
    stream = log("json", "debug")
    key = f"sk-or-v1-{CANARY}"
    with served(upstream, Access(tokens(f"alice={TOKEN}"), client_keys="fallback")) as server:
        headers = {"x-api-key": TOKEN, "authorization": f"Bearer {key}", "x-session-id": CANARY}
        told = [{"role": "user", "content": CANARY}]
        tool = {"type": "function", "function": {"name": CANARY, "parameters": {"type": "object"}}}
        strange = {CANARY: CANARY, "provider": {"require_parameters": True}}
        for fields in ({}, {"tools": [tool]}, strange, {"model": CANARY}, {"stream": True}, {"plugins": [CANARY]}):
            server.ask(headers=headers, **{"messages": told} | fields)
        emulator.faults = striking("invalid_request")
        server.ask(headers=headers, messages=told)
        for path in (f"/{CANARY}", f"/api/v1/models/{CANARY}", f"/api/v1/models?q={CANARY}"):
            server.http.get(path, headers=headers)
        server.http.get("/api/v1/key", headers={"authorization": f"Bearer {CANARY}"})
        server.http.post("/api/v1/chat/completions", content=CANARY, headers=headers)
    assert len(read(stream)) > 10
    for secret in (CANARY, TOKEN, KEY):
        assert secret not in stream.getvalue()


def test_the_text_of_an_exception_is_not_logged(log):
    stream = log("json", "debug")
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("freerouter").exception("it failed")
    (line,) = read(stream)
    assert line["exception"] == "ValueError"
    assert line["at"][0].partition(":")[0].endswith("test_logs.py")
    assert CANARY not in stream.getvalue()


def test_the_command_logs_to_standard_error(tmp_path):
    options = ("--emulate", "--log-format", "json", "--log-level", "info")
    with serving(tmp_path, *options) as server:
        assert httpx.post(f"{server.base}/chat/completions", json=ask()).status_code == 200
        line = json.loads(server.popen.stderr.readline())
    assert (line["message"], line["status"]) == ("request", 200)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_unknown_variable_is_a_warning_at_the_start_with_the_nearest_name(workers, tmp_path):
    options = ("--emulate", "--log-format", "json", "--workers", workers)
    with serving(tmp_path, *options, FREEROUTER_MAX_ATEMPTS="the value") as server:
        lines = [json.loads(line) for line in server.announced.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if "MAX_ATEMPTS" in line["message"]]
    assert line["level"] == "warning"
    assert line["message"] == (
        "ignored: FREEROUTER_MAX_ATEMPTS: unknown setting 'max_atempts': did you mean max_attempts?"
    )
    assert "the value" not in server.announced
