"""Which conversation uses which model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cachetools import Cache, TTLCache

from freerouter.memory.transcript import Hashed, Standing, goes_on, marks
from freerouter.openrouter.dialects import Dialect
from freerouter.openrouter.headers import SessionHeaders
from freerouter.settings import Sticky

# OpenRouter forgets a conversation after ten idle minutes (docs: "Auto Router", session stickiness).
IDLE = 600.0
_CONVERSATIONS = 100_000
# Characters of the longest id (API reference, ``session_id``).
_LONGEST_ID = 256

# The fields that may hold an id.
_PLACES = frozenset({"session_id", "prompt_cache_key", "metadata"})

# A hash of an id, or of the conversation's texts.
Key = int


class Known(NamedTuple):
    """A conversation with an id, or one that a request continues.

    Attributes:
        known_by: keys under which its model may be stored; the first one found counts.
        keys: those to store its model under after an answer.
    """

    known_by: tuple[Key, ...]
    keys: tuple[Key, ...]

    def becomes(self) -> tuple[Key, ...]:
        """The keys to store its model under after an answer."""
        return self.keys


class First(NamedTuple):
    """A conversation that begins: it has no model yet.

    Attributes:
        messages, dialect: of the request.
        system: the content of a system message that stands beside them.
        hashed: makes the keys.
    """

    messages: list[Any]
    dialect: Dialect
    system: Any
    hashed: Hashed = hash
    known_by: tuple[Key, ...] = ()

    def becomes(self) -> tuple[Key, ...]:
        """The keys to store its model under after an answer; computed then, while no request waits for it."""
        found = marks(self.messages, self.dialect.speakers(self.messages), self.system, self.hashed)
        return found.beginning, *_keys(found.now)


Conversation = Known | First


class Home(NamedTuple):
    """The model of a conversation.

    Attributes:
        model: its id.
        inherits: the history holds reasoning that other models have signed; which part is its own is not known.
        since: when it answered, in the clock's seconds.
    """

    model: str
    inherits: bool = False
    since: float = 0.0


class Conversations:
    """Remembers the model of each conversation of each account. Not thread-safe: its owner holds a lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._homes: TTLCache[tuple[str, Key], Home] = TTLCache(_CONVERSATIONS, IDLE, clock)

    def home(self, account: str, conversation: Conversation) -> Home | None:
        """The model of a conversation; None for one that is new, or not remembered."""
        for key in conversation.known_by:
            home: Home | None = self._homes.get((account, key))
            if home is not None:
                return home
        return None

    def renew(self, account: str, conversation: Conversation, home: Home) -> tuple[Key, ...]:
        """The model has answered: store it under each key of the conversation for ten more minutes.

        Returns:
            the keys.
        """
        known = [key for key in conversation.known_by if (account, key) in self._homes]
        keys = (*known, *conversation.becomes())
        for key in keys:
            self._homes[account, key] = home
        return keys

    def places(self) -> list[tuple[str, Key]]:
        """The account and the key of each conversation, those that are known for the longest time first."""
        return list(Cache.__iter__(self._homes))  # some may have ended: to look at each takes too long

    def at(self, place: tuple[str, Key]) -> Home | None:
        """The model of a conversation, by account and key."""
        home: Home | None = self._homes.get(place)
        return home

    def hear(self, account: str, key: Key, home: Home) -> None:
        """Another process has answered a conversation; what was stored later stays."""
        stored = self._homes.get((account, key))
        if stored is None or stored.since < home.since:
            self._homes[account, key] = home


def conversation(
    body: dict[str, Any], dialect: Dialect, headers: SessionHeaders, sticky: Sticky, hashed: Hashed = hash
) -> Conversation | None:
    """The conversation that a request belongs to; None when that does not matter.

    An id comes first: ``session_id``, the header ``x-session-id``, ``prompt_cache_key`` (the documented order of the
    Auto Router), then the ids that clients send by default. Without an id, a request that continues a conversation
    is recognised by its texts up to the last user message that the model has reacted to, or the one before, or else by
    its beginning, or else by the last of these texts, whatever the system message. A first message is always drawn. So
    is a history with an unknown beginning (few-shot examples, which many requests share): it is remembered only by its
    own text.

    Args:
        body: the request.
        dialect: its API format.
        headers: those that carry an id.
        sticky: ``auto`` all of these, ``session`` only those with an id, ``off`` none.
        hashed: makes the keys.
    """
    if sticky == "off":
        return None
    if headers.session or headers.claude_code or not _PLACES.isdisjoint(body):
        for name in _ids(body, dialect, headers):
            if _is_id(name):
                keys = (hashed(f"id:{name}"),)
                return Known(keys, keys)
    if sticky == "session":
        return None
    messages = [*dialect.messages(body)]  # the caller may change its own list while the request is in progress
    system = dialect.system(body)
    if len(messages) == 1 and _is_plain_question(messages[0]):  # the rest can wait until the answer
        return First(messages, dialect, system, hashed)
    speakers = dialect.speakers(messages)
    if not goes_on(speakers):
        return First(messages, dialect, system, hashed)
    return _going_on(messages, speakers, system, hashed)


def _is_plain_question(message: Mapping[str, Any]) -> bool:
    return message.get("role") == "user" and isinstance(message.get("content"), str)


def _going_on(messages: list[Any], speakers: str, system: Any, hashed: Hashed) -> Conversation:
    found = marks(messages, speakers, system, hashed)
    wholes = [at.whole for at in found.before]
    talks = [at.talk for at in found.before if at.talk is not None]
    return Known((*wholes, found.beginning, *talks), _keys(found.now))


def _keys(at: Standing) -> tuple[int, ...]:
    return (at.whole,) if at.talk is None else (at.whole, at.talk)


def _ids(body: dict[str, Any], dialect: Dialect, headers: SessionHeaders) -> tuple[Any, ...]:
    """The possible ids, the most specific first."""
    own = (body.get("session_id"), headers.session, body.get("prompt_cache_key"), headers.claude_code)
    return (*own, dialect.session(body))


def _is_id(name: Any) -> bool:
    return isinstance(name, str) and len(name) <= _LONGEST_ID and bool(name.strip())
