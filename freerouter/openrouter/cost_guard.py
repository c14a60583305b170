"""Never pay: requests that are refused before they are sent, and fields that are added to prevent costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from freerouter.errors import CostRefusedError, InvalidRequestError
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.dialects import Dialect
from freerouter.openrouter.dialects.base import listed
from freerouter.openrouter.free_tools import is_free
from freerouter.openrouter.json_bodies import LARGE, encode
from freerouter.openrouter.walk import Contents, Offer
from freerouter.preferences import AUTO_ROUTER

# Allow-lists: anything that is not known to be free could cost money.
_PLUGINS = ("armor", AUTO_ROUTER, "context-compression", "file-parser", "moderation", "response-healing")
_FREE_ENGINE = "cloudflare-ai"
_ENGINES = (_FREE_ENGINE, "pdf-text", "native")
_SERVICE_TIERS = ("auto", "default", "standard", "standard_only")
_REFUSED_FIELDS = ("web_search_options", "preset")

_COULD_COST = frozenset({"plugins", "service_tier", *_REFUSED_FIELDS})
_NOTHING = dict.fromkeys(("prompt", "completion", "request", "image", "audio"), 0)
_FOR_NOTHING = {"max_price": _NOTHING}
# Plugins that cost money. An account may apply them to every request that does not name them.
_BILLING_PLUGINS = ("web", "web-fetch", "fusion")
_SWITCHED_OFF = [{"id": name, "enabled": False} for name in _BILLING_PLUGINS]


# The fields added to a sealed body, and the end of a body in which the caller has set none of them.
_ADDED = frozenset({"provider", "plugins", "models", "fallbacks"})
_ENDING = b"," + encode({"provider": _FOR_NOTHING, "plugins": _SWITCHED_OFF})[1:]


def check_cost(body: Mapping[str, Any], contents: Contents, dialect: Dialect) -> None:
    """Refuse what could cost money even on a free model (openrouter-facts.md, "What is really free").

    Args:
        body: the request.
        contents: the findings of a walk over it.
        dialect: its API format.

    Raises:
        CostRefusedError: names the field and the free way.
    """
    for offer in contents.offers:
        _check_tools(offer, dialect)
    if _COULD_COST.isdisjoint(body):
        return
    for field in _REFUSED_FIELDS:
        if body.get(field) is not None:
            raise CostRefusedError(f"{field} could cost money: leave it out", field=field)
    for index, plugin in enumerate(listed(body, "plugins")):
        _check_plugin(plugin, f"plugins[{index}]")
    tier = body.get("service_tier")
    if tier is not None and tier not in _SERVICE_TIERS:
        raise CostRefusedError(f"service_tier {tier!r} could cost money: leave it out", field="service_tier")


def _check_tools(offer: Offer, dialect: Dialect) -> None:
    for index, tool in enumerate(offer.tools):
        if is_free(tool, dialect):
            continue
        if offer.where == "functions" and "type" not in tool:  # tools in the old format have none
            continue
        field = f"{offer.place(index)}.type"
        allowed = " or ".join(name for name in dialect.tool_types if name)
        raise CostRefusedError(
            f"{field} {tool.get('type')!r} could cost money: only {allowed} tools are free", field=field
        )


def _check_plugin(plugin: Any, field: str) -> None:
    if not isinstance(plugin, dict):
        raise InvalidRequestError(f"{field} must be an object", field=field)
    if plugin.get("enabled") is False:
        return
    name = plugin.get("id")
    if name not in _PLUGINS:
        allowed = ", ".join(_PLUGINS)
        raise CostRefusedError(f"plugin {name!r} could cost money: free ones are {allowed}", field=f"{field}.id")
    pdf = plugin.get("pdf")
    if pdf is not None and not isinstance(pdf, dict):
        raise InvalidRequestError(f"{field}.pdf must be an object", field=f"{field}.pdf")
    engine = pdf.get("engine") if pdf else None
    if engine is not None and engine not in _ENGINES:
        raise CostRefusedError(
            f"PDF engine {engine!r} costs money per page: use {_FREE_ENGINE}", field=f"{field}.pdf.engine"
        )


def wants_native_files(body: Mapping[str, Any]) -> bool:
    """Whether the caller chose the ``native`` PDF engine, which is free only on models that take files."""
    return "plugins" in body and any(_engine(plugin) == "native" for plugin in listed(body, "plugins"))


def _engine(plugin: Any) -> Any:
    pdf = plugin.get("pdf") if isinstance(plugin, dict) and plugin.get("id") == "file-parser" else None
    return pdf.get("engine") if isinstance(pdf, dict) else None


def seal(body: dict[str, Any], model: Model, *, pdf: bool = False, parsed: bool = False) -> bytes:
    """The body to send: the caller's, with one free model and a maximum price of zero.

    Plugins that cost money are switched off in it, because an account can have them on by default.

    Args:
        body: the request, parsed.
        model: the model to ask.
        pdf: it holds a PDF: a model without file input needs the free parser.
        parsed: it came as JSON (see ``encode``).

    Raises:
        InvalidRequestError: it cannot be serialised as JSON.
    """
    if not pdf and _ADDED.isdisjoint(body):  # nearly every request: the added fields are always the same
        return _ended(encode({**body, "model": model.id}, parsed=parsed))
    provider = body.get("provider")
    if isinstance(provider, dict):
        asked = provider.get("max_price")
        price = {**asked, **_NOTHING} if isinstance(asked, dict) else _NOTHING
        provider = {**provider, "max_price": price}
    else:
        provider = _FOR_NOTHING
    sealed = {**body, "model": model.id, "provider": provider}
    if "models" in body or "fallbacks" in body:
        # The list of models is tried here: OpenRouter takes at most three, and drops the rest without an error.
        sealed.pop("models", None)
        sealed.pop("fallbacks", None)
    plugins = body.get("plugins")
    sealed["plugins"] = _without_billing(listed(body, "plugins")) if plugins else _SWITCHED_OFF
    if pdf and "file" not in model.inputs:
        sealed["plugins"] = _with_free_parser(sealed["plugins"])
    return encode(sealed, parsed=parsed)


def _ended(data: bytes) -> bytes:
    """A body with the added fields as its last ones; a large one, such as an image, is copied only once."""
    return b"".join((memoryview(data)[:-1], _ENDING)) if len(data) > LARGE else data[:-1] + _ENDING


def _without_billing(plugins: Sequence[Any]) -> list[Any]:
    """The caller's plugins; those that cost money are switched off unless it names them.

    What the auto router's plugin asks for is done here: OpenRouter gets the model that was drawn.
    """
    named = [plugin.get("id") for plugin in plugins if isinstance(plugin, dict)]
    kept = [plugin for plugin in plugins if not (isinstance(plugin, dict) and plugin.get("id") == AUTO_ROUTER)]
    return [*kept, *(plugin for plugin in _SWITCHED_OFF if plugin["id"] not in named)]


def _with_free_parser(plugins: Sequence[Any]) -> list[Any]:
    """The caller's plugins, with a PDF engine if it chose none: the default one costs money per page."""
    result, found = [], False
    for plugin in plugins:
        chosen = plugin
        if isinstance(plugin, dict) and plugin.get("id") == "file-parser" and plugin.get("enabled") is not False:
            found = True
            if _engine(plugin) is None:
                pdf = plugin.get("pdf")
                chosen = {**plugin, "pdf": {**(pdf if isinstance(pdf, dict) else {}), "engine": _FREE_ENGINE}}
        result.append(chosen)
    if not found:
        result.append({"id": "file-parser", "pdf": {"engine": _FREE_ENGINE}})
    return result
