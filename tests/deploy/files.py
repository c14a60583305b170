"""The files of deploy/, and the tools that check them."""

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
NODE = ROOT / "tests" / "clients" / "node" / "node_modules"


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def tool(name: str) -> str:
    """Where a program is; without it the test is skipped, except in CI."""
    found = shutil.which(name, path=f"{BIN}:{os.environ['PATH']}:/usr/sbin")
    if found is None:
        needed(f"there is no {name}")
    return found


def needed(missing: str) -> None:
    assert os.environ.get("CI") != "true", missing
    pytest.skip(missing)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
