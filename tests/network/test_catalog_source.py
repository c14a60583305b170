"""What a CatalogSource answers with, with and without network, copy and patience."""

import asyncio
import logging
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from freerouter import CatalogError, Settings
from freerouter.emulator import Emulator
from freerouter.network.catalog_source import CatalogSource
from tests.network.sources import AGE, NOON, ids, listing, serving, settled
from tests.stage import KEY, Upstream, in_threads

# What is at hand.


@pytest.mark.parametrize("age", [0, 1, AGE - 1])
def test_a_fresh_copy_is_served_at_once_without_network(stage, offline, age):
    stage.keep("a", age=age)
    assert ids(stage.source(offline).get()) == ["a"]
    assert not offline.requests


@pytest.mark.parametrize("age", [AGE, AGE + 1, 400 * 86_400, -2, -86_400], ids=str)
def test_a_stale_copy_and_one_from_the_future_are_served_while_one_refresh_runs(stage, age):
    stage.keep("a", "old", age=age)
    go_on = threading.Event()
    upstream = serving("a", "new")
    answer, upstream.reply = upstream.reply, lambda request: go_on.wait(5) and answer(request)
    source = stage.source(upstream)
    assert [ids(source.get()) for _ in range(10)] == [["a", "old"]] * 10
    go_on.set()
    settled(source)
    assert ids(source.get()) == ["a", "new"]
    assert len(upstream.requests) == 1


def test_what_was_fetched_is_served_for_its_age_and_then_fetched_anew(stage):
    upstream = serving("a")
    source = stage.source(upstream)
    for later, expected in [(0, 1), (AGE - 1, 1), (AGE, 2), (AGE + 1, 2), (2 * AGE, 3)]:
        stage.now = NOON + later
        source.get()
        settled(source)
        assert len(upstream.requests) == expected


def test_a_clock_that_is_set_back_does_not_keep_an_old_catalog_fresh(stage):
    upstream = serving("a")
    source = stage.source(upstream)
    source.get()
    stage.now -= 86_400
    source.get()
    settled(source)
    assert len(upstream.requests) == 2


def test_a_program_that_ends_soon_can_wait_for_the_refresh(stage, offline):
    stage.keep("a", "old", age=AGE)
    assert ids(stage.source(offline).latest(5)) == ["a", "old"]
    assert ids(stage.source(serving("a", "new")).latest(5)) == ["a", "new"]
    assert ids(stage.source(offline).latest(5)) == ["a", "new"]


# What may come instead of a catalog: the body, its status, and a word of the error.
NO_CATALOG = {
    "html": (b"<html><body>cloudflare</body></html>", 200, "HTML page"),
    "empty": (b"", 200, "empty"),
    "truncated": (listing("x", "y")[:-20], 200, "truncated after"),
    "no data": (b'{"models": []}', 200, "no list 'data'"),
    "no rows": (b'{"data": []}', 200, "no usable row"),
    "a list": (b"[]", 200, "no list 'data'"),
    "binary": (b"\xff\xfe\x00", 200, "not valid JSON"),
    "404": (listing("x"), 404, "status 404"),
    "500": (b"oops", 500, "status 500"),
    "a redirect": (b"", 307, "status 307"),
}
table = pytest.mark.parametrize(("body", "status", "word"), NO_CATALOG.values(), ids=NO_CATALOG)


@table
def test_what_is_no_catalog_is_an_error_that_says_what_it_was(stage, body, status, word):
    upstream = Upstream(lambda _: httpx.Response(status, content=body, headers={"location": "https://evil.test/"}))
    with pytest.raises(CatalogError, match=word):
        stage.source(upstream).get()
    assert [request.url.host for request in upstream.requests] == ["openrouter.ai"]
    assert not stage.copies


@table
def test_with_a_copy_it_is_none(stage, caplog, body, status, word):
    stage.keep("kept", age=2 * AGE)
    upstream = Upstream(lambda _: httpx.Response(status, content=body))
    source = stage.source(upstream)
    assert ids(source.get()) == ["kept"]
    settled(source)
    assert ids(source.get()) == ["kept"]
    assert word in caplog.text
    assert ids(stage.source().get()) == ["kept"], "the copy is as it was"


def test_a_body_that_is_shorter_than_announced_is_an_error(stage, tmp_path):
    with Emulator(catalog=listing("a")).running() as url:
        good = CatalogSource(Settings(upstream=url, cache_dir=str(tmp_path / "good"))).get()
    assert ids(good) == ["a"]
    short = Upstream(lambda _: httpx.Response(200, stream=_Broken([listing("a")[:30]])))
    with pytest.raises(CatalogError, match="RemoteProtocolError"):
        stage.source(short).get()


