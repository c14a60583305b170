import json

import pytest

from freerouter.emulator import Emulator
from tests.emulator.conftest import calling

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
            "required": ["city"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock"}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 40}}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "pair",
        "strict": True,
        "schema": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "y"]}}},
    },
}


def message(response) -> dict:
    return response.json()["choices"][0]["message"]


def test_an_answer_has_every_key_that_clients_need(caller):
    response = caller.chat("nvidia/nemotron-3-ultra-550b-a55b:free")
    body = response.json()
    assert body["model"] == "nvidia/nemotron-3-ultra-550b-a55b-20260604:free"
    assert body["object"] == "chat.completion"
    assert body["id"] == response.headers["x-generation-id"]
    assert body["system_fingerprint"] is None
    assert body["choices"][0]["finish_reason"] == body["choices"][0]["native_finish_reason"] == "stop"
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    assert body["usage"]["cost"] == 0
    assert "openrouter_metadata" not in body
    assert "Hello" in message(response)["content"]


def test_metadata_comes_when_asked_for(caller):
    headers = {"x-openrouter-metadata": "enabled"}
    metadata = caller.chat("openrouter/free", headers=headers).json()["openrouter_metadata"]
    assert metadata["requested"] == "openrouter/free"
    assert metadata["strategy"] == "free"
    assert metadata["endpoints"]["available"][0]["selected"] is True
    assert metadata.keys() >= {"requested", "strategy", "region", "summary", "attempt", "is_byok", "endpoints"}


def test_metadata_stands_beside_an_error_too(caller):
    headers = {"x-openrouter-metadata": "enabled"}
    body = caller.chat("openai/gpt-oss-20b:free", headers=headers, reasoning={"enabled": False}).json()
    assert body["openrouter_metadata"]["requested"] == "openai/gpt-oss-20b:free"


@pytest.mark.parametrize(
    ("content", "fields", "name"),
    [
        ("What is the weather?", {}, "weather"),
        ("What does the clock say?", {}, "clock"),
        ("Anything", {}, "weather"),
        ("What is the weather?", {"tool_choice": {"type": "function", "function": {"name": "clock"}}}, "clock"),
        ("Anything", {"tool_choice": "required"}, "weather"),
        ("What is the weather?", {"tool_choice": "none"}, None),
    ],
)
def test_which_tool_is_called(caller, content, fields, name):
    messages = [{"role": "user", "content": content}]
    response = caller.chat("qwen/qwen3-coder:free", messages=messages, tools=[WEATHER, CLOCK], **fields)
    calls = message(response).get("tool_calls") or []
    assert [call["function"]["name"] for call in calls] == ([name] if name else [])
    assert response.json()["choices"][0]["finish_reason"] == ("tool_calls" if name else "stop")


def test_the_arguments_fit_the_parameters(caller):
    call = message(caller.chat(tools=[WEATHER]))["tool_calls"][0]
    arguments = json.loads(call["function"]["arguments"])
    assert isinstance(arguments["city"], str)
    assert 1 <= arguments["days"] <= 7
    assert call["id"].startswith("call_")


def test_after_a_tool_result_comes_text(caller):
    history = [
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "weather"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "Rain"},
    ]
    assert 'The tool says: "Rain"' in message(caller.chat(messages=history, tools=[WEATHER]))["content"]


def called(*names: str) -> list[dict]:
    """A conversation in which these tools were called, one after the other."""
    history = [{"role": "user", "content": "What is to be done?"}]
    for name in names:
        call = {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}}
        history += [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": name, "content": "Done"},
        ]
    return history


WORDED = [
    {"role": "user", "content": "What is to be done?"},
    {"role": "assistant", "content": "Calling tools:\n[{'id': '1', 'function': {'name': 'weather', 'arguments': {}}}]"},
    {"role": "user", "content": "Observation: Rain"},
]
SAID = {"role": "assistant", "content": "All is done."}


@pytest.mark.parametrize(
    ("history", "choice", "name"),
    [
        (called("weather"), "required", "clock"),
        (called("clock"), "required", "weather"),
        (called("weather", "clock"), "required", "clock"),
        (WORDED, "required", "clock"),
        ([*called("weather"), SAID, {"role": "user", "content": "And now?"}], "required", "weather"),
        (called("clock"), {"type": "function", "function": {"name": "clock"}}, "clock"),
        (called("weather"), "auto", None),
        ([*called("weather"), {"role": "user", "content": [IMAGE]}], "auto", None),
        ([*called("weather"), SAID, {"role": "user", "content": "And now?"}], "auto", "weather"),
    ],
)
def test_a_loop_moves_on_and_ends(caller, history, choice, name):
    tools = {"tools": [WEATHER, CLOCK], "tool_choice": choice}
    calls = message(caller.chat("google/gemma-4-31b-it:free", messages=history, **tools)).get("tool_calls") or []
    assert [call["function"]["name"] for call in calls] == ([name] if name else [])


