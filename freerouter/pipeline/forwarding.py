"""Step 4, Request Forwarding: Forwarder and AsyncForwarder do what Routing says, over a Wire."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio

from freerouter.errors import FreeRouterError
from freerouter.network.refresh import Refresh
from freerouter.network.wire_protocols import AsyncWire, Timeouts, Wire
from freerouter.openrouter.dialects import CHAT, Dialect
from freerouter.openrouter.headers import Caller, Headers, caller, is_checked, outgoing, sender
from freerouter.pipeline.actions import Fail, Refused, Request, Reserve, Send, Wait
from freerouter.pipeline.aside import aside
from freerouter.pipeline.delivery import Answer, AsyncBody, Body
from freerouter.pipeline.refusals import refused
from freerouter.pipeline.router import Router
from freerouter.pipeline.routing import Routing
from freerouter.pipeline.sending import AsyncSending, Sending
from freerouter.pipeline.tracking import Trace
from freerouter.preferences import NO_WISHES, Wishes
from freerouter.replies.acceptance import Accept
from freerouter.settings import Sticky

_TIMEOUTS = Timeouts()
_CLOSED = "cannot send a request, as this client has been closed: make a new one"


class Forwarder:
    """Sends a request to the models that the router draws, until one answers.

    Args:
        router: decides.
        wire: the way to OpenRouter.
        refresh: keeps the router's catalog up to date; by default the catalog does not change.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        router: Router,
        wire: Wire,
        refresh: Refresh | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.router = router
        self._refresh = refresh or Refresh()
        self._sending = Sending(wire, self._refresh)
        self._sleep = sleep
        self._closed = False

    def check_open(self) -> None:
        """Raises RuntimeError after ``close``, as httpx does."""
        if self._closed:
            raise RuntimeError(_CLOSED)

    def update(self, way: str | None = None) -> None:
        """Give the router what others know, and the current catalog. Raises CatalogError; RuntimeError after ``close``.

        Args:
            way: the caller's ``via``.
        """
        self.check_open()
        news = self.router.news  # looked at once: another thread may close the client meanwhile
        if news is not None:
            news.slots.read_once()
        catalog = self._refresh.get(way)
        if catalog is not None:
            self.router.update(catalog)

    def prepare(self, who: Caller, sent: Headers, wishes: Wishes) -> None:
        """Read what the choice of a model depends on besides the catalog, before a request is routed or explained.

        Args:
            who: the sender of the request.
            sent: its headers; their key is used.
            wishes: what it says about the choice.
        """
        if self.router.denies_training(wishes):
            self._refresh.allowed(who, sent, known=self.router.knows_training(who.account))
        self._refresh.heed_alarms(who, sent)

    def prepare_own(self, way: str | None = None) -> None:
        """The same with the catalog, for requests without a key of their own. Raises CatalogError."""
        self.update(way)
        sent = outgoing([], self.router.settings.key)
        self.prepare(caller(sent), sent, NO_WISHES)

    def forward(  # noqa: PLR0913  # each is an option of the caller
        self,
        body: bytes | str | dict[str, object],
        headers: Headers,
        dialect: Dialect = CHAT,
        *,
        needs: tuple[str, ...] = (),
        accept: Accept | bool | None = None,
        sticky: Sticky | None = None,
        wishes: Wishes = NO_WISHES,
        timeout: float | None = None,
        timeouts: Timeouts = _TIMEOUTS,
    ) -> Answer[Body]:
        """Route a request and return its answer. Errors are answers, too.

        Args:
            body: the request, as JSON or parsed.
            headers: the caller's, names in lower case.
            dialect: the API format of the request.
            needs: capabilities to require in addition to those found in it.
            accept: see ``Request``; by default a header decides, then the settings.
            sticky: see ``Request``.
            wishes: see ``Request``; headers say what they do not.
            timeout: seconds for the whole request, to the end of the answer.
            timeouts: connect, write and pool; ``read`` applies where it is shorter than the settings' read timeouts.
        """
        until = None if timeout is None else time.monotonic() + timeout
        try:
            sent, who, session, said = sender(headers, self.router.settings.key)
            checked = is_checked(headers, usual=self.router.settings.accept) if accept is None else accept
            self.update()
        except FreeRouterError as error:
            return self._refuse(error, Trace(), dialect)
        wishes = wishes.over(said)
        self.prepare(who, sent, wishes)
        self._refresh.meet(who, sent, shut=self.router.is_day_used_up(who.account))
        left = None if until is None else until - time.monotonic()
        request = Request(body, dialect, who, session, needs, checked, left, sticky, wishes)
        routing = self.router.route(request)
        if isinstance(routing, Refused):
            return self._refuse(routing.error, routing.trace, dialect)
        return self._walk(routing, sent, timeouts._replace(until=until))

    def _walk(self, routing: Routing, headers: Headers, timeouts: Timeouts) -> Answer[Body]:
        """The loop: do what Routing says, until there is an answer."""
        try:
            while True:
                match routing.next():
                    case Wait(seconds):
                        self._sleep(seconds)
                    case Reserve() as ask:
                        routing.reserved(ask.slots.take(ask))
                    case Fail(error):
                        return self._refuse(error, routing.trace, routing.request.dialect)
                    case Send() as send:
                        answer = self._sending.attempt(routing, send, headers, timeouts)
                        if answer is not None:
                            return answer
        except BaseException:
            routing.abandon()
            raise

    def close(self) -> None:
        """Store what was measured; nothing is sent any more."""
        self._closed = True
        self._refresh.close()

    def _refuse(self, error: FreeRouterError, trace: Trace, dialect: Dialect) -> Answer[Body]:
        status, headers, chunks = refused(error, trace, dialect)
        return Answer(status, headers, Body(chunks), trace, error)


