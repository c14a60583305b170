"""RedisStore: facts and slots in Redis or Valkey, as keys that expire, and a channel for news."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,  # noqa: A004  # redis' own
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,  # noqa: A004  # redis' own
)
from redis.retry import Retry

from freerouter.errors import SettingsError
from freerouter.sharing import scripts
from freerouter.sharing.facts import MALFORMED, Kind, Told, name_of
from freerouter.sharing.slot_connections import SlotConnections
from freerouter.sharing.slots import PATIENCE, SLOT_SECONDS, Slot, SlotRequest
from freerouter.sharing.stores import MOST_OTHERS, MOST_TALKS, Life, StoreError

_NEEDED = 7
# For everything but a slot: nobody waits for it.
_TIMEOUT = 2.0
# Facts of one page of the snapshot: Redis does nothing else meanwhile.
_PAGE = 500
# The connection for news is asked for a sign of life when it has been silent for so long, and has as long to answer.
_SILENCE = 5.0
_ALIVE_MS = 60_000

# The words for what can be wrong; the first that fits counts.
_TROUBLES: tuple[tuple[type[Exception], str], ...] = (
    (AuthenticationError, "refuses the password"),
    (NoPermissionError, "does not let this user do what is needed"),
    (BusyLoadingError, "is loading its data"),
    (OutOfMemoryError, "is out of memory"),
    (ReadOnlyError, "is read-only"),
    (TimeoutError, "does not answer in time"),
    (ConnectionError, "cannot be reached"),
    (RedisError, "answers with an error"),
)
_WRONG_OPTIONS = "the URL of Redis (shared_state, redis_url) has an unknown or wrong option: correct what follows its ?"


class RedisStore:
    """A Store in Redis.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        scope: what distinguishes this upstream from others in the same Redis.
        origin: name of this process: its own news are not news to it.
        patience: seconds for a slot.
        now: milliseconds, in place of the server's clock.

    Raises:
        SettingsError: the URL has an option that is not known.
    """

    kind = "redis"

    def __init__(
        self,
        url: str,
        scope: str,
        origin: str,
        *,
        patience: float = PATIENCE,
        now: Callable[[], int] | None = None,
    ) -> None:
        self.where = without_password(url)
        # In a cluster, all keys with the same text in braces are on one node.
        self._prefix = f"freerouter:{{{_short(scope)}}}:"
        self._origin = origin
        self._now = now
        self._slow = _client(url, _TIMEOUT)
        pool = self._slow.connection_pool
        self._quick = SlotConnections(lambda: pool.connection_class(**pool.connection_kwargs), patience)
        self._subscription: Any = None
        self._heard = self._pinged = 0.0

    def connect(self) -> None:
        """See Store."""
        with _translated():
            self._check_version()
            self._leave()
            self._subscription = self._slow.pubsub()
            self._subscription.subscribe(self._channel)
            self._heard, self._pinged = time.monotonic(), 0.0
            self._quick.open()
        self.check()

    def check(self, life: str = "") -> Life:
        """See Store."""
        with _translated():
            key, name = (f"{self._prefix}life",), os.urandom(8).hex()
            name, is_first = self._run(self._slow, scripts.CHECK, key, name, life, _ALIVE_MS)
            return Life(name.decode(), is_first == 1)

    def _check_version(self) -> None:
        try:
            version = str(self._slow.info("server").get("redis_version", ""))
        except NoPermissionError:
            return  # the scripts will show it
        major = version.partition(".")[0]
        if major.isdecimal() and int(major) < _NEEDED:
            raise StoreError(f"is Redis {version}: {_NEEDED} or newer is needed")

    def take(self, ask: SlotRequest) -> Slot:
        """See Store."""
        keys = (self._minute(ask.account), self._fact(name_of(Kind.GATE, ask.account)), self._day(ask.account))
        with _translated():
            granted, day, gate, rests = self._run(
                self._quick, scripts.TAKE, keys, int(SLOT_SECONDS * 1000), ask.limit, self._slot(ask.number)
            )
        news = (Told("", gate[0], gate[1] / 1000, _age(gate[2]), over=False),) if gate else ()
        left = None if day[1] is None else (int(day[0]), int(day[1]))
        return Slot(granted == 1, tuple([rest / 1000 for rest in rests]), left, news)

    def probe(self) -> None:
        """See Store."""
        with _translated():
            self._quick.ping()

    def mark(self, account: str, number: int, age: float, *, over: bool, again: bool = False) -> None:
        """See Store."""
        keys = (self._minute(account), self._day(account))
        slot = int(SLOT_SECONDS * 1000), self._slot(number), int(age * 1000)
        with _translated():
            self._run(self._slow, scripts.MARK, keys, *slot, int(over), int(again))

    def set_day(self, account: str, day: tuple[int, int], seconds: float, age: float, *, again: bool = False) -> None:
        """See Store."""
        times = int(seconds * 1000), int(age * 1000)
        with _translated():
            self._run(self._slow, scripts.DAY, (self._day(account),), *day, *times, int(again))

    def publish(self, told: Sequence[Told], *, again: bool = False) -> None:
        """See Store."""
        with _translated():
            pipeline = self._slow.pipeline(transaction=False)
            for one in told:
                keys, channel = (self._fact(one.name), self._index(one)), "" if again and one.is_talk else self._channel
                self._run(pipeline, scripts.PUBLISH, keys, *self._sent(one, channel))
            pipeline.execute()

    def _sent(self, told: Told, channel: str) -> tuple[Any, ...]:
        message = json.dumps([self._origin, told.name, told.payload.decode(), told.left, told.age, told.over])
        times = int(told.age * 1000), max(int(told.left * 1000), 1), int(told.over)
        return (*times, told.payload, channel, message, MOST_TALKS if told.is_talk else MOST_OTHERS)

    def _index(self, told: Told) -> str:
        return f"{self._prefix}{'talks' if told.is_talk else 'index'}"

    def snapshot(self) -> list[Told]:
        """See Store."""
        return [*self._pages("index", MOST_OTHERS), *self._pages("talks", MOST_TALKS)]

    def _pages(self, index: str, most: int) -> Iterator[Told]:
        for offset in range(0, most, _PAGE):
            with _translated():
                length, rows = self._run(self._slow, scripts.PAGE, (f"{self._prefix}{index}",), offset, _PAGE)
            for row in rows:
                yield Told("", row[0], row[1] / 1000, _age(row[2]), row[3] == b"1")
            if length < _PAGE:
                return

    def news(self, seconds: float) -> list[Told]:
        """See Store."""
        with _translated():
            message = self._subscription.get_message(timeout=seconds)
            found = []
            while message is not None:
                self._heard = time.monotonic()
                if message["type"] == "message" and (told := self._read(message["data"])) is not None:
                    found.append(told)
                message = self._subscription.get_message(timeout=0.0) if len(found) < _PAGE else None
            self._want_sign_of_life()
            self._quick.restore()
        return found

    def _want_sign_of_life(self) -> None:
        """A connection that nobody told us has ended is silent for ever."""
        now = time.monotonic()
        if now - self._heard < _SILENCE:
            return
        if self._pinged <= self._heard:
            self._pinged = now
            self._subscription.ping()
        elif now - self._pinged > _SILENCE:
            raise StoreError("does not answer in time")

    def _read(self, data: bytes) -> Told | None:
        try:
            origin, name, payload, left, age, over = json.loads(data)
            told = Told(str(name), str(payload).encode(), float(left), float(age), bool(over))
        except MALFORMED:
            return None
        return None if origin == self._origin else told

    def close(self) -> None:
        """See Store."""
        self._leave()
        self._quick.close()
        self._slow.close()

    def _leave(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()

    @property
    def _channel(self) -> str:
        return f"{self._prefix}news"

    def _fact(self, name: str) -> str:
        return f"{self._prefix}fact:{_short(name)}"

    def _minute(self, account: str) -> str:
        return f"{self._prefix}minute:{account}"

    def _slot(self, number: int) -> str:
        return f"{self._origin}-{number}"

    def _day(self, account: str) -> str:
        return f"{self._prefix}day:{account}"

    def _run(self, client: Any, script: str, keys: tuple[str, ...], *arguments: Any) -> Any:
        now = "" if self._now is None else self._now()
        # EVAL, not EVALSHA: after a restart there is no script to look for, and no second round trip.
        return client.eval(script, len(keys), *keys, now, *arguments)


def _client(url: str, timeout: float) -> Any:
    """A client of Redis; nothing is connected yet. Raises SettingsError."""
    fixed = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),  # the replication tries again; a slot is not asked for twice
        "protocol": 2,
        "decode_responses": False,
    }
    try:
        client = redis.Redis.from_url(url, **fixed)
        client.connection_pool.connection_kwargs.update(fixed)  # the options of the URL would come first
        client.connection_pool.make_connection()  # which looks at the options
    except (TypeError, ValueError, RedisError):
        raise SettingsError(_WRONG_OPTIONS) from None
    return client


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of redis-py as StoreError; their texts may hold an address with a password."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreError(next((words for kind, words in _TROUBLES if isinstance(error, kind)), "fails")) from None


def without_password(url: str) -> str:
    """A URL as it can be shown."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _age(milliseconds: int) -> float:
    return max(milliseconds, 0) / 1000


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
