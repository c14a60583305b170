"""What the server's tests share: a server in a thread, a scripted upstream, and raw connections."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from freerouter import Router, Settings
from freerouter.server import Access, App, Limits
from freerouter.server.listening import listen, url_of
from freerouter.server.running import Server, configure
from tests.stage import CATALOG, KEY, at_rest

JSON = {"content-type": "application/json"}
PATHS = {"chat": "chat/completions", "responses": "responses", "messages": "messages"}


def ask(dialect: str = "chat", **fields: Any) -> dict[str, Any]:
    """A short question in a dialect."""
    if dialect == "responses":
        return {"input": "Hello"} | fields
    return (
        {"messages": [{"role": "user", "content": "Hello"}]}
        | ({"max_tokens": 500} if dialect != "chat" else {})
        | (fields)
    )


class Served:
    """A server that runs: its app, its URL without a path, and an HTTP client for it."""

    def __init__(self, app: App, url: str, http: httpx.Client) -> None:
        self.app = app
        self.url = url
        self.http = http

    @property
    def address(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        return url.host, url.port

    def ask(self, dialect: str = "chat", *, prefix: str = "/api/v1", headers=None, **fields: Any) -> httpx.Response:
        """Ask a short question."""
        return self.http.post(f"{prefix}/{PATHS[dialect]}", json=ask(dialect, **fields), headers=headers)


@contextmanager
def running(app: App, port: int = 0) -> Iterator[str]:
    """Run an app as ``freerouter serve`` does, but in a thread; gives the URL without a path."""
    with listen("127.0.0.1", port) as listener:
        server = Server(configure(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive(), "the server did not stop"


@contextmanager
def serving(app: App) -> Iterator[Served]:
    """An app that runs, and an HTTP client for it."""
    with running(app) as url, httpx.Client(base_url=url, timeout=20) as http:
        yield Served(app, url, http)
        at_rest()


@contextmanager
def served(
    upstream: str,
    access: Access | None = None,
    limits: Limits | None = None,
    *,
    catalog: Any = CATALOG,
    **settings: Any,
) -> Iterator[Served]:
    """A server for this upstream; whose own limit of requests is out of the way."""
    given = {"upstream": upstream, "api_key": KEY, "seed": 1, "requests_per_minute": 1_000_000, **settings}
    with serving(App(Router(Settings(**given), catalog), access, limits)) as server:
        yield server


class Scripted:
    """An upstream that plays a script on each connection that sends a POST; GETs get 404."""

    def __init__(
        self, script: Callable[[socket.socket], None], read: Callable[[socket.socket], bytes] | None = None
    ) -> None:
        self._script = script
        self._read = read or read_request

    @contextmanager
    def running(self) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=self._accept, args=(listener,))
            thread.start()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1"
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                head = self._read(connection)
                if head.startswith(b"POST"):
                    self._script(connection)
                else:
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")


def read_request(connection: socket.socket) -> bytes:
    """Read a request with a content-length; returns its head."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head


def raw(address: tuple[str, int], data: bytes, *, seconds: float = 5) -> bytes:
    """Send bytes as they are, and read until the other side closes, or is silent after an answer."""
    with socket.create_connection(address, timeout=seconds) as connection:
        connection.sendall(data)
        received = b""
        while True:
            try:
                piece = connection.recv(65536)
            except (TimeoutError, ConnectionResetError):
                return received
            if not piece:
                return received
            received += piece
            connection.settimeout(0.2)


def posted(body: dict[str, Any] | bytes, *lines: str, path: str = "/api/v1/chat/completions") -> bytes:
    """A POST as it goes over the wire; further header lines replace none."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json"]
    head += lines or (f"content-length: {len(data)}",)
    return "\r\n".join([*head, "", ""]).encode("latin-1") + data


def statuses(received: bytes) -> list[int]:
    """The statuses of the answers in what was received."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]
