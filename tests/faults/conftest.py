import pytest

from freerouter.emulator import Emulator


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
def upstream(running):
    return running[1]
