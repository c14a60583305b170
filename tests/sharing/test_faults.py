"""A store that is lost, slow, empty, full, read-only or locked: no request fails because of it, and it comes back."""

import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from freerouter import FreeRouter, Settings
from freerouter.emulator import Emulator
from freerouter.pipeline import joining
from freerouter.replies.verdicts import Gate
from freerouter.sharing.file_store import FileStore
from freerouter.sharing.slots import PATIENCE
from freerouter.sharing.stores import StoreError
from tests.sharing.servers import RedisServer, Wanted, free_port
from tests.sharing.workers import all_do
from tests.stage import KEY, until


@contextlib.contextmanager
def killed(server):
    server.kill()
    yield
    server.start()


@contextlib.contextmanager
def paused(server):
    server.pause()
    yield
    server.go_on()


@contextlib.contextmanager
def configured(server, name, value, former):
    with server.client() as client:
        client.config_set(name, value)
        yield
        client.config_set(name, former)


@contextlib.contextmanager
def read_only(server):
    with server.client() as client:
        client.config_set("replica-serve-stale-data", "yes")
        client.replicaof("127.0.0.1", free_port())
        yield
        client.replicaof("no", "one")


@contextlib.contextmanager
def flushed(server):
    with server.client() as client:
        client.flushall()
        yield


@contextlib.contextmanager
def locked_out(server):
    with server.client() as client:
        client.config_set("requirepass", "another")
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        yield
        client.config_set("requirepass", "")


FAULTS = {
    "killed": (killed, "cannot be reached"),
    "stopped": (paused, "does not answer in time"),
    "out of memory": (lambda server: configured(server, "maxmemory", "1", "0"), "is out of memory"),
    "read-only": (read_only, "is read-only"),
    "another password": (locked_out, "refuses the password"),
    "flushed": (flushed, ""),
}


@pytest.mark.parametrize(
    ("own_redis", "fault"),
    [*[("redis", fault) for fault in FAULTS], *[("valkey", fault) for fault in ("killed", "stopped", "flushed")]],
    indirect=["own_redis"],
)
def test_no_request_fails_because_of_redis_and_it_comes_back_by_itself(workers, own_redis, tmp_path, fault):
    bring, _ = FAULTS[fault]
    emulator = Emulator(seed=1, per_minute=None, per_day=None)
    given = {"shared_state": own_redis.url, "cache_dir": str(tmp_path), "api_key": KEY, "requests_per_minute": 1000}
    with emulator.running() as url:
        assert all_do(workers[:2], "open", upstream=url, patience=PATIENCE, **given) == ["", ""]
        all_do(workers[:2], "send")
        for worker in workers[:2]:
            worker.tell("load", seconds=0.6)
        time.sleep(0.1)  # in the midst of it
        with bring(own_redis):
            found = [one for worker in workers[:2] for one in worker.hear()]
        assert [one for one in found if "error" in one] == []
        assert len(found) > 4
        assert None not in all_do(workers[:2], "works")
        assert all("model" in one for one in all_do(workers[:2], "send"))


@pytest.fixture
def client(own_redis, upstream, tmp_path):
    settings = Settings(upstream=upstream, api_key=KEY, shared_state=own_redis.url, requests_per_minute=1000)
    with FreeRouter(settings=settings) as client:
        until(lambda: not client._joined.status().trouble)
        yield client


def said(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "freerouter" and "shared" in record.msg]


@pytest.mark.parametrize("fault", [fault for fault, (_, words) in FAULTS.items() if words])
def test_what_is_wrong_is_logged_once_a_change(client, own_redis, caplog, fault):
    caplog.set_level(logging.WARNING)
    bring, words = FAULTS[fault]
    status = client._joined.status
    with bring(own_redis):
        for _ in range(4):
            assert client.chat.send("Hello").text
        until(lambda: words in status().trouble, 8)
        client.chat.send("Hello")
    again = f"shared state: again over Redis {own_redis.url}"
    until(lambda: said(caplog)[-1] == again, 20)
    messages = said(caplog)
    assert any(words in message for message in messages)
    assert all(message.startswith(f"shared state: Redis {own_redis.url} ") for message in messages[:-1])
    assert len(messages) == len(set(messages))


def test_without_a_server_a_start_says_so_and_goes_on(upstream, caplog):
    url = f"redis://someone:secret@127.0.0.1:{free_port()}/0"
    with FreeRouter(settings=Settings(upstream=upstream, api_key=KEY, shared_state=url)) as client:
        assert client.chat.send("Hello").text
    assert len(said(caplog)) == 1
    assert "cannot be reached: this process goes on by itself" in said(caplog)[0]
    assert "secret" not in caplog.text


def test_a_wrong_password_is_named_and_not_shown(tmp_path, upstream, caplog):
    server = RedisServer(tmp_path, "redis", "--requirepass", "right")
    try:
        url = server.url.replace("//", "//:wrong@")
        with FreeRouter(settings=Settings(upstream=upstream, api_key=KEY, shared_state=url)) as client:
            assert client.chat.send("Hello").text
            assert client._joined.status().trouble == "refuses the password"
        assert "wrong" not in caplog.text
        right = server.url.replace("//", "//:right@")
        assert joining.look(Settings(shared_state=right)).trouble == ""
    finally:
        server.kill()


