"""The headers that the server reads and sends, as GET /openapi.json describes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from freerouter.openrouter.headers import TRUTH
from freerouter.preferences import ACCEPT, PREFER_WORDS, Train, header

_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 0}

# What a request may say about the choice of its model, about its answer, about its conversation and about its app.
_CHOICE: dict[str, tuple[str, dict[str, Any]]] = {
    header("prefer"): ("What counts in the draw.", {"enum": sorted(PREFER_WORDS)}),
    header("sharpness"): ("How much it counts.", {"anyOf": [{"type": "number", "minimum": 0}, {"const": "inf"}]}),
    header("include"): ("Patterns of ids to draw from.", _TEXT),
    header("exclude"): ("Patterns of ids that are left out.", _TEXT),
    header("authors"): ("Authors to draw from.", _TEXT),
    header("min_context"): ("Tokens of context that a model must have.", _WHOLE | {"maximum": 2**53}),
    header("train"): ("deny: without models that may train on prompts.", {"enum": [*get_args(Train)]}),
}
_ROUTED = _CHOICE | {
    ACCEPT: ("Whether the answer is checked against what was asked for.", {"enum": ["", *TRUTH]}),
    "x-session-id": ("The conversation, which stays on its model.", _TEXT),
    "x-claude-code-session-id": ("The same, as Claude Code sends it.", _TEXT),
    "http-referer": ("The app's address, for OpenRouter.", _TEXT),
    "x-openrouter-title": ("The app's name, for OpenRouter.", _TEXT),
    "x-title": ("The same, under its older name.", _TEXT),
}
_LISTED = {"anthropic-version": ("If it is there, the answer has Anthropic's format.", _TEXT)}
_SENT: dict[str, tuple[str, dict[str, Any]]] = {
    "x-freerouter-model": ("The model that answered.", _TEXT),
    "x-freerouter-attempts": ("How many models were asked.", _WHOLE),
    "x-freerouter-trace": ("The request's id, as in the log and in the window.", _TEXT),
    "x-freerouter-estimate": ("The number is an estimate.", {"const": "true"}),
    "x-should-retry": ("false: the same request would fail again.", {"const": "false"}),
    "retry-after": ("Seconds until it may work.", _WHOLE),
    "www-authenticate": ("How to send a token.", _TEXT),
    "allow": ("The methods that are served there.", _TEXT),
}
_TELLING = ("x-freerouter-model", "x-freerouter-attempts", "x-freerouter-trace")
_FAILED = (*_TELLING, "x-should-retry", "retry-after", "www-authenticate", "allow")


def components() -> dict[str, Any]:
    """Each header that is sent, by its name."""
    return {name: {"description": words, "schema": schema} for name, (words, schema) in _SENT.items()}


def of_answers(*, failed: bool = False) -> dict[str, Any]:
    """The headers of an answer of a model, or of an error."""
    return _references(_FAILED if failed else _TELLING)


def of_estimates() -> dict[str, Any]:
    """The headers of an estimate."""
    return _references(["x-freerouter-estimate"])


def of_requests() -> list[dict[str, Any]]:
    """The headers that a routed request may have, as parameters."""
    return _parameters(_ROUTED)


def of_lists() -> list[dict[str, Any]]:
    """Those that a request for the list of models may have."""
    return _parameters(_LISTED)


def _references(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _parameters(rows: Mapping[str, tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "description": words, "schema": schema} for name, (words, schema) in rows.items()
    ]
