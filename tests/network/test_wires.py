"""The wires on httpx: what they make of what can happen to a connection, proxies, event loops and slow callers."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from freerouter import AsyncFreeRouter
from freerouter.network.wire_protocols import Broken, NotSent, Stale, TimedOut, Timeouts
from freerouter.network.wires import AsyncHttpxWire, HttpxWire, encoded
from tests.network.posts import HEADERS, PLAIN_BODY, STREAM_BODY, closed_port, post
from tests.stage import CATALOG, SOON, URL, in_threads, striking

# What can happen to a connection.


def test_a_refused_connection_means_that_nothing_was_sent(way):
    with pytest.raises(NotSent):
        post(way, closed_port())


def test_a_failed_handshake_means_that_nothing_was_sent(way, chat, emulator):
    with pytest.raises(NotSent):
        post(way, chat.replace("http:", "https:"))
    assert not emulator.requests


@pytest.fixture
def busy() -> Iterator[str]:
    """The address of a server that lets nobody in any more."""
    with socket.socket() as server, ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            early = waiting.enter_context(socket.socket())
            early.setblocking(False)
            early.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}/api/v1/chat/completions"


def test_when_the_time_is_up_before_a_connection_is_made_nothing_was_sent(way, busy):
    start = time.perf_counter()
    with pytest.raises(NotSent):
        post(way, busy, first=0.2)
    assert time.perf_counter() - start < SOON


@pytest.mark.parametrize(
    ("fault", "times", "kind"),
    [
        ("resets", 1, Broken),
        ("closes", 1, Broken),
        ("short_body", 1, Broken),
        ("stale_keep_alive", 2, Stale),
        ("never_answers", 1, TimedOut),
        ("silent_after_headers", 1, TimedOut),
        ("trickles", 1, TimedOut),
    ],
)
def test_what_happens_to_a_connection_has_one_of_four_names(way, chat, emulator, fault, times, kind):
    emulator.faults = striking(fault)
    seconds = 0.2 if kind is TimedOut else SOON  # on a busy machine, what breaks must not be late as well
    start = time.perf_counter()
    with pytest.raises((NotSent, Broken)) as caught:
        post(way, chat, times=times, first=seconds, idle=seconds)
    assert caught.type is kind
    assert time.perf_counter() - start < SOON
    assert len(emulator.completions) == times


def test_an_exception_shows_neither_text_nor_cause_of_the_one_below(way, monkeypatch):
    def leak(self, request):
        raise httpx.LocalProtocolError("Illegal header value b'Bearer sk-or-secret'")

    async def leak_async(self, request):
        leak(self, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", leak)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", leak_async)
    with pytest.raises(NotSent) as caught:
        post(way, URL)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("given", "sent"), [(" a ", b"a"), ("a\t", b"a"), ("a  b", b"a  b"), ("ü", b"\xfc"), ("", b"")]
)
def test_blanks_around_a_value_are_no_part_of_it(given, sent):
    assert encoded([("x-title", given)]) == [(b"x-title", sent)]


# Slow callers.


def test_the_time_that_the_caller_takes_is_not_openrouters(chat, emulator):
    wire = HttpxWire()
    reply = wire.open(chat, HEADERS, STREAM_BODY, Timeouts(first=0.1, idle=0.1))
    read = []
    for chunk in reply.chunks:
        read.append(chunk)
        if len(read) < 3:
            time.sleep(0.15)
    wire.close()
    assert b"".join(read).endswith(b"[DONE]\n\n")


def test_nor_is_that_of_an_async_caller(chat, emulator):
    async def read_slowly():
        wire = AsyncHttpxWire()
        reply = await wire.open(chat, HEADERS, STREAM_BODY, Timeouts(first=0.1, idle=0.1))
        read = []
        async for chunk in reply.chunks:
            read.append(chunk)
            if len(read) < 3:
                await asyncio.sleep(0.15)
        await wire.close()
        return b"".join(read)

    assert asyncio.run(read_slowly()).endswith(b"[DONE]\n\n")


# Inner transports.


def transports(way: str, *urls: str) -> list:
    """What a wire of its own would send through to these."""

    async def of_async_wire():
        wire = AsyncHttpxWire()
        made = [wire.transport(url) for url in urls]
        await wire.close()
        return made

    if way == "async":
        return asyncio.run(of_async_wire())
    wire = HttpxWire()
    made = [wire.transport(url) for url in urls]
    wire.close()
    return made


def test_there_is_one_inner_transport_for_each_proxy(way, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:2")
    urls = (URL, f"{URL}/models", "https://example.test/", "http://example.test/", "http://127.0.0.1/")
    first, *rest = transports(way, *urls)
    assert [other is first for other in rest] == [True, True, False, False]
    assert rest[2] is not rest[3]


def test_a_forked_process_makes_an_inner_transport_of_its_own(monkeypatch):
    wire = HttpxWire()
    mine = wire.transport(URL)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert wire.transport(URL) is not mine
    wire.close()


def test_threads_share_one_inner_transport():
    wire = HttpxWire()
    assert len(set(in_threads([lambda: wire.transport(URL)] * 8))) == 1
    wire.close()


def test_each_event_loop_has_an_inner_transport_of_its_own():
    wire = AsyncHttpxWire()

    async def transports():
        made = [wire.transport(URL), wire.transport(URL)]
        await wire.close()
        return made

    (a, b), (c, d) = asyncio.run(transports()), asyncio.run(transports())
    assert a is b
    assert c is d
    assert a is not c


def test_wires_of_one_event_loop_do_not_close_each_others_connections(chat, emulator):
    async def both():
        first, second = AsyncHttpxWire(), AsyncHttpxWire()
        reply = await second.open(chat, HEADERS, STREAM_BODY, Timeouts())
        await (await first.open(chat, HEADERS, PLAIN_BODY, Timeouts())).close()
        await first.close()
        read = b"".join([chunk async for chunk in reply.chunks])
        await second.close()
        return read

    assert asyncio.run(both()).endswith(b"[DONE]\n\n")


def test_a_client_serves_one_event_loop_after_the_other(settings):
    client = AsyncFreeRouter(settings=settings)

    async def ask(*, last=False):
        answer = await client.chat.send("Hello")
        if last:
            await client.close()
        return answer.model

    assert all(CATALOG.get(asyncio.run(ask(last=number == 2))) for number in range(3))
