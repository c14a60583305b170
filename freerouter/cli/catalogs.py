"""The source of a command's catalog: a file, or OpenRouter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from freerouter.pipeline.router import Router

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
    from freerouter.network.alarm_file import AlarmFile
    from freerouter.network.catalog_source import CatalogSource
    from freerouter.network.timings_file import TimingsFile
    from freerouter.openrouter.catalog import Catalog
    from freerouter.pipeline.router import Router
    from freerouter.settings import Settings

    settings = Settings.adjusted(None, **adjusted)
    if catalog is None:
        # A command ends before a background refresh does: without waiting, its copy would never be updated.
        router = Router(settings, CatalogSource(settings).latest(_PATIENCE))
        router.health.costs.models.update(AlarmFile(settings).read())
        router.restore_timings(TimingsFile(settings).read())
        _learn_training(router)
        return router
    try:
        return Router(settings, Catalog.parse(catalog.read_bytes()))
    except OSError as error:
        raise CatalogError(f"{catalog} cannot be read: {error.strerror}") from None


def _learn_training(router: Router) -> None:
    """Read which models the account is offered, if models that may train on prompts are left out."""
    from freerouter.network.user_models_source import UserModelsSource
    from freerouter.openrouter.headers import caller, outgoing
    from freerouter.preferences import NO_WISHES

    sent = outgoing([], router.settings.key)
    authorization = dict(sent).get("authorization")
    if router.denies_training(NO_WISHES) and authorization is not None:
        source = UserModelsSource(router.settings.upstream, router.learn_allowed)
        reading = source.read(caller(sent).account, authorization)
        if reading is not None:
            reading.join(_PATIENCE)


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
