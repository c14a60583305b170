"""Work on a large body, done in a thread so that the event loop can serve other requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

T = TypeVar("T")

# A body of this size takes longer to read than a thread takes to start.
LARGE = 2**20

_turns: RunVar[anyio.CapacityLimiter] = RunVar("freerouter-large-bodies")


async def aside(body: object, work: Callable[..., T], *args: Any) -> T:
    """Do work on a body: in a thread if it is large, else at once."""
    if not isinstance(body, bytes | str) or len(body) <= LARGE:
        return work(*args)
    return await anyio.to_thread.run_sync(work, *args, limiter=_one_at_a_time())


def _one_at_a_time() -> anyio.CapacityLimiter:
    """Threads share the interpreter with the event loop: with more of them, it would wait longer for its turn."""
    turns = _turns.get(None)
    if turns is None:
        turns = anyio.CapacityLimiter(1)
        _turns.set(turns)
    return turns