SHAPED = [
    ('Answer like {"city": "Rome", "days": 3}.', {"city": "Rome", "days": 3}),
    ('Use this form:\n```json\n{"name": "string", "tags": ["str"], "in": {"n": "integer"}}\n```', None),
    ('Fit {"type": "object", "properties": {"name": {"enum": ["Ada"]}}}', {"name": "Ada"}),
    ('{"x": 1} is an example of {"properties": {"x": {"const": 7}}}', {"x": 7}),
]


@pytest.mark.parametrize(("words", "value"), SHAPED)
@pytest.mark.parametrize("role", ["system", "user"])
def test_json_mode_honours_a_shape_in_the_prompt(caller, words, value, role):
    said = [{"role": role, "content": words}, {"role": "user", "content": "Go"}]
    response = caller.chat("google/gemma-4-31b-it:free", messages=said, response_format={"type": "json_object"})
    found = json.loads(message(response)["content"])
    if value is None:
        assert isinstance(found["name"], str)
        assert found["name"] != "string"
        assert isinstance(found["in"]["n"], int)
    else:
        assert found == value


@pytest.mark.parametrize("words", ["{", "{}", "{" * 5_000, '{"a":' * 3_000, "if (x) { y }"])
def test_braces_that_show_no_shape(caller, words):
    said = [{"role": "user", "content": words}]
    response = caller.chat("google/gemma-4-31b-it:free", messages=said, response_format={"type": "json_object"})
    assert json.loads(message(response)["content"]).keys() == {"answer"}


def test_json_fits_the_schema_where_structured_outputs_are_listed(caller):
    value = json.loads(message(caller.chat("openai/gpt-oss-20b:free", response_format=SCHEMA))["content"])
    assert isinstance(value["a"], int)
    assert value["b"] in ("x", "y")


@pytest.mark.parametrize(
    ("model", "wish"),
    [("google/gemma-4-31b-it:free", SCHEMA), ("qwen/qwen3-coder:free", {"type": "json_object"})],
)
def test_a_format_that_is_not_listed_is_ignored(caller, model, wish):
    with pytest.raises(json.JSONDecodeError):
        json.loads(message(caller.chat(model, response_format=wish))["content"])


def test_a_json_object_is_json(caller):
    response = caller.chat("google/gemma-4-31b-it:free", response_format={"type": "json_object"})
    assert json.loads(message(response)["content"]).keys() == {"answer"}


def test_the_answer_shows_that_the_image_arrived(caller):
    said = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE]}]
    content = message(caller.chat("google/gemma-4-31b-it:free", messages=said))["content"]
    assert "I received an image (image/png, 30 bytes)" in content
    assert "What is this?" in content


def test_the_answer_shows_where_an_image_was_said_to_be(caller):
    image = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
    said = [{"role": "user", "content": [image]}]
    assert "https://example.com/cat.png" in message(caller.chat("google/gemma-4-31b-it:free", messages=said))["content"]


def test_a_guard_judges_instead_of_answering(caller):
    assert message(caller.chat("nvidia/nemotron-3.5-content-safety:free"))["content"] == "User Safety: safe"


@pytest.mark.parametrize(
    ("model", "fields", "thinks"),
    [
        ("openai/gpt-oss-20b:free", {}, True),
        ("google/gemma-4-31b-it:free", {}, False),
        ("google/gemma-4-31b-it:free", {"reasoning": {"effort": "low"}}, True),
        ("google/gemma-4-31b-it:free", {"reasoning": {"effort": "low", "exclude": True}}, False),
        ("nvidia/nemotron-3-nano-30b-a3b:free", {"reasoning": {"enabled": False}}, False),
        ("qwen/qwen3-coder:free", {"reasoning": {"effort": "low"}}, False),
    ],
)
def test_who_reasons(caller, model, fields, thinks):
    response = caller.chat(model, **fields)
    assert bool(message(response)["reasoning"]) is thinks
    assert bool(response.json()["usage"]["completion_tokens_details"]["reasoning_tokens"]) is thinks


@pytest.mark.parametrize(
    ("model", "limit", "content"), [("qwen/qwen3-coder:free", 2, True), ("openai/gpt-oss-20b:free", 3, False)]
)
def test_a_tiny_bound_cuts_the_answer_short_and_reasoning_spends_it_first(caller, model, limit, content):
    response = caller.chat(model, max_tokens=limit)
    assert response.json()["choices"][0]["finish_reason"] == "length"
    assert response.json()["usage"]["completion_tokens"] == limit
    assert bool(message(response)["content"]) is content


def test_the_same_seed_gives_the_same_answers(clock):
    def answers(seed: int) -> list:
        with calling(Emulator(seed=seed, clock=clock)) as caller:
            return [caller.chat("openrouter/free").json() for _ in range(5)]

    assert answers(1) == answers(1)
    assert answers(1) != answers(2)
