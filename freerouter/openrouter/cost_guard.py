"""Never pay: what is refused before it is sent, and what is added so that it cannot cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from freerouter.errors import CostRefusedError, InvalidRequestError
from freerouter.openrouter.catalog import FREE_SUFFIX, Catalog, Model
from freerouter.openrouter.dialects import Dialect
from freerouter.openrouter.dialects.base import listed
from freerouter.openrouter.json_bodies import encode

# Names that mean: route. Gateways strip a prefix, or double it (openrouter-facts.md, section 9).
ROUTE_NAMES = ("openrouter/free", "free", "openrouter/auto", "auto")
_PREFIX = "openrouter/"
_LONGEST_NAME = 200

# Allow-lists: what is not known to be free could cost money.
_PLUGINS = ("context-compression", "file-parser", "response-healing")
_FREE_ENGINE = "cloudflare-ai"
_ENGINES = (_FREE_ENGINE, "native")
_SERVICE_TIERS = ("auto", "default")
_REFUSED_FIELDS = ("web_search_options", "preset")

_COULD_COST = frozenset({"tools", "plugins", "service_tier", *_REFUSED_FIELDS})
_NOTHING = {"prompt": 0, "completion": 0}
_FOR_NOTHING = {"max_price": _NOTHING}


class Wanted(NamedTuple):
    """Which models a caller asks for.

    Attributes:
        names: each with the field that it stands in; empty when none is given.
        needs: capabilities that come with a name such as ``free:tools``.
    """

    names: Sequence[tuple[str, str]] = ()
    needs: tuple[str, ...] = ()


_ANY = Wanted()


def wanted(body: Mapping[str, Any], aliases: Sequence[tuple[str, str]] = ()) -> Wanted:
    """Read a request's ``model``, ``models`` and ``fallbacks``, in this order.

    Args:
        body: the request.
        aliases: names to take for others, as pairs of a glob pattern and a name; the first that fits counts.

    Raises:
        InvalidRequestError: a name is no text, or without end.
    """
    name = body.get("model")
    if (name is None or name in ROUTE_NAMES) and "models" not in body and "fallbacks" not in body:
        return _ANY
    names: list[tuple[str, str]] = []
    needs: list[str] = []
    for field, given in _names(body):
        if not isinstance(given, str) or not given or len(given) > _LONGEST_NAME:
            raise InvalidRequestError(f"{field} must be the id of a model, or openrouter/free", field=field)
        name, extra = _understood(given, aliases)
        if "online" in extra:
            detail = "could cost money (it searches the web), so it was not sent: ask for openrouter/free"
            raise CostRefusedError(f"{field} {given!r} {detail}", field=field)
        names.append((field, name))
        needs += extra
    return Wanted(names, tuple(needs))


def _names(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if body.get("model") is not None:
        yield "model", body["model"]
    for field in ("models", "fallbacks"):
        for index, name in enumerate(listed(body, field)):
            # Anthropic's form of a fallback is an object with a model.
            yield f"{field}[{index}]", name.get("model") if isinstance(name, dict) else name


def _understood(name: str, aliases: Sequence[tuple[str, str]]) -> tuple[str, list[str]]:
    """A name without doubled prefixes, and the needs that it states; what has no meaning of its own may be an alias."""
    meant, needs = _plain(name)
    if meant in ROUTE_NAMES:
        return meant, needs
    target = next((target for pattern, target in aliases if fnmatchcase(name, pattern)), None)
    return (meant, needs) if target is None else _plain(target)


def _plain(name: str) -> tuple[str, list[str]]:
    """A name without doubled prefixes, and the needs that it states: ``free:tools+vision``."""
    short = name
    while short.startswith(_PREFIX) and short not in ROUTE_NAMES:
        short = short.removeprefix(_PREFIX)
    stem, colon, needs = short.removeprefix(_PREFIX).partition(":")
    if colon and stem == "free":
        return ROUTE_NAMES[0], [need for need in needs.split("+") if need]
    return (short if short in ROUTE_NAMES else name), []


def free_models(names: Sequence[tuple[str, str]], catalog: Catalog, today: date) -> Sequence[Model | None] | None:
    """The models of some names, in order; None stands for: draw one. All in all None when a draw comes first.

    Raises:
        CostRefusedError: a name is not that of a free model; says which are near.
    """
    # Those that come after a draw are never asked, but one that costs money is not what the caller meant.
    models = [_free(name, field, catalog, today) for field, name in names]
    return models if models and models[0] is not None else None


def _free(name: str, field: str, catalog: Catalog, today: date) -> Model | None:
    if name in ROUTE_NAMES:
        return None
    model, short = catalog.get(name), name
    while model is None and short.startswith(_PREFIX):
        short = short.removeprefix(_PREFIX)
        model = catalog.get(short)
    if model is not None and model.is_free(today):
        return model
    raise CostRefusedError(_refusal(name, field, model, catalog, today), field=field)


def _refusal(name: str, field: str, model: Model | None, catalog: Catalog, today: date) -> str:
    why = "is not in the list of models" if model is None else "; ".join(model.why_not_free(today))
    # Compared without the suffix, which would make everything look alike.
    stems = {free.id.removesuffix(FREE_SUFFIX): free.id for free in catalog.free(today)}
    near = [stems[stem] for stem in get_close_matches(name.removesuffix(FREE_SUFFIX), stems, n=3, cutoff=0.4)]
    hint = f", or a free one such as {', '.join(near)}" if near else ""
    return f"{field} {name!r} could cost money ({why}), so it was not sent: ask for openrouter/free{hint}"


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
