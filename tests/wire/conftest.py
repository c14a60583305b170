import io
import os
import socket
import sys

import pytest

from freerouter import Settings
from freerouter.__main__ import main
from freerouter.emulator import Emulator
from tests.wire.catalogs import Stage, unreachable
from tests.wire.stage import KEY, Upstream, at_rest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """No setting, key, proxy or cache of the machine's gets into a test, and none of a test's gets out."""
    for name in os.environ:
        if name.startswith("FREEROUTER_") or name.lower().endswith("_proxy") or name == "OPENROUTER_API_KEY":
            monkeypatch.delenv(name)
    monkeypatch.setenv("FREEROUTER_CACHE_DIR", str(tmp_path / "cache"))
    strayed, look_up = [], socket.getaddrinfo

    def look_up_here_only(host, *rest, **options):
        if host not in (None, "127.0.0.1", "localhost", "::1"):
            strayed.append(host)
        return look_up(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_here_only)
    yield
    at_rest()
    assert not strayed, "a test reached out for the network"


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


@pytest.fixture
def stage(tmp_path) -> Stage:
    return Stage(tmp_path / "copies")


@pytest.fixture
def offline() -> Upstream:
    return unreachable()


@pytest.fixture
def cli(monkeypatch, capsys):
    """Runs a command line in 80 columns; gives its status, what it printed, and what it complained of."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["freerouter", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        # Python prints what is no number, and ends with 1.
        return (code or 0, out, err) if isinstance(code, int | None) else (1, out, f"{err}{code}\n")

    return run
