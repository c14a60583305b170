"""What the server answers by itself: the list of models, explanations, token counts."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.dialects import CHAT, DIALECTS, Dialect
from freerouter.openrouter.requirements import canonical
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.router import Router

_ROUTER_ID = "openrouter/free"
_LARGEST_PAGE = 1000


def models(router: Router, query: str) -> dict[str, Any]:
    """The free models in OpenRouter's shape, after a row for the router itself (API reference, "List models").

    A model that is left alone for now says so in a field of ours: ``"freerouter": {"cooling_s": 12.5}``.

    Args:
        router: has the catalog.
        query: ``supported_parameters=tools,seed`` or ``needs=tools,image``: only those that have all of these;
            ``offset`` and ``limit``: only a page of them.

    Raises:
        CatalogError: there is no catalog.
        InvalidRequestError: there is no such page.
    """
    asked = parse_qs(query)
    names = [
        name for key in ("supported_parameters", "needs") for value in asked.get(key, ()) for name in _split(value)
    ]
    listed = router.models(canonical(names))
    cooling = router.cooling()
    rows = [dict(model.row) | _apart(cooling.get(model.id)) for model in listed]
    if listed:
        rows.insert(0, _router_row(listed))
    offset, limit = _page(asked)
    end = offset + limit
    rest = [(key, value) for key, values in asked.items() if key not in ("offset", "limit") for value in values]
    following = urlencode([("offset", end), ("limit", limit), *rest]) if end < len(rows) else None
    links = {"next": following and f"/api/v1/models?{following}"}
    return {"data": rows[offset:end], "total_count": len(rows), "links": links}


def _apart(cooling: float | None) -> dict[str, Any]:
    return {} if cooling is None else {"freerouter": {"cooling_s": round(cooling, 1)}}


def _page(asked: dict[str, list[str]]) -> tuple[int, int]:
    """The offset and the limit; official SDKs go on asking for pages until one is not full."""
    given = [asked.get("offset", ["0"])[-1], asked.get("limit", [str(_LARGEST_PAGE)])[-1]]
    if not all(value.isascii() and value.isdigit() and len(value) < 10 for value in given):
        raise InvalidRequestError("offset and limit must be whole numbers", field="limit")
    offset, limit = map(int, given)
    if not 1 <= limit <= _LARGEST_PAGE:
        raise InvalidRequestError(f"limit must be from 1 to {_LARGEST_PAGE}", field="limit")
    return offset, limit


def _split(value: str) -> list[str]:
    return [name for name in value.replace(",", " ").split() if name]


def _router_row(listed: list[Model]) -> dict[str, Any]:
    """The router as a model: it can do whatever one of its models can."""
    inputs = sorted(frozenset().union(*(model.inputs for model in listed)))
    context = max(model.context or 0 for model in listed)
    longest = max(model.max_output or 0 for model in listed)
    return {
        "id": _ROUTER_ID,
        "canonical_slug": _ROUTER_ID,
        "hugging_face_id": "",
        "name": "Free Models Router, on this machine",
        "created": min(model.created for model in listed),
        "description": "Draws one of the free models that can serve the request.",
        "context_length": context,
        "architecture": {
            "modality": f"{'+'.join(inputs)}->text",
            "input_modalities": inputs,
            "output_modalities": ["text"],
            "tokenizer": "Router",
            "instruct_type": None,
        },
        "pricing": {"prompt": "0", "completion": "0"},
        "top_provider": {"context_length": context, "max_completion_tokens": longest or None, "is_moderated": False},
        "per_request_limits": None,
        "supported_parameters": sorted(frozenset().union(*(model.parameters for model in listed))),
        "default_parameters": {"temperature": None, "top_p": None, "frequency_penalty": None},
        "supported_voices": None,
        "knowledge_cutoff": None,
        "expiration_date": None,
        "links": {"details": f"/api/v1/models/{_ROUTER_ID}/endpoints"},
    }


def dialect_of(query: str) -> Dialect:
    """The dialect that ``?dialect=`` names; Chat Completions by default. Raises InvalidRequestError."""
    name = parse_qs(query).get("dialect", [CHAT.name])[0]
    for dialect in DIALECTS:
        if dialect.name == name:
            return dialect
    known = ", ".join(dialect.name for dialect in DIALECTS)
    raise InvalidRequestError(f"there is no dialect {name!r}: there are {known}", field="dialect")


def token_estimate(body: bytes, dialect: Dialect) -> dict[str, Any]:
    """The tokens of a request, as an estimate that rather errs upwards."""
    return {"input_tokens": analyze(body, dialect).prompt_tokens, "estimated": True}
