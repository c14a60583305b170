import pytest

from tests.cli.conftest import cli  # noqa: F401  # commands are run here, too
from tests.sharing.servers import RedisServer
from tests.sharing.workers import Worker


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    """A Redis that the tests of this worker share; each has an upstream of its own, and so keys of its own."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("valkey"), "valkey")
    yield server
    server.kill()


@pytest.fixture
def own_redis(tmp_path, request):
    """A Redis, or what the test names, for this test alone, which may be ill-treated."""
    server = RedisServer(tmp_path, getattr(request, "param", "redis"))
    yield server
    server.go_on()
    server.kill()


@pytest.fixture(scope="session")
def all_workers():
    workers = [Worker() for _ in range(4)]
    yield workers
    for worker in workers:
        worker.end()


@pytest.fixture
def workers(all_workers):
    """Four processes; starting them takes longer than most tests, so they are started once."""
    yield all_workers
    for worker in all_workers:
        worker.tell("close")
    for worker in all_workers:
        worker.hear()
