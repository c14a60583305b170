"""What the server answers by itself: models, explanations, token counts, metrics, and how it is."""

import json
import re

import anthropic
import openai
import pytest

from freerouter.cli.models import cooling
from freerouter.server import Access
from freerouter.server.catalog_query import filter_of, in_order
from tests.server.stage import ask, served
from tests.stage import CATALOG, PLAIN, TODAY, striking, until

ANTHROPIC = {"anthropic-version": "2023-06-01"}
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
    assert cooling(server.url).keys() == {failed}


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
    assert (response.status_code, response.json()["error"]["metadata"]["field"]) == (400, query.partition("=")[0])


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


def chances(server, session: str, dialect: str = "chat", **headers: str) -> dict[str, float]:
    """The chance of each model, as explained for a request of this session."""
    given = {"x-session-id": session, **headers}
    explained = server.http.post(f"/explain?dialect={dialect}", json=ask(dialect), headers=given).json()
    return {row["id"]: row["probability"] for row in explained["eligible"] if row["probability"]}


@pytest.mark.parametrize("name", ["x-session-id", "X-Claude-Code-Session-Id"])
def test_an_explanation_knows_the_session_by_the_headers_of_a_request(server, dialect, name):
    model = server.ask(dialect, headers={name: "a"}).headers["x-freerouter-model"]
    assert chances(server, "a", dialect) == {model: 1.0}
    assert len(chances(server, "b", dialect)) > 1


@pytest.mark.parametrize("keys", ["off", "only", "fallback"])
def test_an_explanation_is_for_the_account_that_the_request_would_use(upstream, keys):
    mine = {"authorization": "Bearer sk-or-v1-0123456789"}
    with served(upstream, Access(client_keys=keys)) as server:
        model = server.ask(headers=mine | {"x-session-id": "a"}).headers["x-freerouter-model"]
        assert chances(server, "a", **mine) == {model: 1.0}
        if keys != "off":
            assert len(chances(server, "a", authorization="Bearer sk-or-v1-9876543210")) > 1
        status = server.http.post("/explain", json=ask()).status_code
    assert status == (401 if keys == "only" else 200)


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


@pytest.mark.parametrize(
    "query",
    [
        "output_modalities=text",
        "output_modalities=all",
        "max_price=0",
        "min_price=0&max_output_price=1",
        "zdr=true",
        "region=eu&providers=any",
        "sort=throughput-high-to-low",
        "sort=pricing-low-to-high",
    ],
)
def test_filters_that_all_free_models_pass_change_nothing(server, query):
    assert listed(server, f"?{query}") == listed(server)


@pytest.mark.parametrize("query", ["output_modalities=image", "min_price=0.1", "q=xyzzy", "model_authors=nobody"])
def test_filters_that_none_of_them_passes(server, query):
    assert listed(server, f"?{query}") == []


def test_openrouters_filters_are_honoured(server):
    rows = {row["id"]: row for row in listed(server)[1:]}

    def ids(query: str) -> set[str]:
        found = {row["id"] for row in listed(server, f"?{query}")} - {"openrouter/free"}
        assert 0 < len(found) < len(rows)
        return found

    assert ids("q=NVIDIA%20nano") == {name for name in rows if "nvidia" in name and "nano" in name}
    assert ids("model_authors=nvidia") == {name for name in rows if name.startswith("nvidia/")}
    assert ids("context=200000") == {name for name, row in rows.items() if row["context_length"] >= 200_000}
    seeing = {name for name, row in rows.items() if "image" in row["architecture"]["input_modalities"]}
    assert ids("input_modalities=image,text") == seeing


@pytest.mark.parametrize(("sort", "field"), [("context-high-to-low", "context_length"), ("newest", "created")])
def test_the_list_is_sorted_as_asked(server, sort, field):
    router, *rows = listed(server, f"?sort={sort}")
    assert router["id"] == "openrouter/free"
    assert [row[field] for row in rows] == sorted((row[field] for row in rows), reverse=True)
    assert len(rows) == len(listed(server)) - 1


def test_models_without_a_score_come_last():
    rows = [{"id": "a"}, {"id": "b", "benchmarks": {"artificial_analysis": {"coding_index": 3}}}]
    rows.append({"id": "c", "benchmarks": {"artificial_analysis": {"coding_index": 9.5}}})
    ordered = in_order(rows, {"sort": ["coding-high-to-low"]})
    assert [row["id"] for row in ordered] == ["c", "b", "a"]
    fits = filter_of({"min_coding_index": ["3"], "max_coding_index": ["5"]})
    assert [row["id"] for row in rows if fits(row)] == ["b"]


