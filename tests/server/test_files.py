"""File descriptors: how far they go, and that it is said when they end."""

import errno
import logging
import resource
import socket
from pathlib import Path

import httpx
import pytest

import freerouter
from freerouter.server import files
from tests.server.processes import serving
from tests.server.stage import ask
from tests.stage import until

SITE = "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, ({}, {}))"


def limited(folder: Path, soft: int, hard: int) -> dict[str, str]:
    (folder / "sitecustomize.py").write_text(SITE.format(soft, hard))
    return {"PYTHONPATH": f"{folder}:{Path(freerouter.__file__).parents[1]}"}


def test_the_soft_limit_is_raised_at_the_start(tmp_path):
    with serving(tmp_path, "--emulate", **limited(tmp_path, 64, 512)) as server:
        assert resource.prlimit(server.popen.pid, resource.RLIMIT_NOFILE) == (512, 512)


@pytest.mark.parametrize(("limit", "requests"), [(64, 5), (256, 69), (1024, 256), (65_536, 256)])
def test_requests_are_bounded_by_it(limit, requests):
    assert files.requests_within(limit, 256) == requests
    assert files.requests_within(limit, 256) * 2 <= limit
    assert files.requests_within(limit, 256) + files.connections_within(limit) <= limit


def test_running_out_is_said_and_those_who_are_here_go_on(tmp_path):
    with serving(tmp_path, "--emulate", **limited(tmp_path, 64, 64)) as server:
        address = httpx.URL(server.url).host, httpx.URL(server.url).port
        with httpx.Client(base_url=server.base) as http:
            assert http.post("/chat/completions", json=ask()).status_code == 200
            crowd = [socket.create_connection(address, timeout=5) for _ in range(40)]
            assert crowd[-1].recv(1000).startswith(b"HTTP/1.1 429 ")
            for _ in range(3):
                assert http.post("/chat/completions", json=ask()).status_code == 200
            for connection in crowd:
                connection.close()
        until(lambda: httpx.post(f"{server.base}/chat/completions", json=ask()).status_code == 200, 10)
        server.popen.terminate()
        (said,) = server.popen.stderr.read().splitlines()
    assert "Z WARNING - file descriptors run out: " in said
    assert "clients are connected; the limit of this process is 64: raise it (ulimit -n)" in said


def test_it_is_said_once_a_minute(caplog):
    now = [100.0]
    shortage = files.Shortage(lambda: now[0])
    with caplog.at_level(logging.WARNING, "freerouter"):
        for now[0] in (100.0, 101.0, 159.0, 160.0):
            shortage.tell_of(OSError(errno.EMFILE, "Too many open files"))
            shortage.tell_of(OSError(errno.ECONNREFUSED, "Connection refused"))
            shortage.tell_of(TimeoutError())
    assert len(caplog.messages) == 2
    assert "no connection to the upstream can be opened" in caplog.messages[0]
