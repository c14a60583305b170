import pytest

from tests.network.sources import Stage, unreachable
from tests.stage import Upstream


@pytest.fixture
def stage(tmp_path) -> Stage:
    return Stage(tmp_path / "copies")


@pytest.fixture
def offline() -> Upstream:
    return unreachable()
