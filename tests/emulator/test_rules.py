import json

import pytest

from freerouter.emulator import Emulator
from tests.emulator.conftest import calling

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def said(*parts) -> dict:
    return {"messages": [{"role": "user", "content": list(parts)}]}


PRICES = ("prompt", "completion", "request", "image", "audio")

REFUSED = [
    ("no/such-model", {}, 400, "no/such-model is not a valid model ID"),
    ("openrouter/openrouter/free", {}, 400, "openrouter/openrouter/free is not a valid model ID"),
    ("openai/gpt-oss-20b:free", {"models": ["no/such"]}, 400, "no/such is not a valid model ID"),
    ("tencent/hy3-preview:free", {}, 404, "No endpoints found for tencent/hy3-preview:free."),
    ("openai/gpt-oss-20b:free", said(IMAGE), 404, "No endpoints found that support image input"),
    (
        "openai/gpt-oss-20b:free",
        {"messages": [{"role": "tool", "tool_call_id": "1", "content": [IMAGE]}]},
        404,
        "No endpoints found that support image input",
    ),
    (
        "openai/gpt-oss-20b:free",
        {"messages": [{"role": "assistant", "content": "", "images": [IMAGE]}, {"role": "user", "content": "And?"}]},
        404,
        "No endpoints found that support image input",
    ),
    ("google/gemma-4-31b-it:free", said(AUDIO), 404, "No endpoints found that support input audio"),
    ("microsoft/phi-4-multimodal-instruct:free", {"tools": [TOOL]}, 404, "No endpoints found that support tool use"),
    (
        "minimax/minimax-m2.5:free",
        {"tools": [TOOL], "tool_choice": "required"},
        404,
        "No endpoints found that support the provided 'tool_choice' value",
    ),
    (
        "openai/gpt-oss-20b:free",
        {"modalities": ["image", "text"]},
        404,
        "No endpoints found that support the requested output modalities: image",
    ),
    (
        "openai/gpt-oss-20b:free",
        {"logit_bias": {}, "provider": {"require_parameters": True}},
        404,
        "No endpoints found that can handle the requested parameters",
    ),
    (
        "openai/gpt-oss-20b:free",
        {"reasoning": {"enabled": False}},
        400,
        "Reasoning is mandatory for this endpoint and cannot be disabled.",
    ),
    ("openai/gpt-oss-20b:free", {"reasoning_effort": "none"}, 400, "Reasoning is mandatory"),
    ("openai/gpt-oss-20b:free", {"models": ["a", "b", "c", "d"]}, 400, "'models' array must have 3 items or fewer."),
    ("openai/gpt-oss-20b", {"provider": {"max_price": {"prompt": 0, "completion": 0}}}, 404, "No endpoints found"),
    ("openai/gpt-oss-20b", {"provider": {"max_price": {"prompt": 9, "completion": 0}}}, 404, "No endpoints found"),
    (None, {"provider": {"max_price": {"prompt": 0, "completion": 0}}}, 404, "No endpoints found"),
    ("openai/gpt-oss-20b:free", {"messages": []}, 400, "Input required"),
]


@pytest.mark.parametrize(("model", "fields", "status", "message"), REFUSED)
def test_what_is_turned_away(caller, emulator, model, fields, status, message):
    response = caller.chat(model, **fields)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, status)
    assert error["message"].startswith(message)
    assert emulator.bill == []


ACCEPTED = [
    ("google/gemma-4-31b-it:free", said(IMAGE)),
    ("qwen/qwen3.5-omni-flash:free", said(AUDIO)),
    ("minimax/minimax-m2.5:free", {"tools": [TOOL], "tool_choice": "auto"}),
    ("microsoft/phi-4-multimodal-instruct:free", {"tools": [TOOL], "tool_choice": "none"}),
    ("openai/gpt-oss-20b:free", {"seed": 1, "provider": {"require_parameters": True}}),
    ("openai/gpt-oss-20b:free", {"logit_bias": {}}),
    ("openai/gpt-oss-20b:free", {"provider": {"max_price": {"prompt": 0, "completion": 0}}}),
    ("openai/gpt-oss-20b:free", {"provider": {"max_price": dict.fromkeys(PRICES, 0)}}),
    ("google/gemma-4-31b-it:free", {"reasoning": {"enabled": False}}),
    ("nvidia/nemotron-3-ultra-550b-a55b-20260604:free", {}),
]


