"""Forked processes; each test forks in a process of its own, since a fork takes along whatever runs beside it."""

import pickle
import subprocess
import sys
import textwrap

import pytest

from freerouter import FreeRouter
from tests.stage import HELLO

BEGINNING = """
    import gc, os, sys, threading, warnings, weakref
    from freerouter import Router, Settings, forks
    from freerouter.network.catalog_source import CatalogSource
    from freerouter.network.key_source import KeySource
    warnings.simplefilter("ignore")

    def in_child(work):
        end, start = os.pipe()
        if os.fork() == 0:
            os.write(start, repr(work()).encode())
            os._exit(0)
        os.close(start)
        return os.read(end, 100_000).decode()

    def held(lock):
        taken = threading.Event()
        def hold():
            with lock:
                taken.set()
                threading.Event().wait()
        threading.Thread(target=hold, daemon=True).start()
        taken.wait()
"""


def forking(work: str) -> str:
    """What a program prints that begins so."""
    program = textwrap.dedent(BEGINNING) + textwrap.dedent(work)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout.strip()


def draws(router: str) -> set[str]:
    printed = forking(f"""
        router = {router}
        draw = lambda: [router.rng.random() for _ in range(3)]
        for _ in range(4):
            print(in_child(draw))
        print(draw())
    """)
    lines = printed.splitlines()
    assert len(lines) == 5
    return set(lines)


def test_children_draw_differently_from_each_other_and_from_their_parent():
    assert len(draws("Router(Settings())")) == 5


@pytest.mark.parametrize(
    "router", ["Router(Settings(seed=1))", "Router(Settings(), rng=__import__('random').Random(1))"]
)
def test_what_is_seeded_stays_repeatable(router):
    assert len(draws(router)) == 1


@pytest.mark.parametrize(
    ("made", "lock", "use"),
    [
        ("Router(Settings())", "lock", "allowance_left('me')"),
        ("CatalogSource(Settings(upstream='http://127.0.0.1:9'))", "_lock", "expire()"),
        ("KeySource('http://127.0.0.1:9', print)", "_lock", "read('me', 'Bearer me').join(5)"),
    ],
    ids=["Router", "CatalogSource", "KeySource"],
)
def test_a_lock_that_is_held_while_the_process_forks_does_not_hang_the_child(made, lock, use):
    assert (
        forking(f"""
        it = {made}
        held(it.{lock})
        print(in_child(lambda: it.{use}))
    """)
        == "None"
    )


def test_what_is_gone_is_not_kept_for_a_fork():
    assert (
        forking("""
        routers = [Router(Settings()) for _ in range(10)]
        before = len(forks._methods)
        seen = weakref.ref(routers[0])
        del routers
        gc.collect()
        print(seen(), before - len(forks._methods), in_child(lambda: "alive"))
    """)
        == "None 20 'alive'"
    )


def test_an_answer_and_its_trace_survive_the_way_between_processes(settings):
    with FreeRouter(settings=settings) as client:
        answer = client.chat.send(HELLO)
    again = pickle.loads(pickle.dumps(answer))
    assert again == answer
    assert again.trace.as_dict() == answer.trace.as_dict()
    assert again.trace.model is not None
