"""The transport and the library beside what they are put under and beside: one request at a time to a local server."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import openai

from benchmarks import processes
from benchmarks.deciding import THIRTY
from benchmarks.measuring import at_the_targets_speed, interleaved, ratio, shown, spread
from benchmarks.servers import answer_of_1_kb, write_models
from benchmarks.table import Row, Section, Target, at_most
from freerouter import FreeRouter, RoutingTransport, Settings

_BODY: dict[str, Any] = {
    "model": "openrouter/free",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
_FASTER = Target("< 1 ×", lambda value: value < 1)


def called(transport: httpx.BaseTransport, url: str, json: dict[str, Any]) -> None:
    """One request through a transport, without a client around it."""
    request = httpx.Request("POST", url, json=json, headers={"authorization": "Bearer none"})
    request.read()
    response = transport.handle_request(request)
    response.read()
    response.close()
    assert response.status_code == 200, response.content


def section() -> Section:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_models(folder)
        with processes.nginx(folder, answer=answer_of_1_kb()) as upstream:
            return _measured(f"http://127.0.0.1:{upstream.port}/api/v1", name)


def _measured(base: str, folder: str) -> Section:
    settings = Settings(api_key="none", upstream=base, requests_per_minute=10**9, cache_dir=folder)
    url = f"{base}/chat/completions"
    bare, routing = httpx.HTTPTransport(), RoutingTransport(httpx.HTTPTransport(), settings=settings)
    sdk = openai.OpenAI(api_key="none", base_url=base, http_client=httpx.Client(), max_retries=0)
    with FreeRouter(settings=settings) as library, httpx.Client() as client:
        actions = {
            "choice": lambda: random.choice(THIRTY),
            "bare": lambda: called(bare, url, _BODY),
            "routing": lambda: called(routing, url, _BODY),
            "client": lambda: client.post(url, json=_BODY),
            "sdk": lambda: sdk.chat.completions.create(**_BODY),
            "library": lambda: library.chat.send(_BODY["messages"]),
        }
        taken = interleaved(actions, rounds=21, seconds=0.05, clock=time.perf_counter)
    return Section("Transport and library", _rows(taken), _WORDS)


_WORDS = "Wall time. Both transports are called without a client around them; the SDK and the library as users do."


def _rows(taken: dict[str, list[float]]) -> list[Row]:
    seconds = [ours - bare for ours, bare in zip(taken["routing"], taken["bare"], strict=True)]
    held = f"bare httpx transport: {shown(taken['bare'])}; {at_the_targets_speed(seconds, taken['choice'])}"
    added = spread([more * 1e6 for more in seconds])
    sdk = f"openai SDK on bare httpx: {shown(taken['sdk'])}"
    client = f"`httpx.Client.post`: {shown(taken['client'])}"
    library = taken["library"]
    return [
        Row("RoutingTransport adds, in µs", shown(median(taken["routing"])), held, added, at_most(80, "µs")),
        Row("`FreeRouter.chat.send` / openai SDK", shown(library), sdk, ratio(library, taken["sdk"]), _FASTER),
        Row("`FreeRouter.chat.send` / httpx.Client.post", shown(library), client, ratio(library, taken["client"])),
    ]
