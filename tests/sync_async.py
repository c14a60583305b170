"""A FreeRouter and an AsyncFreeRouter that are used the same way."""

import asyncio

from freerouter import AsyncFreeRouter, ChatCompletion, FreeRouter
from freerouter.network.wires import AsyncHttpxWire, HttpxWire
from tests.stage import NOWHERE, Upstream, router


class Client:
    """A FreeRouter or an AsyncFreeRouter, used the same way."""

    def __init__(self, way: str, upstream: Upstream | None = None, **options) -> None:
        self._way = way
        if upstream is not None:
            wire = HttpxWire(upstream.transport) if way == "sync" else AsyncHttpxWire(upstream.transport)
            options = {"wire": wire, "router": router(upstream=NOWHERE), **options}
        self._options = options

    def send(self, messages="Hello", **parameters) -> ChatCompletion:
        if self._way == "sync":
            with FreeRouter(**self._options) as client:
                return client.chat.send(messages, **parameters)

        async def send():
            async with AsyncFreeRouter(**self._options) as client:
                return await client.chat.send(messages, **parameters)

        return asyncio.run(send())

    def stream(self, messages="Hello", **parameters):
        """The chunks, and the stream at its end."""
        if self._way == "sync":
            with FreeRouter(**self._options) as client, client.chat.stream(messages, **parameters) as stream:
                return list(stream), stream

        async def read():
            async with (
                AsyncFreeRouter(**self._options) as client,
                client.chat.stream(messages, **parameters) as stream,
            ):
                return [chunk async for chunk in stream], stream

        return asyncio.run(read())
