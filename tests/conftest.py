"""Fixtures that the tests of several packages share; each package has its own beside its tests."""

import json
import logging
import os
import signal
import socket
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from freerouter import Settings
from freerouter.emulator import Emulator
from freerouter.openrouter.catalog import Catalog
from tests.builders import Clock
from tests.stage import KEY, at_rest

# What a shell runs in the background ignores Ctrl-C, and with nohup the end of the terminal, too. So would the programs
# that are tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

hypothesis_settings.register_profile("modest", max_examples=60, deadline=None)
hypothesis_settings.register_profile("nightly", max_examples=500, deadline=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "modest"))

REAL = Path(__file__).with_name("catalogs")
DAYS = ("2025-12-02", "2026-02-27", "2026-05-01", "2026-06-18")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """No setting, key, proxy or cache of the machine's gets into a test, and none of a test's gets out."""
    for name in os.environ:
        if name.startswith("FREEROUTER_") or name.lower().endswith("_proxy") or name == "OPENROUTER_API_KEY":
            monkeypatch.delenv(name)
    monkeypatch.setenv("FREEROUTER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("FREEROUTER_SHARED_STATE", "off")  # tests of the shared state switch it on
    yield
    at_rest()


@pytest.fixture(autouse=True)
def no_network(clean_environment, monkeypatch):
    """A test that looks up any host but this machine fails."""
    strayed, look_up = [], socket.getaddrinfo

    def look_up_here_only(host, *rest, **options):
        if host not in (None, "127.0.0.1", "localhost", "::1"):
            strayed.append(host)
        return look_up(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_here_only)
    yield
    at_rest()
    assert not strayed, "a test reached out for the network"


@pytest.fixture(autouse=True)
def level_of_the_log():
    """What a command does to the logger's level ends with the test."""
    log = logging.getLogger("freerouter")
    level = log.level
    yield
    log.setLevel(level)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator():
    return Emulator(seed=1, per_minute=None, per_day=None)


@pytest.fixture
def upstream(emulator):
    with emulator.running() as url:
        yield url
        at_rest()


@pytest.fixture
def chat(upstream) -> str:
    return f"{upstream}/chat/completions"


@pytest.fixture
def settings(upstream):
    """Settings for the emulator, with our own limit of requests a minute out of the way."""
    return Settings(upstream=upstream, api_key=KEY, seed=1, requests_per_minute=1_000_000)


@pytest.fixture(params=["sync", "async"])
def way(request):
    return request.param


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def real_catalogs() -> dict[str, bytes]:
    """The bodies of ``GET /models`` of four days, each row with the fields that are read (catalogs/compact.py)."""
    return {day: (REAL / f"models-{day}.json").read_bytes() for day in DAYS}


@pytest.fixture(scope="session", params=DAYS)
def offer(request, real_catalogs) -> tuple[date, list[dict[str, Any]], Catalog]:
    """One of the real catalogs: its day, its raw rows, and what the code under test makes of it."""
    body = real_catalogs[request.param]
    return date.fromisoformat(request.param), json.loads(body)["data"], Catalog.parse(body)
