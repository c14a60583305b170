"""FileStore: facts and slots in a SQLite file, for the processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from freerouter.sharing import tables
from freerouter.sharing.facts import Kind, Told, name_of
from freerouter.sharing.slots import PATIENCE, SLOT_SECONDS, Slot, SlotRequest
from freerouter.sharing.sqlite_file import SqliteFile
from freerouter.sharing.stores import MOST_OTHERS, MOST_TALKS, Life

# How often it is looked whether other processes have written: a glance at shared memory.
_GLANCE = 0.05
# Facts that end later than this after a clock has been set back are forgotten, in seconds.
_TOLERANCE = 5.0


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
        self._file = SqliteFile(path, patience)
        self._origin = origin
        self._wall = wall
        self._number = 0

    def connect(self) -> None:
        """See Store. A file that is damaged is replaced: what it holds is soon learnt again."""
        self._file.open()
        self.check()

    def check(self, life: str = "") -> Life:
        """See Store."""
        self._file.check()
        now = self._wall()
        with self._file.writing() as connection:
            connection.execute("update counter set at = ?", (now,))
            connection.execute("delete from slot where at <= ? or at > ?", (now - SLOT_SECONDS, now))
            connection.execute("delete from fact where at > ?", (now + _TOLERANCE,))
            return self._life(connection, life)

    def _life(self, connection: sqlite3.Connection, former: str) -> Life:
        connection.execute("insert or ignore into life values(1, ?, 0)", (os.urandom(8).hex(),))
        name, told = connection.execute("select name, told from life").fetchone()
        is_first = former not in ("", name) and not told
        if is_first:
            connection.execute("update life set told = 1")
        return Life(name, is_first)

    def take(self, ask: SlotRequest) -> Slot:
        """See Store."""
        with self._file.quickly() as connection:
            return self._take(connection, ask)

    def probe(self) -> None:
        """See Store."""
        with self._file.quickly():
            pass

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
        self._note(connection, ask.account, ask.number, now)
        connection.execute("update day set remaining = max(remaining - 1, 0) where account = ?", (ask.account,))
        return True

    def _slot(self, number: int) -> str:
        return f"{self._origin}-{number}"

    def _note(self, connection: sqlite3.Connection, account: str, number: int, at: float) -> bool:
        row = (account, self._slot(number), at)
        return connection.execute("insert or ignore into slot values(?, ?, ?)", row).rowcount > 0

    def mark(self, account: str, number: int, age: float, *, over: bool, again: bool = False) -> None:
        """See Store."""
        with self._file.writing() as connection:
            if over:
                by = -int(self._forget(connection, account, number))
            else:
                by = int(self._note(connection, account, number, self._wall() - age))
            if by and not again:
                connection.execute(
                    "update day set remaining = min(max(remaining - ?, 0), allowed) where account = ?", (by, account)
                )

    def _forget(self, connection: sqlite3.Connection, account: str, number: int) -> bool:
        row = (account, self._slot(number))
        return connection.execute("delete from slot where account = ? and name = ?", row).rowcount > 0

    def set_day(self, account: str, day: tuple[int, int], seconds: float, age: float, *, again: bool = False) -> None:
        """See Store."""
        now = self._wall()
        row = {"account": account, "allowed": day[0], "remaining": day[1], "at": now - age, "until": now + seconds}
        with self._file.writing() as connection:
            connection.execute("delete from day where until <= ?", (now,))
            connection.execute(tables.DAY_AGAIN if again else tables.DAY, row)

    def publish(self, told: Sequence[Told], *, again: bool = False) -> None:  # noqa: ARG002  # who looks finds all
        """See Store."""
        now = self._wall()
        with self._file.writing() as connection:
            connection.execute("delete from fact where until <= ?", (now,))
            connection.execute("update counter set number = number + 1")
            number = connection.execute("select number from counter").fetchone()[0]
            for one in told:
                row = {"name": one.name, "payload": one.payload, "over": int(one.over)}
                row |= {"number": number, "origin": self._origin}
                connection.execute(tables.PUBLISH, row | {"at": now - one.age, "until": now + one.left})
            connection.execute(tables.TRIM_TALKS, (MOST_TALKS,))
            connection.execute(tables.TRIM_OTHERS, (MOST_OTHERS,))

    def snapshot(self) -> list[Told]:
        """See Store."""
        with self._file.reading() as connection:
            self._file.has_changed(connection)
            found, self._number = self._since(connection, 0)
            return found

    def news(self, seconds: float) -> list[Told]:
        """See Store."""
        until = time.monotonic() + seconds
        while True:
            with self._file.reading() as connection:
                if self._file.has_changed(connection):
                    found, self._number = self._since(connection, self._number, but=self._origin)
                    if found:
                        return found
            rest = until - time.monotonic()
            if rest <= 0 or self._file.closing.wait(min(_GLANCE, rest)):
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

    def close(self) -> None:
        """See Store."""
        self._file.close()
