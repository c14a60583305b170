"""What goes between a driver and Routing: the request, and the steps to take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from freerouter.errors import FreeRouterError
from freerouter.memory.endpoint import Endpoint
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.dialects import CHAT, Dialect
from freerouter.openrouter.headers import NO_SESSION, NOBODY, Caller, SessionHeaders
from freerouter.pipeline.tracking import Trace
from freerouter.replies.acceptance import Accept
from freerouter.settings import Sticky


class Request(NamedTuple):
    """A request as it comes in.

    Attributes:
        body: JSON, or already parsed.
        dialect: how it is written.
        caller: whose it is.
        session: its headers that name a session.
        needs: capabilities to require besides those found in it.
        accept: looks at a whole answer and returns a reason to refuse it, or None; True holds it against what the
            request asks for. A stream is held back until it is whole and accepted.
        timeout: seconds for all of it, where that is less than the settings' deadline.
        sticky: in place of the settings' own.
    """

    body: bytes | str | dict[str, Any]
    dialect: Dialect = CHAT
    caller: Caller = NOBODY
    session: SessionHeaders = NO_SESSION
    needs: tuple[str, ...] = ()
    accept: Accept | bool = False
    timeout: float | None = None
    sticky: Sticky | None = None


class Send(NamedTuple):
    """Send this body to OpenRouter.

    Attributes:
        model: where it goes.
        body: JSON.
        stream: the answer will be streamed.
        first: seconds until the reply must be judged: the first token of a stream, the end of anything else.
        idle: seconds between the chunks of a stream that is being handed on; 0 for an answer that is not streamed.
        endpoint: where it goes.
    """

    model: Model
    body: bytes
    stream: bool
    first: float
    idle: float
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for so many seconds, then ask again."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with this error."""

    error: FreeRouterError


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that cannot be routed at all: it makes no sense, could cost money, or there is no catalog.

    Attributes:
        request: as it came in.
        trace: as far as it went.
        error: what is wrong with it.
    """

    request: Request
    trace: Trace
    error: FreeRouterError

    def next(self) -> Fail:
        """Answer with the error."""
        return Fail(self.error)
