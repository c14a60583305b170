"""The ASGI app: which address is answered by what, and the record of every request."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from email.utils import formatdate

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from freerouter.emulator.billing import Charge
from freerouter.emulator.delivery import Connection, Delivery, connection_of
from freerouter.emulator.dialects import DIALECTS, Dialect
from freerouter.emulator.gateway import Gateway
from freerouter.emulator.listings import Listings, Query
from freerouter.emulator.record import Received, Record, parsed
from freerouter.emulator.refusals import Refusal, invalid_request, missing_key, not_found
from freerouter.emulator.reply import Reply, json_reply, refused

# POSTs that cost money, or may: only the dialects are played out.
PAID_POSTS = (
    "audio/speech",
    "audio/transcriptions",
    "batches",
    "embeddings",
    "images",
    "images/generations",
    "rerank",
    "videos",
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request with what the path and the query say; `reused`: not the connection's first."""

    received: Received
    query: Query
    reused: bool


Handler = Callable[[Visit], Reply]
Refuse = Callable[[Refusal], Reply]


def build(gateway: Gateway, listings: Listings, record: Record, clock: Callable[[], float]) -> Starlette:
    """Return the app that serves these."""
    routes = [
        Route(f"/api/v1/{path}", Endpoint(handler, record, clock, refuse), methods=[method])
        for method, path, handler, refuse in _table(gateway, listings)
    ]
    rest = Route("/{path:path}", Endpoint(_nothing_here, record, clock, None))
    return Starlette(routes=[*_windows(gateway, record), *routes, rest])


def _table(gateway: Gateway, listings: Listings) -> Iterator[tuple[str, str, Handler, Refuse | None]]:
    """Yield method, path, handler, and what refuses a request without a key (None: it needs none)."""
    open_to_all: dict[str, Callable[[Query], Reply]] = {
        "models": listings.list_models,
        "models/count": listings.count_models,
        "model/{author}/{slug}": listings.show_model,
        "models/{author}/{slug}/endpoints": listings.show_endpoints,
        "providers": listings.list_providers,
    }
    with_key: dict[str, Callable[[Query], Reply]] = {
        "models/user": listings.list_account_models,
        "key": listings.show_key,
        "credits": listings.show_credits,
        "generation": listings.show_generation,
    }
    for path, answer in with_key.items():
        yield "GET", path, _of_query(answer), refused
    for path, answer in open_to_all.items():
        yield "GET", path, _of_query(answer), None
    for dialect in DIALECTS:
        yield "POST", dialect.path, _spoken(gateway, dialect), dialect.refused
    yield "POST", "completions", _out_of_date, refused
    for path in PAID_POSTS:
        yield "POST", path, _paid(gateway, path), refused


def _nothing_here(visit: Visit) -> Reply:
    return refused(not_found(visit.received.path))


def _out_of_date(_visit: Visit) -> Reply:
    return refused(invalid_request("Completions of a prompt are not served here: use POST /chat/completions"))


def _spoken(gateway: Gateway, dialect: Dialect) -> Handler:
    return lambda visit: gateway.complete(visit.received, dialect, reused=visit.reused)


def _of_query(answer: Callable[[Query], Reply]) -> Handler:
    return lambda visit: answer(visit.query)


def _paid(gateway: Gateway, path: str) -> Handler:
    """Bill every request: a router for free chats must not call this."""

    def handle(visit: Visit) -> Reply:
        gateway.bill.append(Charge(visit.received.model or "", f"POST /{path} costs money"))
        return json_reply({"id": "gen-paid", "object": "list", "data": [], "usage": {"cost": 0.01}})

    return handle


def _windows(gateway: Gateway, record: Record) -> list[Route]:
    """Return the two addresses that OpenRouter lacks: what was billed, what was received."""

    async def show_bill(_request: Request) -> Response:
        return _shown([asdict(charge) for charge in gateway.bill])

    async def show_requests(_request: Request) -> Response:
        return _shown([received.shown for received in record.requests])

    return [Route("/_bill", show_bill), Route("/_requests", show_requests)]


def _shown(value: object) -> Response:
    # Not a JSONResponse: it fails on lone surrogates and infinities, which may have been received.
    return Response(json.dumps(value), media_type="application/json")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An ASGI app that records a request and then delivers what the handler makes of it.

    `refuse` puts the 401 of a request without a key into words; None where no key is needed.
    """

    handler: Handler
    record: Record
    clock: Callable[[], float]
    refuse: Refuse | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a client that goes away while it sends gets nothing."""
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        received = self._received(request, body)
        entry = self.record.arrived(received)
        reply = self._reply(request, received)
        entry.answered(reply.status, reply.fault)
        await Delivery(self._dated(reply), entry)(scope, receive, send)

    def _received(self, request: Request, body: bytes) -> Received:
        path, headers = request.scope["path"], dict(request.headers)
        return Received(request.method, path, headers, body, parsed(body), self.clock())

    def _reply(self, request: Request, received: Received) -> Reply:
        if self.refuse and not _key(received):
            return self.refuse(missing_key())
        query = Query(request.path_params, request.query_params, received.at, bool(_key(received)))
        return self.handler(Visit(received, query, _reused(connection_of(request.scope))))

    def _dated(self, reply: Reply) -> Reply:
        return replace(reply, headers={"date": formatdate(self.clock(), usegmt=True), **reply.headers})


def _key(received: Received) -> str:
    bearer = received.headers.get("authorization", "").removeprefix("Bearer").strip()
    return bearer or received.headers.get("x-api-key", "")


def _reused(connection: Connection | None) -> bool:
    if connection is None:
        return False
    connection.requests += 1
    return connection.requests > 1
