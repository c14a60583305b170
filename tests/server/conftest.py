import pytest

from tests.server.stage import served
from tests.wire.conftest import chat, clean_environment, emulator, upstream  # noqa: F401  # fixtures are found by name


@pytest.fixture
def server(upstream):  # noqa: F811  # a fixture is asked for by its name
    with served(upstream) as running:
        yield running


@pytest.fixture(params=["chat", "responses", "messages"])
def dialect(request) -> str:
    return request.param
