"""Running the server: on uvicorn, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

import uvicorn

from freerouter.pipeline.router import Router
from freerouter.server import files, logs, systemd
from freerouter.server.app import App
from freerouter.server.exchange import Limits
from freerouter.server.listening import admitted, listen, url_of
from freerouter.server.protocol import Protocol
from freerouter.server.security import Access
from freerouter.settings import Settings

_log = logging.getLogger("freerouter")

_DRAIN = 30
# Seconds in which the requests that are ended then have to finish.
_LAST_WORDS = 5
_GLANCE = 0.1
# Seconds after which a server is open even if the list of models has not been read yet.
WARM = 10.0
# Longer than clients keep their idle connections, so that none is closed just when it is used again.
_KEEP_ALIVE = 75
_GARBAGE = 10_000
# A person waits for the next minute rather than see an error; the minute's window is 60 seconds.
_MAX_WAIT = 65.0


def make_app(settings: Settings, access: Access, limits: Limits | None = None) -> App:
    """The app with these settings; unless they say otherwise, requests wait for the minute's allowance."""
    if "max_wait" not in settings.model_fields_set:
        settings = Settings.adjusted(settings, max_wait=_MAX_WAIT)
    return App(Router(settings), access, limits or limits_for(settings))


def limits_for(settings: Settings) -> Limits:
    """What clients may take, as far as file descriptors last."""
    usual = Limits()
    return replace(
        usual,
        bodies=max(settings.bodies_in_flight // settings.serve_workers, 1),
        requests=files.requests_within(files.limit(), usual.requests),
    )


def configure(app: App) -> uvicorn.Config:
    """How uvicorn runs the app: without a log of requests, and with time for running streams when it stops."""
    # Mistakes of clients are not worth a line of the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_DRAIN + _LAST_WORDS,
    )


class Server(uvicorn.Server):
    """A uvicorn server that ends running requests with an error, after the drain or at a second signal.

    Args:
        config: see ``configure``.
        opened: called once requests can be answered.
    """

    _in_haste = False

    def __init__(self, config: uvicorn.Config, opened: Callable[[], None] | None = None) -> None:
        super().__init__(config)
        self._opened = opened
        self._opening: asyncio.Task[None] | None = None

    @property
    def _app(self) -> App:
        app = self.config.app
        assert isinstance(app, App)  # noqa: S101  # see configure
        return app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Let clients in."""
        await super().startup(sockets)
        self._opening = asyncio.ensure_future(self._open())

    async def _open(self) -> None:
        await self._app.warming.over(WARM)
        if self._opened is not None:
            self._opened()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the drain, the second one ends it."""
        self._in_haste = self.should_exit
        super().handle_exit(sig, frame)
        self.force_exit = False

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests finish, for a while."""
        self._app.let_pages_go()
        ending = asyncio.ensure_future(self._end())
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()

    async def _end(self) -> None:
        until = time.monotonic() + _DRAIN
        while time.monotonic() < until and not self._in_haste:  # noqa: ASYNC110  # a signal sets it
            await asyncio.sleep(_GLANCE)
        if ended := self._app.stop():
            _log.warning("stopping: requests that were ended before their answer was whole: %d", ended)


@contextmanager
def _hangup(server: Server) -> Iterator[None]:
    """Stop, too, when the terminal closes, unless that signal is ignored (nohup)."""
    number = getattr(signal, "SIGHUP", None)  # Windows has none
    former = None if number is None else signal.getsignal(number)
    if number is None or former is signal.SIG_IGN:
        yield
        return
    signal.signal(number, server.handle_exit)
    try:
        yield
    finally:
        signal.signal(number, former)


def spare_the_collector() -> None:
    """Keep the garbage collector away from what stays as long as the server runs: a pass would take 50 ms.

    Requests leave no cycles, so it can also run less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)


def serve(settings: Settings, access: Access, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP.

    Args:
        settings: of the router, and where to listen.
        access: who may use it; the address itself is a name by which it may be called.
        ready: called with the URL, without a path, once clients can connect.

    Raises:
        SettingsError: the address would let anyone in or cannot be used, or the upstream is the server itself.
    """
    access = admitted(settings, access)
    files.raise_limit()
    logs.install(settings.serve_log_format, settings.serve_log_level)
    logs.warn_of_strays()
    app = make_app(settings, access)
    with listen(settings.serve_host, settings.serve_port) as listener:
        ready(url_of(listener))
        spare_the_collector()
        server = Server(configure(app), lambda: systemd.tell(systemd.READY))
        with _hangup(server):
            server.run(sockets=[listener])
