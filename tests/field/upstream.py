"""An upstream on the loopback that plays one case at a time, and records what is sent to it."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

from tests.field.answers import dialect_of, good
from tests.field.cases import as_bytes, rows_of


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that came in: the model that it names, its headers, its body."""

    model: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: status, headers, and a body in chunks, or whole where there are None."""

    status: int
    headers: dict[str, str]
    body: bytes
    chunks: list[bytes] | None = None


Odd = Callable[[str], Reply]


@dataclass
class Stage:
    """What is played: the odd reply, for whom, and what has been sent so far."""

    catalog: bytes = b""
    odd: Odd | None = None
    odd_sends: int = 0
    odd_models: str | None = None
    sent: list[Sent] = field(default_factory=list)

    def is_odd(self, model: str, place: int) -> bool:
        if self.odd is None:
            return False
        return place < self.odd_sends if self.odd_models is None else fnmatchcase(model, self.odd_models)


class Upstream:
    """OpenRouter on a loopback socket: its list of models, the odd reply where it is due, and good answers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stage = Stage()
        self._lock = threading.Lock()

    def play(self, case: dict[str, Any]) -> Stage:
        """Begin a case anew."""
        self.stage = Stage(catalog_body(rows_of(case)))
        if "reply" in case:
            self.stage.odd = lambda model: odd_reply(case["reply"], model)
            self.stage.odd_sends, self.stage.odd_models = case["odd"], case.get("odd_models")
        return self.stage

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        given = json.loads(body)
        model = given.get("model", "")
        with self._lock:
            stage = self.stage
            stage.sent.append(Sent(model, headers, body))
            odd = stage.is_odd(model, len(stage.sent) - 1)
        if odd and stage.odd is not None:
            return stage.odd(model)
        return good_reply(path, model, stream=given.get("stream") is True)


def catalog_body(rows: list[Any]) -> bytes:
    return json.dumps({"data": rows, "total_count": len(rows), "links": {"next": None}}).encode()


def good_reply(path: str, model: str, *, stream: bool) -> Reply:
    kind = "text/event-stream" if stream else "application/json"
    return Reply(200, {"content-type": kind}, good(dialect_of(path), model, stream=stream))


def odd_reply(stored: dict[str, Any], model: str) -> Reply:
    body = filled(as_bytes(stored["body"]).decode("latin-1"), model).encode("latin-1")
    headers = {name: filled(value, model) for name, value in stored["headers"].items()}
    return Reply(stored["status"], headers, body, chunks_of(body, stored.get("cuts")))


def filled(text: str, model: str) -> str:
    """Text with its placeholders filled in: the model asked, and epoch milliseconds so many seconds ahead."""
    now = time.time()
    text = re.sub(r"\{\{MS([+-]\d+)\}\}", lambda found: str(int((now + int(found[1])) * 1000)), text)
    return text.replace("{{MODEL}}", model)


def chunks_of(body: bytes, cuts: Any) -> list[bytes] | None:
    """A body in the chunks that it comes in: whole, byte by byte, event by event, or cut at these places."""
    match cuts:
        case None:
            return None
        case "bytes":
            return [body[place : place + 1] for place in range(len(body))]
        case "events":
            return [event for event in re.split(rb"(?<=\n\n)", body) if event]
        case places:
            edges = [0, *places, len(body)]
            return [body[start:end] for start, end in pairwise(edges) if start < end]


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 as plain as it can be."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: Upstream

    def do_GET(self) -> None:
        if self.path.endswith("/models"):
            self._reply(Reply(200, {"content-type": "application/json"}, self.upstream.stage.catalog))
        else:
            self._reply(Reply(404, {"content-type": "application/json"}, b'{"error":{"code":404,"message":"none"}}'))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._reply(self.upstream.answer(self.path, headers, body))

    def _reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        framing = ("content-length", str(len(reply.body))) if reply.chunks is None else ("transfer-encoding", "chunked")
        self.send_header(*framing)
        self.end_headers()
        for piece in [reply.body] if reply.chunks is None else map(_framed, [*reply.chunks, b""]):
            self.wfile.write(piece)

    def handle(self) -> None:
        with suppress(ConnectionError):  # the caller may leave early
            super().handle()

    def log_message(self, *_: Any) -> None:
        pass


def _framed(chunk: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)


@contextmanager
def running() -> Iterator[Upstream]:
    """An upstream that runs in threads of its own."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        handler.upstream = upstream = Upstream(f"http://127.0.0.1:{server.server_port}/api/v1")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield upstream
        finally:
            server.shutdown()
            thread.join(5)