def test_what_was_learnt_without_the_store_is_told_when_it_is_back(client, own_redis, upstream):
    router = client.router
    own_redis.kill()
    with router.lock:
        router.endpoint.allowances.close("someone", Gate.DAY, 500.0)
        router.news.shut("someone")
    own_redis.start()
    until(lambda: not client._joined.status().trouble, 10)
    with FreeRouter(settings=router.settings) as other:
        until(lambda: other.router.gate("someone") is not None, 5)


# The file.

WRITER = """
import sys, time
from pathlib import Path
from freerouter.sharing.facts import Told
from freerouter.sharing.file_store import FileStore
from types import SimpleNamespace
from freerouter.sharing.stores import StoreError
store = FileStore(Path(sys.argv[1]), sys.argv[2], patience=5.0)
number = 0
while True:
    try:
        if not number:
            store.connect()
            print("ready", flush=True)
        number += 1
        store.take(SimpleNamespace(account=f"busy {sys.argv[2]}", number=number, limit=100))
        store.publish([Told(f"{number % 50}", b'["cooled",["a"],1]', 100.0, 0.0, over=False)])
    except StoreError as error:
        assert str(error) == "does not answer in time", error
    time.sleep(0.0005)
"""


def has_written(store, name):
    """Whether a writer has taken places besides our own."""
    return len(store.take(Wanted(f"busy {name}", 0, 100)).taken) > 2


def test_processes_that_are_killed_in_the_midst_of_writing_leave_a_file_that_can_be_used(tmp_path):
    path = tmp_path / "shared.sqlite3"
    store = FileStore(path, "me", patience=5.0)
    store.connect()
    for number in range(3):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"{number}-{each}"], stdout=subprocess.PIPE)
            for each in range(2)
        ]
        for writer in writers:
            assert writer.stdout.readline() == b"ready\n"
        for each in range(2):
            until(partial(has_written, store, f"{number}-{each}"))  # in the midst of it
        assert store.take(Wanted("me", number, 3)).granted
        for writer in writers:
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()
            writer.stdout.close()
    assert not store.take(Wanted("me", 3, 3)).granted
    assert all(has_written(store, f"{number}-{each}") for number in range(3) for each in range(2))
    assert len(store.snapshot()) > 1
    store.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]


def test_a_damaged_file_is_replaced(tmp_path):
    path = tmp_path / "shared.sqlite3"
    path.write_bytes(b"no database " * 1000)
    store = FileStore(path, "me")
    store.connect()
    assert store.take(Wanted("me", 0, 1)).granted
    store.close()


def spoil(path):
    """Overwrite all of a file but its first page, which tells that it is a database."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))


def test_a_file_that_is_damaged_while_it_is_used_is_replaced(tmp_path):
    path = tmp_path / "shared.sqlite3"
    first = FileStore(path, "first")
    first.connect()
    first.close()
    spoil(path)
    store = FileStore(path, "me")
    with pytest.raises(StoreError, match="is damaged"):
        store.connect()
    store.connect()
    assert store.take(Wanted("me", 0, 1)).granted
    store.close()


def test_processes_whose_file_was_removed_meet_again_in_the_next_one(tmp_path):
    path = tmp_path / "shared.sqlite3"
    one, other = FileStore(path, "one", patience=5.0), FileStore(path, "other", patience=5.0)
    one.connect()
    path.unlink()
    other.connect()
    with pytest.raises(StoreError, match="was removed"):
        one.check()
    one.connect()
    assert one.take(Wanted("me", 0, 1)).granted
    assert not other.take(Wanted("me", 0, 1)).granted
    one.close()
    other.close()


@pytest.mark.parametrize("folder", ["a file", "nothing below"])
def test_a_folder_that_cannot_be_used_is_said_and_no_more(tmp_path, upstream, caplog, folder):
    place = tmp_path / "file"
    place.write_text("")
    place = place if folder == "a file" else place / "below"
    with FreeRouter(
        settings=Settings(upstream=upstream, api_key=KEY, shared_state="auto", cache_dir=str(place))
    ) as client:
        assert client.chat.send("Hello").text
    assert "shared state: the file" in said(caplog)[0]
    assert "this process goes on by itself" in said(caplog)[0]


def test_a_file_that_another_process_holds_does_not_hold_up_a_request(tmp_path, upstream):
    settings = Settings(upstream=upstream, api_key=KEY, shared_state="auto", cache_dir=str(tmp_path))
    with FreeRouter(settings=settings) as client:
        client.chat.send("Hello")
        (path,) = Path(tmp_path).glob("shared-*.sqlite3")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("begin immediate")
            started = time.monotonic()
            assert client.chat.send("Hello").text
            assert time.monotonic() - started < 1
            assert client._joined.status().unanswered >= 1
            other.execute("rollback")
        assert client.chat.send("Hello").text


def test_the_file_is_for_its_owner_alone(tmp_path):
    store = FileStore(tmp_path / "shared.sqlite3", "me")
    store.connect()
    assert (tmp_path / "shared.sqlite3").stat().st_mode & 0o077 == 0
    store.close()
