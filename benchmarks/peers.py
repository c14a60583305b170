"""What a user would take instead: LiteLLM's router, a list comprehension, the openrouter SDK's list of models."""

from __future__ import annotations

import os
import random
from functools import lru_cache
from typing import Any

from benchmarks.measuring import Action

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it reads a price list from the network otherwise

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@lru_cache
def _rows(size: int) -> list[dict[str, Any]]:
    rng = random.Random(1)
    able = (["tools", "temperature"], ["temperature"], ["tools", "seed", "temperature"])
    return [
        {"id": f"author/model-{n}:free", "inputs": rng.choice((["text"], ["text", "image"])), "can": rng.choice(able)}
        for n in range(size)
    ]


def comprehension(size: int) -> Action:
    """The plain way: look at every model for every request."""
    rows = _rows(size)
    return lambda: random.choice([row for row in rows if "text" in row["inputs"] and "temperature" in row["can"]])


@lru_cache
def _litellm(size: int) -> Any:
    from litellm import Router  # noqa: PLC0415  # takes seconds

    params = {"api_key": "none", "api_base": "http://127.0.0.1:9/v1"}
    models = [{"model_name": "free", "litellm_params": {"model": f"openai/model-{n}", **params}} for n in range(size)]
    return Router(model_list=models)


def litellm_choice(size: int) -> Action:
    """LiteLLM's choice among so many deployments, simple-shuffle."""
    router = _litellm(size)
    return lambda: router.get_available_deployment(model="free", messages=QUESTION)


def openrouter_models(body: bytes) -> Action | None:
    """The openrouter SDK reading a list of models; None when it refuses this one."""
    import httpx  # noqa: PLC0415
    import openrouter  # noqa: PLC0415  # a peer

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body, headers={"content-type": "application/json"})

    sdk = openrouter.OpenRouter(api_key="none", client=httpx.Client(transport=httpx.MockTransport(answer)))
    try:
        sdk.models.list()
    except openrouter.errors.ResponseValidationError:
        return None
    return sdk.models.list
