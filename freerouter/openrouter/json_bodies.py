"""JSON in and out: a request's body is parsed once, for the analysis, and serialised once per attempt."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from freerouter.errors import InvalidRequestError

_NON_FINITE = re.compile(rb"[:,\[](?:NaN|-?Infinity)[,\]}]")
# Scanning the JSON takes time per byte, walking over values takes time per value: an image is one large value.
LARGE = 128 * 1024


def parse(body: bytes | bytearray | str | dict[str, Any]) -> dict[str, Any]:
    """A request as a dict of JSON values; of a key that is given twice, the last one counts.

    Raises:
        InvalidRequestError: it is not a JSON object, or nested too deeply.
    """
    parsed: Any = body
    if isinstance(body, (bytes, bytearray, str)):
        try:
            parsed = from_json(body, allow_inf_nan=False)
        except (ValueError, TypeError):  # a text with a lone surrogate raises TypeError
            parsed = _parse_or_refuse(body)
    if not isinstance(parsed, dict):
        raise InvalidRequestError("the request's body must be a JSON object")
    return parsed


def parse_leniently(body: bytes | bytearray | str) -> Any:
    """Parse valid input that the fast parser refuses: lone surrogates, and a byte order mark.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    text = body if isinstance(body, str) else body.decode("utf-8", "surrogatepass")
    return json.loads(text.removeprefix("\ufeff"), parse_constant=_refuse_constant)


def _parse_or_refuse(body: bytes | bytearray | str) -> Any:
    try:
        return parse_leniently(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"the request's body is not valid JSON: {_brief(error)}") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _brief(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    # A UnicodeDecodeError prints the bytes around it, which are the caller's content.
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def encode(body: dict[str, Any], *, parsed: bool = False) -> bytes:
    """A request as JSON.

    Args:
        body: the request.
        parsed: it comes from JSON, so that NaN cannot be in it.

    Raises:
        InvalidRequestError: it holds a number that is not finite (1e999 is parsed as one), or something that
            JSON cannot hold, or is nested too deeply.
    """
    try:
        data = to_json(body)
    except PydanticSerializationError:
        return _encode_leniently(body)
    except ValueError:  # a circular reference, or nesting beyond the limit
        raise InvalidRequestError("the request is nested too deeply") from None
    if parsed and len(data) > LARGE:
        suspect = _holds_non_finite(body)
    else:  # the fast writer writes NaN as a word, which may also be in a text: then check the values
        # rfind takes three quarters of the time of ``in``.
        suspect = data.rfind(b"Infinity") >= 0 or (not parsed and b"NaN" in data)
        suspect = suspect and _NON_FINITE.search(data) is not None
    return _encode_leniently(body) if suspect else data


def _holds_non_finite(body: dict[str, Any]) -> bool:
    found: list[Any] = [body]
    for value in found:  # the list grows during the loop
        if isinstance(value, dict):
            found.extend(value.values())
        elif isinstance(value, list):
            found.extend(value)
        elif isinstance(value, float) and not math.isfinite(value):
            return True
    return False


def _encode_leniently(body: dict[str, Any]) -> bytes:
    """Serialise what the fast writer refuses: lone surrogates, written as escapes."""
    try:
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError:
        raise InvalidRequestError("the request is nested too deeply") from None
    except (TypeError, ValueError) as error:
        what = "a number that is not finite" if "Out of range" in str(error) else str(error)
        raise InvalidRequestError(f"the request holds something that JSON cannot: {what}") from None
