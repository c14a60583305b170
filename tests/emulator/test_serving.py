import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
import warnings
from subprocess import PIPE

import httpx
import pytest

from freerouter.emulator import Emulator
from tests.emulator.conftest import KEY, NOON, calling

BODY = {"model": "openai/gpt-oss-20b:free", "messages": [{"role": "user", "content": "Hello"}]}


def until(condition, seconds: float = 30) -> float:
    """Wait until the condition holds; return how long that took."""
    start = time.perf_counter()
    while not condition():
        assert time.perf_counter() - start < seconds
        time.sleep(0.001)
    return time.perf_counter() - start


def test_the_record_shows_the_request_as_it_arrived(caller, emulator):
    raw = b'{"messages":[{"role":"user","content":"H\\u00e9"}], "model":"openai/gpt-oss-20b:free", "new": 1e2}'
    caller.http.post("chat/completions?x=1", content=raw, headers={"X-Title": "Me"})
    (received,) = emulator.requests
    assert (received.method, received.path) == ("POST", "/api/v1/chat/completions")
    assert received.body == raw
    assert received.json == json.loads(raw)
    assert received.model == "openai/gpt-oss-20b:free"
    assert received.headers["x-title"] == "Me"
    assert (received.status, received.fault, received.closed, received.at) == (200, None, "finished", NOON)


def test_completions_are_told_from_the_rest(caller, emulator):
    caller.get("models")
    caller.chat()
    assert [r.path for r in emulator.requests] == ["/api/v1/models", "/api/v1/chat/completions"]
    assert emulator.completions == emulator.requests[1:]


def test_the_record_can_be_fetched_without_the_key(caller, emulator):
    caller.chat()
    caller.http.post("embeddings", content=b"\xff no JSON", headers={"x-api-key": "secret"})
    response = caller.http.get(caller.http.base_url.copy_with(path="/_requests"))
    first, second = response.json()
    assert first["body"]["model"] == "nvidia/nemotron-3-nano-30b-a3b:free"
    assert first["headers"]["authorization"] == "[redacted]"
    assert second["body"].endswith("no JSON")
    assert "secret" not in response.text
    assert len(emulator.requests) == 2


def test_the_record_shows_what_is_hardly_json(caller, emulator):
    caller.http.post("chat/completions", content=b'{"model": "\\ud800"}')
    caller.http.post("chat/completions", content=b'{"seed": NaN}')
    first, second = caller.http.get(caller.http.base_url.copy_with(path="/_requests")).json()
    assert first["model"] == "\ud800"
    assert second["body"] == '{"seed": NaN}'


def test_connections_are_counted(emulator):
    with emulator.running() as url:
        with httpx.Client(base_url=url, headers=KEY, verify=False) as http:
            http.get("models")
            http.get("models")
            assert emulator.open_connections == 1
        until(lambda: emulator.open_connections == 0)


def test_a_client_that_goes_away_is_noticed(clock):
    emulator = Emulator(clock=clock, chunk_delay=0.005)
    with calling(emulator) as caller:
        with caller.http.stream("POST", "chat/completions", json=BODY | {"stream": True}) as response:
            pieces = response.iter_raw()  # dropped, it would close the stream
            assert next(pieces)
            assert emulator.requests[0].closed == ""
        until(lambda: emulator.requests[0].closed == "client gone")


def test_a_client_that_goes_away_while_it_sends_leaves_no_trace(emulator):
    with emulator.running() as url:
        with socket.create_connection(("127.0.0.1", httpx.URL(url).port)) as sock:
            sock.sendall(b"POST /api/v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
            until(lambda: emulator.open_connections == 1)
        until(lambda: emulator.open_connections == 0)
        assert emulator.requests == []


def test_stopping_is_prompt_even_with_streams_open(clock):
    emulator = Emulator(clock=clock, chunk_delay=0.5)  # the rest would take far longer than is allowed here
    with httpx.Client(headers=KEY, verify=False) as http:
        with emulator.running() as url:
            request = http.build_request("POST", f"{url}/chat/completions", json=BODY | {"stream": True})
            response = http.send(request, stream=True)
            pieces = response.iter_raw()
            assert next(pieces)
            start = time.perf_counter()
        assert time.perf_counter() - start < 3
        assert emulator.requests[0].closed == "stopped"
        response.close()


def test_it_can_run_again_and_again_without_a_warning(capfd):
    emulator = Emulator()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            with calling(emulator) as caller:
                assert caller.chat().status_code == 200
    assert capfd.readouterr() == ("", "")


def test_rubbish_is_answered_quietly(emulator, capfd):
    with emulator.running() as url, socket.create_connection(("127.0.0.1", httpx.URL(url).port)) as sock:
        sock.sendall(b"rubbish\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 400")
    assert capfd.readouterr() == ("", "")


def test_a_port_that_is_taken_is_an_error_for_the_caller(emulator):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running = emulator.running(port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            running.__enter__()


def test_serve_runs_until_ctrl_c():
    program = (
        "from freerouter.emulator import Emulator; Emulator().serve(port=0, ready=lambda url: print(url, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=PIPE, stderr=PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/models", verify=False).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=5) == ("", "")
    assert process.returncode == 0


def test_the_app_works_without_a_socket(emulator):
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(emulator.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://emulator/api/v1", headers=KEY) as http:
            return await http.post("chat/completions", json=BODY)

    assert asyncio.run(ask()).json()["model"] == "openai/gpt-oss-20b:free"


def test_head_has_no_body(caller):
    response = caller.http.head("models")
    assert response.status_code == 200
    assert response.content == b""
