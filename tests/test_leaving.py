"""Callers who leave: the connection is closed at once, nobody is blamed, nothing is tried again and nothing is left."""

import asyncio
import threading

import httpx
import pytest

from freerouter import AsyncFreeRouter, AsyncRoutingTransport, FreeRouter, Router, RoutingTransport
from tests.stage import BODY, CATALOG, SOON, striking, until, until_async


@pytest.fixture
def shared(settings) -> Router:
    return Router(settings, CATALOG)


def nobody_is_blamed(emulator, shared: Router, sends: int = 1) -> None:
    assert len(emulator.completions) == sends
    assert {sent.closed for sent in emulator.completions} == {"client gone"}
    assert not shared.health.cooling
    until(lambda: emulator.open_connections == 0)


def gone(emulator) -> bool:
    return bool(emulator.completions) and emulator.completions[-1].closed == "client gone"


# Streams left early.


def test_a_stream_that_is_left_early_is_closed_at_once(settings, emulator, shared):
    emulator.faults = striking("stream_stalls")
    with FreeRouter(router=shared) as client:
        with client.chat.stream("Hello") as stream:
            first = next(chunk.text for chunk in stream if chunk.text)
        assert until(lambda: gone(emulator)) < SOON
    assert stream.text == first
    assert stream.trace.ending == "abandoned"
    nobody_is_blamed(emulator, shared)


def test_an_async_stream_that_is_left_early_is_closed_at_once(settings, emulator, shared):
    emulator.faults = striking("stream_stalls")

    async def leave():
        async with AsyncFreeRouter(router=shared) as client:
            async with client.chat.stream("Hello") as stream:
                async for chunk in stream:
                    if chunk.text:
                        break
            assert await until_async(lambda: gone(emulator)) < SOON
        return stream

    assert asyncio.run(leave()).trace.ending == "abandoned"
    nobody_is_blamed(emulator, shared)


def test_a_stream_that_is_never_looked_at_is_closed_too(settings, emulator, shared):
    emulator.faults = striking("stream_stalls")
    with FreeRouter(router=shared) as client:
        with client.chat.stream("Hello"):
            pass
        assert until(lambda: gone(emulator)) < SOON
    nobody_is_blamed(emulator, shared)


def test_an_exception_in_the_midst_of_a_stream_closes_it(settings, emulator, shared):
    emulator.faults = striking("stream_stalls")

    def fail(client):
        with client.chat.stream("Hello") as stream:
            next(iter(stream))
            raise ZeroDivisionError

    with FreeRouter(router=shared) as client:
        with pytest.raises(ZeroDivisionError):
            fail(client)
        assert until(lambda: gone(emulator)) < SOON
    nobody_is_blamed(emulator, shared)


def test_a_response_of_a_transport_that_is_left_early_is_closed_at_once(upstream, emulator, shared):
    emulator.faults = striking("stream_stalls")
    with httpx.Client(transport=RoutingTransport(router=shared)) as client:
        with client.stream("POST", f"{upstream}/chat/completions", json=BODY | {"stream": True}) as response:
            next(response.iter_bytes())
        assert until(lambda: gone(emulator)) < SOON
    assert response.extensions["freerouter"].ending == "abandoned"
    nobody_is_blamed(emulator, shared)


def test_and_so_is_one_of_an_async_transport(upstream, emulator, shared):
    emulator.faults = striking("stream_stalls")

    async def leave():
        async with httpx.AsyncClient(transport=AsyncRoutingTransport(router=shared)) as client:
            request = client.stream("POST", f"{upstream}/chat/completions", json=BODY | {"stream": True})
            async with request as response:
                await anext(response.aiter_bytes())
            assert await until_async(lambda: gone(emulator)) < SOON
        return response

    assert asyncio.run(leave()).extensions["freerouter"].ending == "abandoned"
    nobody_is_blamed(emulator, shared)


def test_a_stream_that_is_left_after_its_last_token_counts_as_answered(settings, emulator, shared):
    with FreeRouter(router=shared) as client, client.chat.stream("Hello") as stream:
        for chunk in stream:
            if chunk.usage is not None:
                break
    assert stream.trace.ending == "finished"


# Cancelled tasks.


async def cancelled_once_sent(work, emulator) -> float:
    """Cancel a task once its request has arrived; returns how long the emulator took to see the connection go."""
    before = len(emulator.completions)
    task = asyncio.ensure_future(work)
    await until_async(lambda: len(emulator.completions) > before)
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return await until_async(lambda: gone(emulator))


@pytest.mark.parametrize("fault", ["never_answers", "silent_after_headers", "trickles"])
def test_a_cancelled_send_is_closed_at_once(settings, emulator, shared, fault):
    emulator.faults = striking(fault)

    async def cancel():
        async with AsyncFreeRouter(router=shared) as client:
            assert await cancelled_once_sent(client.chat.send("Hello"), emulator) < SOON

    asyncio.run(cancel())
    nobody_is_blamed(emulator, shared)


@pytest.mark.parametrize("fault", ["never_answers", "stream_comments_forever", "stream_stalls"])
def test_a_cancelled_stream_is_closed_at_once_before_and_after_its_first_token(settings, emulator, shared, fault):
    emulator.faults = striking(fault)

    async def read(client):
        async with client.chat.stream("Hello") as stream:
            async for _ in stream:
                pass

    async def cancel():
        async with AsyncFreeRouter(router=shared) as client:
            assert await cancelled_once_sent(read(client), emulator) < SOON

    asyncio.run(cancel())
    nobody_is_blamed(emulator, shared)


@pytest.mark.parametrize("stream", [False, True])
def test_a_cancelled_request_of_a_transport_is_closed_at_once(upstream, emulator, shared, stream):
    emulator.faults = striking("silent_after_headers")

    async def cancel():
        async with httpx.AsyncClient(transport=AsyncRoutingTransport(router=shared)) as client:
            post = client.post(f"{upstream}/chat/completions", json=BODY | {"stream": stream})
            assert await cancelled_once_sent(post, emulator) < SOON

    asyncio.run(cancel())
    nobody_is_blamed(emulator, shared)


def test_a_time_limit_of_the_callers_own_is_kept(settings, emulator, shared):
    emulator.faults = striking("never_answers")

    async def hurry():
        async with AsyncFreeRouter(router=shared) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.chat.send("Hello"), 0.1)

    asyncio.run(hurry())
    until(lambda: gone(emulator))
    nobody_is_blamed(emulator, shared)


def test_nothing_is_left_of_many_who_came_and_went(settings, emulator, shared):
    emulator.faults = striking("stream_stalls", probability=0.5)

    async def come_and_go(client, number):
        async with client.chat.stream("Hello") as stream:
            async for _ in stream:
                if number % 2:
                    break
                await asyncio.sleep(0)

    async def all_of_them():
        async with AsyncFreeRouter(router=shared) as client:
            await client.chat.send("Hello")
            tasks = [asyncio.ensure_future(come_and_go(client, number)) for number in range(60)]
            await until_async(lambda: len(emulator.completions) == 61)
            await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.05)
            assert asyncio.all_tasks() == {asyncio.current_task()}
        await until_async(lambda: emulator.open_connections == 0)

    threads = threading.active_count()
    asyncio.run(all_of_them())
    assert len(emulator.completions) == 61, "nothing is tried again"
    assert threading.active_count() <= threads + 1
    assert not shared.health.cooling