@pytest.mark.parametrize("query", ["context=much", "max_price=nan"])
def test_a_bound_that_is_no_number(server, query):
    response = server.http.get(f"/api/v1/models?{query}")
    field = query.partition("=")[0]
    assert (response.status_code, response.json()["error"]["metadata"]["field"]) == (400, field)


@pytest.mark.parametrize("name", [PLAIN, PLAIN.replace("/", "%2F"), "openrouter/free", "openrouter%2Ffree", "free"])
def test_one_model(server, name):
    row = server.http.get(f"/api/v1/models/{name}").json()
    known = {listed["id"]: listed for listed in server.http.get("/api/v1/models").json()["data"]}
    assert row.items() >= known[row["id"]].items()
    assert row["id"] == ("openrouter/free" if name.endswith("free") and ":" not in name else PLAIN)
    assert (row["object"], row["owned_by"]) == ("model", row["id"].partition("/")[0])


@pytest.mark.parametrize("name", ["openai/gpt-4o", "nothing"])
def test_one_model_that_is_not_free(server, name):
    response = server.http.get(f"/v1/models/{name}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, 404)
    anthropic = server.http.get(f"/v1/models/{name}", headers=ANTHROPIC).json()
    assert (anthropic["type"], anthropic["error"]["type"]) == ("error", "not_found_error")


def test_sdks_find_the_models(server):
    with openai.OpenAI(base_url=f"{server.url}/api/v1", api_key="any") as client:
        assert client.models.retrieve(PLAIN).owned_by == "nvidia"
        assert {model.id for model in client.models.list()} == {row["id"] for row in listed(server)}
    with anthropic.Anthropic(base_url=f"{server.url}/api", api_key="any") as client:
        assert client.models.retrieve(PLAIN).display_name
        for limit in (3, 1000):
            assert [model.id for model in client.models.list(limit=limit)] == [row["id"] for row in listed(server)]


def test_anthropics_pages_go_both_ways(server):
    ids = [row["id"] for row in listed(server)]

    def page(query: str) -> dict:
        return server.http.get(f"/v1/models?{query}", headers=ANTHROPIC).json()

    before = page(f"limit=2&before_id={ids[4]}")
    assert [row["id"] for row in before["data"]] == ids[2:4]
    assert (before["has_more"], before["first_id"], before["last_id"]) == (True, ids[2], ids[3])
    assert page(f"before_id={ids[2]}")["has_more"] is False
    assert page(f"after_id={ids[-1]}") == {"data": [], "has_more": False, "first_id": None, "last_id": None}
    assert page("after_id=nothing")["error"]["metadata"]["field"] == "after_id"


def test_it_is_not_ready_without_an_eligible_model(upstream):
    with served(upstream, include=("nobody/*",)) as server:
        response = server.http.get("/ready", headers={"host": "10.1.2.3:8788"})
        assert response.status_code == 503
        assert "no eligible model" in response.json()["status"]
        assert server.http.get("/health", headers={"host": "10.1.2.3:8788"}).status_code == 200


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
    assert counted['freerouter_unrouted_total{place="unknown",status="404"}'] == 1
    attempts = {name: value for name, value in counted.items() if name.startswith("freerouter_attempts_total")}
    assert sum(attempts.values()) == 3
    assert any('verdict="try_another"' in name and 'scope="model"' in name for name in attempts)
    assert sum(v for name, v in counted.items() if name.startswith("freerouter_answers_total")) == 2
    assert counted[f'freerouter_answers_total{{model="{model}"}}'] >= 1
    assert counted['freerouter_first_token_seconds_count{dialect="chat"}'] == 1
    assert counted['freerouter_total_seconds_count{dialect="chat"}'] == 1
    assert counted[f'freerouter_model_first_token_seconds_count{{model="{model}"}}'] >= 1
    assert counted[f'freerouter_model_attempts_total{{model="{model}",verdict="answered"}}'] >= 1
    assert counted["freerouter_in_flight"] == 0
    assert counted["freerouter_limit_requests"] == 256
    assert counted["freerouter_refreshes_failed_total"] == 0
    assert counted['freerouter_gate_seconds{gate="minute"}'] == 0
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
