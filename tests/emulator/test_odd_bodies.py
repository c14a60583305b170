"""Whatever a request holds, the answer is one: clients under test send the oddest things."""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freerouter.emulator.catalog import own_catalog
from freerouter.emulator.dialects import DIALECTS, Dialect
from freerouter.emulator.gateway import Gateway
from freerouter.emulator.limits import Limits
from freerouter.emulator.record import Received, parsed
from freerouter.emulator.reply import Reply
from tests.emulator.conftest import NOON

FIELDS = [
    *("model", "models", "messages", "stream", "tools", "tool_choice", "response_format", "reasoning"),
    *("reasoning_effort", "include_reasoning", "max_tokens", "max_completion_tokens", "modalities", "provider"),
    *("plugins", "service_tier", "web_search_options", "seed"),
    *("input", "instructions", "text", "store", "max_output_tokens"),
    *("system", "thinking", "output_config", "fallbacks", "stop_sequences"),
]
INNER = [
    *("type", "role", "content", "text", "image_url", "url", "input_audio", "file", "filename", "file_data", "id"),
    *("function", "name", "parameters", "json_schema", "schema", "pdf", "engine", "enabled", "effort", "exclude"),
    *("max_price", "prompt", "completion", "require_parameters", "images", "tool_calls", "properties", "items"),
    *("enum", "anyOf", "$ref", "required", "minimum", "maximum", "minItems", "maxItems", "multipleOf", "minLength"),
    *("allOf", "const", "prefixItems"),
    *("format", "output", "arguments", "call_id", "source", "media_type", "data", "input", "input_schema", "model"),
]
WORDS = [
    *("user", "tool", "image_url", "input_audio", "file", "function", "json_schema", "json_object", "object", "array"),
    *("string", "integer", "number", "none", "required", "web", "file-parser", "openrouter:web", "openrouter/free"),
    *("openai/gpt-oss-20b:free", "google/gemma-4-31b-it:free", "#", "#/properties/a"),
    *("message", "input_text", "input_image", "input_file", "function_call", "function_call_output", "reasoning"),
    *("image", "document", "tool_use", "tool_result", "thinking", "base64", "content", "custom", "tool", "any"),
]

scalars = (
    st.none() | st.booleans() | st.integers(-3, 10**6) | st.floats(-5, 5) | st.sampled_from(WORDS) | st.text(max_size=3)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER), inner, max_size=4),
    max_leaves=6,
)
bodies = st.dictionaries(st.sampled_from(FIELDS), values, max_size=5)
sound = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["openai/gpt-oss-20b:free", "google/gemma-4-31b-it:free", "openrouter/free"]),
        "messages": st.lists(
            st.fixed_dictionaries({"role": st.just("user"), "content": values}), min_size=1, max_size=2
        ),
    }
)
tools = st.fixed_dictionaries(
    {"type": st.just("function"), "function": st.fixed_dictionaries({"name": values, "parameters": values})}
)
formats = st.fixed_dictionaries(
    {"type": st.just("json_schema"), "json_schema": st.fixed_dictionaries({"schema": values}) | values}
)


def answer(body, dialect: Dialect) -> Reply:
    gateway = Gateway(own_catalog(), Limits(None, None), Random(1), lambda: NOON, 0)
    raw = json.dumps(body).encode()
    reply = gateway.complete(Received("POST", "/", {}, raw, parsed(raw), NOON), dialect, reused=False)
    list(reply.steps)
    return reply


every_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.path)


@every_dialect
@settings(max_examples=60, deadline=None)
@given(bodies)
def test_any_body(dialect, body):
    assert answer(body, dialect).status in {200, 400, 404}


@every_dialect
@settings(max_examples=60, deadline=None)
@given(sound, bodies)
def test_any_field_beside_sound_ones(dialect, body, more):
    assert answer(more | body | {"input": body["messages"]}, dialect).status in {200, 400, 404}


@every_dialect
@settings(max_examples=60, deadline=None)
@given(sound, tools)
def test_any_tool(dialect, body, tool):
    body |= {"tools": [tool | tool["function"]], "input": body["messages"]}
    assert answer(body, dialect).status in {200, 400, 404}


@every_dialect
@settings(max_examples=60, deadline=None)
@given(sound, formats)
def test_any_format(dialect, body, wish):
    described = wish["json_schema"]
    flat = {"format": wish | (described if isinstance(described, dict) else {})}
    body |= {"response_format": wish, "text": flat, "output_config": flat, "input": body["messages"]}
    assert answer(body, dialect).status in {200, 400, 404}