class AsyncForwarder:
    """Sends a request to the models that the router draws, until one answers.

    Args:
        router: decides.
        wire: the way to OpenRouter.
        refresh: keeps the router's catalog up to date; by default the catalog does not change.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        router: Router,
        wire: AsyncWire,
        refresh: Refresh | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self.router = router
        self._refresh = refresh or Refresh()
        self._sending = AsyncSending(wire, self._refresh)
        self._sleep = sleep
        self._closed = False

    def check_open(self) -> None:
        """Raises RuntimeError after ``close``, as httpx does."""
        if self._closed:
            raise RuntimeError(_CLOSED)

    async def update(self, way: str | None = None) -> None:
        """Give the router what others know, and the current catalog. Raises CatalogError; RuntimeError after ``close``.

        Args:
            way: the caller's ``via``.
        """
        self.check_open()
        news = self.router.news  # looked at once: another thread may close the client meanwhile
        if news is not None:
            await news.slots.read_once_async()
        catalog = await self._refresh.get_async(way)
        if catalog is not None:
            self.router.update(catalog)

    async def prepare(self, who: Caller, sent: Headers, wishes: Wishes) -> None:
        """Read what the choice of a model depends on besides the catalog, before a request is routed or explained.

        Args:
            who: the sender of the request.
            sent: its headers; their key is used.
            wishes: what it says about the choice.
        """
        if self.router.denies_training(wishes):
            await self._refresh.allowed_async(who, sent, known=self.router.knows_training(who.account))
        self._refresh.heed_alarms(who, sent)

    async def prepare_own(self, way: str | None = None) -> None:
        """The same with the catalog, for requests without a key of their own. Raises CatalogError."""
        await self.update(way)
        sent = outgoing([], self.router.settings.key)
        await self.prepare(caller(sent), sent, NO_WISHES)

    async def forward(  # noqa: PLR0913  # each is an option of the caller
        self,
        body: bytes | str | dict[str, object],
        headers: Headers,
        dialect: Dialect = CHAT,
        *,
        needs: tuple[str, ...] = (),
        accept: Accept | bool | None = None,
        sticky: Sticky | None = None,
        wishes: Wishes = NO_WISHES,
        timeout: float | None = None,  # noqa: ASYNC109  # for the whole request, with its answer
        timeouts: Timeouts = _TIMEOUTS,
    ) -> Answer[AsyncBody]:
        """Route a request and return its answer. Errors are answers, too.

        Args:
            body: the request, as JSON or parsed.
            headers: the caller's, names in lower case.
            dialect: the API format of the request.
            needs: capabilities to require in addition to those found in it.
            accept: see ``Request``; by default a header decides, then the settings.
            sticky: see ``Request``.
            wishes: see ``Request``; headers say what they do not.
            timeout: seconds for the whole request, to the end of the answer.
            timeouts: connect, write and pool; ``read`` applies where it is shorter than the settings' read timeouts.
        """
        until = None if timeout is None else time.monotonic() + timeout
        try:
            sent, who, session, said = sender(headers, self.router.settings.key)
            checked = is_checked(headers, usual=self.router.settings.accept) if accept is None else accept
            await self.update()
        except FreeRouterError as error:
            return self._refuse(error, Trace(), dialect)
        wishes = wishes.over(said)
        await self.prepare(who, sent, wishes)
        self._refresh.meet(who, sent, shut=self.router.is_day_used_up(who.account))
        left = None if until is None else until - time.monotonic()
        request = Request(body, dialect, who, session, needs, checked, left, sticky, wishes)
        routing = await aside(body, self.router.route, request)
        if isinstance(routing, Refused):
            return self._refuse(routing.error, routing.trace, dialect)
        return await self._walk(routing, sent, timeouts._replace(until=until))

    async def _walk(self, routing: Routing, headers: Headers, timeouts: Timeouts) -> Answer[AsyncBody]:
        """The loop: do what Routing says, until there is an answer."""
        try:
            while True:
                match await aside(routing.request.body, routing.next):
                    case Wait(seconds):
                        await self._sleep(seconds)
                    case Reserve() as ask:
                        routing.reserved(await ask.slots.take_async(ask))
                    case Fail(error):
                        return self._refuse(error, routing.trace, routing.request.dialect)
                    case Send() as send:
                        answer = await self._sending.attempt(routing, send, headers, timeouts)
                        if answer is not None:
                            return answer
        except BaseException:
            routing.abandon()
            raise

    async def close(self) -> None:
        """Store what was measured; nothing is sent any more."""
        self._closed = True
        await self._refresh.close_async()

    def _refuse(self, error: FreeRouterError, trace: Trace, dialect: Dialect) -> Answer[AsyncBody]:
        status, headers, chunks = refused(error, trace, dialect)
        return Answer(status, headers, AsyncBody(chunks), trace, error)
