"""``freerouter serve`` as a user starts and stops it."""

import signal
import socket
from pathlib import Path

import httpx
import pytest

import freerouter
from freerouter.emulator import Emulator
from tests.server.processes import LONG, refused, serving
from tests.server.stage import ask
from tests.stage import KEY, until


@pytest.fixture
def slow():
    """An emulator that streams slowly."""
    emulator = Emulator(seed=1, per_minute=None, per_day=None, chunk_delay=0.05)
    with emulator.running() as url:
        yield emulator, url


def test_it_needs_neither_key_nor_network_when_emulating(tmp_path):
    with serving(tmp_path, "--emulate") as server:
        answers = [httpx.post(f"{server.base}/chat/completions", json=ask()) for _ in range(25)]
        assert {answer.status_code for answer in answers} == {200}
        assert len(server.received) == 25
        server.popen.send_signal(signal.SIGINT)
        assert server.popen.wait(LONG) == 0
        assert server.popen.stderr.read() == ""
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)])
def test_a_stream_is_finished_before_it_stops_and_no_new_one_begins(tmp_path, slow, number, status):
    emulator, upstream = slow
    with serving(tmp_path, FREEROUTER_UPSTREAM=upstream, OPENROUTER_API_KEY=KEY) as server:
        address = httpx.URL(server.url).host, httpx.URL(server.url).port
        with httpx.stream("POST", f"{server.base}/chat/completions", json=ask(stream=True)) as response:
            chunks = response.iter_bytes()
            received = next(chunks)
            server.popen.send_signal(number)
            until(lambda: refuses(address))
            assert server.popen.poll() is None
            received += b"".join(chunks)
        assert received.endswith(b"data: [DONE]\n\n")
        assert server.popen.wait(5) == status
        assert server.popen.stderr.read() == ""
    assert emulator.completions[-1].closed == "finished"


def refuses(address) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return True
    return False


def test_an_idle_connection_does_not_keep_it_from_stopping(tmp_path):
    with serving(tmp_path, "--emulate") as server, httpx.Client(base_url=server.url) as http:
        assert http.get("/health").status_code == 200
        server.popen.send_signal(signal.SIGTERM)
        server.popen.wait(5)


def test_a_port_in_use_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused(tmp_path, "--emulate", "--port", str(port))
    assert said == (1, f"freerouter: port {port} of 127.0.0.1 cannot be used: Address already in use\n")


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--host", "0.0.0.0"], {}, "--token"),
        (["--host", "0.0.0.0", "--token", " "], {}, "--token"),
        (["--host", "203.0.113.1", "--token", "t" * 16], {}, "Cannot assign requested address"),
        (["--host", "no-such-host.invalid", "--token", "t" * 16], {}, "cannot be used"),
        (["--port", "8788"], {"FREEROUTER_UPSTREAM": "http://localhost:8788/api/v1"}, "this server itself"),
        ([], {"FREEROUTER_UPSTREAM": "http://example.test"}, "must be https"),
        ([], {"FREEROUTER_MAX_ATTEMPTS": "0"}, "FREEROUTER_MAX_ATTEMPTS"),
        (["--map", "claude"], {}, "glob=name"),
        ([], {"OPENROUTER_API_KEY": f"{KEY} with blanks"}, "copy the key again"),
    ],
)
def test_what_it_cannot_start_with_is_one_line(tmp_path, arguments, environment, words):
    status, said = refused(tmp_path, *arguments, **environment)
    *_, last = said.splitlines()
    assert (status, last.startswith("freerouter: ")) == (1, True)
    assert words in last
    assert "Traceback" not in said
    assert KEY not in said


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", f"{KEY} and more".encode()])
def test_a_key_file_without_a_key(tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    status, said = refused(tmp_path, "--key-file", "key")
    assert status in (1, 2)
    assert "key" in said
    assert "Traceback" not in said
    assert KEY not in said


def test_the_key_comes_from_a_file_and_is_seen_by_openrouter_alone(tmp_path, slow):
    emulator, upstream = slow
    (tmp_path / "key").write_text(f"{KEY}\n")
    environment = {"FREEROUTER_UPSTREAM": upstream, "OPENROUTER_API_KEY": "sk-or-another"}
    with serving(tmp_path, "--key-file", "key", **environment) as server:
        answer = httpx.post(f"{server.base}/chat/completions", json=ask())
        shown = answer.text + str(answer.headers) + httpx.get(f"{server.url}/metrics").text
        server.popen.send_signal(signal.SIGINT)
        assert server.popen.wait(LONG) == 0
        shown += server.popen.stderr.read()
    assert emulator.completions[-1].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in shown
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "key"]
    assert kept, "a copy of the list of models"
    assert not any(KEY.encode() in path.read_bytes() for path in kept)


def test_the_token_comes_from_the_environment(tmp_path):
    with serving(tmp_path, "--emulate", FREEROUTER_TOKEN="let-me-in") as server:
        assert httpx.get(f"{server.base}/models").status_code == 401
        assert httpx.get(f"{server.base}/models", headers={"x-api-key": "let-me-in"}).status_code == 200


def test_what_is_said_on_the_command_line_holds(tmp_path):
    options = ["--cors", "http://lab.test:3000/", "--host-name", "Lab.Test", "--map", "gpt-*=free", "--map", "o4=free"]
    with serving(tmp_path, "--emulate", *options) as server:
        headers = {"host": "lab.test", "origin": "http://lab.test:3000"}
        for model in ("gpt-5", "o4"):
            answer = httpx.post(f"{server.base}/chat/completions", json=ask(model=model), headers=headers)
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, headers["origin"])
        assert httpx.get(f"{server.base}/models", headers={"host": "other.test"}).status_code == 403


def test_no_key_is_said_at_the_start(tmp_path, slow):
    with serving(tmp_path, FREEROUTER_UPSTREAM=slow[1]) as server:
        assert httpx.post(f"{server.base}/chat/completions", json=ask()).status_code == 401


def test_without_the_extra_one_line_says_what_to_install(tmp_path):
    (tmp_path / "aiohttp.py").write_text("raise ModuleNotFoundError('aiohttp')")
    path = f"{tmp_path}:{Path(freerouter.__file__).parents[1]}"
    status, said = refused(tmp_path, PYTHONPATH=path)
    assert (status, said.count("\n")) == (1, 1)
    assert "pip install 'freerouter-client[server]'" in said


def test_with_few_files_left_it_goes_on(tmp_path):
    """More connections than the process may open: some wait or are dropped, and afterwards all is well."""
    (tmp_path / "sitecustomize.py").write_text("import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (64, 64))")
    with serving(tmp_path, "--emulate", PYTHONPATH=f"{tmp_path}:{Path(freerouter.__file__).parents[1]}") as server:
        address = httpx.URL(server.url).host, httpx.URL(server.url).port
        crowd = [socket.create_connection(address) for _ in range(100)]
        for connection in crowd:
            connection.close()
        until(lambda: httpx.post(f"{server.base}/chat/completions", json=ask()).status_code == 200, 10)


def test_a_catalog_copy_survives_being_killed(tmp_path, slow):
    environment = {"FREEROUTER_UPSTREAM": slow[1], "OPENROUTER_API_KEY": KEY}
    for _ in range(2):
        with serving(tmp_path, **environment) as server:
            until(lambda: httpx.get(f"{server.url}/ready").status_code == 200, 10)
            server.popen.send_signal(signal.SIGKILL)
            server.popen.wait(5)
    (copy,) = tmp_path.rglob("models-*.json")
    assert b'"data"' in copy.read_bytes()
