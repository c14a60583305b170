import json

import pytest
from openrouter import components, operations

from freerouter.emulator import Emulator
from tests.emulator.conftest import calling


def test_models_comes_whole_and_complete(caller, emulator):
    response = caller.get("models")
    page = response.json()
    assert response.content == emulator.catalog_body
    assert page["total_count"] == len(page["data"]) > 40
    assert page["links"] == {"next": None}
    assert {row["id"] for row in page["data"]} >= {"openrouter/free", "openrouter/auto", "google/lyria-3-clip-preview"}


def test_models_without_text_output_are_listed_on_request_only(caller):
    plain = {row["id"] for row in caller.get("models").json()["data"]}
    every = {row["id"]: row for row in caller.get("models", output_modalities="all").json()["data"]}
    assert every.keys() - plain == {"black-forest-labs/flux.2-pro", "openai/text-embedding-3-small"}
    assert every["black-forest-labs/flux.2-pro"]["context_length"] == 0


def test_paging_is_opt_in_and_leads_through_everything(caller, emulator):
    collected, url = [], "/api/v1/models?limit=20"
    while url:
        page = caller.http.get(f"{caller.http.base_url.copy_with(path='/')}{url.lstrip('/')}").json()
        collected += page["data"]
        url = page["links"]["next"]
    assert collected == json.loads(emulator.catalog_body)["data"]
    assert page["total_count"] == len(collected)


@pytest.mark.parametrize("query", [{"limit": 1001}, {"limit": 0}, {"offset": -1}, {"limit": "x"}])
def test_paging_beyond_the_bounds_is_refused(caller, query):
    assert caller.get("models", **query).status_code == 400


@pytest.mark.parametrize("path", ["models/user", "key", "credits", "generation?id=x"])
def test_what_needs_a_key(caller, path):
    response = caller.http.get(path, headers={"authorization": ""})
    assert response.status_code == 401
    assert response.json()["error"]["code"] == 401


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("models", components.ModelsListResponse),
        ("models/user", components.ModelsListResponse),
        ("models/count", components.ModelsCountResponse),
        ("model/qwen/qwen3-coder:free", components.ModelResponse),
        ("key", operations.GetCurrentKeyResponse),
        ("credits", operations.GetCreditsResponse),
        ("providers", operations.ListProvidersResponse),
    ],
)
@pytest.mark.filterwarnings("ignore:warning:DeprecationWarning")  # of the SDK's own fields
def test_the_official_sdk_can_read(path, shape):
    with calling(Emulator()) as caller:
        assert shape.model_validate_json(caller.get(path).content)


def test_one_model_and_its_endpoints(caller):
    assert caller.get("model/google/gemma-4-31b-it:free").json()["data"]["id"] == "google/gemma-4-31b-it:free"
    details = caller.get("models/qwen/qwen3-coder-480b-a35b-07-25/endpoints").json()["data"]
    assert details["endpoints"][0]["provider_name"] == "Qwen"
    assert caller.get("model/no/such").status_code == 404
    assert caller.get("models/no/such/endpoints").status_code == 404


def test_the_key_tells_what_is_left_of_the_day(clock):
    with calling(Emulator(per_day=50, clock=clock)) as caller:
        caller.chat()
        data = caller.get("key").json()["data"]
    assert data["free_model_daily_requests"] == {"used": 1, "limit": 50, "remaining": 49}
    assert data["is_free_tier"] is True


def test_the_key_may_show_stale_figures(clock):
    emulator = Emulator(per_day=50, clock=clock)
    emulator.key_says(0, None, 7)
    with calling(emulator) as caller:
        shown = [caller.get("key").json()["data"]["free_model_daily_requests"]["remaining"] for _ in range(4)]
        assert caller.chat().status_code == 200
    assert shown == [0, 50, 7, 50]


def test_credits_that_are_bought_give_room_at_once(clock):
    emulator = Emulator(per_day=1, clock=clock)
    with calling(emulator) as caller:
        assert [caller.chat().status_code for _ in range(2)] == [200, 429]
        emulator.per_day = 1000
        data = caller.get("key").json()["data"]
        assert (data["free_model_daily_requests"]["remaining"], data["is_free_tier"]) == (999, False)
        assert caller.chat().status_code == 200


def test_without_a_limit_the_key_says_nothing_of_it(caller):
    assert "free_model_daily_requests" not in caller.get("key").json()["data"]


def test_a_generation_can_be_looked_up(caller):
    response = caller.chat()
    found = caller.get("generation", id=response.headers["x-generation-id"]).json()["data"]
    assert found["id"] == response.json()["id"]
    assert found["total_cost"] == 0
    assert caller.get("generation", id="gen-0").status_code == 404
    assert caller.get("generation").status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "nothing"), ("POST", "models"), ("DELETE", "key"), ("OPTIONS", "models"), ("GET", "../x")],
)
def test_anything_else_is_404_in_openrouters_shape(caller, method, path):
    response = caller.http.request(method, path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == 404


def test_the_catalog_can_change_in_mid_flight(caller, emulator):
    rows = json.loads(emulator.catalog_body)["data"]
    row = next(r for r in rows if r["id"] == "openai/gpt-oss-20b:free")
    row["pricing"]["prompt"] = "0.1"
    emulator.catalog_body = json.dumps({"data": [row]}).encode()
    assert caller.get("models").json() == {"data": [row]}
    assert caller.chat("openai/gpt-oss-20b:free").status_code == 200
    assert len(emulator.bill) == 1
    assert (
        caller.chat("openai/gpt-oss-120b:free").json()["error"]["message"].startswith("No endpoints found for openai")
    )


def test_a_broken_catalog_is_served_and_completions_go_on(caller, emulator):
    emulator.catalog_body = b"<html>down</html>"
    assert caller.get("models").content == b"<html>down</html>"
    assert caller.chat().status_code == 200


def test_a_catalog_can_be_given():
    rows = [{"id": "a/b:free", "pricing": {"prompt": "0", "completion": "0"}, "context_length": 1000}]
    emulator = Emulator(catalog=json.dumps(rows).encode())
    with calling(emulator) as caller:
        assert caller.chat("a/b:free").json()["model"] == "a/b:free"
    assert emulator.bill == []
