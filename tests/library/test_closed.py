"""A client or a transport that has been closed sends nothing more, and says so; its router goes on."""

import asyncio
import inspect

import httpx
import pytest

from freerouter import AsyncFreeRouter, AsyncRoutingTransport, FreeRouter, Router, RoutingTransport
from tests.stage import BODY, CATALOG, HELLO, until

CLIENTS = {"sync": FreeRouter, "async": AsyncFreeRouter}
TRANSPORTS = {"sync": RoutingTransport, "async": AsyncRoutingTransport}
USES = {
    "send": lambda client: client.chat.send("hi"),
    "stream": lambda client: client.chat.stream("hi"),
    "models": lambda client: client.models.list(),
    "explain": lambda client: client.explain({"messages": HELLO}),
}
REQUESTS = {
    "routed": ("POST", "/chat/completions", BODY),
    "refused": ("POST", "/embeddings", {}),
    "passed on": ("GET", "/models", None),
}


@pytest.fixture
def shared(settings) -> Router:
    return Router(settings, CATALOG)


async def done(made):
    """The result of a call of either kind; a stream is begun and ended."""
    if hasattr(made, "__aenter__"):
        async with made as stream:
            return stream
    if hasattr(made, "__enter__"):
        with made as stream:
            return stream
    return await made if inspect.isawaitable(made) else made


async def close(closable) -> None:
    await done(closable.aclose() if hasattr(closable, "aclose") else closable.close())


def handle(transport, request: httpx.Request):
    asynchronous = isinstance(transport, httpx.AsyncBaseTransport)
    return transport.handle_async_request(request) if asynchronous else transport.handle_request(request)


@pytest.mark.parametrize("used", [True, False], ids=["used", "unused"])
@pytest.mark.parametrize("use", USES)
def test_a_closed_client_says_so_and_sends_nothing(way, use, used, shared, emulator):
    async def run():
        client = CLIENTS[way](router=shared)
        if used:
            await done(USES[use](client))
        await close(client)
        await close(client)
        sent = len(emulator.completions)
        with pytest.raises(RuntimeError, match="client has been closed: make a new one"):
            await done(USES[use](client))
        return sent

    sent = asyncio.run(run())
    assert len(emulator.completions) == sent
    until(lambda: emulator.open_connections == 0)


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_closed_transport_says_so_and_sends_nothing(way, request_, shared, emulator):
    method, path, body = REQUESTS[request_]

    async def run():
        transport = TRANSPORTS[way](router=shared)
        await close(transport)
        await close(transport)
        with pytest.raises(RuntimeError, match="client has been closed"):
            await done(handle(transport, httpx.Request(method, shared.settings.upstream + path, json=body)))

    asyncio.run(run())
    assert not emulator.requests


@pytest.mark.parametrize("use", USES)
def test_a_router_that_two_share_goes_on(way, use, shared):
    async def run():
        first, second = CLIENTS[way](router=shared), CLIENTS[way](router=shared)
        await close(first)
        assert await done(USES[use](second))
        await close(second)

    asyncio.run(run())


def test_a_stream_begun_after_the_client_was_closed_within_another_is_an_error(shared):
    client = FreeRouter(router=shared)
    with client.chat.stream("hi") as stream:
        assert "".join(chunk.text or "" for chunk in stream)
        client.close()
    with pytest.raises(RuntimeError, match="closed"), client.chat.stream("hi"):
        pass
