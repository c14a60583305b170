"""What the tests of batches share: inputs, a wire that answers at once, and ways to look into a journal."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

from freerouter import AsyncBatch, BatchOptions, Catalog, Router, Settings
from tests.stage import CATALOG, KEY, completion

CHAT = "/v1/chat/completions"


def line(name: str, content: str | None = None, url: str = CHAT, **body: Any) -> dict[str, Any]:
    """A request in the format of OpenAI's Batch API; its content is its name."""
    body = {"messages": [{"role": "user", "content": content or name}]} | body
    return {"custom_id": name, "method": "POST", "url": url, "body": body}


def lines(count: int) -> list[dict[str, Any]]:
    return [line(f"r{number}") for number in range(count)]


def write(path: Path, rows: list[Any]) -> Path:
    """Write an input; texts go in as they are."""
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text().splitlines()]


class Reply:
    """A whole answer, at once."""

    def __init__(self, status: int, body: Any, headers: list[tuple[str, str]]) -> None:
        self.status, self.headers, self.due = status, [("content-type", "application/json"), *headers], float("inf")
        self.chunks = self._chunks(body if isinstance(body, bytes) else json.dumps(body).encode())

    async def _chunks(self, body: bytes):
        yield body

    async def close(self) -> None:
        pass


class StubWire:
    """A wire to nowhere: ``reply`` makes of each body a status and a body, and headers if it likes."""

    def __init__(self, reply=None) -> None:
        self.reply = reply or (lambda _: (200, completion()))
        self.sent: list[dict[str, Any]] = []

    async def open(self, _url, _headers, body, _timeouts) -> Reply:
        self.sent.append(json.loads(body))
        status, answer, *headers = self.reply(self.sent[-1])
        return Reply(status, answer, list(*headers))

    async def close(self) -> None:
        pass

    @property
    def contents(self) -> list[str]:
        return [body["messages"][-1]["content"] for body in self.sent]


class Time:
    """A clock that only waiting moves."""

    def __init__(self, hour: int = 12) -> None:
        self.now = datetime(2026, 9, 1, hour, tzinfo=UTC).timestamp()
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        due = self.now + seconds
        for _ in range(50):  # others may be about to wait, too
            await anyio.lowlevel.checkpoint()
        self.slept.append(seconds)
        self.now = max(self.now, due)


def timed(time: Time, url: str = "http://127.0.0.1:9", catalog: Catalog = CATALOG, **settings: Any) -> Router:
    """A router on that clock, with the settings of a batch."""
    given = {"upstream": url, "api_key": KEY, "seed": 1, "max_wait": 65.0, **settings}
    return Router(Settings(**given), catalog, clock=time, wall=time)


async def run(source, output, *, wire=None, router=None, batch=AsyncBatch, sleep=None, **options):
    """Run a batch."""
    more = {} if sleep is None else {"sleep": sleep}
    return await batch(source, output, BatchOptions(**options), router=router, wire=wire, **more).run()


def standing(journal: Path, folder: Path) -> tuple[set[str], set[str]]:
    """The ``custom_id``s that have an answer in a journal, and those that are on their way; read from a copy of it."""
    folder.mkdir(exist_ok=True)
    for path in journal.parent.glob(f"{journal.name}*"):
        shutil.copy(path, folder)
    with closing(sqlite3.connect(folder / journal.name)) as db:
        try:
            answered = {name for (name,) in db.execute("SELECT custom_id FROM requests JOIN answers USING (number)")}
            sent = {name for (name,) in db.execute("SELECT custom_id FROM requests WHERE sent")}
        except sqlite3.OperationalError:  # killed before there was a table
            return set(), set()
    for path in folder.iterdir():
        path.unlink()
    return answered, sent - answered
