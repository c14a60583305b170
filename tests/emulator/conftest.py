from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest

from freerouter.emulator import Emulator
from tests.builders import Clock

KEY = {"authorization": "Bearer key"}
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC).timestamp()


class Caller:
    """A client with a key, which knows how to ask for completions."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def chat(self, model: str | None = "nvidia/nemotron-3-nano-30b-a3b:free", headers=None, **fields) -> httpx.Response:
        body = {"messages": [{"role": "user", "content": "Hello"}]} | ({"model": model} if model else {}) | fields
        return self.http.post("chat/completions", json=body, headers=headers)

    def respond(self, model: str = "nvidia/nemotron-3-nano-30b-a3b:free", headers=None, **fields) -> httpx.Response:
        return self.http.post("responses", json={"input": "Hello", "model": model} | fields, headers=headers)

    def message(self, model: str = "nvidia/nemotron-3-nano-30b-a3b:free", headers=None, **fields) -> httpx.Response:
        body = {"messages": [{"role": "user", "content": "Hello"}], "model": model, "max_tokens": 1000} | fields
        return self.http.post("messages", json=body, headers=headers)

    def get(self, path: str, **query) -> httpx.Response:
        return self.http.get(path, params=query or None)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def emulator(clock: Clock) -> Emulator:
    return Emulator(seed=1, per_minute=None, per_day=None, clock=clock)


@contextmanager
def calling(emulator: Emulator) -> Iterator[Caller]:
    with emulator.running() as url, httpx.Client(base_url=url, headers=KEY, verify=False) as http:
        yield Caller(http)


@pytest.fixture
def caller(emulator: Emulator) -> Iterator[Caller]:
    with calling(emulator) as caller:
        yield caller
