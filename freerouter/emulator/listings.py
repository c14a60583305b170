"""The GET endpoints: models, the key, credits, generations, providers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from freerouter.emulator.catalog import Catalog
from freerouter.emulator.completion import Completion
from freerouter.emulator.gateway import Gateway
from freerouter.emulator.refusals import invalid_request, no_endpoints, not_found
from freerouter.emulator.reply import Reply, json_reply, raw, refused
from freerouter.emulator.rows import Model, envelope

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Query:
    """What a GET endpoint is asked: the time, the path's parameters and the query's, and whether there is a key."""

    path: Mapping[str, str]
    parameters: Mapping[str, str]
    now: float
    has_key: bool = False


class Listings:
    """Answers the GET endpoints."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @property
    def _catalog(self) -> Catalog:
        return self._gateway.catalog

    def list_models(self, query: Query) -> Reply:
        """GET /models: the whole list, or a page of it when `offset` or `limit` ask for one."""
        every = query.parameters.get("output_modalities") == "all"
        if not every and not query.parameters.keys() & {"offset", "limit"}:
            return raw(self._catalog.body)
        return _page(self._catalog.models if every else self._catalog.listed, query.parameters)

    def list_account_models(self, query: Query) -> Reply:
        """GET /models/user: without those that the account's privacy settings hide."""
        gateway = self._gateway
        if not (gateway.denies_training and gateway.training):
            return self.list_models(query)
        return raw(envelope([model for model in self._catalog.listed if model["id"] not in gateway.training]))

    def count_models(self, _query: Query) -> Reply:
        """GET /models/count."""
        return json_reply({"data": {"count": len(self._catalog.listed)}})

    def show_model(self, query: Query) -> Reply:
        """GET /model/{author}/{slug}."""
        model = self._model(query)
        return json_reply({"data": model}) if model else refused(no_endpoints(_id(query)))

    def show_endpoints(self, query: Query) -> Reply:
        """GET /models/{author}/{slug}/endpoints: the emulator gives each model one endpoint."""
        model = self._model(query)
        if model is None:
            return refused(no_endpoints(_id(query)))
        return json_reply({"data": _endpoints(model, with_times=query.has_key)})

    def show_key(self, query: Query) -> Reply:
        """GET /key: the account has never bought credits unless its daily allowance says so."""
        per_day = self._gateway.limits.per_day
        data = _KEY | {"is_free_tier": per_day is not None and per_day <= 50}
        daily = self._gateway.limits.daily(query.now)
        return json_reply({"data": data | ({"free_model_daily_requests": daily} if daily else {})})

    def show_credits(self, _query: Query) -> Reply:
        """GET /credits: what was billed is what was used."""
        used = round(0.01 * len(self._gateway.bill), 2)
        return json_reply({"data": {"total_credits": 0, "total_usage": used}})

    def show_generation(self, query: Query) -> Reply:
        """GET /generation?id=."""
        identity = query.parameters.get("id")
        if not identity:
            return refused(invalid_request("id: Required"))
        found = self._gateway.generations.get(identity)
        return json_reply({"data": _generation(found)}) if found else refused(not_found(identity))

    def list_providers(self, _query: Query) -> Reply:
        """GET /providers."""
        names = sorted({offer.provider for offer in self._catalog})
        return json_reply({"data": [_provider(name) for name in names]})

    def _model(self, query: Query) -> Model | None:
        wanted = _id(query)
        return next((m for m in self._catalog.models if wanted in (m.get("id"), m.get("canonical_slug"))), None)


def _page(models: Sequence[Model], wanted: Mapping[str, str]) -> Reply:
    try:
        offset, limit = int(wanted.get("offset", 0)), int(wanted.get("limit", _MOST))
    except ValueError:
        offset, limit = -1, 0
    if offset < 0 or not 1 <= limit <= _MOST:
        return refused(invalid_request(f"offset must be >= 0 and limit from 1 to {_MOST}"))
    end = offset + limit
    rest = "".join(f"&{k}={v}" for k, v in wanted.items() if k not in ("offset", "limit"))
    following = f"/api/v1/models?offset={end}&limit={limit}{rest}" if end < len(models) else None
    return raw(envelope(models[offset:end], len(models), following))


def _id(query: Query) -> str:
    return f"{query.path['author']}/{query.path['slug']}"


_KEY: dict[str, Any] = {
    "label": "sk-or-v1-emu...ted",
    "limit": None,
    "limit_remaining": None,
    "limit_reset": None,
    "usage": 0,
    "usage_daily": 0,
    "usage_weekly": 0,
    "usage_monthly": 0,
    "byok_usage": 0,
    "byok_usage_daily": 0,
    "byok_usage_weekly": 0,
    "byok_usage_monthly": 0,
    "include_byok_in_limit": False,
    "is_management_key": False,
    "is_provisioning_key": False,
    "allowed_data_regions": [],
    "budgets": [],
    "effective_budget": None,
    "creator_user_id": None,
    "organization_id": None,
    "workspace_id": None,
    "expires_at": None,
    "rate_limit": {"requests": -1, "interval": "10s", "note": "This field is deprecated"},
}


def _endpoints(model: Model, *, with_times: bool) -> Model:
    """Times are stated to those who have a key; the emulator makes them up, the same for a model each time."""
    made_up = crc32(str(model["id"]).encode()) % 1000
    latency = {"p50": 300 + made_up, "p75": 400 + made_up, "p90": 700 + made_up, "p99": 2_000 + made_up}
    throughput = {"p50": 20 + made_up % 80, "p75": 25 + made_up % 80, "p90": 30 + made_up % 80, "p99": 120}
    endpoint = {
        "name": f"Emulator | {model['id']}",
        "model_name": model.get("name"),
        "context_length": model.get("context_length"),
        "pricing": model.get("pricing"),
        "provider_name": str(model["id"]).partition("/")[0].title(),
        "tag": "emulator",
        "quantization": None,
        "max_completion_tokens": (model.get("top_provider") or {}).get("max_completion_tokens"),
        "max_prompt_tokens": None,
        "supported_parameters": model.get("supported_parameters"),
        "status": 0,
        "uptime_last_30m": 100,
        "latency_last_30m": latency if with_times else None,
        "throughput_last_30m": throughput if with_times else None,
    }
    shared = {k: model.get(k) for k in ("id", "name", "created", "description", "architecture")}
    return shared | {"endpoints": [endpoint]}


def _generation(found: Completion) -> dict[str, Any]:
    return {
        "id": found.id,
        "model": found.offer.answers_as,
        "provider_name": found.offer.provider,
        "created_at": datetime.fromtimestamp(found.created, UTC).isoformat(),
        "finish_reason": found.answer.finish,
        "tokens_prompt": found.prompt_tokens,
        "tokens_completion": found.answer.tokens,
        "total_cost": found.cost,
        "usage": found.cost,
        "is_byok": False,
        "origin": "",
    }


def _provider(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "slug": name.lower(),
        "privacy_policy_url": None,
        "terms_of_service_url": None,
        "status_page_url": None,
    }
