"""FreeRouter and AsyncFreeRouter: the library, straight on the forwarder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from freerouter.completions import ChatChunk, ChatCompletion
from freerouter.errors import InvalidRequestError, StreamInterruptedError
from freerouter.network.wire_protocols import AsyncWire, Wire
from freerouter.network.wires import AsyncHttpxWire, HttpxWire
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.dialects import CHAT
from freerouter.openrouter.headers import Headers, caller, lower, outgoing
from freerouter.openrouter.json_bodies import parse
from freerouter.pipeline.actions import Request
from freerouter.pipeline.delivery import Answer, AsyncBody, Body
from freerouter.pipeline.forwarding import AsyncForwarder, Forwarder, refresh_for
from freerouter.pipeline.router import Router
from freerouter.pipeline.tracking import Trace
from freerouter.replies.acceptance import Accept, as_asked
from freerouter.replies.events import Events
from freerouter.replies.reading import read_event
from freerouter.settings import Settings

Messages = str | Sequence[Mapping[str, Any]]
TypedT = TypeVar("TypedT", ChatCompletion, ChatChunk)


def _body(messages: Messages, parameters: dict[str, Any], *, stream: bool) -> dict[str, Any]:
    if parameters.pop("stream", stream) is not stream:
        raise InvalidRequestError(
            "use chat.stream() for a streamed answer, chat.send() for a whole one", field="stream"
        )
    asked: Any = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    body = {"messages": asked, **parameters}
    return {**body, "stream": True} if stream else body


def _accept(accept: Accept | bool, body: dict[str, Any]) -> Accept | None:
    if isinstance(accept, bool):
        return as_asked(body) if accept else None
    return accept


def _typed(kind: type[TypedT], data: bytes, trace: Trace, text: str = "") -> TypedT:
    """An answer, or a chunk of one. Raises StreamInterruptedError, with the text so far, when its shape is odd."""
    try:
        try:
            return kind.model_validate_json(data)
        except ValidationError:
            # A chunk may end in the midst of a surrogate pair, which pydantic's own parser takes for no JSON.
            return kind.model_validate(parse(data))
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
        raise StreamInterruptedError(f"the answer has an odd {where or 'shape'}", text=text, trace=trace) from None


def _completion(data: bytes, trace: Trace) -> ChatCompletion:
    completion = _typed(ChatCompletion, data, trace)
    completion._trace = trace  # noqa: SLF001  # its own, only not a field of the answer
    return completion


def _explained(router: Router, body: bytes | str | dict[str, Any], needs: Sequence[str]) -> dict[str, Any]:
    """An explanation for the account that would be used: it knows the account's conversations."""
    whose = caller(outgoing([], router.settings.key))
    return router.explain(Request(body, caller=whose, needs=tuple(needs)))


