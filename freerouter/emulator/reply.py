"""A reply as a value: status, headers, and the steps in which its body, or its failure, comes."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from freerouter.emulator.refusals import Refusal


class Act(Enum):
    """What a server does to a connection besides sending bytes."""

    HANG = "say nothing more until the client goes away"
    CLOSE = "close the connection, sent bytes first"
    RESET = "reset the connection at once"


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


Step = bytes | Pause | Act


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent: with status 0 not even a status line; `steps` may be endless.

    `account` marks an error that holds for every model, so that no fallback is tried.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    steps: Iterable[Step] = ()
    fault: str | None = None
    account: bool = False

    @property
    def failed(self) -> bool:
        """Whether a fallback model would be tried."""
        return self.status >= 400 and not self.account


def raw(
    body: bytes,
    status: int = 200,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return a reply of these bytes with their length announced."""
    announced = {"content-type": content_type, "content-length": str(len(body))}
    return Reply(status, announced | dict(headers or {}), (body,))


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a reply of this JSON value."""
    return raw(json.dumps(value, separators=(",", ":")).encode(), status, headers=headers)


def refused(
    refusal: Refusal, metadata: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
) -> Reply:
    """Return the error, as this body says it; `metadata` is the openrouter_metadata that stands beside it."""
    beside = {"openrouter_metadata": metadata} if metadata else {}
    return json_reply({**(body or refusal.body), **beside}, refusal.status, refusal.headers)


def event_stream(steps: Iterable[Step], headers: Mapping[str, str] | None = None) -> Reply:
    """Return a 200 of server-sent events."""
    stream = {"content-type": "text/event-stream", "cache-control": "no-cache"}
    return Reply(200, stream | dict(headers or {}), steps)
