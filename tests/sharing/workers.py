"""Processes with a FreeRouter each, which do what they are told."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from freerouter import FreeRouter, FreeRouterError, Settings
from freerouter.network.wires import HttpxWire
from freerouter.openrouter.headers import caller, outgoing
from freerouter.sharing import slots

# Loading all of it takes longer than most tests: it is done once, in the process that all others are forked from.
_LOADED = ["freerouter.library.client", "freerouter.sharing.redis_store", "freerouter.sharing.file_store", __name__]


class Worker:
    """The side of the tests: tells a process what to do, and hears what came of it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_LOADED)
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=obey, args=(other,), daemon=True)
        self._process.start()
        other.close()

    def tell(self, what: str, **given: Any) -> None:
        self._pipe.send((what, given))

    def hear(self) -> Any:
        return self._pipe.recv()

    def do(self, what: str, **given: Any) -> Any:
        self.tell(what, **given)
        return self.hear()

    def end(self) -> None:
        self._pipe.close()
        self._process.join(10)


def all_do(workers: list[Worker], what: str, **given: Any) -> list[Any]:
    """Let all do the same at the same time; returns what came of it."""
    for worker in workers:
        worker.tell(what, **given)
    return [worker.hear() for worker in workers]


class NotingWire:
    """A wire that notes when each request was sent, when its reply began, and with which status."""

    def __init__(self, wire: Any) -> None:
        self.notes: list[tuple[float, float, int]] = []
        self._wire = wire

    def open(self, *arguments: Any) -> Any:
        sent = time.monotonic()
        reply = self._wire.open(*arguments)
        self.notes.append((sent, time.monotonic(), reply.status))
        return reply

    def close(self) -> None:
        self._wire.close()


class Work:
    """The side of the process."""

    def __init__(self) -> None:
        self.client: Any = None
        self.wire: Any = None

    def open(self, patience: float = 5.0, **settings: Any) -> str:
        """A new client; its store may take longer than usual for a slot, because this machine may be busy."""
        self.close()
        slots.PATIENCE = patience
        self.wire = NotingWire(HttpxWire())
        self.client = FreeRouter(settings=Settings(**settings), wire=self.wire)
        self.works()
        return self.status()

    def close(self) -> None:
        if self.client is not None:
            self.client.close()
        self.client = None

    def status(self) -> str:
        return self.client._joined.status().trouble

    def send(self, messages: Any = "Hello", **parameters: Any) -> dict[str, Any]:
        """Ask; returns the model that answered, or the error, and the seconds that it took."""
        started = time.monotonic()
        try:
            answer = self.client.chat.send(messages, **parameters)
            found = {"model": answer.trace.model, "text": answer.text}
        except FreeRouterError as error:
            found = {"error": str(error), "gate": error.metadata.get("gate")}
        return found | {"seconds": time.monotonic() - started, "at": time.monotonic()}

    def burst(self, threads: int, each: int) -> list[dict[str, Any]]:
        """Ask in several threads at once, one question after the other, ``each`` in each."""
        return self._in_threads(threads, lambda: [self.send() for _ in range(each)])

    def until_refused(self, threads: int) -> list[tuple[float, float, int]]:
        """Ask in several threads until there is an error; returns what the wire noted."""

        def ask() -> list[dict[str, Any]]:
            while "error" not in (found := self.send()):
                pass
            return [found]

        self._in_threads(threads, ask)
        return self.wire.notes

    def load(self, seconds: float) -> list[dict[str, Any]]:
        """Ask for some time."""
        until, found = time.monotonic() + seconds, []
        while time.monotonic() < until:
            found.append(self.send())
            time.sleep(0.01)
        return found

    def _in_threads(self, count: int, work: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        threads = [threading.Thread(target=lambda: found.extend(work())) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def cooling(self) -> list[str]:
        return list(self.client.router.cooling())

    def watch(self, model: str, seconds: float = 5.0) -> float | None:
        """When a model was seen to cool, in monotonic seconds, which all processes of a machine share."""
        return self._when(lambda: model in self.client.router.cooling(), seconds)

    def known(self, talks: int, seconds: float = 5.0) -> float | None:
        """When so many keys of conversations were known."""
        return self._when(lambda: len(self.client.router.conversations._homes) >= talks, seconds)

    def works(self, seconds: float = 15.0) -> float | None:
        """When the store could be used."""
        return self._when(lambda: not self.status(), seconds)

    def gate(self, seconds: float = 5.0) -> float | None:
        """When the account's gate was seen to be shut."""
        account = caller(outgoing([], self.client.router.settings.key)).account
        return self._when(lambda: self.client.router.gate(account) is not None, seconds)

    def _when(self, condition: Callable[[], bool], seconds: float) -> float | None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if condition():
                return time.monotonic()
            time.sleep(0.001)
        return None


def obey(pipe: Connection) -> None:
    """The process: does what it is told until its pipe is closed."""
    work = Work()
    try:
        while True:
            what, given = pipe.recv()
            pipe.send(getattr(work, what)(**given))
    except EOFError:
        work.close()
        os._exit(0)