@pytest.mark.parametrize(("model", "fields"), ACCEPTED)
def test_what_passes(caller, emulator, model, fields):
    assert caller.chat(model, **fields).status_code == 200
    assert emulator.bill == []


@pytest.mark.parametrize(
    ("tokens", "output", "status"), [(32_000, 700, 200), (32_000, 1_000, 400), (33_000, None, 400)]
)
def test_prompt_and_output_must_fit_the_smaller_context(caller, tokens, output, status):
    prompt = [{"role": "user", "content": "word" * tokens}]
    response = caller.chat("microsoft/phi-4-multimodal-instruct:free", messages=prompt, max_tokens=output)
    assert response.status_code == status
    if status == 400:
        error = response.json()["error"]
        assert error["metadata"]["error_type"] == "context_length_exceeded"
        assert error["message"].startswith("This endpoint's maximum context length is 32768 tokens.")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"{}",
        b'{"messages": "x"}',
        b"[" * 100_000,
        b"\xff",
        b'{"messages": [{}], "seed": NaN}',
    ],
)
def test_a_body_that_is_none_is_refused(caller, body):
    response = caller.http.post("chat/completions", content=body)
    assert response.status_code == 400
    assert response.json()["error"]["metadata"]["error_type"] == "invalid_request"


@pytest.mark.parametrize("headers", [{"authorization": ""}, {"authorization": "Bearer"}])
def test_without_a_key_it_is_401(caller, headers):
    response = caller.chat(headers=headers)
    assert response.status_code == 401
    assert "user_id" not in response.json()


def test_fallbacks_are_tried_in_order(caller):
    response = caller.chat(
        "openai/gpt-oss-20b:free",
        models=["qwen/qwen3-coder:free", "google/gemma-4-31b-it:free"],
        headers={"x-openrouter-metadata": "enabled"},
        **said(IMAGE),
    )
    assert response.json()["model"] == "google/gemma-4-31b-it-20260402:free"
    metadata = response.json()["openrouter_metadata"]
    assert (metadata["strategy"], metadata["attempt"]) == ("fallback", 3)


def test_the_free_router_filters_by_capability_and_draws(caller, emulator):
    drawn = {caller.chat("openrouter/free", **said(IMAGE)).json()["model"] for _ in range(60)}
    assert "google/gemma-4-31b-it-20260402:free" in drawn
    assert "openai/gpt-oss-20b:free" not in drawn
    assert "nvidia/nemotron-3.5-content-safety-20260604:free" in drawn, "a known defect of the hosted router"
    assert emulator.bill == []


def test_the_free_router_may_pick_a_model_that_must_reason(caller):
    statuses = {caller.chat("openrouter/free", reasoning={"enabled": False}).status_code for _ in range(60)}
    assert statuses == {200, 400}


def test_the_free_router_has_nothing_for_an_impossible_wish(caller):
    response = caller.chat("openrouter/free", messages=[{"role": "user", "content": "word" * 250_000}], tools=[TOOL])
    assert response.status_code in {400, 404}


@pytest.mark.parametrize("unit", ["request", "image", "audio"])
@pytest.mark.parametrize(("bound", "status"), [(0, 404), (0.01, 404), (0.02, 200)])
def test_other_prices_are_by_the_unit(clock, unit, bound, status):
    pricing = {"prompt": "0", "completion": "0", unit: "0.02"}
    row = {"id": "a/b:free", "pricing": pricing, "context_length": 1000}
    emulator = Emulator(catalog=json.dumps({"data": [row]}).encode(), clock=clock)
    with calling(emulator) as caller:
        assert caller.chat("a/b:free", provider={"max_price": {unit: bound}}).status_code == status
