"""Nothing holds up an event loop: every async way in, with stores that hang; seen by what its thread calls."""

import asyncio
import contextlib
import json
import os
import re
import socket
import sqlite3
import sys
import threading
import time
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest

import freerouter
from freerouter import AsyncFreeRouter, AsyncRoutingTransport, Router, Settings
from freerouter.batch import AsyncBatch
from freerouter.network.disk_cache import CatalogCopy, path_for
from freerouter.pipeline import joining
from freerouter.replies.verdicts import Gate
from freerouter.server import App
from freerouter.sharing import redis_store, sqlite_file
from freerouter.sharing.file_store import FileStore
from freerouter.sharing.slots import MOST_SLOTS
from tests.sharing.servers import free_port
from tests.stage import BODY, CATALOG, KEY, until
from tests.sync_async import Client


class Watch:
    """Notes what would hold up the event loop of one thread: waiting for a thread, the network or a disk.

    Times say little on a busy machine; what is called says it at once.
    """

    def __init__(self, monkeypatch) -> None:
        self.seen: list[str] = []
        self._thread = 0
        for owner, name in ((threading.Condition, "wait"), (threading.Thread, "join"), (time, "sleep")):
            monkeypatch.setattr(owner, name, self._noting(name, getattr(owner, name)))
        _WATCHING.append(self)

    def begin(self) -> None:
        self._thread = threading.get_ident()

    def end(self) -> None:
        self._thread = 0

    def _noting(self, name, call):
        def note(*given, **more):
            if 0 not in given and not _starts_a_thread(sys._getframe(1)):
                self.note(name)
            return call(*given, **more)

        return note

    def note(self, what: str) -> None:
        if threading.get_ident() == self._thread:
            self.seen.append(f"{what} in {_caller()}")

    def audit(self, event: str, given: tuple) -> None:
        if threading.get_ident() == self._thread and event in _AUDITED and _AUDITED[event](*given):
            self.note(f"{event} {given[-1] if event != 'open' else given[0]}")


def _starts_a_thread(frame) -> bool:
    """It waits until the thread runs, which is what a worker thread for the loop costs, too."""
    return frame.f_back is not None and frame.f_back.f_code is threading.Thread.start.__code__


def _caller() -> str:
    """The nearest function of freerouter on the stack."""
    frame = sys._getframe(1)
    while frame is not None and "/freerouter/" not in frame.f_code.co_filename.replace(os.sep, "/"):
        frame = frame.f_back
    return "another package" if frame is None else f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}"


def _writes(_path, _mode, flags) -> bool:
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


# Events of Python's own, each with a condition: those that go over a disk or the network.
_AUDITED = {
    "open": _writes,
    "os.rename": lambda *_: True,
    "socket.connect": lambda connection, _address: connection.gettimeout() != 0,
    "socket.getaddrinfo": lambda *_: True,
    "sqlite3.connect": lambda *_: True,
}
_WATCHING: list[Watch] = []


def _hook(event, given):
    for watch in _WATCHING:
        watch.audit(event, given)


sys.addaudithook(_hook)  # there is no way to remove one


@pytest.fixture
def watch(monkeypatch):
    watch = Watch(monkeypatch)
    yield watch
    _WATCHING.remove(watch)


# Stores that hang.


@pytest.fixture
def soon(monkeypatch):
    """A store gives up sooner, so that the end of a test need not wait for it."""
    for module in (sqlite_file, redis_store):
        monkeypatch.setattr(module, "_TIMEOUT", 0.3)


