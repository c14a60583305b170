"""Channel: what parent and worker tell each other, over a pair of sockets: a line of JSON, and maybe bytes after it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Literal, NamedTuple

# A worker's: it serves; it asks another one what that knows; it answers that; it has news for the others. The others
# are the parent's, see crew.Deed.
Kind = Literal["ready", "ask", "answer", "news", "retire", "stop", "hasten"]

# News for a side that does not read them are dropped beyond so many bytes.
_MOST = 2**20


class ChannelMessage(NamedTuple):
    """What is told.

    Attributes:
        kind: of message.
        to: the number of the worker that an answer is for.
        payload: of an answer and of news, as siblings write them.
    """

    kind: Kind
    to: int = 0
    payload: bytes = b""


class Channel:
    """One end of it. Made in an event loop by ``over``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Channel:
        """The channel over this socket, which it owns from now on."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    def send(self, message: ChannelMessage) -> None:
        """Tell the other side, if it is still there."""
        waiting = self._writer.transport.get_write_buffer_size()
        if self._writer.is_closing() or (message.kind == "news" and waiting > _MOST):
            return
        head = {"kind": message.kind, "to": message.to, "size": len(message.payload)}
        self._writer.write(json.dumps(head).encode() + b"\n" + message.payload)

    async def messages(self) -> AsyncIterator[ChannelMessage]:
        """What the other side tells, until it is gone."""
        try:
            async for line in self._reader:
                head = json.loads(line)
                yield ChannelMessage(head["kind"], head["to"], await self._reader.readexactly(head["size"]))
        except (OSError, asyncio.IncompleteReadError):
            return

    def close(self) -> None:
        """Nothing more is told."""
        self._writer.close()
