"""Faults of a reply with status 200 that is not an answer, or cannot be read."""

import gzip
from dataclasses import replace

from freerouter.emulator.completion import Json
from freerouter.emulator.faults.errors import ROWS, rate_limited
from freerouter.emulator.faults.kinds import FaultKind, Strike, answered, kinds
from freerouter.emulator.faults.row import with_status
from freerouter.emulator.refusals import typed
from freerouter.emulator.reply import Act, Reply, json_reply, raw

_HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
# More than any buffer of a few KiB holds.
_LONG = 100_000
_FAILED = typed(502, "Provider returned error", "provider_unavailable", provider_name="Emulated", raw="upstream died")


def error_in_200(strike: Strike) -> Reply:
    """A 200 whose body is a 502."""
    return _said(strike, strike.dialect.failed(strike.completion, _FAILED))


def rate_limited_in_200(strike: Strike) -> Reply:
    """A 200 whose body is the 429 of the model's provider."""
    return _said(strike, strike.dialect.failed(strike.completion, rate_limited(strike)))


def finish_error(strike: Strike) -> Reply:
    """A 200 whose finish_reason is "error"."""
    return _said(strike, strike.dialect.finished_in_error(strike.completion, _FAILED))


def null_content(strike: Strike) -> Reply:
    """A 200 whose content is null, with nothing in its place."""
    return _said(strike, strike.dialect.contentless(strike.completion))


def null_choices(strike: Strike) -> Reply:
    """A 200 whose choices are null."""
    return _contained(strike, None)


def empty_choices(strike: Strike) -> Reply:
    """A 200 whose choices are empty."""
    return _contained(strike, [])


def truncated_json(strike: Strike) -> Reply:
    """A 200 whose JSON ends half-way, with the length of that half announced."""
    return raw(_half(strike.body), headers=strike.headers)


def short_body(strike: Strike) -> Reply:
    """A 200 whose connection is closed before the announced length is reached."""
    whole = raw(strike.body, headers=strike.headers)
    return replace(whole, steps=(_half(strike.body), Act.CLOSE))


def truncated_gzip(strike: Strike) -> Reply:
    """A 200 whose gzip data end half-way, with the length of that half announced."""
    return raw(_half(gzip.compress(strike.body)), headers=strike.headers | {"content-encoding": "gzip"})


def empty_content(strike: Strike) -> Reply:
    """An answer of nothing, with zero completion tokens: a cold start."""
    return answered(strike, strike.completion.emptied)


def cost_in_usage(strike: Strike) -> Reply:
    """A proper answer whose usage says that it cost a cent."""
    return answered(strike, replace(strike.completion, cost=0.01))


def byok_cost(strike: Strike) -> Reply:
    """A proper answer that a provider bills to the account's own key, at no cost here."""
    billed = {"is_byok": True, "cost": 0, "cost_details": {"upstream_inference_cost": 0.01}}
    return answered(strike, replace(strike.completion, billed=billed))


def cost_as_text(strike: Strike) -> Reply:
    """A proper answer whose usage says in a text that it cost a cent."""
    return answered(strike, replace(strike.completion, billed={"cost": "0.01"}))


def cost_in_long_event(strike: Strike) -> Reply:
    """A proper answer whose cost stands in a last event of 100,000 characters."""
    told = {**(strike.metadata or {}), "requested": strike.model, "summary": "x" * _LONG}
    return answered(strike, replace(strike.completion, cost=0.01, metadata=told))


def context_as_success(strike: Strike) -> Reply:
    """A context that was exceeded: in Responses an empty answer that was cut short, elsewhere the 400."""
    if not strike.dialect.hides_overflow:
        return with_status(ROWS["context_length_exceeded"].refusal)(strike)
    return answered(strike, replace(strike.completion.cut_to_nothing, error_type="context_length_exceeded"))


def broken_gzip(strike: Strike) -> Reply:
    """A 200 that says it is gzip and is none."""
    return raw(b"\x1f\x8b\x08 no gzip at all", headers=strike.headers | {"content-encoding": "gzip"})


def wrong_content_type(strike: Strike) -> Reply:
    """A 200 of plain text."""
    return raw(b"no healthy upstream", content_type="text/plain", headers=strike.headers)


def html_in_200(_strike: Strike) -> Reply:
    """A 200 that is an HTML page."""
    return raw(_HTML, content_type="text/html; charset=UTF-8")


def html_in_502(_strike: Strike) -> Reply:
    """A 502 that is an HTML page."""
    return raw(_HTML, 502, "text/html; charset=UTF-8")


BODIES: dict[str, FaultKind] = {
    **kinds(
        error_in_200,
        rate_limited_in_200,
        finish_error,
        null_content,
        null_choices,
        empty_choices,
        truncated_json,
        short_body,
        truncated_gzip,
        stream=False,
    ),
    **kinds(
        empty_content,
        cost_in_usage,
        byok_cost,
        cost_as_text,
        context_as_success,
        broken_gzip,
        wrong_content_type,
        html_in_200,
        html_in_502,
    ),
    **kinds(cost_in_long_event, json=False),
}


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def _said(strike: Strike, body: Json) -> Reply:
    return json_reply(body, headers=strike.headers)


def _contained(strike: Strike, value: list[Json] | None) -> Reply:
    """Return an answer with this where choices, output or content blocks should be."""
    return _said(strike, strike.dialect.whole(strike.completion) | {strike.dialect.container: value})
