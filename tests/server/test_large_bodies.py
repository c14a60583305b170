"""Large bodies: how many there are at once, what becomes of them, and that others are served meanwhile."""

import gc
import json
import resource
import socket
import threading
import time
import tracemalloc
from pathlib import Path

import httpx
import pytest

from freerouter.pipeline import planning
from freerouter.server import Limits
from tests.server.processes import serving
from tests.server.stage import JSON, ask, posted, raw, served, statuses
from tests.stage import until

MEGABYTES = 5 * 2**20


def filled(size: int, **fields) -> bytes:
    return json.dumps(ask(**fields) | {"metadata": "x" * size}).encode()


REFUSED = {
    "no JSON": (b'{"messages": ["' + b"x" * MEGABYTES, 400),
    "could cost money": (filled(MEGABYTES, model="openai/gpt-5"), 400),
    "makes no sense": (filled(MEGABYTES, messages=[]), 400),
    "cannot be written": (filled(MEGABYTES).replace(b'"metadata"', b'"temperature":1e999,"metadata"'), 400),
    "too long": (filled(2 * MEGABYTES, messages=[{"role": "user", "content": "a b " * MEGABYTES}]), 404),
}


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    ("path", "kind"),
    [*[("/api/v1/chat/completions", kind) for kind in REFUSED]]
    + [("/explain", kind) for kind in ("no JSON", "could cost money", "makes no sense")],
)
def test_nothing_keeps_a_refused_body_though_nobody_collects_garbage(server, no_collector, kind, path):
    body, status = REFUSED[kind]
    assert server.http.post(path, content=body, headers=JSON).status_code == status
    tracemalloc.start()
    for _ in range(12):
        assert server.http.post(path, content=body, headers=JSON).status_code == status
    until(lambda: server.app._held.bytes == 0)
    # The answer can be here before the last body is gone.
    until(lambda: tracemalloc.get_traced_memory()[0] < MEGABYTES)
    tracemalloc.stop()


def resident(pid: int) -> int:
    """Bytes of a process that are in memory (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_the_memory_of_the_process_does_not_grow_by_refused_bodies(tmp_path):
    body, status = REFUSED["could cost money"]
    with serving(tmp_path, "--emulate") as server, httpx.Client(timeout=20) as http:

        def refuse(times: int) -> int:
            for _ in range(times):
                answer = http.post(f"{server.base}/chat/completions", content=body, headers=JSON)
                assert answer.status_code == status
            return resident(server.popen.pid)

        before = refuse(4)
        assert refuse(20) - before < 6 * MEGABYTES


def test_bodies_have_a_total(upstream, emulator):
    with served(upstream, limits=Limits(bodies=3000)) as server:
        assert server.http.post("/api/v1/chat/completions", content=filled(3000), headers=JSON).status_code == 429
        with socket.create_connection(server.address) as slow:
            slow.sendall(posted(b'{"mess' + b" " * 2000, "content-length: 2500"))
            until(lambda: server.app._held.bytes > 2000)
            for body in (filled(1500), iter([filled(1500)])):
                answer = server.http.post("/api/v1/chat/completions", content=body, headers=JSON)
                assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
                assert "bodies_in_flight" in answer.json()["error"]["message"]
            assert server.ask().status_code == 200
        until(lambda: server.app._held.bytes == 0)
        assert server.http.post("/api/v1/chat/completions", content=filled(1500), headers=JSON).status_code == 200
    assert len(emulator.completions) == 2


def test_what_fits_no_context_is_not_even_parsed(server, emulator, monkeypatch):
    parsed = []
    monkeypatch.setattr(planning, "parse", lambda body: parsed.append(len(body)))
    answer = server.http.post("/api/v1/chat/completions", content=REFUSED["too long"][0], headers=JSON)
    assert (answer.status_code, parsed) == (404, [])
    assert "the largest context" in answer.json()["error"]["message"]
    assert not emulator.completions


def test_a_large_picture_is_no_long_prompt(server):
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'iVBOR/' * 2_000_000}"}}
    assert server.ask(messages=[{"role": "user", "content": [picture]}]).status_code == 200


def test_others_are_served_while_a_large_body_is_read(server, monkeypatch):
    reading, others_done = threading.Event(), threading.Event()
    parse = planning.parse

    def slow(body):
        if len(body) > MEGABYTES:
            reading.set()
            assert others_done.wait(10)
        return parse(body)

    monkeypatch.setattr(planning, "parse", slow)
    large = threading.Thread(
        target=httpx.post,
        args=(f"{server.url}/api/v1/chat/completions",),
        kwargs={"content": filled(MEGABYTES, model="openai/gpt-5"), "headers": JSON, "timeout": 20},
    )
    large.start()
    assert reading.wait(10)
    assert server.http.get("/health").status_code == 200
    assert server.ask().status_code == 200
    others_done.set()
    large.join()


def test_a_million_keys_do_not_stop_the_others(server):
    keys = json.dumps(ask() | {"metadata": {f"k{n}": n % 7 for n in range(1_000_000)}}).encode()
    done, longest = threading.Event(), [0.0]

    def look():
        with httpx.Client(base_url=server.url) as http:
            while not done.is_set():
                started = time.perf_counter()
                assert http.get("/health").status_code == 200
                longest[0] = max(longest[0], time.perf_counter() - started)

    watcher = threading.Thread(target=look)
    watcher.start()
    begun = time.perf_counter()
    received = raw(server.address, posted(keys), seconds=60)
    took = time.perf_counter() - begun
    done.set()
    watcher.join()
    assert statuses(received) == [404]
    assert longest[0] < took / 2  # whoever waits for it waits nearly as long
