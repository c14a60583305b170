"""Warming: reads the list of models before a request needs it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from freerouter.errors import CatalogError

_log = logging.getLogger("freerouter")


class Warming:
    """One reading at a time, in the background.

    Args:
        read: reads the list. Raises CatalogError.
    """

    def __init__(self, read: Callable[[], Awaitable[None]]) -> None:
        self._read = read
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        """Read it, unless that has been begun before."""
        return self._task or self.again()

    def again(self) -> asyncio.Task[None]:
        """Read it, unless that is being done."""
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._try())
        return self._task

    async def over(self, seconds: float) -> None:
        """Wait until it has been read, or could not be, but no longer than this."""
        await asyncio.wait([self.begin()], timeout=seconds)

    def cancel(self) -> None:
        """The server stops."""
        if self._task is not None:
            self._task.cancel()

    async def _try(self) -> None:
        try:
            await self._read()
        except CatalogError as error:
            _log.warning("no list of models yet: %s", error)
