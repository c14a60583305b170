"""What each path means: those of OpenRouter's API, below each base URL that clients use, and the server's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from freerouter.errors import CostRefusedError, FreeRouterError, InvalidRequestError
from freerouter.openrouter.dialects import CHAT, DIALECTS, MESSAGES, Dialect
from freerouter.server.errors import RefusedError

Place = Literal[
    "route", "count_tokens", "explain", "models", "model", "pass", "health", "ready", "metrics", "openapi", "status"
]
WindowPlace = Literal["page", "asset", "events", "login", "logout"]

# OpenRouter's own, and what programs for OpenAI expect; clients of Anthropic's add /v1 to /api or to nothing.
PREFIXES = ("/api/v1/", "/v1/")

_ROUTED = {f"{prefix}{dialect.path}": dialect for prefix in PREFIXES for dialect in DIALECTS}
_COUNT = "messages/count_tokens"
_EXPLAIN = "/explain"
_OWN: dict[str, Place] = {"/health": "health", "/ready": "ready", "/metrics": "metrics", "/openapi.json": "openapi"}

# The window's: the page and its files hold nothing that is secret; the others ask for a token or the page's cookie.
PAGE = "/"
ASSETS = "/window/"
_LOGIN: dict[str, WindowPlace] = {"/login": "login", "/logout": "logout"}
_LOOKED_AT: dict[str, Place | WindowPlace] = {"/status": "status", "/events": "events"}
_TRIED: dict[str, Place] = {"/try/chat": "route", "/try/explain": "explain"}
_ROUTED["/try/chat"] = CHAT
_AT_ROOT: dict[str, Place | WindowPlace] = {PAGE: "page", **_OWN, **_LOOKED_AT}

# Passed on unchanged, because they cost nothing. The values are OpenRouter's present names for them.
_PASSED = {name: name for name in ("models/user", "models/count", "key", "credits", "generation", "providers")}
_PASSED["auth/key"] = "key"
_NAME = r"[\w~][\w.:~-]*"
_ABOUT_ONE_MODEL = re.compile(rf"model/{_NAME}/{_NAME}|models/{_NAME}/{_NAME}/endpoints", re.ASCII)
_MODEL = re.compile(rf"models/({_NAME}(?:/{_NAME})?)", re.ASCII)

# What a URL may hold twice by mistake: the base URL, and the path that the client adds.
_ENDPOINT = "|".join(re.escape(dialect.path) for dialect in DIALECTS)
_TOO_MUCH = re.compile(rf"(?:api/)*v1/|(?:{_ENDPOINT})/(?=(?:api/)*v1/|(?:{_ENDPOINT}|{_COUNT}|models|key)$)")


def needs_no_token(path: str) -> bool:
    """Whether it is served without a token: what shows the field for the token."""
    return path == PAGE or path in _LOGIN or path.startswith(ASSETS)


def takes_cookie(path: str) -> bool:
    """Whether the page asks for it, which shows a cookie in place of the token."""
    return path in _LOOKED_AT or path in _TRIED


def tidy(path: str) -> str:
    """The path without doubled or trailing slashes and repeated parts of the base URL; other paths are unchanged."""
    if path in _ROUTED or path in _AT_ROOT:
        return path
    rest = whole = "/".join([part for part in path.split("/") if part])
    while found := _TOO_MUCH.match(rest):
        rest = rest[found.end() :]
    prefix = "/v1/" if whole.startswith("v1/") else "/api/v1/"
    return f"{prefix}{rest}" if rest and "v1/" in whole.removesuffix(rest) else path


def error_dialect(path: str, headers: Mapping[str, str] | None = None) -> Dialect:
    """The dialect of the errors at a path; for a path without one, the client's headers decide."""
    if path in _ROUTED:
        return _ROUTED[path]
    anthropic = below(path) == _COUNT or "anthropic-version" in (headers or {})
    return MESSAGES if anthropic else CHAT


def below(path: str) -> str | None:
    """The path below a base URL; None when it is below none."""
    return next((path.removeprefix(prefix) for prefix in PREFIXES if path.startswith(prefix)), None)


def passed(path: str) -> str:
    """The upstream's name of a path that is passed on."""
    rest = below(path) or ""
    return _PASSED.get(rest, rest)


def model_at(path: str) -> str:
    """The id of the model that a path is about."""
    found = _MODEL.fullmatch(below(path) or "")
    return found.group(1) if found else ""


def place(method: str, path: str) -> Place | WindowPlace:
    """What is to be done at a path.

    Raises:
        RefusedError: nothing is served there, or not with this method.
        CostRefusedError: it could cost money.
        InvalidRequestError: it is an outdated API.
    """
    if method == "POST" and path in _ROUTED:  # most requests
        return "route"
    got, posted = _got(path), _posted(path)
    found = posted if method == "POST" else got if method in ("GET", "HEAD") else None
    if found is not None:
        return found
    if got or posted:
        allowed = f"{'GET, HEAD' if got else 'POST'}, OPTIONS"
        raise RefusedError(f"{method} {path[:100]} is not served here: use {allowed}", 405, [("allow", allowed)])
    raise nothing(method, path)


def _posted(path: str) -> Place | WindowPlace | None:
    if path in _ROUTED:
        return "route"
    if path == _EXPLAIN or path in _TRIED:
        return "explain"
    if path in _LOGIN:
        return _LOGIN[path]
    return "count_tokens" if below(path) == _COUNT else None


def _got(path: str) -> Place | WindowPlace | None:
    if path in _AT_ROOT:
        return _AT_ROOT[path]
    if path.startswith(ASSETS):
        return "asset"
    rest = below(path)
    if rest == "models":
        return "models"
    if rest is None:
        return None
    if rest in _PASSED or _ABOUT_ONE_MODEL.fullmatch(rest):
        return "pass"
    return "model" if _MODEL.fullmatch(rest) else None


def nothing(method: str, path: str) -> FreeRouterError:
    """The error for a path at which nothing is served."""
    rest = below(path)
    if method == "POST" and rest == "completions":
        return InvalidRequestError("the old Completions are not served: use chat/completions", field="prompt")
    if method == "POST" and rest:
        routed = ", ".join(dialect.path for dialect in DIALECTS)
        return CostRefusedError(f"POST {path[:100]} could cost money, so it was not sent: use one of {routed}")
    hint = "" if rest else "; base URLs end in /api/v1, for clients of Anthropic's in /api"
    return RefusedError(f"{method} {path[:100]} is not served here{hint}", 404)
