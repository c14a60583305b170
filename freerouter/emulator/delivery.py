"""Sends a reply step by step over ASGI, while it watches whether the client is still there."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from starlette.types import Receive, Scope, Send

from freerouter.emulator.record import Ending, Entry
from freerouter.emulator.reply import Act, Pause, Reply, Step

# SO_LINGER with a time of zero makes close() send a reset instead of a proper end.
_LINGER_ZERO = struct.pack("ii", 1, 0)


class Connection:
    """The TCP connection under a request, for actions that ASGI does not offer."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.requests = 0
        self.stopped = False

    def close(self) -> None:
        """Close it once what was written is sent."""
        self._transport.close()

    def stop(self) -> None:
        """Drop it because the emulator stops."""
        self.stopped = True
        self._transport.abort()

    def reset(self) -> None:
        """Reset it."""
        sock = cast("socket.socket", self._transport.get_extra_info("socket"))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()


def connection_of(scope: Scope) -> Connection | None:
    """Return the connection that the emulator's own server put into the scope."""
    return cast("Connection | None", (scope.get("state") or {}).get("connection"))


@dataclass(frozen=True, slots=True)
class Delivery:
    """An ASGI app that sends one reply and notes how it ended."""

    reply: Reply
    entry: Entry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Play the steps to their end, or until the client is gone."""
        gone = asyncio.ensure_future(_gone(receive))
        playing = asyncio.ensure_future(self._play(scope, send, gone))
        await asyncio.wait((gone, playing), return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            self.entry.ended(_ending(scope))
        for task in (playing, gone):
            task.cancel()
        await asyncio.gather(playing, gone, return_exceptions=True)
        if not playing.cancelled():
            playing.result()

    async def _play(self, scope: Scope, send: Send, gone: "asyncio.Future[None]") -> None:
        if self.reply.status:
            headers = [(k.encode(), v.encode()) for k, v in self.reply.headers.items()]
            start = {"status": self.reply.status, "headers": headers}
            await send({"type": "http.response.start", **start})
        for step, last in _with_last(iter(self.reply.steps)):
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            elif isinstance(step, Act):
                await self._act(step, scope, gone)
            else:
                await self._send(step, send, last=last)

    async def _send(self, piece: bytes, send: Send, *, last: bool) -> None:
        # Tests read the record as soon as they have the answer: so it is written first.
        if last:
            self.entry.ended("finished")
        await send({"type": "http.response.body", "body": piece, "more_body": not last})
        await asyncio.sleep(0)

    async def _act(self, act: Act, scope: Scope, gone: "asyncio.Future[None]") -> None:
        if act is not Act.HANG:
            self.entry.ended("finished")
            connection = connection_of(scope)
            if connection is None:
                raise RuntimeError("this needs a real connection: use Emulator.running()")
            connection.close() if act is Act.CLOSE else connection.reset()
        # The server calls it an error when an app returns before its connection is down.
        await asyncio.shield(gone)


def _ending(scope: Scope) -> Ending:
    connection = connection_of(scope)
    return "stopped" if connection and connection.stopped else "client gone"


def _with_last(steps: Iterator[Step]) -> Iterator[tuple[Step, bool]]:
    """Yield each step with whether it is the last: one step is looked ahead."""
    current = next(steps, b"")
    for following in steps:
        yield current, False
        current = following
    yield current, True


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
