"""Runs an ASGI app on uvicorn's HTTP protocol, in a thread or in the foreground, and stops it at once."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any, cast

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from freerouter.emulator.delivery import Connection

_KEEP_ALIVE = 75
# Turns of the event loop until a connection that was accepted just now is made.
_TURNS = 4
# Errors of clients are not logged; exceptions of the emulator itself go to stderr.
_LOGGER = logging.getLogger("freerouter.emulator")
_LOGGER.setLevel(logging.ERROR)


class Protocol(H11Protocol):
    """uvicorn's protocol, which hands the app its connection and keeps quiet about bad requests."""

    def __init__(self, config: Config, server_state: ServerState) -> None:
        super().__init__(config=config, server_state=server_state, app_state={})
        self.logger = _LOGGER
        self.access_log = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the connection where the scope of each of its requests will show it."""
        super().connection_made(transport)
        self.connection = Connection(transport)
        # asyncio sees to this only for sockets that name their protocol; ours would wait 40 ms.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {"connection": self.connection}


class Serving:
    """One listening socket and the connections behind it; the socket is bound when it is made."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._config = Config(
            cast("Any", app),
            log_config=None,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE,
        )
        self._state = ServerState()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=1024)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    @property
    def url(self) -> str:
        """The base URL for clients."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/api/v1"

    @property
    def open_connections(self) -> int:
        """How many TCP connections are open now."""
        return len(self._state.connections)

    def in_foreground(self) -> None:
        """Serve until Ctrl-C."""
        with suppress(KeyboardInterrupt):
            asyncio.run(self._serve(Event()))

    @contextmanager
    def in_thread(self) -> Iterator[None]:
        """Serve in a daemon thread while the block runs."""
        ready = Event()
        thread = Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        thread.start()
        ready.wait()
        try:
            yield
        finally:
            cast("asyncio.AbstractEventLoop", self._loop).call_soon_threadsafe(self._stop.set)
            thread.join()

    async def _serve(self, ready: Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._config.load()
        server = await self._loop.create_server(self._protocol, sock=self._socket)
        ready.set()
        try:
            await self._stop.wait()
        finally:
            # Python 3.11 forgets a connection that it has accepted when its server is closed before it is made.
            self._loop.remove_reader(self._socket)
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            server.close()
            await self._drop_connections()

    def _protocol(self) -> Protocol:
        return Protocol(self._config, self._state)

    async def _drop_connections(self) -> None:
        """Drop every connection: the apps behind them see the client go, and end by themselves."""
        for protocol in tuple(self._state.connections):
            cast("Protocol", protocol).connection.stop()
        if self._state.tasks:
            await asyncio.wait(tuple(self._state.tasks))
        await asyncio.sleep(0)
