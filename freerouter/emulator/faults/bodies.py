"""Faults of a reply that says 200 and is no answer, or no answer that anyone can read."""

import gzip
from dataclasses import replace
from typing import Any

from freerouter.emulator.answers import Answer
from freerouter.emulator.faults.errors import rate_limited
from freerouter.emulator.faults.kinds import FaultKind, Strike, answered, kinds
from freerouter.emulator.reply import Act, Reply, json_reply, raw

_HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
_FAILED = {
    "code": 502,
    "message": "Provider returned error",
    "metadata": {"error_type": "provider_unavailable", "provider_name": "Emulated", "raw": "upstream died"},
}


def error_in_200(strike: Strike) -> Reply:
    """A 200 whose body is a 502."""
    return json_reply({"error": _FAILED}, headers=strike.headers)


def rate_limited_in_200(strike: Strike) -> Reply:
    """A 200 whose body is the 429 of the model's provider."""
    return json_reply(rate_limited(strike).body, headers=strike.headers)


def finish_error(strike: Strike) -> Reply:
    """A 200 whose finish_reason is "error"."""
    choice = {"finish_reason": "error", "native_finish_reason": "error", "error": _FAILED}
    return _with_choice(strike, choice | {"message": {"role": "assistant", "content": ""}})


def null_content(strike: Strike) -> Reply:
    """A 200 whose content is null, with nothing in its place."""
    return _with_choice(strike, {"message": {"role": "assistant", "content": None, "refusal": None}})


def null_choices(strike: Strike) -> Reply:
    """A 200 whose choices are null."""
    return json_reply(strike.completion.json | {"choices": None}, headers=strike.headers)


def empty_choices(strike: Strike) -> Reply:
    """A 200 whose choices are empty."""
    return json_reply(strike.completion.json | {"choices": []}, headers=strike.headers)


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
    return answered(strike, replace(strike.completion, answer=Answer()))


def cost_in_usage(strike: Strike) -> Reply:
    """A proper answer whose usage says that it cost a cent."""
    return answered(strike, replace(strike.completion, cost=0.01))


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
    **kinds(empty_content, cost_in_usage, broken_gzip, wrong_content_type, html_in_200, html_in_502),
}


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def _with_choice(strike: Strike, fields: dict[str, Any]) -> Reply:
    body = strike.completion.json
    usage = body["usage"] | {"completion_tokens": 0, "total_tokens": strike.completion.prompt_tokens}
    choice = body["choices"][0] | fields
    return json_reply(body | {"choices": [choice], "usage": usage}, headers=strike.headers)
