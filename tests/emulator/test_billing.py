import pytest

from freerouter.emulator import Emulator
from freerouter.emulator.app import PAID_POSTS
from tests.emulator.conftest import calling

FREE = "openai/gpt-oss-20b:free"
PDF = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}}
TEXT = {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,AAAA"}}
PARSER = {"id": "file-parser", "pdf": {"engine": "cloudflare-ai"}}


def said(*parts) -> dict:
    return {"messages": [{"role": "user", "content": list(parts)}]}


COSTS = [
    (None, {}),
    ("openrouter/auto", {}),
    ("openai/gpt-oss-20b", {}),
    ("~anthropic/claude-sonnet-latest", {}),
    ("google/lyria-3-clip-preview", {"provider": {"max_price": {"prompt": 0, "completion": 0}}}),
    ("google/gemini-2.0-flash-exp:free", {}),
    ("amazon/nova-2-lite-v1:free", {}),
    ("arcee-ai/trinity-large-preview:free", {}),
    (FREE + ":online", {}),
    (FREE, {"plugins": [{"id": "web"}]}),
    (FREE, {"plugins": [{"id": "web-fetch"}]}),
    (FREE, {"plugins": [{"id": "fusion", "enabled": True}]}),
    (FREE, {"tools": [{"type": "openrouter:web_search"}]}),
    (FREE, {"web_search_options": {"search_context_size": "low"}}),
    (FREE, {"service_tier": "priority"}),
    (FREE, said(PDF)),
    (FREE, said(PDF) | {"plugins": [{"id": "file-parser", "pdf": {"engine": "mistral-ocr"}}]}),
    (FREE, said({"type": "file", "file": {"file_id": "file_1"}})),
]


@pytest.mark.parametrize(("model", "fields"), COSTS)
def test_what_is_billed(caller, emulator, model, fields):
    response = caller.chat(model, **fields)
    assert response.status_code == 200
    assert response.json()["usage"]["cost"] > 0
    assert len(emulator.bill) == 1
    assert emulator.bill[0].reason


OFF = [{"id": plugin, "enabled": False} for plugin in ("web", "web-fetch", "fusion")]
DEFAULTS = [
    ({}, {"web", "fusion"}),
    ({"plugins": []}, {"web", "fusion"}),
    ({"plugins": [{"id": "file-parser"}]}, {"web", "fusion"}),
    ({"plugins": OFF[:1]}, {"fusion"}),
    ({"plugins": OFF}, set()),
    ({"plugins": [{"id": "web"}, OFF[2]]}, {"web"}),
]


@pytest.mark.parametrize(("fields", "billed"), DEFAULTS)
def test_plugins_that_the_account_has_on_by_default(clock, fields, billed):
    emulator = Emulator(clock=clock, account_plugins=("web", "fusion"))
    with calling(emulator) as caller:
        usage = caller.chat(FREE, **fields).json()["usage"]
    assert {charge.reason.split()[1] for charge in emulator.bill} == billed
    assert (usage["cost"] > 0) is bool(billed)


FREE_OF_CHARGE = [
    (FREE, {}),
    ("openrouter/free", {}),
    (FREE, {"models": ["qwen/qwen3-coder:free"]}),
    (FREE, {"service_tier": "auto"}),
    (FREE, {"web_search_options": None}),
    (FREE, {"plugins": [{"id": "web", "enabled": False}]}),
    (FREE, {"plugins": OFF}),
    (FREE, {"plugins": [{"id": "response-healing"}, {"id": "moderation"}]}),
    (FREE, {"service_tier": "standard"}),
    (FREE, {"tools": [{"type": "openrouter:datetime"}]}),
    (FREE, said(PDF) | {"plugins": [{"id": "file-parser", "pdf": {"engine": "pdf-text"}}]}),
    (FREE, said(TEXT)),
    (FREE, said(PDF) | {"plugins": [PARSER]}),
]


@pytest.mark.parametrize(("model", "fields"), FREE_OF_CHARGE)
def test_what_is_free(caller, emulator, model, fields):
    assert caller.chat(model, **fields).json()["usage"]["cost"] == 0
    assert emulator.bill == []


def test_a_paid_fallback_is_billed_even_when_the_free_model_answers(caller, emulator):
    response = caller.chat(FREE, models=["openai/gpt-oss-20b"])
    assert response.json()["model"] == FREE
    assert [charge.model for charge in emulator.bill] == ["openai/gpt-oss-20b"]


def test_the_default_of_the_account_costs_whatever_the_catalog_served(caller, emulator):
    emulator.catalog_body = b'[{"id": "a/b:free", "pricing": {"prompt": "0", "completion": "0"}}]'
    assert caller.chat(None).status_code == 200
    assert len(emulator.bill) == 1


def test_the_window_of_an_override_decides(caller, emulator, clock):
    clock.now -= 6 * 3600
    assert caller.chat("arcee-ai/trinity-large-preview:free").json()["usage"]["cost"] == 0
    assert emulator.bill == []


@pytest.mark.parametrize("path", PAID_POSTS)
def test_other_posts_are_answered_and_billed(caller, emulator, path):
    assert caller.http.post(path, json={"model": "a/b", "input": "x"}).status_code == 200
    assert [charge.model for charge in emulator.bill] == ["a/b"]


def test_completions_of_a_prompt_are_refused_and_free(caller, emulator):
    response = caller.http.post("completions", json={"model": "openai/gpt-oss-20b", "prompt": "Hello"})
    assert response.status_code == 400
    assert "POST /chat/completions" in response.json()["error"]["message"]
    assert emulator.bill == []


def test_the_bill_can_be_fetched_and_forgotten(caller, emulator):
    caller.chat("openai/gpt-oss-20b")
    expected = [{"model": "openai/gpt-oss-20b", "reason": "openai/gpt-oss-20b is not a free variant"}]
    assert caller.http.get(caller.http.base_url.copy_with(path="/_bill")).json() == expected
    assert caller.get("credits").json()["data"]["total_usage"] == 0.01
    emulator.forget()
    assert emulator.bill == []
    assert emulator.requests == []
