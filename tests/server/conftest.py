import pytest

from tests.server.stage import served


@pytest.fixture
def server(upstream):
    with served(upstream) as running:
        yield running


@pytest.fixture(params=["chat", "responses", "messages"])
def dialect(request) -> str:
    return request.param