class _Progress:
    """A streamed answer as it grows.

    Attributes:
        model: the id of the model that answers.
        trace: how the answer came about.
        text: the text that has come so far.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.model = trace.model or ""
        self.text = ""
        self._events = Events()

    def _read(self, data: bytes) -> Iterator[ChatChunk]:
        """The chunks that these bytes complete. Raises StreamInterruptedError at an error event."""
        for event in self._events.feed(data):
            piece = read_event(CHAT, event)
            if piece is None or piece.error is not None:
                said = None if piece is None or piece.error is None else piece.error.get("message")
                message = str(said or "the stream holds something that is no JSON")
                raise StreamInterruptedError(message, text=self.text, trace=self.trace)
            if not piece.done:
                chunk = _typed(ChatChunk, event, self.trace, self.text)
                self.text += chunk.text
                yield chunk


class ChatStream(_Progress):
    """A streamed answer: iterate over its chunks. Raises StreamInterruptedError when it breaks off."""

    def __init__(self, answer: Answer[Body]) -> None:
        super().__init__(answer.trace)
        self._body = answer.body

    def __iter__(self) -> Iterator[ChatChunk]:
        for data in self._body:
            for chunk in self._read(data):  # noqa: UP028  # the async twin cannot say yield from
                yield chunk


class AsyncChatStream(_Progress):
    """A streamed answer: iterate over its chunks. Raises StreamInterruptedError when it breaks off."""

    def __init__(self, answer: Answer[AsyncBody]) -> None:
        super().__init__(answer.trace)
        self._body = answer.body

    async def __aiter__(self) -> AsyncIterator[ChatChunk]:
        async for data in self._body:
            for chunk in self._read(data):
                yield chunk


class Chat:
    """Chat completions."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    def send(
        self,
        messages: Messages,
        *,
        needs: Sequence[str] = (),
        accept: Accept | bool = False,
        extra_headers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> ChatCompletion:
        """Get an answer from a free model that can give it.

        Args:
            messages: the conversation; text alone is a user's message.
            needs: capabilities to require besides those that the request shows, such as ``tools`` or ``image``.
            accept: looks at the answer as parsed JSON and returns a reason to ask another model, or None; True
                holds it against the JSON schema and the tools that the request asks for
                (``freerouter.replies.acceptance``).
            extra_headers: to send along, such as ``X-OpenRouter-Title``.
            parameters: any of OpenRouter's (API reference, "Create a chat completion").

        Raises:
            FreeRouterError: see ``freerouter.errors``.
        """
        body = _body(messages, parameters, stream=False)
        answer = self._forward(body, lower(extra_headers or {}), needs, accept)
        try:
            return _completion(b"".join(answer.body), answer.trace)
        finally:
            answer.body.close()

    @contextmanager
    def stream(
        self,
        messages: Messages,
        *,
        needs: Sequence[str] = (),
        extra_headers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> Iterator[ChatStream]:
        """Get an answer piece by piece: ``with chat.stream(...) as stream: for chunk in stream: ...``.

        Args and errors are those of ``send``; once the first token is there, what breaks off raises
        StreamInterruptedError, which carries the text so far.
        """
        body = _body(messages, parameters, stream=True)
        answer = self._forward(body, lower(extra_headers or {}), needs, accept=False)
        try:
            yield ChatStream(answer)
        finally:
            answer.body.close()

    def _forward(
        self, body: dict[str, Any], headers: Headers, needs: Sequence[str], accept: Accept | bool
    ) -> Answer[Body]:
        answer = self._forwarder.forward(body, headers, needs=tuple(needs), accept=_accept(accept, body))
        if answer.error is not None:
            raise answer.error
        return answer


class AsyncChat:
    """Chat completions."""

    def __init__(self, forwarder: AsyncForwarder) -> None:
        self._forwarder = forwarder

    async def send(
        self,
        messages: Messages,
        *,
        needs: Sequence[str] = (),
        accept: Accept | bool = False,
        extra_headers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> ChatCompletion:
        """Get an answer from a free model that can give it: see ``Chat.send``."""
        body = _body(messages, parameters, stream=False)
        answer = await self._forward(body, lower(extra_headers or {}), needs, accept)
        try:
            return _completion(b"".join([chunk async for chunk in answer.body]), answer.trace)
        finally:
            await answer.body.close()

    @asynccontextmanager
    async def stream(
        self,
        messages: Messages,
        *,
        needs: Sequence[str] = (),
        extra_headers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> AsyncIterator[AsyncChatStream]:
        """Get an answer piece by piece: see ``Chat.stream``."""
        body = _body(messages, parameters, stream=True)
        answer = await self._forward(body, lower(extra_headers or {}), needs, accept=False)
        try:
            yield AsyncChatStream(answer)
        finally:
            await answer.body.close()

    async def _forward(
        self, body: dict[str, Any], headers: Headers, needs: Sequence[str], accept: Accept | bool
    ) -> Answer[AsyncBody]:
        answer = await self._forwarder.forward(body, headers, needs=tuple(needs), accept=_accept(accept, body))
        if answer.error is not None:
            raise answer.error
        return answer


class Models:
    """The free models."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    def list(self, *, needs: Sequence[str] = ()) -> list[Model]:
        """The models that a request with these needs could be drawn from, such as ``needs=["tools", "image"]``.

        Raises:
            CatalogError: there is no list of models.
        """
        self._forwarder.update()
        return self._forwarder.router.models(needs)


class AsyncModels:
    """The free models."""

    def __init__(self, forwarder: AsyncForwarder) -> None:
        self._forwarder = forwarder

    async def list(self, *, needs: Sequence[str] = ()) -> list[Model]:
        """The models that a request with these needs could be drawn from: see ``Models.list``."""
        await self._forwarder.update()
        return self._forwarder.router.models(needs)


class FreeRouter:
    """Answers from free models.

        with FreeRouter() as router:
            print(router.chat.send("Why is the sky blue?").text)

    Args:
        api_key: OpenRouter's; by default ``OPENROUTER_API_KEY`` from the environment.
        settings: what can be adjusted; ``api_key``, ``upstream`` and ``seed`` adjust it further.
        upstream: base URL of OpenRouter's API.
        seed: makes the draws repeatable.
        wire: another way to the network.
        router: an existing router to share cooldowns and allowance with; brings its own settings, and the catalog
            that it has is used as it is.

    Raises:
        SettingsError: a setting makes no sense.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        settings: Settings | None = None,
        upstream: str | None = None,
        seed: int | None = None,
        wire: Wire | None = None,
        router: Router | None = None,
    ) -> None:
        router = router or Router(Settings.adjusted(settings, api_key=api_key, upstream=upstream, seed=seed))
        self._wire = wire or HttpxWire()
        self._forwarder = Forwarder(router, self._wire, refresh_for(router))
        self.router = router
        self.chat = Chat(self._forwarder)
        self.models = Models(self._forwarder)

    def explain(self, body: bytes | str | dict[str, Any], *, needs: Sequence[str] = ()) -> dict[str, Any]:
        """What would become of a request, without sending it: see ``Router.explain``."""
        self._forwarder.update()
        return _explained(self.router, body, needs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()


class AsyncFreeRouter:
    """Answers from free models, for asyncio and trio: see ``FreeRouter``."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        settings: Settings | None = None,
        upstream: str | None = None,
        seed: int | None = None,
        wire: AsyncWire | None = None,
        router: Router | None = None,
    ) -> None:
        router = router or Router(Settings.adjusted(settings, api_key=api_key, upstream=upstream, seed=seed))
        self._wire = wire or AsyncHttpxWire()
        self._forwarder = AsyncForwarder(router, self._wire, refresh_for(router))
        self.router = router
        self.chat = AsyncChat(self._forwarder)
        self.models = AsyncModels(self._forwarder)

    async def explain(self, body: bytes | str | dict[str, Any], *, needs: Sequence[str] = ()) -> dict[str, Any]:
        """What would become of a request, without sending it: see ``Router.explain``."""
        await self._forwarder.update()
        return _explained(self.router, body, needs)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()
