"""What the server answers by itself: models, explanations, token counts, metrics, and how it is."""

import json
import re

import pytest

from freerouter.cli.models import cooling
from tests.server.stage import ask, served
from tests.stage import CATALOG, PLAIN, TODAY, striking, until

FREE = {model.id for model in CATALOG.free(TODAY)}


def listed(server, query: str = "") -> list[dict]:
    body = server.http.get(f"/api/v1/models{query}").json()
    assert body.keys() == {"data", "total_count", "links"}
    assert body["total_count"] == len(body["data"])
    assert body["links"] == {"next": None}
    return body["data"]


def test_the_models_are_the_free_ones_as_openrouter_lists_them(server, emulator):
    router, *rows = listed(server)
    offered = {row["id"]: row for row in json.loads(emulator.catalog_body)["data"]}
    assert {row["id"] for row in rows} < FREE  # guards answer no chat
    assert all(row == offered[row["id"]] for row in rows)
    assert router["id"] == "openrouter/free"
    assert router.keys() == offered["openrouter/free"].keys()


def test_a_model_that_is_left_alone_says_so_and_freerouter_models_hears_it(server, emulator):
    emulator.faults = striking("rate_limited", count=1)
    assert server.ask().status_code == 200
    failed = emulator.completions[0].model
    apart = {row["id"]: row["freerouter"] for row in listed(server) if "freerouter" in row}
    assert apart.keys() == {failed}
    assert 7 < apart[failed]["cooling_s"] <= 30, "the longer of the hint and of the backoff"
    assert cooling(f"{server.url}/api/v1").keys() == {failed}


def test_the_router_can_do_what_one_of_its_models_can(server):
    router, *rows = listed(server)
    assert set(router["supported_parameters"]) == {name for row in rows for name in row["supported_parameters"]}
    inputs = {name for row in rows for name in row["architecture"]["input_modalities"]}
    assert set(router["architecture"]["input_modalities"]) == inputs
    assert router["context_length"] == max(
        min(row["context_length"], row["top_provider"]["context_length"]) for row in rows
    )
    assert {float(price) for price in router["pricing"].values()} == {0}


@pytest.mark.parametrize(
    ("query", "parameters", "inputs"),
    [
        ("?supported_parameters=tools", {"tools"}, set()),
        ("?supported_parameters=tools,seed", {"tools", "seed"}, set()),
        ("?supported_parameters=tools&supported_parameters=seed", {"tools", "seed"}, set()),
        ("?needs=vision", set(), {"image"}),
        ("?needs=tools,image", {"tools"}, {"image"}),
        ("?needs=image&supported_parameters=structured_outputs", {"structured_outputs"}, {"image"}),
    ],
)
def test_the_models_that_can_do_something(server, query, parameters, inputs):
    router, *rows = listed(server, query)
    assert 0 < len(rows) < len(listed(server)) - 1
    for row in rows:
        assert parameters <= set(row["supported_parameters"])
        assert inputs <= set(row["architecture"]["input_modalities"])
    assert parameters <= set(router["supported_parameters"])


def test_nobody_can_do_what_there_is_not(server):
    assert listed(server, "?needs=telepathy") == []


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_the_models_come_in_pages_when_asked_for(server, limit):
    whole, pages, query = listed(server), [], f"?limit={limit}"
    while query is not None:
        body = server.http.get(f"/api/v1/models{query}").json()
        assert body["total_count"] == len(whole)
        assert len(body["data"]) <= limit
        pages += body["data"]
        query = body["links"]["next"] and "?" + body["links"]["next"].partition("?")[2]
    assert pages == whole
    assert server.http.get("/api/v1/models?offset=1000").json()["data"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "offset=-1", "offset=1e3", "limit=" + "9" * 5000]
)
def test_a_page_that_there_is_not(server, query):
    response = server.http.get(f"/api/v1/models?{query}")
    assert (response.status_code, response.json()["error"]["metadata"]["field"]) == (400, "limit")


