"""What the gateway enforces for each model: the reasons why a request is turned away."""

from collections.abc import Callable
from decimal import Decimal

from freerouter.emulator.ask import Ask
from freerouter.emulator.lenient import mapping, number
from freerouter.emulator.offer import Offer
from freerouter.emulator.refusals import (
    Refusal,
    context_exceeded,
    mandatory_reasoning,
    no_endpoints,
    unsupported,
)

Rule = Callable[[Ask, Offer, float], Refusal | None]

_MILLION = Decimal(1_000_000)
# The other prices that max_price knows are those of a request, an image and a recording.
_BY_TOKEN = ("prompt", "completion")
_INPUTS = {"image": "support image input", "audio": "support input audio"}


def turned_away(ask: Ask, offer: Offer, now: float) -> Refusal | None:
    """Return the first reason to refuse this request to this model, None when it may pass."""
    found = (rule(ask, offer, now) for rule in RULES)
    return next((refusal for refusal in found if refusal), None)


def hosted_router_passes(ask: Ask, offer: Offer, now: float) -> bool:
    """Tell whether openrouter/free would pick this model: it looks at capabilities only.

    That reasoning may be mandatory and structured outputs missing escapes it (openrouter-facts 1).
    """
    return not any(rule(ask, offer, now) for rule in CAPABILITIES)


def _expired(_ask: Ask, offer: Offer, now: float) -> Refusal | None:
    return no_endpoints(offer.id) if offer.expired(now) else None


def _max_price(ask: Ask, offer: Offer, now: float) -> Refusal | None:
    """`provider.max_price` bounds each price, those of tokens by the million; a router's -1 is no bargain."""
    bounds = mapping(ask.provider.get("max_price"))
    prices = offer.prices(now, ask.prompt_tokens)
    for key in bounds.keys() & prices.keys():
        bound = number(bounds[key])
        units = _MILLION if key in _BY_TOKEN else 1
        if bound is not None and (prices[key] < 0 or prices[key] * units > Decimal(str(bound))):
            return unsupported("match the requested max price")
    return None


def _inputs(ask: Ask, offer: Offer, _now: float) -> Refusal | None:
    lacking = (what for modality, what in _INPUTS.items() if modality in ask.inputs - offer.inputs)
    return next(map(unsupported, lacking), None)


def _outputs(ask: Ask, offer: Offer, _now: float) -> Refusal | None:
    lacking = sorted(ask.outputs - offer.outputs)
    if not lacking:
        return None
    return unsupported(f"support the requested output modalities: {', '.join(lacking)}")


def _tools(ask: Ask, offer: Offer, _now: float) -> Refusal | None:
    if ask.tools and "tools" not in offer.parameters:
        return unsupported("support tool use")
    return None


def _tool_choice(ask: Ask, offer: Offer, _now: float) -> Refusal | None:
    if ask.forces_tool and "tool_choice" not in offer.parameters:
        return unsupported("support the provided 'tool_choice' value")
    return None


def _required_parameters(ask: Ask, offer: Offer, _now: float) -> Refusal | None:
    strict = ask.provider.get("require_parameters") is True
    if strict and not ask.parameters <= offer.parameters:
        return unsupported("can handle the requested parameters")
    return None


def _reasoning(ask: Ask, offer: Offer, _now: float) -> Refusal | None:
    return mandatory_reasoning() if ask.reasoning_off and offer.mandatory_reasoning else None


def _context(ask: Ask, offer: Offer, _now: float) -> Refusal | None:
    prompt, output = ask.prompt_tokens, ask.max_tokens or 0
    return context_exceeded(offer.context, prompt, output) if prompt + output > offer.context else None


CAPABILITIES: tuple[Rule, ...] = (_expired, _inputs, _outputs, _tools, _tool_choice, _context)
RULES: tuple[Rule, ...] = (
    _expired,
    _max_price,
    _inputs,
    _outputs,
    _tools,
    _tool_choice,
    _required_parameters,
    _reasoning,
    _context,
)
