"""The values that pass between a driver and Routing: the request, and the actions to take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from freerouter.errors import FreeRouterError
from freerouter.memory.endpoint import Endpoint
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.dialects import CHAT, Dialect
from freerouter.openrouter.headers import NO_SESSION, NOBODY, Caller, SessionHeaders
from freerouter.pipeline.tracking import Trace
from freerouter.preferences import NO_WISHES, Wishes
from freerouter.replies.acceptance import Accept
from freerouter.settings import Sticky
from freerouter.sharing.slots import Slots


class Request(NamedTuple):
    """A request as it was received.

    Attributes:
        body: JSON, or already parsed.
        dialect: its API format.
        caller: the account and the app that sent it.
        session: those of its headers that name a session.
        needs: capabilities to require in addition to those found in it.
        accept: checks a whole answer and returns a reason to refuse it, or None; True checks it against what the
            request asks for. A stream is held back until it is whole and accepted.
        timeout: seconds for the whole request, if shorter than the deadline of the settings.
        sticky: replaces the setting of that name.
        wishes: what it says about the choice of its model.
    """

    body: bytes | str | dict[str, Any]
    dialect: Dialect = CHAT
    caller: Caller = NOBODY
    session: SessionHeaders = NO_SESSION
    needs: tuple[str, ...] = ()
    accept: Accept | bool = False
    timeout: float | None = None
    sticky: Sticky | None = None
    wishes: Wishes = NO_WISHES


class Send(NamedTuple):
    """Send this body to OpenRouter.

    Attributes:
        model: the model that is asked.
        body: JSON.
        stream: the answer will be streamed.
        first: seconds until the reply can be judged: at the first token of a stream, at the end of anything else.
        idle: seconds between the chunks of a stream that is being passed on; 0 for an answer that is not streamed.
        endpoint: where it is sent.
    """

    model: Model
    body: bytes
    stream: bool
    first: float
    idle: float
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for this many seconds, then call ``next`` again."""

    seconds: float


class Reserve(NamedTuple):
    """Take a place in the minute that processes share, then pass what comes of it to ``reserved``.

    Attributes:
        slots: takes it.
        account, number, limit: what is taken; see ``SlotRequest``.
    """

    slots: Slots
    account: str
    number: int
    limit: int


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with this error."""

    error: FreeRouterError


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that cannot be routed: it is not valid, it could cost money, or there is no catalog.

    Attributes:
        request: as it was received.
        trace: the record up to the error.
        error: what is wrong with it.
    """

    request: Request
    trace: Trace
    error: FreeRouterError

    def next(self) -> Fail:
        """Answer with the error."""
        return Fail(self.error)
