"""SqliteFile: a SQLite file that several processes write: opened, replaced when it is damaged, at rest in a fork."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from freerouter import forks
from freerouter.sharing import tables
from freerouter.sharing.stores import StoreError

# For everything but a slot: nobody waits for it.
_TIMEOUT = 2.0

_TROUBLES = {
    sqlite3.SQLITE_BUSY: "does not answer in time",
    sqlite3.SQLITE_LOCKED: "does not answer in time",
    sqlite3.SQLITE_READONLY: "is read-only",
    sqlite3.SQLITE_FULL: "has no room: the disk is full",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_NOTADB: "is damaged",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
}


class SqliteFile:
    """A SQLite file in WAL mode, with a connection for what requests wait for, and one for everything else.

    Args:
        path: of the file.
        patience: seconds for a step that a request waits for.

    Attributes:
        closing: it is closed.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self.closing = threading.Event()
        self._path = path
        self._patience = patience
        self._lock = threading.Lock()  # of the connection for slots
        self._slow_lock = threading.Lock()
        self._quick: sqlite3.Connection | None = None
        self._slow: sqlite3.Connection | None = None
        self._version = -1
        self._damaged = False
        self._opened: tuple[int, int] | None = None  # the file that is open: its path may name another one
        self._resting: dict[int, list[threading.Lock]] = {}  # what each thread that forks has locked
        forks.rest(self)

    def open(self) -> None:
        """Open it, or open it anew. One that is damaged is replaced. Raises StoreError."""
        with self._lock, self._slow_lock:
            if self.closing.is_set():
                raise StoreError("is closed")
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
        """Raise StoreError if it is damaged, or if others have removed it: who has it open then is alone with it."""
        if self._damaged:
            raise StoreError("is damaged")
        with self._translated():
            if self._identity() != self._opened:
                raise StoreError("was removed, and is made again")

    @contextmanager
    def quickly(self) -> Iterator[sqlite3.Connection]:
        """A step that writes, on the connection that requests wait for."""
        if not self._lock.acquire(timeout=self._patience):
            raise StoreError("does not answer in time")
        try:
            with self._translated(), _transaction(_there(self._quick)) as connection:
                yield connection
        finally:
            self._lock.release()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A step that writes, on the connection that nobody waits for."""
        with self.reading() as connection, _transaction(connection):
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection that nobody waits for."""
        with self._slow_lock, self._translated():
            yield _there(self._slow)

    def has_changed(self, connection: sqlite3.Connection) -> bool:
        """Whether other processes have written since the last call; ``connection`` is that of ``reading``."""
        former, self._version = self._version, connection.execute("pragma data_version").fetchone()[0]
        return self._version != former

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of SQLite as StoreError."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._damaged = self._damaged or _is_damaged(error)
            raise StoreError(_in_words(error)) from None

    def close(self) -> None:
        """Close the connections, once they are not in use."""
        self.closing.set()
        with self._lock, self._slow_lock:
            self._disconnect()

    def before_fork(self) -> None:
        """Close the connections: SQLite forbids to carry one into a child, which would wait for its locks for ever.

        Source: https://www.sqlite.org/howtocorrupt.html, section 2.6.
        """
        locked = [lock for lock in (self._lock, self._slow_lock) if lock.acquire(timeout=_TIMEOUT)]
        self._resting[threading.get_ident()] = locked
        if len(locked) == 2:
            self._disconnect()

    def after_fork(self, *, child: bool) -> None:
        """Open them again in the parent; the child makes a store of its own."""
        locked = self._resting.pop(threading.get_ident(), [])
        if len(locked) == 2 and not child and self._opened and not self.closing.is_set():
            with suppress(StoreError), self._translated():
                if self._identity() == self._opened:
                    self._open()
        for lock in locked:
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
