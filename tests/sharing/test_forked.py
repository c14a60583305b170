"""A forked child has a store of its own: connections and threads are its parent's."""

import os
import threading

import pytest

from freerouter.sharing import sqlite_file
from tests.test_forks import forking

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks need a system that has them")

PROGRAM = """
    import time
    from freerouter import Settings
    from freerouter.memory.costs import ACCOUNT
    from freerouter.pipeline.joining import join
    from freerouter.replies.verdicts import Gate
    router = Router(Settings(shared_state={store!r}, cache_dir={folder!r}, upstream="http://127.0.0.1:9/api/v1"))
    joined = join(router)

    def until(condition):
        end = time.monotonic() + 10
        while not condition() and time.monotonic() < end:
            time.sleep(0.005)
        return condition()

    def tell(account):
        with router.lock:
            router.endpoint.allowances.close(account, Gate.DAY, 500.0)
            router.news.shut(account)

    def in_the_child():
        tell("child")
        return until(lambda: router.gate("parent") is not None) and until(lambda: joined.status().sent >= 1)

    until(lambda: not joined.status().trouble)
    tell("parent")
    print(in_child(in_the_child), until(lambda: router.gate("child") is not None))
    joined.close()
"""


@pytest.mark.parametrize("store", ["auto", "redis"])
def test_parent_and_child_hear_each_other(store, request, tmp_path):
    url = request.getfixturevalue("redis_server").url if store == "redis" else store
    assert forking(PROGRAM.format(store=url, folder=str(tmp_path))) == "True True"


WRITING = """
    from pathlib import Path
    from freerouter.sharing.facts import Told
    from freerouter.sharing.file_store import FileStore
    path = Path({folder!r}, "shared.sqlite3")
    store = FileStore(path, "parent")
    store.connect()
    stopped = threading.Event()

    def write():
        while not stopped.is_set():
            store.publish([Told("parent", "", 500.0, 0.0, False)])

    def in_the_child():
        own = FileStore(path, "child")
        own.connect()
        own.publish([Told(f"child {{os.getpid()}}", "", 500.0, 0.0, False)])
        own.close()

    writer = threading.Thread(target=write)
    writer.start()
    told = [in_child(in_the_child) for _ in range(10)]
    stopped.set()
    writer.join()
    print(len(store.snapshot()), set(told))
    store.close()
"""


def test_a_fork_amid_writing_leaves_a_file_that_both_can_use(tmp_path):
    assert forking(WRITING.format(folder=str(tmp_path))) == "11 {'None'}"


SENDING = """
    from freerouter import Settings
    from freerouter.pipeline.news import News
    from freerouter.sharing.facts import Kind
    from freerouter.sharing.outbox import Outbox
    from types import SimpleNamespace
    router = Router(Settings())
    router.share(News(router, Outbox(), None))
    router.news.sent(SimpleNamespace(account="me", number=1), counted=True)

    def sends():
        return sum(fact.kind is Kind.SENT for piece in router.held(100) for fact in piece)

    print(sends(), in_child(sends))
"""


def test_a_child_does_not_tell_its_parent_s_requests_again():
    assert forking(SENDING) == "1 0"


MAKING = """
    from pathlib import Path
    from freerouter.sharing.sqlite_file import SqliteFile
    sys.setswitchinterval(1e-5)
    kept, stopped = [SqliteFile(Path("x"), 1.0) for _ in range(300)], threading.Event()

    def make():
        while not stopped.is_set():
            [SqliteFile(Path("x"), 1.0) for _ in range(20)]

    maker = threading.Thread(target=make)
    maker.start()
    print({in_child(int) for _ in range(20)})
    stopped.set()
    maker.join()
"""


def test_stores_may_be_made_by_other_threads_during_a_fork():
    assert forking(MAKING) == "{'0'}"


def test_two_threads_that_fork_at_once_leave_a_file_that_can_be_used(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_file, "_TIMEOUT", 0.01)
    file = sqlite_file.SqliteFile(tmp_path / "shared.sqlite3", 0.01)
    file.open()

    def fork():
        file.before_fork()
        file.after_fork(child=False)

    file.before_fork()
    other = threading.Thread(target=fork)
    other.start()
    other.join()
    file.after_fork(child=False)
    with file.quickly(), file.reading() as connection:
        assert connection.execute("select number from counter").fetchone() == (0,)
    file.close()
