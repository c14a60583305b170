"""The tokens of clients: their names, their form, and how many requests a minute each may send."""

from __future__ import annotations

import hmac
import re
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pydantic import SecretStr

from freerouter.durations import MINUTE
from freerouter.errors import SettingsError
from freerouter.server.errors import TokenLimitError

# Characters; shorter tokens could be guessed (SECURITY.md).
LEAST = 16

# base64 ends with =, and has no name before it.
_NAMED = re.compile(r"([A-Za-z][\w.-]{0,31})=(?=[^=])(.*)", re.ASCII)
_SECRET = re.compile(r"[\x21-\x7e]+")


class Token(NamedTuple):
    """What a client sends as its API key.

    Attributes:
        name: for logs and metrics.
        secret: never shown.
    """

    name: str
    secret: SecretStr

    def is_shown_in(self, given: Iterable[str]) -> bool:
        """Whether it is among these credentials. All of them are compared, in constant time."""
        secret = self.secret.get_secret_value().encode()
        return sum(hmac.compare_digest(shown.encode(), secret) for shown in given) > 0


def tokens(*texts: str) -> tuple[Token, ...]:
    """The tokens written as ``token`` or ``name=token``; one without a name gets one from its place.

    Raises:
        SettingsError: two have the same name, or one cannot be sent in a header.
    """
    found = tuple(_token(text.strip(), place) for place, text in enumerate(texts, 1) if text.strip())
    names = [token.name for token in found]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"two tokens have the name {name!r}")
    return found


def _token(text: str, place: int) -> Token:
    named = _NAMED.fullmatch(text)
    name, secret = named.groups() if named else (f"token-{place}", text)
    if not _SECRET.fullmatch(secret):
        raise SettingsError(f"{name} must be printable ASCII without spaces")
    return Token(name, SecretStr(secret))


def lines(text: str) -> list[str]:
    """The tokens in a file: one a line; a line that begins with ``#`` is a comment."""
    stripped = [line.strip() for line in text.splitlines()]
    return [line for line in stripped if line and not line.startswith("#")]


class TokenLimits:
    """How many requests each token has sent within the last minute.

    Args:
        most: of one token; None for any number.
        clock: monotonic seconds.

    Attributes:
        on_count: is called with the token's name when a request was counted.
    """

    def __init__(self, most: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.on_count: Callable[[str], None] | None = None
        self._most = most
        self._clock = clock
        self._sent: dict[str, deque[float]] = {}

    def count(self, name: str) -> None:
        """Count a request. Raises TokenLimitError when it is one too many, which is not counted."""
        if self._most is None or not name:
            return
        now = self._clock()
        sent = self._sent.setdefault(name, deque())
        while sent and sent[0] <= now - MINUTE:
            sent.popleft()
        if len(sent) >= self._most:
            raise TokenLimitError(name, self._most, sent[0] + MINUTE - now)
        sent.append(now)
        if self.on_count is not None:
            self.on_count(name)

    def hear(self, name: str) -> None:
        """Another worker has counted a request."""
        self._sent.setdefault(name, deque()).append(self._clock())
