import os

import pytest

from freerouter.emulator import Emulator


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """No setting, key, proxy or cache of the machine's gets into a test, and none of a test's gets out."""
    for name in os.environ:
        if name.startswith("FREEROUTER_") or name.lower().endswith("_proxy") or name == "OPENROUTER_API_KEY":
            monkeypatch.delenv(name)
    monkeypatch.setenv("FREEROUTER_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def running():
    """An emulator without limits and its base URL, one for all tests of a module."""
    emulator = Emulator(seed=1, per_minute=None, per_day=None)
    with emulator.running() as url:
        yield emulator, url


@pytest.fixture
def emulator(running):
    """That emulator, which remembers nothing of the test before."""
    emulator, _ = running
    emulator.faults = None
    emulator.forget()
    return emulator


@pytest.fixture
def url(running):
    return running[1]


@pytest.fixture(params=["sync", "async"])
def way(request):
    return request.param
