"""Route each request to a free language model that can serve it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freerouter.batch.client import AsyncBatch, Batch, BatchOptions
    from freerouter.batch.tally import BatchSummary
    from freerouter.errors import (
        AllowanceExhaustedError,
        AttemptsFailedError,
        BatchError,
        CatalogError,
        CostRefusedError,
        FreeRouterError,
        InvalidRequestError,
        NoEligibleModelError,
        SettingsError,
        StreamInterruptedError,
        UnknownModelError,
        UpstreamError,
        UpstreamUnavailableError,
    )
    from freerouter.library.client import AsyncFreeRouter, FreeRouter
    from freerouter.library.completions import ChatChunk, ChatCompletion
    from freerouter.openrouter.catalog import Catalog, Model
    from freerouter.pipeline.router import Router
    from freerouter.pipeline.tracking import Attempt, Trace
    from freerouter.settings.settings import Settings
    from freerouter.transport import AsyncRoutingTransport, RoutingTransport

__version__ = "0.1.0"

# Imported on first use, so that importing the package is fast (PEP 562).
_HOMES = {
    "AllowanceExhaustedError": "errors",
    "AsyncBatch": "batch.client",
    "AsyncFreeRouter": "library.client",
    "AsyncRoutingTransport": "transport",
    "Attempt": "pipeline.tracking",
    "AttemptsFailedError": "errors",
    "Batch": "batch.client",
    "BatchError": "errors",
    "BatchOptions": "batch.client",
    "BatchSummary": "batch.tally",
    "Catalog": "openrouter.catalog",
    "CatalogError": "errors",
    "ChatChunk": "library.completions",
    "ChatCompletion": "library.completions",
    "CostRefusedError": "errors",
    "FreeRouter": "library.client",
    "FreeRouterError": "errors",
    "InvalidRequestError": "errors",
    "Model": "openrouter.catalog",
    "NoEligibleModelError": "errors",
    "Router": "pipeline.router",
    "RoutingTransport": "transport",
    "Settings": "settings.settings",
    "SettingsError": "errors",
    "StreamInterruptedError": "errors",
    "Trace": "pipeline.tracking",
    "UnknownModelError": "errors",
    "UpstreamError": "errors",
    "UpstreamUnavailableError": "errors",
}

__all__ = [
    "AllowanceExhaustedError",
    "AsyncBatch",
    "AsyncFreeRouter",
    "AsyncRoutingTransport",
    "Attempt",
    "AttemptsFailedError",
    "Batch",
    "BatchError",
    "BatchOptions",
    "BatchSummary",
    "Catalog",
    "CatalogError",
    "ChatChunk",
    "ChatCompletion",
    "CostRefusedError",
    "FreeRouter",
    "FreeRouterError",
    "InvalidRequestError",
    "Model",
    "NoEligibleModelError",
    "Router",
    "RoutingTransport",
    "Settings",
    "SettingsError",
    "StreamInterruptedError",
    "Trace",
    "UnknownModelError",
    "UpstreamError",
    "UpstreamUnavailableError",
    "__version__",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | _HOMES.keys())
