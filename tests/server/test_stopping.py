"""How a server ends: what is running is told why."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest

from freerouter import Router, Settings
from freerouter.emulator import Emulator
from freerouter.server import App, listening, running
from tests.server.processes import LONG, serving
from tests.server.stage import PATHS, ask
from tests.stage import CATALOG, KEY, striking, until


@pytest.fixture
def stalling():
    """An emulator whose streams stop in their midst."""
    emulator = Emulator(seed=1, per_minute=None, per_day=None)
    emulator.faults = striking("stream_stalls")
    with emulator.running() as url:
        yield emulator, url


def refuses(address) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return True
    return False


@pytest.mark.parametrize(
    "signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGTERM), (signal.SIGHUP,) * 2]
)
def test_a_second_signal_ends_streams_with_an_error_event(tmp_path, stalling, dialect, signals):
    first, second = signals
    with serving(tmp_path, FREEROUTER_UPSTREAM=stalling[1], OPENROUTER_API_KEY=KEY) as server:
        address = httpx.URL(server.url).host, httpx.URL(server.url).port
        with httpx.stream(
            "POST", f"{server.base}/{PATHS[dialect]}", json=ask(dialect, stream=True), timeout=20
        ) as reply:
            chunks = reply.iter_bytes()
            received = next(chunks)
            server.popen.send_signal(first)
            until(lambda: refuses(address))
            assert server.popen.poll() is None
            server.popen.send_signal(second)
            received += b"".join(chunks)
        status = server.popen.wait(LONG)
        said = server.popen.stderr.read()
    last = received.rstrip(b"\n").rpartition(b"data: ")[2]
    assert "the server is stopping" in json.dumps(json.loads(last))
    (line,) = said.splitlines()
    assert line.endswith("Z WARNING - stopping: requests that were ended before their answer was whole: 1")
    assert status in (0, -first)


def test_a_request_without_an_answer_is_told_too(tmp_path, stalling):
    emulator, upstream = stalling
    emulator.faults = striking("never_answers")
    with serving(tmp_path, FREEROUTER_UPSTREAM=upstream, OPENROUTER_API_KEY=KEY) as server:
        answers = []
        asking = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{server.base}/chat/completions", json=ask(), timeout=20))
        )
        asking.start()
        until(lambda: emulator.completions, 10)
        for _ in range(2):
            server.popen.send_signal(signal.SIGTERM)
            until(lambda: refuses((httpx.URL(server.url).host, httpx.URL(server.url).port)))
        asking.join(LONG)
        server.popen.wait(LONG)
        assert "Traceback" not in server.popen.stderr.read()
    assert (answers[0].status_code, answers[0].headers["retry-after"]) == (429, "1")
    assert "the server is stopping" in answers[0].json()["error"]["message"]


def test_what_outlasts_the_drain_is_ended(stalling, monkeypatch, caplog):
    monkeypatch.setattr(running, "_DRAIN", 0.3)
    app = App(Router(Settings(upstream=stalling[1], api_key=KEY), CATALOG))
    with listening.listen("127.0.0.1", 0) as listener:
        server = running.Server(running.configure(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        url = listening.url_of(listener)
        thread.start()
        with httpx.stream("POST", f"{url}/v1/chat/completions", json=ask(stream=True), timeout=20) as reply:
            chunks = reply.iter_bytes()
            received = next(chunks)
            server.should_exit = True
            received += b"".join(chunks)
        thread.join(LONG)
    assert b"the server is stopping" in received
    assert [record.message for record in caplog.records if "stopping" in record.message] == [
        "stopping: requests that were ended before their answer was whole: 1"
    ]


def test_the_end_of_the_terminal_is_ignored_where_it_is_to_be(tmp_path):
    script = (
        "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); from freerouter.__main__ import main; main()"
    )
    command = [sys.executable, "-c", script, "serve", "--emulate", "--port", "0"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as popen:
        while "Ctrl-C" not in popen.stderr.readline():
            pass
        popen.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            popen.wait(0.5)
        popen.kill()