def test_an_explanation_sends_nothing(server, emulator):
    explained = server.http.post("/explain", json=ask(tools=[{"type": "function", "function": {"name": "f"}}])).json()
    assert explained["requirements"]["hard"].keys() == {"text", "tools"}
    assert sum(row["probability"] for row in explained["eligible"]) == pytest.approx(1)
    assert all(row["reasons"] for row in explained["ineligible"])
    assert not emulator.completions


def test_an_explanation_of_another_dialect(server):
    hard = server.http.post("/explain?dialect=responses", json={"input": "Hi"}).json()["requirements"]["hard"]
    assert hard == {"text": "input"}
    assert "chat" in server.http.post("/explain?dialect=latin", json=ask()).json()["error"]["message"]


def test_tokens_are_estimated_upwards(server):
    content = "All happy families are alike. " * 100
    response = server.http.post("/v1/messages/count_tokens", json={"messages": [{"role": "user", "content": content}]})
    assert response.headers["x-freerouter-estimate"] == "true"
    assert response.json()["estimated"]
    assert 700 < response.json()["input_tokens"] < 1400


def test_what_cannot_be_counted_is_refused_as_anthropic_does(server):
    response = server.http.post("/v1/messages/count_tokens", json={"messages": 5})
    assert (response.status_code, response.json()["type"]) == (400, "error")
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_it_is_alive_before_it_is_ready(emulator):
    whole, emulator.catalog_body = emulator.catalog_body, b"nothing yet"
    with emulator.running() as upstream, served(upstream, catalog=None) as server:
        assert server.http.get("/health").json() == {"status": "alive"}
        assert server.http.get("/ready").status_code == 503
        assert server.ask().status_code == 429
        emulator.catalog_body = whole
        until(lambda: server.http.get("/ready").status_code == 200, 20)
        assert server.ask().status_code == 200


def metrics(server) -> dict[str, float]:
    text = server.http.get("/metrics").text
    return {name: float(value) for name, value in re.findall(r"^(freerouter_\S+) (\S+)$", text, re.MULTILINE)}


def test_what_was_done_is_counted(server, emulator):
    emulator.faults = striking("bad_gateway", count=1)
    model = server.ask().headers["x-freerouter-model"]
    assert server.ask("messages", stream=True).status_code == 200
    server.ask(model="openai/gpt-4o")
    server.http.get("/nothing")
    counted = metrics(server)
    assert counted['freerouter_requests_total{dialect="chat",status="200"}'] == 1
    assert counted['freerouter_requests_total{dialect="messages",status="200"}'] == 1
    assert counted['freerouter_requests_total{dialect="chat",status="400"}'] == 1
    assert counted['freerouter_requests_total{dialect="chat",status="404"}'] == 1
    attempts = {name: value for name, value in counted.items() if name.startswith("freerouter_attempts_total")}
    assert sum(attempts.values()) == 3
    assert any('verdict="try_another"' in name and 'scope="model"' in name for name in attempts)
    assert sum(v for name, v in counted.items() if name.startswith("freerouter_answers_total")) == 2
    assert counted[f'freerouter_answers_total{{model="{model}"}}'] >= 1
    assert counted['freerouter_first_token_seconds_count{dialect="chat"}'] == 2
    assert counted['freerouter_total_seconds_count{dialect="messages"}'] == 1
    assert counted['freerouter_endings_total{ending="finished"}'] == 2
    assert counted["freerouter_cooling_models"] == 1
    assert counted["freerouter_cost_alarms_total"] == 0
    assert counted["freerouter_catalog_age_seconds"] >= 0


def test_the_allowance_is_shown(emulator):
    emulator._gateway.limits.per_day = 50
    with emulator.running() as upstream, served(upstream) as server:
        assert metrics(server)["freerouter_allowance_left"] == -1
        assert server.ask().status_code == 200
        assert until(lambda: metrics(server)["freerouter_allowance_left"] > 0) >= 0


def test_an_answer_that_cost_something_is_an_alarm(server, emulator):
    emulator.faults = striking("cost_in_usage", count=1)
    assert server.ask(model=PLAIN).status_code == 200
    assert metrics(server)["freerouter_cost_alarms_total"] == 1
    assert server.ask(model=PLAIN).status_code == 404
