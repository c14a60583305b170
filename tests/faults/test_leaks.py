"""Nothing is left behind: no connection, no task, no file, whatever becomes of a request."""

import asyncio
import gc
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from freerouter import FreeRouterError
from freerouter.emulator import Fault, Faults
from tests.stage import SOON, until, until_async
from tests.walks import async_client, emulated_router, play, play_async, struck, sync_client

REQUESTS = 250  # in each of four ways
POOL = 40
# Each strikes now and then, in streams, in whole answers, or in both.
BREAKING = [
    "bad_gateway",
    "rate_limited",
    "resets",
    "closes",
    "stale_keep_alive",
    "truncated_json",
    "short_body",
    "broken_gzip",
    "html_in_502",
    "error_in_200",
    "stream_error_first",
    "stream_cut_first",
    "stream_cut_midway",
    "stream_reset_midway",
    "stream_error_midway",
]


def files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def breaking() -> Faults:
    return Faults([Fault(kind, probability=0.04) for kind in BREAKING], seed=5)


def router_of(emulator, upstream, **settings):
    return emulated_router(emulator, upstream, max_attempts=3, **settings)


def settle(emulator, connections: int) -> None:
    until(lambda: emulator.open_connections <= connections)
    gc.collect()


@pytest.mark.parametrize("stream", [False, True])
def test_requests_one_after_the_other(emulator, upstream, stream):
    settle(emulator, 0)
    before, rng = files(), Random(1)
    emulator.faults = breaking()
    with sync_client(router_of(emulator, upstream)) as client:
        endings = set()
        for _ in range(REQUESTS):
            if stream and rng.random() < 0.3:
                endings.add(leave_early(client, rng))
            else:
                endings.add("answered" if play(client, stream=stream).error is None else "failed")
            assert emulator.open_connections <= 2  # the one in use, and the one before it on its way out
        settle(emulator, 1)
    settle(emulator, 0)
    assert files() <= before
    assert endings >= ({"answered", "failed", "left"} if stream else {"answered", "failed"})


def leave_early(client, rng: Random) -> str:
    """Read a few chunks, and go."""
    with suppress(FreeRouterError), client.chat.stream("Hello") as stream:
        chunks = iter(stream)
        for _ in range(rng.randrange(4)):
            next(chunks, None)
        return "left"
    return "failed"


@pytest.mark.parametrize("stream", [False, True])
def test_requests_side_by_side_some_of_them_cancelled(emulator, upstream, stream):
    settle(emulator, 0)
    before = files()
    emulator.faults = breaking()

    async def main() -> set[str]:
        rng = Random(2)
        async with async_client(router_of(emulator, upstream)) as client:
            endings: set[str] = set()
            for _ in range(REQUESTS // 25):
                tasks = [asyncio.create_task(play_async(client, stream=stream)) for _ in range(25)]
                for task in rng.sample(tasks, 10):
                    await asyncio.sleep(rng.random() * 0.004)
                    task.cancel()
                for result in await asyncio.gather(*tasks, return_exceptions=True):
                    endings.add(type(result).__name__)
                await until_async(lambda: asyncio.all_tasks() == {asyncio.current_task()})
                assert emulator.open_connections <= POOL
        return endings

    assert asyncio.run(main()) == {"Played", "CancelledError"}
    settle(emulator, 0)
    assert files() <= before


# The client goes while something hangs: how it hangs, whether it streams.
HANGING = [
    ("never_answers", False),
    ("silent_after_headers", False),
    ("trickles", False),
    ("never_answers", True),
    ("silent_after_headers", True),
    ("stream_comments_forever", True),
    ("stream_silent_after_comments", True),
    ("stream_stalls", True),
]


def check_gone(emulator, router, seconds: float) -> None:
    assert seconds < SOON
    assert [received.closed for received in emulator.completions] == ["client gone"]
    assert router.health.cooling == {}
    until(lambda: emulator.open_connections == 0)


@pytest.mark.parametrize(("kind", "stream"), HANGING)
def test_a_client_that_goes_closes_the_connection_at_once(emulator, upstream, kind, stream):
    emulator.faults = struck(kind)
    router = router_of(emulator, upstream)

    async def main() -> float:
        async with async_client(router) as client:
            task = asyncio.create_task(play_async(client, stream=stream))
            await until_async(lambda: emulator.completions)
            await asyncio.sleep(0.05)  # so that it hangs where it is to hang
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await until_async(lambda: emulator.completions[0].closed)

    check_gone(emulator, router, asyncio.run(main()))


def test_leaving_a_stream_closes_the_connection_at_once(emulator, upstream, way):
    emulator.faults = struck("stream_stalls")
    router = router_of(emulator, upstream)

    def leave() -> float:
        with sync_client(router) as client:
            with client.chat.stream("Hello") as stream:
                next(iter(stream))
            return until(lambda: emulator.completions[0].closed)

    async def leave_async() -> float:
        async with async_client(router) as client:
            async with client.chat.stream("Hello") as stream:
                await anext(aiter(stream))
            return await until_async(lambda: emulator.completions[0].closed)

    check_gone(emulator, router, leave() if way == "sync" else asyncio.run(leave_async()))


def test_an_exception_of_the_caller_s_closes_the_connection_at_once(emulator, upstream, way):
    emulator.faults = struck("stream_stalls")
    router = router_of(emulator, upstream)

    def fail() -> None:
        with sync_client(router) as client, client.chat.stream("Hello") as stream:
            for _ in stream:
                raise ZeroDivisionError

    async def fail_async() -> None:
        async with async_client(router) as client, client.chat.stream("Hello") as stream:
            async for _ in stream:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail() if way == "sync" else asyncio.run(fail_async())
    check_gone(emulator, router, until(lambda: emulator.completions[0].closed))


def test_a_request_is_not_tried_again_for_a_client_that_is_gone(emulator, upstream):
    emulator.faults = struck("never_answers")
    router = router_of(emulator, upstream, reply_timeout=0.5)

    async def main() -> None:
        async with async_client(router) as client:
            task = asyncio.create_task(play_async(client, stream=False))
            await until_async(lambda: len(emulator.completions) == 2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.2)

    asyncio.run(main())
    assert len(emulator.completions) == 2
    # The first one was late, and that is its own fault; the second one is not to blame.
    assert list(router.health.cooling) == [emulator.completions[0].model]
