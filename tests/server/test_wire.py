"""The server's wire on aiohttp calls what can happen to a connection by the same names as those on httpx do."""

import asyncio
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from freerouter.network.wire_protocols import Broken, NotSent, Stale, TimedOut, Timeouts
from freerouter.server.wire import AiohttpWire
from tests.network.posts import HEADERS, PLAIN_BODY, STREAM_BODY, closed_port
from tests.network.test_wires import busy  # noqa: F401  # a fixture
from tests.server.stage import Scripted, read_request
from tests.stage import SOON, striking


def post(url: str, body: bytes = PLAIN_BODY, times: int = 1, headers=HEADERS, **timeouts) -> bytes:
    """Send a body through a wire of its own and read the whole reply, so many times; returns the last one."""

    async def run():
        wire = AiohttpWire(10)
        try:
            for _ in range(times):
                reply = await wire.open(url, headers, body, Timeouts(**timeouts))
                try:
                    read = b"".join([chunk async for chunk in reply.chunks])
                finally:
                    await reply.close()
            return read
        finally:
            await wire.close()

    return asyncio.run(run())


def test_a_refused_connection_means_that_nothing_was_sent():
    with pytest.raises(NotSent):
        post(closed_port())


def test_a_failed_handshake_means_that_nothing_was_sent(chat, emulator):
    with pytest.raises(NotSent):
        post(chat.replace("http:", "https:"))
    assert not emulator.requests


def test_when_the_time_is_up_before_a_connection_is_made_nothing_was_sent(busy):  # noqa: F811  # a fixture
    start = time.perf_counter()
    with pytest.raises(NotSent):
        post(busy, first=0.2)
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
def test_what_happens_to_a_connection_has_one_of_four_names(chat, emulator, fault, times, kind):
    emulator.faults = striking(fault)
    seconds = 0.2 if kind is TimedOut else 5  # on a busy machine, what breaks must not be late as well
    start = time.perf_counter()
    with pytest.raises((NotSent, Broken)) as caught:
        post(chat, times=times, first=seconds, idle=seconds)
    assert caught.type is kind
    assert time.perf_counter() - start < SOON
    assert len(emulator.completions) == times
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)


@pytest.mark.parametrize("body", [PLAIN_BODY, STREAM_BODY], ids=["whole", "stream"])
def test_connections_are_used_again(chat, emulator, body):
    async def run():
        wire = AiohttpWire(10)
        for _ in range(5):
            reply = await wire.open(chat, HEADERS, body, Timeouts())
            assert b"".join([chunk async for chunk in reply.chunks])
            await reply.close()
        assert emulator.open_connections == 1
        await wire.close()

    asyncio.run(run())


def test_the_time_that_the_caller_takes_is_not_the_upstreams(chat):
    async def run():
        wire = AiohttpWire(10)
        reply = await wire.open(chat, HEADERS, STREAM_BODY, Timeouts(first=0.5))
        async for _ in reply.chunks:
            await asyncio.sleep(0.7)
        left = reply.due - time.monotonic()
        await wire.close()
        return left

    assert asyncio.run(run()) > 0


def test_large_bodies_do_not_hold_up_the_loop(chat, emulator):
    body = PLAIN_BODY[:-1] + b', "x": "' + b"x" * 3_000_000 + b'"}'
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert post(chat, body)
    assert emulator.completions[-1].body == body


def test_the_environments_proxy_is_not_for_this_machine(chat, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert post(chat)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "socks5://127.0.0.1:1"])
def test_a_proxy_that_does_not_work_means_that_nothing_was_sent(monkeypatch, proxy):
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(NotSent):
        post("http://openrouter.test/api/v1/chat/completions")


def test_no_credentials_come_from_a_netrc(chat, emulator, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    post(chat, headers=[pair for pair in HEADERS if pair[0] != "authorization"])
    assert "authorization" not in emulator.completions[-1].headers


def test_nothing_is_followed_and_no_cookie_is_kept(chat, emulator):
    post(chat, times=2, headers=[*HEADERS, ("x-title", "ü")])
    assert not any("cookie" in received.headers for received in emulator.completions)


@contextmanager
def upstream(reply: bytes, heads: list[bytes] | None = None) -> Iterator[str]:
    """A server that answers a POST with these bytes, in two pieces, and closes."""

    def play(connection: socket.socket) -> None:
        connection.sendall(reply[:9])
        connection.sendall(reply[9:])

    def read(connection: socket.socket) -> bytes:
        head = read_request(connection)
        if heads is not None:
            heads.append(head)
        return head

    with Scripted(play, read).running() as base:
        yield f"{base}/chat/completions"


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", b"{}", id="length"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n{}", b"{}", id="until it closes"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n{}", b"{}", id="HTTP/1.0"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n",
            b"{}",
            id="chunks",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"", id="nothing"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", b"", id="no content"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            b"{}",
            id="after early hints",
        ),
    ],
)
def test_a_reply_is_read_however_it_is_framed(reply, body):
    with upstream(reply) as url:
        assert post(url) == body


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", id="a head without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", id="a chunk without length"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{}", id="cut"),
    ],
)
def test_a_reply_that_is_none_is_a_broken_connection(reply):
    with upstream(reply) as url, pytest.raises(Broken) as caught:
        post(url)
    assert caught.type is Broken