@contextlib.contextmanager
def silent(_request, _settings):
    """A listener that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


@contextlib.contextmanager
def stopped(request, _settings):
    server = request.getfixturevalue("own_redis")
    server.pause()
    yield server.url


@contextlib.contextmanager
def missing(_request, _settings):
    yield f"redis://127.0.0.1:{free_port()}/0"


@contextlib.contextmanager
def held(_request, settings):
    """A file that another process writes to for ever."""
    path = path_for(settings, "shared", settings.upstream, "sqlite3")
    FileStore(path, "another").connect()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield "auto"


STORES = {"silent": silent, "stopped": stopped, "missing": missing, "held": held}


# Ways in: each is made, used and closed on the loop.


async def client(settings, _folder):
    async with AsyncFreeRouter(settings=settings) as router:
        assert (await router.chat.send("Hello")).text
        async with router.chat.stream("Hello") as stream:
            assert [chunk async for chunk in stream]
        assert await router.models.list()
        assert await router.explain(BODY)


async def transport(settings, _folder):
    async with httpx.AsyncClient(transport=AsyncRoutingTransport(settings=settings)) as client:
        assert (await client.post(f"{settings.upstream}/chat/completions", json=BODY)).status_code == 200


async def server(settings, _folder):
    app = App(Router(settings))
    told, said = asyncio.Queue(), asyncio.Queue()
    life = asyncio.ensure_future(app({"type": "lifespan"}, told.get, said.put))
    await told.put({"type": "lifespan.startup"})
    await said.get()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        assert (await client.post("/api/v1/chat/completions", json=BODY)).status_code == 200
        for path in ("/ready", "/metrics", "/api/v1/models", "/health"):
            assert (await client.get(path)).status_code == 200
    await told.put({"type": "lifespan.shutdown"})
    await life


async def batch(settings, folder):
    assert (await AsyncBatch(folder / "in.jsonl", folder / "out.jsonl", settings=settings).run()).answered == 1


WAYS = {"library.client": client, "transport": transport, "server.app": server, "batch.client": batch}
# A batch reads and writes, on the loop of its caller, the files that its caller names.
OWN_FILES = re.compile(r"(open|os\.rename|sqlite3\.connect) .* in freerouter\.batch\.")


def test_these_are_all_ways_in():
    root = Path(freerouter.__file__).parent
    found = {".".join(path.relative_to(root).with_suffix("").parts) for path in root.rglob("*.py") if _joins(path)}
    assert found == WAYS.keys()


def _joins(path):
    return re.search(r"^from .*joining import .*\bjoin\b", path.read_text(encoding="utf-8"), re.MULTILINE) is not None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("store", STORES)
def test_a_store_that_hangs_does_not_hold_up_an_event_loop(watch, soon, upstream, tmp_path, request, store, way):
    settings = Settings(upstream=upstream, api_key=KEY, requests_per_minute=1000)
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": BODY}
    (tmp_path / "in.jsonl").write_text(json.dumps(line) + "\n")

    async def use():
        watch.begin()
        try:
            await WAYS[way](Settings.adjusted(settings, shared_state=url), tmp_path)
        finally:
            watch.end()

    with STORES[store](request, settings) as url:
        asyncio.run(use())
    assert [seen for seen in watch.seen if not OWN_FILES.match(seen)] == []


@pytest.mark.parametrize(
    "hold",
    [
        lambda: threading.Event().wait(0.001),
        lambda: time.sleep(0.001),
        lambda: joining.look(Settings(shared_state=f"redis://127.0.0.1:{free_port()}/0")),
    ],
)
def test_what_holds_up_a_loop_is_seen(watch, hold):
    watch.begin()
    hold()
    watch.end()
    assert watch.seen != []


# What others know.


@pytest.fixture
def slowly_read(monkeypatch):
    """A store that takes a moment to be read; a first request must not be decided before."""
    read = FileStore.snapshot

    def snapshot(store):
        time.sleep(0.1)
        return read(store)

    monkeypatch.setattr(FileStore, "snapshot", snapshot)
    monkeypatch.setattr(joining, "_PATIENCE", 10.0)  # the machine may be slow, too


@pytest.mark.parametrize("way", ["sync", "async"])
def test_the_first_request_knows_what_others_have_learnt(way, upstream, slowly_read):
    limit = MOST_SLOTS + 1  # with a slot it would be told that the day is used up
    settings = Settings(upstream=upstream, api_key=KEY, shared_state="auto", requests_per_minute=limit)
    with freerouter.FreeRouter(settings=settings) as other:
        account = freerouter.openrouter.headers.caller([("authorization", f"Bearer {KEY}")]).account
        with other.router.lock:
            other.router.endpoint.allowances.close(account, Gate.DAY, 500.0)
            other.router.news.shut(account)
        until(lambda: other._joined.status().sent)
    with pytest.raises(freerouter.AllowanceExhaustedError):
        Client(way, router=Router(settings, CATALOG)).send()


@pytest.mark.parametrize("make", [AsyncFreeRouter, AsyncRoutingTransport, freerouter.FreeRouter])
def test_constructing_does_not_wait_for_the_store(watch, make, upstream, slowly_read):
    watch.begin()
    made = make(settings=Settings(upstream=upstream, api_key=KEY, shared_state="auto"))
    watch.end()
    assert watch.seen == []
    assert made._joined.status().trouble == "is not connected yet"
    made._joined.close()


def test_a_list_of_models_on_disk_is_read_off_the_loop(monkeypatch, upstream):
    settings = Settings(upstream=upstream, api_key=KEY)
    with freerouter.FreeRouter(settings=settings) as router:
        router.models.list()
    until(CatalogCopy(settings, account=False).path.exists)
    threads, read = [], CatalogCopy.read
    monkeypatch.setattr(CatalogCopy, "read", lambda copy: threads.append(threading.current_thread()) or read(copy))

    async def ask():
        async with AsyncFreeRouter(settings=settings) as router:
            await asyncio.gather(*[router.models.list() for _ in range(5)])

    asyncio.run(ask())
    assert len(threads) == 1, "once for all who wait"
    assert threads[0] is not threading.main_thread()


def test_a_slot_does_not_wait_for_the_threads_of_the_program(upstream):
    done, settings = threading.Event(), Settings(upstream=upstream, api_key=KEY, shared_state="auto")

    async def ask():
        async with AsyncFreeRouter(settings=settings) as router, anyio.create_task_group() as group:
            for _ in range(int(anyio.to_thread.current_default_thread_limiter().total_tokens)):
                group.start_soon(anyio.to_thread.run_sync, done.wait)
            try:
                with anyio.fail_after(10):
                    assert (await router.chat.send("Hello")).text
            finally:
                done.set()

    asyncio.run(ask())


def test_the_end_does_not_wait_for_the_threads_of_the_program(upstream):
    done, settings = threading.Event(), Settings(upstream=upstream, api_key=KEY, shared_state="auto")

    async def leave():
        router = AsyncFreeRouter(settings=settings)
        async with anyio.create_task_group() as group:
            for _ in range(int(anyio.to_thread.current_default_thread_limiter().total_tokens)):
                group.start_soon(anyio.to_thread.run_sync, done.wait)
            await anyio.lowlevel.checkpoint()
            group.start_soon(_set_later, done)
            await router.close()
            left_before = not done.is_set()
            done.set()
            group.cancel_scope.cancel()
        return left_before

    assert asyncio.run(leave())


async def _set_later(done):
    await anyio.sleep(10)
    done.set()
