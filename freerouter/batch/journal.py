"""Journal: the requests sent and the answers received, in SQLite, so that a batch survives its process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from freerouter.batch.source import Place, Source
from freerouter.errors import BatchError

MEMORY = ":memory:"

_VERSION = 1
_SCHEMA = """
CREATE TABLE batch (stamp TEXT NOT NULL);
CREATE TABLE requests (
    number INTEGER PRIMARY KEY, custom_id TEXT NOT NULL UNIQUE, line INTEGER NOT NULL,
    start INTEGER NOT NULL, length INTEGER NOT NULL, digest BLOB NOT NULL, sent INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE answers (
    arrival INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE, failed INTEGER NOT NULL, line BLOB NOT NULL
);
"""
# Separate, and made when missing: journals of the same version were once written without it.
_UPSTREAM = "CREATE TABLE IF NOT EXISTS upstream (name TEXT NOT NULL)"
_ENTRIES = """
SELECT number, custom_id, sent, line, start, length, digest FROM requests
WHERE number > ? AND NOT EXISTS (SELECT 1 FROM answers WHERE answers.number = requests.number)
ORDER BY number LIMIT ?
"""

_COUNTS = """
SELECT (SELECT COUNT(*) FROM requests), COUNT(*) FILTER (WHERE NOT failed), COUNT(*) FILTER (WHERE failed) FROM answers
"""


class Entry(NamedTuple):
    """A request that has no answer yet.

    Attributes:
        number: its place among the requests, counted from 1.
        custom_id: the caller's name for it.
        sent: it was running when an earlier run ended.
        place: where it stands in the input.
        tries: how often it is tried in this run, the next time included.
    """

    number: int
    custom_id: str
    sent: bool
    place: Place
    tries: int = 1


class Counts(NamedTuple):
    """How many requests there are, how many of them have an answer, and how many an error."""

    total: int
    answered: int
    failed: int


class Journal:
    """One SQLite file, in use by one process at a time; a context manager that closes it.

    A commit is written to the operating system: it survives any end of the process. After a power cut,
    the last commits may be missing; their requests are sent again.

    Args:
        path: of the file, created if missing; ``:memory:`` for no file.

    Raises:
        BatchError: another process uses it, it is not a journal, or it cannot be written.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._fresh = path != MEMORY and not Path(path).exists()
        with self._explained():
            self._db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                self._begin()
            except BaseException:
                self._db.close()
                raise

    def _begin(self) -> None:
        # An exclusive lock is held from here until the file is closed, or the process is gone.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                raise BatchError(f"{self.path} was written by another version of freerouter")
            self._db.execute(_UPSTREAM)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into BatchErrors."""
        try:
            yield
        except sqlite3.Error as error:
            if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise BatchError(f"another process is running this batch: {self.path} is in use") from None
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                raise BatchError(f"{self.path} is not a journal of a batch: move it away") from None
            folder = Path(self.path).parent
            if not folder.exists():
                raise BatchError(f"the folder {folder} does not exist: create it, or name another file") from None
            raise BatchError(f"the journal {self.path} cannot be used: {error}") from None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release it for other processes; remove one without requests."""
        unused = self._fresh and not self.counts().total
        self._db.close()
        if unused:
            Path(self.path).unlink(missing_ok=True)

    def remove(self) -> None:
        """Close it, and delete it."""
        self._fresh = False
        self._db.close()
        Path(self.path).unlink(missing_ok=True)

    def load(self, source: Source) -> None:
        """Store the requests of an input, all or none; those of an earlier run must be the same.

        Raises:
            BatchError: a line is broken, names a ``custom_id`` for the second time, or differs from what it was.
        """
        stamp = source.stamp()
        with self._explained():
            known = self._db.execute("SELECT stamp FROM batch").fetchone()
        if known is None:
            with self._transaction():
                self._take_in(source)
                self._db.execute("INSERT INTO batch VALUES (?)", (stamp,))
        elif known[0] != stamp:
            raise self._changed(source)

    def hold_to(self, upstream: str) -> None:
        """Record which upstream answers; raises BatchError when another one has answered in earlier runs."""
        with self._explained():
            known = self._db.execute("SELECT name FROM upstream").fetchone()
            if known is None:
                self._db.execute("INSERT INTO upstream VALUES (?)", (upstream,))
        if known is not None and known[0] != upstream:
            raise BatchError(
                f"{self.path} holds a batch that was sent to {known[0]}, and this run would send to {upstream}: "
                f"choose another output (-o), or remove {self.path} to begin anew"
            )

    def _take_in(self, source: Source) -> None:
        insert = "INSERT INTO requests (custom_id, line, start, length, digest) VALUES (?, ?, ?, ?, ?)"
        for place, ask in source.asks():
            try:
                self._db.execute(insert, (ask.custom_id, *place))
            except sqlite3.IntegrityError:
                where = "SELECT line FROM requests WHERE custom_id = ?"
                (first,) = self._db.execute(where, (ask.custom_id,)).fetchone()
                raise source.error(place.line, f"has the custom_id {ask.custom_id!r} of line {first}") from None
        if not self._db.execute("SELECT EXISTS (SELECT 1 FROM requests)").fetchone()[0]:
            raise BatchError(f"{source.name} holds no request")

    def _changed(self, source: Source) -> BatchError:
        """What differs from the input that the journal was begun with: the first line that does."""
        remedy = f"put it back as it was, or begin anew with another output (or without {self.path})"
        known = self._db.execute("SELECT line, digest FROM requests ORDER BY number")
        for (place, _), before in zip(source.places(), known, strict=False):
            if (place.line, place.digest) != before:
                return source.error(place.line, f"differs from the one that this batch began with: {remedy}")
        now, then = sum(1 for _ in source.places()), self.counts().total
        if now != then:
            return BatchError(f"{source.name} had {then} requests when this batch began, and has {now}: {remedy}")
        return BatchError(f"this batch was begun with other options (prompts, system, schema): {remedy}")

    def counts(self) -> Counts:
        """The progress of the batch."""
        with self._explained():
            return Counts(*self._db.execute(_COUNTS).fetchone())

    def entries(self, after: int, limit: int) -> list[Entry]:
        """The next requests without an answer whose number is greater than ``after``."""
        with self._explained():
            rows = self._db.execute(_ENTRIES, (after, limit)).fetchall()
        return [Entry(number, name, bool(sent), Place(*place)) for number, name, sent, *place in rows]

    def sending(self, number: int) -> None:
        """Record that a request is about to be sent."""
        with self._explained():
            self._db.execute("UPDATE requests SET sent = sent + 1 WHERE number = ?", (number,))

    def kept(self, entry: Entry) -> None:
        """A request has ended without an answer: restore its state from before this run."""
        with self._explained():
            self._db.execute("UPDATE requests SET sent = ? WHERE number = ?", (entry.sent, entry.number))

    def answered(self, number: int, line: bytes, *, failed: bool) -> None:
        """Record an answer, or a final error."""
        with self._explained():
            self._db.execute("INSERT INTO answers (number, failed, line) VALUES (?, ?, ?)", (number, failed, line))

    def forget_failures(self) -> None:
        """Mark the failed requests to be sent again."""
        with self._transaction():
            self._db.execute("UPDATE requests SET sent = 0 WHERE number IN (SELECT number FROM answers WHERE failed)")
            self._db.execute("DELETE FROM answers WHERE failed")

    def lines(self, *, in_order: bool) -> Iterable[bytes]:
        """The lines of the output so far: in the order of the input, or as they came."""
        order = "number" if in_order else "arrival"
        with self._explained():
            for (line,) in self._db.execute(f"SELECT line FROM answers ORDER BY {order}"):  # noqa: S608  # one of two
                yield line
