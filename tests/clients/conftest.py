"""Real clients, unmodified, against ``freerouter serve --emulate`` as a process of its own."""

import pytest

from tests.clients.stage import Talk
from tests.server.processes import Process, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Process:
    with serving(tmp_path_factory.mktemp("serve"), "--emulate") as process:
        yield process


@pytest.fixture
def talk(server) -> Talk:
    """What reaches the emulator from now on."""
    return Talk(server)
