"""Never pay: what is refused before it is sent, and what is added so that it cannot cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from freerouter.errors import CostRefusedError, InvalidRequestError
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.dialects import Dialect
from freerouter.openrouter.dialects.base import listed
from freerouter.openrouter.json_bodies import encode

# Allow-lists: what is not known to be free could cost money.
_PLUGINS = ("context-compression", "file-parser", "response-healing")
_FREE_ENGINE = "cloudflare-ai"
_ENGINES = (_FREE_ENGINE, "native")
_SERVICE_TIERS = ("auto", "default")
_REFUSED_FIELDS = ("web_search_options", "preset")

_COULD_COST = frozenset({"tools", "plugins", "service_tier", *_REFUSED_FIELDS})
_NOTHING = {"prompt": 0, "completion": 0}
_FOR_NOTHING = {"max_price": _NOTHING}


def check_cost(body: Mapping[str, Any], dialect: Dialect) -> None:
    """Refuse what could cost money even on a free model (openrouter-facts.md, "What is really free").

    Raises:
        CostRefusedError: names the field and the free way.
    """
    if _COULD_COST.isdisjoint(body):
        return
    for field in _REFUSED_FIELDS:
        if body.get(field) is not None:
            raise CostRefusedError(f"{field} could cost money: leave it out", field=field)
    _check_tools(body, "", dialect)
    for index, plugin in enumerate(listed(body, "plugins")):
        _check_plugin(plugin, f"plugins[{index}]")
    tier = body.get("service_tier")
    if tier is not None and tier not in _SERVICE_TIERS:
        raise CostRefusedError(f"service_tier {tier!r} could cost money: leave it out", field="service_tier")


def _check_tools(holder: Mapping[str, Any], where: str, dialect: Dialect) -> None:
    """Check the tools of a request, or of a namespace among its tools, whose place ends with a dot."""
    for index, tool in enumerate(listed(holder, "tools", f"{where}tools")):
        if not isinstance(tool, dict):
            field = f"{where}tools[{index}]"
            raise InvalidRequestError(f"{field} must be an object", field=field)
        kind = tool.get("type")
        if kind not in dialect.tool_types:
            field = f"{where}tools[{index}].type"
            allowed = " or ".join(name for name in dialect.tool_types if name)
            raise CostRefusedError(f"{field} {kind!r} could cost money: only {allowed} tools are free", field=field)
        if "tools" in tool:
            _check_tools(tool, f"{where}tools[{index}].", dialect)


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
    """The body to send: the caller's, with one free model, and with a price that nothing can exceed.

    Args:
        body: the request, parsed.
        model: where it goes.
        pdf: it holds a PDF, for which a model that takes no files needs the parser that is free.
        parsed: it came as JSON (see ``encode``).

    Raises:
        InvalidRequestError: it cannot be written as JSON.
    """
    provider = body.get("provider")
    if isinstance(provider, dict):
        asked = provider.get("max_price")
        price = {**asked, **_NOTHING} if isinstance(asked, dict) else _NOTHING
        provider = {**provider, "max_price": price}
    else:
        provider = _FOR_NOTHING
    sealed = {**body, "model": model.id, "provider": provider}
    if "models" in body or "fallbacks" in body:
        # The order of models is walked here: OpenRouter takes no more than three, and would not tell.
        sealed.pop("models", None)
        sealed.pop("fallbacks", None)
    if pdf and "file" not in model.inputs:
        sealed["plugins"] = _with_free_parser(listed(body, "plugins"))
    return encode(sealed, parsed=parsed)


def _with_free_parser(plugins: Sequence[Any]) -> list[Any]:
    """The caller's plugins with a PDF engine chosen where none was: the default one bills per page."""
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
