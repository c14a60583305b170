"""One upstream for all cases of a process."""

import pytest

from tests.field.upstream import running


@pytest.fixture(scope="session")
def upstream():
    with running() as upstream:
        yield upstream
