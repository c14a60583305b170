"""Channel: what parent and worker tell each other, a JSON object a line over a pair of sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any, Literal

# ready: a worker serves. The others are the parent's, see crew.Deed.
Kind = Literal["ready", "retire", "stop", "hasten"]


class Channel:
    """One end of it. Made in an event loop by ``over``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Channel:
        """The channel over this socket, which it owns from now on."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    def send(self, kind: Kind) -> None:
        """Tell the other side, if it is still there."""
        if not self._writer.is_closing():
            self._writer.write(json.dumps({"kind": kind}).encode() + b"\n")

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """What the other side tells, until it is gone."""
        try:
            async for line in self._reader:
                yield json.loads(line)
        except OSError:
            return

    def close(self) -> None:
        """Nothing more is told."""
        self._writer.close()
