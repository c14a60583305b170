"""FileStore: facts and slots in a SQLite file, for the processes of one machine."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from freerouter import forks
from freerouter.sharing import tables
from freerouter.sharing.facts import Kind, Told, name_of
from freerouter.sharing.slots import PATIENCE, SLOT_SECONDS, Slot, SlotRequest
from freerouter.sharing.stores import MOST_FACTS, StoreError

# For everything but a slot: nobody waits for it.
_TIMEOUT = 2.0
# How often it is looked whether other processes have written: a glance at shared memory.
_GLANCE = 0.05
# Facts that end later than this after a clock has been set back are forgotten, in seconds.
_TOLERANCE = 5.0

_TROUBLES = {
    sqlite3.SQLITE_BUSY: "does not answer in time",
    sqlite3.SQLITE_LOCKED: "does not answer in time",
    sqlite3.SQLITE_READONLY: "is read-only",
    sqlite3.SQLITE_FULL: "has no room: the disk is full",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_NOTADB: "is damaged",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
}


class FileStore:
    """A Store in a SQLite file in WAL mode. Times in it are of the machine's clock.

    Args:
        path: of the file.
        origin: name of this process: its own news are not news to it.
        patience: seconds for a slot.
        wall: seconds since 1970.
    """

    kind = "local"

    def __init__(
        self,
        path: Path,
        origin: str,
        *,
        patience: float = PATIENCE,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.where = str(path)
        self._path = path
        self._origin = origin
        self._patience = patience
        self._wall = wall
        self._lock = threading.Lock()  # of the connection for slots
        self._slow_lock = threading.Lock()
        self._quick: sqlite3.Connection | None = None
        self._slow: sqlite3.Connection | None = None
        self._version = -1
        self._number = 0
        self._damaged = False
        self._opened: tuple[int, int] | None = None  # the file that is open: its path may name another one
        self._closing = threading.Event()
        self._resting: list[threading.Lock] = []
        forks.rest(self)

    def connect(self) -> None:
        """See Store. A file that is damaged is replaced: what it holds is soon learnt again."""
        with self._lock, self._slow_lock:
            self._disconnect()
            with self._translated():
                if self._damaged and self._identity() == self._opened:
                    self._remove()
                self._damaged = False
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._path.touch(0o600)
                try:
                    self._open()
                except sqlite3.DatabaseError as error:
                    if not _is_damaged(error):
                        raise
                    self._remove()
                    self._open()
        self.check()

    def _open(self) -> None:
        self._slow = _connected(self._path, _TIMEOUT)
        if self._slow.execute("pragma user_version").fetchone()[0] != tables.VERSION:
            self._slow.executescript(
                f"begin immediate; {tables.SCHEMA} pragma user_version = {tables.VERSION}; commit;"
            )
        self._quick = _connected(self._path, self._patience)
        self._quick.execute("pragma wal_autocheckpoint = 0")  # the other connection does that: it may take long
        self._version = -1
        self._opened = self._identity()

    def _identity(self) -> tuple[int, int] | None:
        """Of the file at the path; None when there is none."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _remove(self) -> None:
        self._disconnect()
        for ending in ("", "-wal", "-shm"):
            Path(f"{self._path}{ending}").unlink(missing_ok=True)

    def check(self) -> None:
        """See Store. Who has a file open that others have removed is alone with it."""
        if self._damaged:
            raise StoreError("is damaged")
        with self._slowly() as connection, _transaction(connection):
            if self._identity() != self._opened:
                raise StoreError("was removed, and is made again")
            now = self._wall()
            connection.execute("update counter set at = ?", (now,))
            connection.execute("delete from slot where at <= ? or at > ?", (now - SLOT_SECONDS, now))

    def take(self, ask: SlotRequest) -> Slot:
        """See Store."""
        with self._quickly() as connection:
            return self._take(connection, ask)

    def probe(self) -> None:
        """See Store."""
        with self._quickly():
            pass

    @contextmanager
    def _quickly(self) -> Iterator[sqlite3.Connection]:
        """A step that writes, on the connection that requests wait for."""
        if not self._lock.acquire(timeout=self._patience):
            raise StoreError("does not answer in time")
        try:
            with self._translated(), _transaction(_there(self._quick)) as connection:
                yield connection
        finally:
            self._lock.release()

    def _take(self, connection: sqlite3.Connection, ask: SlotRequest) -> Slot:
        account, now = ask.account, self._wall()
        connection.execute(
            "delete from slot where account = ? and (at <= ? or at > ?)", (account, now - SLOT_SECONDS, now)
        )
        gate = connection.execute(
            "select payload, until, at from fact where name = ? and not over and until > ?",
            (name_of(Kind.GATE, account), now),
        ).fetchone()
        granted = gate is None and self._enter(connection, ask, now)
        rows = connection.execute("select at from slot where account = ? order by at", (account,))
        day = connection.execute(
            "select allowed, remaining from day where account = ? and until > ?", (account, now)
        ).fetchone()
        taken = tuple([at + SLOT_SECONDS - now for (at,) in rows])
        news = [] if gate is None else [Told("", gate[0], gate[1] - now, max(now - gate[2], 0.0), over=False)]
        return Slot(granted, taken, day, (*news, *self._latest(connection)))

    def _latest(self, connection: sqlite3.Connection) -> list[Told]:
        """The news that the reader has not seen yet: a conversation goes on sooner than it looks."""
        number = connection.execute("select number from counter").fetchone()[0]
        return [] if number == self._number else self._since(connection, self._number, but=self._origin)[0]

    def _enter(self, connection: sqlite3.Connection, ask: SlotRequest, now: float) -> bool:
        rows = connection.execute("select name from slot where account = ?", (ask.account,)).fetchall()
        if (self._slot(ask.number),) in rows:
            return True
        if len(rows) >= ask.limit:
            return False
        self._count(connection, ask.account, self._slot(ask.number), now)
        return True

    def _slot(self, number: int) -> str:
        return f"{self._origin}-{number}"

    def _count(self, connection: sqlite3.Connection, account: str, slot: str, at: float) -> None:
        entered = connection.execute("insert or ignore into slot values(?, ?, ?)", (account, slot, at)).rowcount
        if entered:
            connection.execute("update day set remaining = max(remaining - 1, 0) where account = ?", (account,))

    def mark(self, account: str, number: int, age: float, *, over: bool) -> None:
        """See Store."""
        slot = self._slot(number)
        with self._slowly() as connection, _transaction(connection):
            if not over:
                self._count(connection, account, slot, self._wall() - age)
            elif connection.execute("delete from slot where account = ? and name = ?", (account, slot)).rowcount:
                connection.execute(
                    "update day set remaining = min(remaining + 1, allowed) where account = ?", (account,)
                )

    def set_day(self, account: str, day: tuple[int, int], seconds: float, age: float) -> None:
        """See Store."""
        now = self._wall()
        with self._slowly() as connection, _transaction(connection):
            connection.execute(
                "insert into day values(?, ?, ?, ?, ?) on conflict(account) do update set allowed = excluded.allowed,"
                " remaining = excluded.remaining, at = excluded.at, until = excluded.until where excluded.at >= at",
                (account, *day, now - age, now + seconds),
            )
            connection.execute("delete from day where until <= ?", (now,))

    def publish(self, told: Sequence[Told]) -> None:
        """See Store."""
        now = self._wall()
        with self._slowly() as connection, _transaction(connection):
            connection.execute("delete from fact where until <= ? or at > ?", (now, now + _TOLERANCE))
            connection.execute("update counter set number = number + 1")
            number = connection.execute("select number from counter").fetchone()[0]
            for one in told:
                row = {"name": one.name, "payload": one.payload, "over": int(one.over)}
                row |= {"number": number, "origin": self._origin}
                connection.execute(tables.PUBLISH, row | {"at": now - one.age, "until": now + one.left})
            connection.execute(
                "delete from fact where name in (select name from fact order by until limit"
                " max((select count(*) from fact) - ?, 0))",
                (MOST_FACTS,),
            )

    def snapshot(self) -> list[Told]:
        """See Store."""
        with self._slowly() as connection:
            self._version = connection.execute("pragma data_version").fetchone()[0]
            found, self._number = self._since(connection, 0)
            return found

    def news(self, seconds: float) -> list[Told]:
        """See Store."""
        until = time.monotonic() + seconds
        while True:
            with self._slowly() as connection:
                version = connection.execute("pragma data_version").fetchone()[0]
                if version != self._version:
                    self._version = version
                    found, self._number = self._since(connection, self._number, but=self._origin)
                    if found:
                        return found
            rest = until - time.monotonic()
            if rest <= 0 or self._closing.wait(min(_GLANCE, rest)):
                return []

    def _since(self, connection: sqlite3.Connection, number: int, but: str = "") -> tuple[list[Told], int]:
        """What was told after this number, and the latest number."""
        now = self._wall()
        rows = connection.execute(
            "select number, name, payload, until, at, over, origin from fact where number > ? and until > ?",
            (number, now),
        ).fetchall()
        latest = max([row[0] for row in rows], default=number)
        told = [
            Told(name, payload, end - now, max(now - at, 0.0), bool(over))
            for _, name, payload, end, at, over, origin in rows
            if origin != but
        ]
        return told, latest

    @contextmanager
    def _slowly(self) -> Iterator[sqlite3.Connection]:
        """The connection that nobody waits for."""
        with self._slow_lock, self._translated():
            yield _there(self._slow)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of SQLite as StoreError."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._damaged = self._damaged or _is_damaged(error)
            raise StoreError(_in_words(error)) from None

    def close(self) -> None:
        """See Store."""
        self._closing.set()
        with self._lock, self._slow_lock:
            self._disconnect()

    def before_fork(self) -> None:
        """Close the connections: SQLite forbids to carry one into a child, which would wait for its locks for ever.

        Source: https://www.sqlite.org/howtocorrupt.html, section 2.6.
        """
        self._resting = [lock for lock in (self._lock, self._slow_lock) if lock.acquire(timeout=_TIMEOUT)]
        if len(self._resting) == 2:
            self._disconnect()

    def after_fork(self, *, child: bool) -> None:
        """Open them again in the parent; the child makes a store of its own."""
        closed, resting = self._slow is None, self._resting
        if closed and not child and self._opened and not self._closing.is_set():
            with suppress(StoreError), self._translated():
                if self._identity() == self._opened:
                    self._open()
        for lock in resting:
            lock.release()

    def _disconnect(self) -> None:
        for connection in (self._quick, self._slow):
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()
        self._quick = self._slow = None


def _connected(path: Path, timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = normal")
    return connection


def _there(connection: sqlite3.Connection | None) -> sqlite3.Connection:
    if connection is None:
        raise StoreError("is not open")
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One that writes, from its beginning."""
    connection.execute("begin immediate")
    try:
        yield connection
        connection.execute("commit")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("rollback")
        raise


def _is_damaged(error: sqlite3.Error | OSError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _in_words(error: sqlite3.Error | OSError) -> str:
    if isinstance(error, OSError):
        return f"cannot be used: {error.strerror}"
    return _TROUBLES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, f"fails: {error}")
