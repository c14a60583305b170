"""What costs money: the reasons why a request would have been billed."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from freerouter.emulator.ask import Ask
from freerouter.emulator.lenient import mapping, objects, text
from freerouter.emulator.offer import Offer

FREE_ROUTER = "openrouter/free"
_FREE_TIERS = (None, "auto", "default", "standard", "standard_only")
_FREE_PARSERS = ("cloudflare-ai", "pdf-text")
_PAID_PLUGINS = ("fusion", "web", "web-fetch")
_FREE_TOOLS = ("openrouter:apply_patch", "openrouter:datetime")


@dataclass(frozen=True, slots=True)
class Charge:
    """One request that would have cost money: the model it named ("" for none), and why."""

    model: str
    reason: str


def charges(ask: Ask, model: str, offer: Offer, now: float, plugins: Collection[str] = ()) -> Iterator[Charge]:
    """Yield why this request to this model costs (openrouter-facts 2), nothing when it is free.

    `plugins` are the account's defaults: they apply to every request that does not name them.
    """
    for reason in (*_reasons(ask, model, offer, now), *_plugins(ask, plugins)):
        yield Charge(model, reason)


def _plugins(ask: Ask, defaults: Collection[str]) -> Iterator[str]:
    """Yield the plugins that bill: those switched on here, and the account's that are not switched off here."""
    named = {text(p.get("id")): p.get("enabled") is not False for p in objects(ask.body.get("plugins"))}
    for plugin in _PAID_PLUGINS:
        if named.get(plugin, plugin in defaults):
            yield f"the {plugin} plugin is billed" + ("" if plugin in named else " (the account's default)")


def _reasons(ask: Ask, model: str, offer: Offer, now: float) -> Iterator[str]:
    price = offer.costs(now, ask.prompt_tokens)
    if price:
        yield price
    if model.endswith(":online"):
        yield "the :online variant searches the web"
    if _parses_pdf(ask, offer):
        yield "a PDF goes through the parser, which bills by the page"
    for tool in objects(ask.body.get("tools")):
        if _runs_for_money(tool):
            yield f"the server tool {tool['type']} is billed"
    if ask.body.get("web_search_options"):
        yield "web_search_options search the web"
    if ask.body.get("service_tier") not in _FREE_TIERS:
        yield f"service_tier {ask.body['service_tier']} is billed"


def _runs_for_money(tool: Mapping[str, Any]) -> bool:
    """Tell whether a server tool is billed: the date, patches and OpenRouter's own fetching are not."""
    kind = text(tool.get("type"))
    if kind == "openrouter:web_fetch":
        return mapping(tool.get("parameters")).get("engine") != "openrouter"
    return kind.startswith("openrouter:") and kind not in _FREE_TOOLS


def _parses_pdf(ask: Ask, offer: Offer) -> bool:
    """Tell whether a PDF meets a model without file input and no free parser was asked for."""
    if "file" in offer.inputs or not any(map(_is_pdf, ask.parts)):
        return False
    plugins = (p for p in objects(ask.body.get("plugins")) if p.get("id") == "file-parser")
    return not any(mapping(p.get("pdf")).get("engine") in _FREE_PARSERS for p in plugins)


def _is_pdf(part: Mapping[str, Any]) -> bool:
    """Tell whether a part may be a PDF: a file with no type stated is taken for one."""
    if part.get("type") != "file":
        return False
    file = mapping(part.get("file"))
    name, data = text(file.get("filename")), text(file.get("file_data"))
    stated = data.startswith("data:") and not data.startswith("data:application/pdf")
    return name.lower().endswith(".pdf") or not stated
