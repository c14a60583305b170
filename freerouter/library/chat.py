"""Chat and AsyncChat: chat completions, whole or piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Unpack

from freerouter.library.chat_streams import AsyncChatStream, ChatStream, completion_of
from freerouter.library.completions import ChatCompletion
from freerouter.library.parameters import Messages, Options, Parameters, body_of
from freerouter.pipeline.delivery import Answer, AsyncBody, Body
from freerouter.pipeline.forwarding import AsyncForwarder, Forwarder
from freerouter.replies.acceptance import Accept
from freerouter.settings import Sticky


class Chat:
    """Chat completions."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    def send(  # noqa: PLR0913  # each is an option of the caller
        self,
        messages: Messages,
        *,
        model: str | None = None,
        seed: int | None = None,
        needs: Sequence[str] = (),
        accept: Accept | bool | None = None,
        session: str | None = None,
        sticky: Sticky | None = None,
        timeout: float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **parameters: Unpack[Parameters],
    ) -> ChatCompletion:
        """Get an answer from a free model that can give it.

        Args:
            messages: the conversation, as dicts or as message objects of an answer or of the openai SDK; text alone
                is a user's message.
            model: a free model's id, instead of a draw.
            seed: for the model; draws have their own, ``FreeRouter(seed=...)``.
            needs: capabilities to require in addition to those found in the request, such as ``tools`` or ``image``.
            accept: checks the answer as parsed JSON and returns a reason to ask another model, or None; True
                checks it against the JSON, the schema and the tools that the request asks for
                (``freerouter.replies.acceptance``). By default the settings decide.
            session: id of the conversation, which stays on its model.
            sticky: replaces the setting of that name.
            timeout: seconds for the whole call.
            extra_headers: more headers to send, such as ``X-OpenRouter-Title``.
            extra_body: more fields of the request that are not known here.
            parameters: any of OpenRouter's (API reference, "Create a chat completion"), and the call's own choice of
                models: ``prefer``, ``sharpness``, ``include``, ``exclude``, ``authors``, ``min_context``, ``train``.

        Raises:
            FreeRouterError: see ``freerouter.errors``.
            TypeError: a parameter is unknown.
            RuntimeError: the client has been closed.
        """
        options = Options(model, seed, session, needs, accept, sticky, timeout, extra_headers, extra_body, parameters)
        answer = self._forward(body_of(messages, options, stream=False), options)
        try:
            return completion_of(b"".join(answer.body), answer.trace)
        finally:
            answer.body.close()

    @contextmanager
    def stream(  # noqa: PLR0913  # each is an option of the caller
        self,
        messages: Messages,
        *,
        model: str | None = None,
        seed: int | None = None,
        needs: Sequence[str] = (),
        accept: Accept | bool | None = None,
        session: str | None = None,
        sticky: Sticky | None = None,
        timeout: float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **parameters: Unpack[Parameters],
    ) -> Iterator[ChatStream]:
        """Get an answer piece by piece: ``with chat.stream(...) as stream: for chunk in stream: ...``.

        Args and errors are those of ``send``; with ``accept``, it is held back until complete and accepted.
        Once the first token is there, what breaks off raises
        StreamInterruptedError, which carries the text so far.
        """
        options = Options(model, seed, session, needs, accept, sticky, timeout, extra_headers, extra_body, parameters)
        body = body_of(messages, options, stream=True)
        answer = self._forward(body, options)
        try:
            yield ChatStream(answer)
        finally:
            answer.body.close()

    def _forward(self, body: dict[str, Any], options: Options) -> Answer[Body]:
        answer = self._forwarder.forward(body, **options.keywords())
        if answer.error is not None:
            raise answer.error
        return answer


class AsyncChat:
    """Chat completions."""

    def __init__(self, forwarder: AsyncForwarder) -> None:
        self._forwarder = forwarder

    async def send(  # noqa: PLR0913  # as in Chat
        self,
        messages: Messages,
        *,
        model: str | None = None,
        seed: int | None = None,
        needs: Sequence[str] = (),
        accept: Accept | bool | None = None,
        session: str | None = None,
        sticky: Sticky | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # for the whole request, with its answer
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **parameters: Unpack[Parameters],
    ) -> ChatCompletion:
        """Get an answer from a free model that can give it: see ``Chat.send``."""
        options = Options(model, seed, session, needs, accept, sticky, timeout, extra_headers, extra_body, parameters)
        answer = await self._forward(body_of(messages, options, stream=False), options)
        try:
            return completion_of(b"".join([chunk async for chunk in answer.body]), answer.trace)
        finally:
            await answer.body.close()

    @asynccontextmanager
    async def stream(  # noqa: PLR0913  # as in Chat
        self,
        messages: Messages,
        *,
        model: str | None = None,
        seed: int | None = None,
        needs: Sequence[str] = (),
        accept: Accept | bool | None = None,
        session: str | None = None,
        sticky: Sticky | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # for the whole request, with its answer
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **parameters: Unpack[Parameters],
    ) -> AsyncIterator[AsyncChatStream]:
        """Get an answer piece by piece: see ``Chat.stream``."""
        options = Options(model, seed, session, needs, accept, sticky, timeout, extra_headers, extra_body, parameters)
        body = body_of(messages, options, stream=True)
        answer = await self._forward(body, options)
        try:
            yield AsyncChatStream(answer)
        finally:
            await answer.body.close()

    async def _forward(self, body: dict[str, Any], options: Options) -> Answer[AsyncBody]:
        answer = await self._forwarder.forward(body, **options.keywords())
        if answer.error is not None:
            raise answer.error
        return answer
