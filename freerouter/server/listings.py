"""The rows and figures that the server answers by itself: the list of models, token counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

from freerouter.errors import InvalidRequestError, UnknownModelError
from freerouter.openrouter.catalog import Model
from freerouter.openrouter.dialects import CHAT, DIALECTS, Dialect
from freerouter.openrouter.model_names import ROUTE_NAMES
from freerouter.openrouter.requirements import canonical
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.router import Router
from freerouter.server.catalog_query import filter_of, in_order, split
from freerouter.spelling import did_you_mean

_ROUTER_ID = "openrouter/free"
# The least and the largest number that a page may be asked for with.
PAGE = {"offset": (0, 999_999_999), "limit": (1, 1000)}


def models(router: Router, query: str) -> dict[str, Any]:
    """The free models in OpenRouter's shape, after a row for the router itself (API reference, "List models").

    A model in a cooldown has a field of ours: ``"freerouter": {"cooling_s": 12.5}``.

    Args:
        router: has the catalog.
        query: ``supported_parameters=tools,seed`` or ``needs=tools,image``: only those that have all of these;
            OpenRouter's filters and its ``sort``: see ``catalog_query``; ``offset`` and ``limit``: only a page.

    Raises:
        CatalogError: there is no catalog.
        InvalidRequestError: there is no such page, or a filter is not valid.
    """
    asked = parse_qs(query)
    rows = _rows(router, asked)
    offset, limit = _page(asked)
    end = offset + limit
    rest = [(key, value) for key, values in asked.items() if key not in ("offset", "limit") for value in values]
    following = urlencode([("offset", end), ("limit", limit), *rest]) if end < len(rows) else None
    links = {"next": following and f"/api/v1/models?{following}"}
    return {"data": rows[offset:end], "total_count": len(rows), "links": links}


def model(router: Router, name: str) -> dict[str, Any]:
    """A row of the list, with what OpenAI's clients look for in it. Raises UnknownModelError, CatalogError."""
    row = _row(router, name)
    return row | {"object": "model", "owned_by": row["id"].partition("/")[0]}


def anthropic_models(router: Router, query: str) -> dict[str, Any]:
    """The same list in Anthropic's format, with its paging: ``limit``, ``after_id``, ``before_id``.

    Raises:
        CatalogError, InvalidRequestError: as ``models`` does.
    """
    asked = parse_qs(query)
    rows = _rows(router, asked)
    ids = [row["id"] for row in rows]
    _, limit = _page(asked)
    start = _place(ids, asked, "after_id", -1) + 1
    end = _place(ids, asked, "before_id", len(rows))
    if "before_id" in asked:
        start = max(start, end - limit)
    page = rows[start : min(end, start + limit)]
    more = start > 0 if "before_id" in asked else start + limit < end
    edges = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
    return {"data": [_anthropic(row) for row in page], "has_more": more, **edges}


def anthropic_model(router: Router, name: str) -> dict[str, Any]:
    """A row of that list. Raises UnknownModelError, CatalogError."""
    return _anthropic(_row(router, name))


def _rows(router: Router, asked: dict[str, list[str]]) -> list[dict[str, Any]]:
    names = [name for key in ("supported_parameters", "needs") for value in asked.get(key, ()) for name in split(value)]
    fits = filter_of(asked)
    listed = [model for model in router.models(canonical(names)) if fits(model.row)]
    cooling = router.cooling()
    rows = [dict(model.row) | _apart(cooling.get(model.id)) for model in listed]
    router_row = [_router_row(listed)] if listed else []
    return [row for row in router_row if fits(row)] + in_order(rows, asked)


def _row(router: Router, name: str) -> dict[str, Any]:
    rows = {row["id"]: row for row in _rows(router, {})}
    found = rows.get(_ROUTER_ID if name in ROUTE_NAMES else name)
    if found is None:
        hint = did_you_mean(name, rows) or ":"
        raise UnknownModelError(f"{name[:100]} is not among the free models{hint} GET models lists them")
    return found


def _place(ids: list[str], asked: dict[str, list[str]], key: str, otherwise: int) -> int:
    """The place of the id that a page is to follow or to precede."""
    if key not in asked:
        return otherwise
    if asked[key][-1] not in ids:
        raise InvalidRequestError(f"{key} names no model of this list", field=key)
    return ids.index(asked[key][-1])


def _anthropic(row: dict[str, Any]) -> dict[str, Any]:
    created = datetime.fromtimestamp(row.get("created") or 0, UTC)
    return {
        "type": "model",
        "id": row["id"],
        "display_name": row.get("name") or row["id"],
        "created_at": created.isoformat().replace("+00:00", "Z"),
        "lifecycle": "active",
        "max_input_tokens": row.get("context_length"),
        "max_tokens": (row.get("top_provider") or {}).get("max_completion_tokens"),
    }


def _apart(cooling: float | None) -> dict[str, Any]:
    return {} if cooling is None else {"freerouter": {"cooling_s": round(cooling, 1)}}


def _page(asked: dict[str, list[str]]) -> tuple[int, int]:
    """The offset and the limit; official SDKs go on asking for pages until one is not full."""
    offset = _whole(asked, "offset", PAGE["offset"][0])
    return offset, _whole(asked, "limit", PAGE["limit"][1])


def _whole(asked: dict[str, list[str]], key: str, otherwise: int) -> int:
    value = asked.get(key, [str(otherwise)])[-1]
    least, most = PAGE[key]
    if not (value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most):
        raise InvalidRequestError(f"{key} must be a whole number from {least} to {most}", field=key)
    return int(value)


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
    hint = did_you_mean(name, [dialect.name for dialect in DIALECTS]) or ":"
    raise InvalidRequestError(f"unknown dialect {name[:100]!r}{hint} use one of {known}", field="dialect")


def token_estimate(body: bytes, dialect: Dialect) -> dict[str, Any]:
    """An estimate of a request's tokens that is too high rather than too low."""
    return {"input_tokens": analyze(body, dialect).prompt_tokens, "estimated": True}
