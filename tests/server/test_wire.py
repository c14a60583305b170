"""The server's wire on aiohttp calls what can happen to a connection by the same names as those on httpx do."""

import asyncio
import time
import warnings

import pytest

from freerouter.server.wire import AiohttpWire
from freerouter.wires import Broken, NotSent, Stale, TimedOut, Timeouts
from tests.wire.posts import HEADERS, PLAIN_BODY, STREAM_BODY, closed_port
from tests.wire.stage import striking
from tests.wire.test_wires import busy  # noqa: F401  # a fixture


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
    assert time.perf_counter() - start < 0.6


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
    start = time.perf_counter()
    with pytest.raises((NotSent, Broken)) as caught:
        post(chat, times=times, first=0.2, idle=0.2)
    assert caught.type is kind
    assert time.perf_counter() - start < 0.8
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
        reply = await wire.open(chat, HEADERS, STREAM_BODY, Timeouts(first=0.3))
        async for _ in reply.chunks:
            await asyncio.sleep(0.05)
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
