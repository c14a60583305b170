"""What the emulator received, and how each request ended: written before the reply is sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Ending = Literal["", "finished", "client gone", "stopped"]

_COMPLETIONS = ("/chat/completions", "/responses", "/messages")
_SECRET = ("authorization", "x-api-key")


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived; header names are in lower case, `json` is None if the body is not JSON.

    `status` is what was answered (0: nothing yet, or no status line at all), `fault` the name of
    the fault that struck, `closed` how it ended ("" while it runs), `at` the unix time of arrival.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    json: Any
    at: float
    status: int = 0
    fault: str | None = None
    closed: Ending = ""

    @property
    def model(self) -> str | None:
        """The model that the body names."""
        model = self.json.get("model") if isinstance(self.json, dict) else None
        return model if isinstance(model, str) else None

    @property
    def is_completion(self) -> bool:
        """Whether it asked for an answer of a model."""
        return self.method == "POST" and self.path.endswith(_COMPLETIONS)

    @property
    def shown(self) -> dict[str, Any]:
        """The request as GET /_requests shows it: parsed where it is JSON, and without the key."""
        redacted = {name: "[redacted]" for name in _SECRET if name in self.headers}
        return {
            "method": self.method,
            "path": self.path,
            "headers": {**self.headers, **redacted},
            "body": self.body.decode(errors="replace") if self.json is None else self.json,
            "model": self.model,
            "status": self.status,
            "fault": self.fault,
            "closed": self.closed,
            "at": self.at,
        }


class Entry:
    """One request's place in the record, where its end is noted."""

    __slots__ = ("received",)

    def __init__(self, received: Received) -> None:
        self.received = received

    def answered(self, status: int, fault: str | None) -> None:
        """Note what is about to be sent."""
        self.received = replace(self.received, status=status, fault=fault)

    def ended(self, how: Ending) -> None:
        """Note how it ended; only the first note counts."""
        if not self.received.closed:
            self.received = replace(self.received, closed=how)


class Record:
    """All requests in order of arrival; may be read from any thread while it is written in one."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    @property
    def requests(self) -> list[Received]:
        """The requests as they stand now."""
        return [entry.received for entry in self._entries.copy()]

    def arrived(self, received: Received) -> Entry:
        """Note a request."""
        entry = Entry(received)
        self._entries.append(entry)
        return entry

    def forget(self) -> None:
        """Drop everything."""
        self._entries = []


def parsed(body: bytes) -> Any:
    """Return the JSON value of a body; None if it is not JSON."""
    try:
        return json.loads(body, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None


def _no_json(constant: str) -> None:
    """Refuse NaN and Infinity, which Python would accept as JSON."""
    raise ValueError(constant)
