"""FreeRouter and AsyncFreeRouter: the library, directly on the forwarder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, Unpack

from freerouter.library.chat import AsyncChat, Chat
from freerouter.library.parameters import Json, to_explain
from freerouter.network.wire_protocols import AsyncWire, Wire
from freerouter.network.wires import AsyncHttpxWire, HttpxWire
from freerouter.openrouter.catalog import Model
from freerouter.pipeline.forwarding import AsyncForwarder, Forwarder
from freerouter.pipeline.joining import join
from freerouter.pipeline.router import Router
from freerouter.pipeline.upkeep import refresh_for
from freerouter.preferences import Wishing
from freerouter.settings import Settings


class Models:
    """The free models."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    def list(self, *, needs: Sequence[str] = ()) -> list[Model]:
        """The models that a request with these needs could be drawn from, such as ``needs=["tools", "image"]``.

        Raises:
            CatalogError: the list of models could not be read.
        """
        self._forwarder.prepare_own()
        return self._forwarder.router.models(needs)


class AsyncModels:
    """The free models."""

    def __init__(self, forwarder: AsyncForwarder) -> None:
        self._forwarder = forwarder

    async def list(self, *, needs: Sequence[str] = ()) -> list[Model]:
        """The models that a request with these needs could be drawn from: see ``Models.list``."""
        await self._forwarder.prepare_own()
        return self._forwarder.router.models(needs)


class FreeRouter:
    """Answers from free models.

        with FreeRouter() as router:
            print(router.chat.send("Why is the sky blue?").text)

    Args:
        api_key: OpenRouter's; by default ``OPENROUTER_API_KEY`` from the environment.
        settings: the settings; ``api_key``, ``upstream`` and ``seed`` replace theirs.
        upstream: base URL of OpenRouter's API.
        seed: makes the draws repeatable.
        wire: another interface to the network.
        router: an existing router to share cooldowns and allowance with; its settings are used, and its catalog
            is not refreshed.

    Raises:
        SettingsError: a setting is not valid.
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
        self._joined = join(router)
        self.router = router
        self.chat = Chat(self._forwarder)
        self.models = Models(self._forwarder)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.router.settings.upstream}>"

    def explain(self, body: Json, *, needs: Sequence[str] = (), **choice: Unpack[Wishing]) -> dict[str, Any]:
        """How a request would be routed, without sending it: see ``Router.explain``."""
        request, sent = to_explain(self.router.settings.key, body, needs, choice)
        self._forwarder.update()
        self._forwarder.prepare(request.caller, sent, request.wishes)
        return self.router.explain(request)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and store the models' times."""
        self._forwarder.close()
        self._joined.close()
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
        self._joined = join(router)
        self.router = router
        self.chat = AsyncChat(self._forwarder)
        self.models = AsyncModels(self._forwarder)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.router.settings.upstream}>"

    async def explain(self, body: Json, *, needs: Sequence[str] = (), **choice: Unpack[Wishing]) -> dict[str, Any]:
        """How a request would be routed, without sending it: see ``Router.explain``."""
        request, sent = to_explain(self.router.settings.key, body, needs, choice)
        await self._forwarder.update()
        await self._forwarder.prepare(request.caller, sent, request.wishes)
        return self.router.explain(request)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections, and store the models' times."""
        await self._forwarder.close()
        await self._joined.close_async()
        await self._wire.close()
