"""Which path is what: the addresses of OpenRouter's API, below each base URL that clients are given."""

from __future__ import annotations

import re
from typing import Literal

from freerouter.errors import CostRefusedError, FreeRouterError, InvalidRequestError
from freerouter.openrouter.dialects import CHAT, DIALECTS, MESSAGES, Dialect
from freerouter.server.errors import RefusedError

Place = Literal["route", "count_tokens", "explain", "models", "pass", "health", "ready", "metrics"]

# OpenRouter's own, and what programs for OpenAI expect; clients of Anthropic's add /v1 to /api or to nothing.
PREFIXES = ("/api/v1/", "/v1/")

_ROUTED = {f"{prefix}{dialect.path}": dialect for prefix in PREFIXES for dialect in DIALECTS}
_COUNT = "messages/count_tokens"
_OWN: dict[str, Place] = {"/health": "health", "/ready": "ready", "/metrics": "metrics"}

# Handed on as they are: they cost nothing.
_PASSED = frozenset({"models/user", "models/count", "key", "credits", "generation", "providers"})
_ABOUT_ONE_MODEL = re.compile(r"model/{0}/{0}|models/{0}/{0}/endpoints".format(r"[\w~][\w.:~-]*"), re.ASCII)


def dialect_at(path: str) -> Dialect | None:
    """The dialect whose requests are routed at a path."""
    return _ROUTED.get(path)


def error_dialect(path: str) -> Dialect:
    """The dialect in whose shape errors at a path are answered."""
    return _ROUTED.get(path) or (MESSAGES if below(path) == _COUNT else CHAT)


def below(path: str) -> str | None:
    """The path below a base URL; None when it is below none."""
    return next((path.removeprefix(prefix) for prefix in PREFIXES if path.startswith(prefix)), None)


def place(method: str, path: str) -> Place:
    """What is to be done at a path.

    Raises:
        RefusedError: nothing is there.
        CostRefusedError: it could cost money.
        InvalidRequestError: it is out of date.
    """
    found = _posted(path) if method == "POST" else _got(path) if method in ("GET", "HEAD") else None
    if found is None:
        raise _nothing(method, path)
    return found


def _posted(path: str) -> Place | None:
    if path in _ROUTED:
        return "route"
    if path == "/explain":
        return "explain"
    match below(path):
        case None:
            return None
        case "messages/count_tokens":
            return "count_tokens"
        case "completions":
            raise InvalidRequestError("the old Completions are not served: use chat/completions", field="prompt")
    if "/v1/v1/" in path:
        return None
    routed = ", ".join(dialect.path for dialect in DIALECTS)
    raise CostRefusedError(f"POST {path[:100]} could cost money, so it was not sent: routed are {routed}")


def _got(path: str) -> Place | None:
    if path in _OWN:
        return _OWN[path]
    rest = below(path)
    if rest == "models":
        return "models"
    if rest is not None and (rest in _PASSED or _ABOUT_ONE_MODEL.fullmatch(rest)):
        return "pass"
    return None


def _nothing(method: str, path: str) -> FreeRouterError:
    hint = ""
    if "/v1/v1/" in path:
        hint = "; this client adds /v1 by itself, so its base URL is to end in /api"
    elif below(path) is None:
        hint = "; base URLs end in /api/v1, for clients of Anthropic's in /api"
    return RefusedError(f"{method} {path[:100]} is not served here{hint}", 404)
