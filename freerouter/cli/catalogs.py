"""The source of a command's catalog: a file, or OpenRouter."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from freerouter.pipeline.router import Router
    from freerouter.settings import Settings

_PATIENCE = 5.0

CatalogFile = Annotated[
    Path | None,
    typer.Option(
        "--catalog", help="Read the models from a file: a saved answer of GET /api/v1/models.", dir_okay=False
    ),
]


def router_for(catalog: Path | None, **adjusted: Any) -> Router:
    """A router with the catalog in a file, or with OpenRouter's. Raises CatalogError, SettingsError.

    Args:
        catalog: the file.
        adjusted: settings from the command's options; None keeps a setting.
    """
    from freerouter.errors import CatalogError
    from freerouter.openrouter.catalog import Catalog
    from freerouter.pipeline.router import Router
    from freerouter.settings import Settings

    settings = Settings.adjusted(None, **adjusted)
    if catalog is None:
        return router_of(settings)
    try:
        return Router(settings, Catalog.parse(catalog.read_bytes()))
    except OSError as error:
        raise CatalogError(f"{catalog} cannot be read: {error.strerror}") from None


def router_of(settings: Settings) -> Router:
    """A router that knows what a real request would know: the catalog, cost alarms, times, training, other processes.

    Raises:
        CatalogError: there is no catalog.
        SettingsError: the package for Redis is not installed.
    """
    from freerouter.network.catalog_source import CatalogSource
    from freerouter.network.wires import HttpxWire
    from freerouter.pipeline.forwarding import Forwarder
    from freerouter.pipeline.joining import join
    from freerouter.pipeline.router import Router
    from freerouter.pipeline.upkeep import refresh_for

    # A command ends before a background refresh does: without waiting, its copy would never be updated.
    router = Router(settings, CatalogSource(settings).latest(_PATIENCE))
    with closing(join(router)):
        Forwarder(router, HttpxWire(), refresh_for(router)).prepare_own()
    return router


def free_ids(incomplete: str) -> list[str]:
    """The ids of free models with this prefix, from the stored list: shell completion must not wait."""
    from datetime import UTC, datetime

    from freerouter.errors import FreeRouterError
    from freerouter.network.disk_cache import CatalogCopy
    from freerouter.openrouter.catalog import Catalog
    from freerouter.settings import Settings

    try:
        settings = Settings()
        copy = CatalogCopy(settings, account=settings.account_models).read()
        models = Catalog.parse(copy[0]).free(datetime.now(UTC).date()) if copy else ()
    except FreeRouterError:
        return []
    return [model.id for model in models if model.id.startswith(incomplete)]