class _Broken(httpx.SyncByteStream):
    def __init__(self, chunks):
        self._chunks = chunks

    def __iter__(self):
        yield from self._chunks
        raise httpx.RemoteProtocolError(f"peer closed connection, header Bearer {KEY}")


def test_without_network_the_copy_is_used(stage, offline):
    stage.keep("kept", age=2 * AGE)
    source = stage.source(offline)
    assert ids(source.get()) == ["kept"]
    settled(source)
    assert ids(source.get()) == ["kept"]


def test_without_network_and_copy_there_is_an_error_and_the_next_call_tries_again(stage, offline):
    source = stage.source(offline)
    for calls in (1, 2):
        with pytest.raises(CatalogError, match="could not be reached"):
            source.get()
        assert len(offline.requests) == calls
    offline.reply = serving("a").reply
    assert ids(source.get()) == ["a"]


def test_a_copy_of_no_use_counts_as_none(stage, offline):
    stage.keep("a")
    stage.copies[0].write_bytes(b'{"data": [')
    with pytest.raises(CatalogError):
        stage.source(offline).get()
    assert ids(stage.source(serving("b")).get()) == ["b"]


def test_failed_refreshes_come_ever_more_seldom_and_not_less_often_than_the_age(stage, offline):
    stage.keep("kept", age=2 * AGE)
    source = stage.source(offline)
    tried = []
    for second in range(1000):
        stage.now = NOON + second
        source.get()
        settled(source)
        if len(offline.requests) > len(tried):
            tried.append(second)
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert 2 <= pauses[0] <= 6
    assert 5 <= len(pauses) <= 14
    assert max(pauses) <= AGE + 1


def test_a_folder_that_cannot_be_written_is_no_obstacle(stage, caplog):
    stage.folder.write_text("a file")
    assert ids(stage.source(serving("a")).get()) == ["a"]
    assert "the copy could not be stored" in caplog.text


def test_the_error_holds_no_key(stage, caplog):
    caplog.set_level(logging.DEBUG)

    def leak(request):
        raise httpx.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'")

    with pytest.raises(CatalogError) as caught:
        stage.source(Upstream(leak), account=True).get()
    assert KEY not in f"{caught.value!r} {caught.value.__context__!r} {caplog.text}"


# One refresh at a time.


def test_many_callers_get_the_catalog_of_one_fetch(stage):
    upstream = serving("a")
    answer, upstream.reply = upstream.reply, lambda request: time.sleep(0.02) or answer(request)
    source = stage.source(upstream)

    def ask_async():
        async def ask():
            return await asyncio.gather(*(source.get_async() for _ in range(8)))

        return asyncio.run(ask())

    answers = in_threads([source.get, ask_async] * 8)
    catalogs = [c for answer in answers for c in (answer if isinstance(answer, list) else [answer])]
    assert len(catalogs) == 8 + 64
    assert len(set(map(id, catalogs))) == 1
    assert len(upstream.requests) == 1


def test_callers_that_come_as_a_fetch_ends_do_not_start_another(stage):
    for _ in range(50):
        upstream = serving("a")
        in_threads([stage.source(upstream, account=True).get] * 8)
        assert len(upstream.requests) <= 1
        for copy in stage.copies:
            copy.unlink()


def test_a_task_that_waits_for_the_first_catalog_can_be_cancelled_and_keeps_no_program_from_ending(stage):
    go_on = threading.Event()
    source = stage.source(Upstream(lambda _: go_on.wait(5) and httpx.Response(200, content=listing("a"))))

    async def give_up():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(source.get_async(), 0.05)

    before = set(threading.enumerate())
    asyncio.run(give_up())
    assert all(thread.daemon for thread in set(threading.enumerate()) - before)
    go_on.set()
    assert ids(source.get()) == ["a"], "the fetch goes on for whoever comes next"


def test_all_who_wait_hear_of_a_failure(stage, offline):
    source = stage.source(offline)
    first, second = source.refresh(), source.refresh()
    for future in (first, second):
        with pytest.raises(CatalogError):
            future.result(5)


def test_a_given_transport_is_left_open(stage):
    class Closable(httpx.MockTransport):
        closed = False

        def close(self):
            self.closed = True

    transport = Closable(serving("a").reply)
    stage.source(transport=transport).get()
    assert not transport.closed


def test_a_forked_child_refreshes_by_itself_and_keeps_what_it_had(tmp_path):
    script = Path(__file__).with_name("forking.py")
    run = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=20, check=False)
    assert (run.stdout, run.stderr) == ("kept\nrefreshed\n", "")