def test_what_is_written_is_a_plain_request():
    heads: list[bytes] = []
    headers = [("x-title", " ü\t"), ("user-agent", "me")]
    with upstream(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", heads) as url:
        post(url, headers=headers)
    first, *lines = heads[-1].split(b"\r\n")
    assert first == b"POST /api/v1/chat/completions HTTP/1.1"
    host = url.split("/")[2].encode()
    assert lines == [b"host: " + host, b"x-title: \xfc", b"user-agent: me", b"content-length: %d" % len(PLAIN_BODY)]


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"


def at_an_upstream(handle, ask):
    """Run ``ask(wire, url)`` against a server that does ``handle(reader, writer, number)`` for each connection."""

    async def run():
        connections = []

        async def connected(reader, writer):
            connections.append(writer)
            try:
                await handle(reader, writer, len(connections))
            finally:
                writer.close()

        async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
            wire = AiohttpWire(10)
            try:
                host, port = server.sockets[0].getsockname()
                return await asyncio.wait_for(ask(wire, f"http://{host}:{port}/chat/completions"), 10)
            finally:
                await wire.close()
                for writer in connections:
                    writer.close()

    return asyncio.run(run())


async def taken(reader) -> None:
    """Read a request."""
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.rpartition(b"content-length: ")[2]))


async def read(wire, url, pause: float = 0, **timeouts) -> bytes:
    reply = await wire.open(url, HEADERS, PLAIN_BODY, Timeouts(**timeouts))
    body = b""
    try:
        async for chunk in reply.chunks:
            body += chunk
            await asyncio.sleep(pause)
    finally:
        await reply.close()
    return body


@pytest.mark.parametrize(("pause", "kind"), [(0, TimedOut), (0.6, Broken)], ids=["waiting", "busy"])
def test_a_chunk_that_is_none_ends_the_reply_though_the_upstream_keeps_still(pause, kind):
    async def breaks_the_framing(reader, writer, _number):
        await taken(reader)
        writer.write(CHUNKED)
        await asyncio.sleep(0.05)
        writer.write(b"zz\r\nfoo\r\n")
        await reader.read()

    async def ask(wire, url):
        with pytest.raises(Broken) as caught:
            await read(wire, url, pause, first=0.4, idle=0.4)
        return caught.type

    assert at_an_upstream(breaks_the_framing, ask) is kind


def test_nobody_waits_for_a_chunk_of_a_wire_that_is_closed():
    async def pauses(reader, writer, _number):
        await taken(reader)
        writer.write(CHUNKED)
        await reader.read()

    async def ask(wire, url):
        reading = asyncio.create_task(read(wire, url, first=0.4))
        await asyncio.sleep(0.1)
        await wire.close()
        with pytest.raises(TimedOut):
            await reading

    at_an_upstream(pauses, ask)


def test_a_connection_that_has_said_something_unasked_is_not_used_again():
    async def speaks_on(reader, writer, number):
        await taken(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n%02d" % number)
        await asyncio.sleep(0.05)
        writer.write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 4\r\n\r\nlate")
        await reader.read()

    async def ask(wire, url):
        assert await read(wire, url) == b"01"
        await asyncio.sleep(0.5)
        with pytest.raises(Stale):
            await read(wire, url)
        return await read(wire, url)

    assert at_an_upstream(speaks_on, ask) == b"02"


@pytest.mark.parametrize("came", [b"HTTP/1.1 103 Early Hints\r\n\r\n", b"rubbish\r\n\r\n"], ids=["hints", "rubbish"])
def test_a_connection_on_which_something_came_back_was_not_stale(came):
    async def breaks_at_the_second_request(reader, writer, _number):
        await taken(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await taken(reader)
        writer.write(came)

    async def ask(wire, url):
        assert await read(wire, url) == b"{}"
        with pytest.raises(Broken) as caught:
            await read(wire, url)
        return caught.type

    assert at_an_upstream(breaks_at_the_second_request, ask) is Broken


def test_an_upgrade_that_nobody_asked_for_is_an_answer():
    with upstream(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n") as url:
        assert post(url, first=1) == b""
