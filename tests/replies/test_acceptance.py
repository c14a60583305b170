"""Answers held against what was asked for: a JSON schema, and the tools that were given."""

import builtins
import json

import pytest

from freerouter.errors import InvalidRequestError, SettingsError
from freerouter.replies.acceptance import as_asked

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "inhabitants": {"type": "integer"}},
    "required": ["city"],
}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": CITY}},
    {"type": "custom", "custom": {"name": "grep"}},
]


def fits_schema(schema):
    return as_asked({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}})


def said(content=None, **rest):
    return {"choices": [{"message": {"content": content, **rest}}]}


def called(name="weather", arguments='{"city": "Rome"}'):
    return said(tool_calls=[{"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}])


FITTING = {
    "all": '{"city": "Rome", "inhabitants": 3}',
    "what is required": '{"city": "Rome"}',
    "blanks": ' {"city": ""}\n',
}
UNFIT = {
    "a wrong type": ('{"city": "Rome", "inhabitants": "many"}', "the answer does not fit the schema at $.inhabitants"),
    "something missing": ('{"inhabitants": 3}', "the answer does not fit the schema at $"),
    "text": ("Rome", "the answer is not JSON"),
    "fenced": ('```json\n{"city": "Rome"}\n```', "the answer is not JSON"),
    "no text": (None, "the answer is not JSON"),
    "no number": ('{"city": "Rome", "inhabitants": NaN}', "the answer is not JSON"),
    "nested too deeply": ("[" * 100_000, "the answer is not JSON"),
    "nothing": ("", "the answer is not JSON"),
}


@pytest.mark.parametrize("text", FITTING.values(), ids=FITTING)
def test_an_answer_that_fits_is_taken(text):
    assert fits_schema(CITY)(said(text)) is None


@pytest.mark.parametrize(("text", "refusal"), UNFIT.values(), ids=UNFIT)
def test_one_that_does_not_is_refused_with_the_place_and_without_its_content(text, refusal):
    assert fits_schema(CITY)(said(text)) == refusal


@pytest.mark.parametrize("completion", [{}, {"choices": None}, {"choices": []}, {"choices": [{"message": "Hi"}]}])
def test_and_so_is_what_is_no_answer(completion):
    assert fits_schema(CITY)(completion) == "the answer is not JSON"


def test_a_schema_that_is_none_is_the_callers_mistake():
    with pytest.raises(InvalidRequestError, match="the JSON schema is not valid") as caught:
        fits_schema({"type": "objekt"})
    assert caught.value.field == "response_format.json_schema.schema"


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    there = builtins.__import__

    def without(name, *rest):
        if name.startswith("jsonschema"):
            raise ModuleNotFoundError(name)
        return there(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match=r"pip install 'freerouter-client\[schema\]'"):
        fits_schema(CITY)


CALLS = {
    "a given tool": (called(), None),
    "no arguments": (called(arguments=""), "the answer calls weather with arguments that do not fit at $"),
    "arguments that do not fit": (
        called(arguments='{"city": "Rome", "inhabitants": "x"}'),
        "the answer calls weather with arguments that do not fit at $.inhabitants",
    ),
    "arguments as an object": (called(arguments={"city": "Rome"}), None),
    "a function of old": (
        said(function_call={"name": "rain", "arguments": "{}"}),
        "the answer calls a tool that was not given",
    ),
    "Hermes' mark": (said('<tool_call>{"name": "weather"}</tool_call>'), "the answer writes a tool call as text"),
    "Llama's mark": (said('<function=weather>{"city": "Rome"}</function>'), "the answer writes a tool call as text"),
    "Kimi's mark": (said("<|tool_calls_section_begin|><|tool_call_begin|>"), "the answer writes a tool call as text"),
    "DeepSeek's mark": (said("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>"), "the answer writes a tool call as text"),  # noqa: RUF001  # its own signs
    "no call": (said("Hello"), None),
    "a custom tool": (said(tool_calls=[{"type": "custom", "custom": {"name": "grep", "input": "x"}}]), None),
    "a call of nothing": (said(tool_calls=[None]), None),
    "another tool": (called("rain"), "the answer calls a tool that was not given"),
    "broken arguments": (
        called(arguments='{"city'),
        "the answer calls weather with arguments that are not a JSON object",
    ),
    "a list": (called(arguments="[]"), "the answer calls weather with arguments that are not a JSON object"),
    "a number": (called(arguments=5), "the answer calls weather with arguments that are not a JSON object"),
}


@pytest.mark.parametrize(("completion", "refusal"), CALLS.values(), ids=CALLS)
def test_calls(completion, refusal):
    assert as_asked({"tools": TOOLS})(completion) == refusal


FORM = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}
ASKED = {
    "nothing": ({}, said("Hello"), False),
    "tools, and one is called": ({"tools": TOOLS}, called(), False),
    "tools, and another is called": ({"tools": TOOLS}, called("rain"), True),
    "a form, and it fits": ({"response_format": FORM}, said('{"city": "Rome"}'), False),
    "a form, and it does not fit": ({"response_format": FORM}, said("{}"), True),
    "a form, and a tool is called first": ({"response_format": FORM, "tools": TOOLS}, called(), False),
    "any JSON": ({"response_format": {"type": "json_object"}}, said('{"a": 1}'), False),
    "any JSON, and text comes": ({"response_format": {"type": "json_object"}}, said("Hello"), True),
    "any JSON of two, and one is text": (
        {"response_format": {"type": "json_object"}},
        {"choices": [*said("{}")["choices"], *said("Hello")["choices"]]},
        True,
    ),
    "a mark without tools": ({"response_format": {"type": "text"}, "tools": []}, said("<tool_call>"), False),
    "tools by an old name": (
        {"functions": [{"name": "weather", "parameters": CITY}]},
        said(function_call={"name": "f"}),
        True,
    ),
    "a form without a schema": ({"response_format": {"type": "json_schema"}}, said(json.dumps({"a": 1})), False),
}


@pytest.mark.parametrize(("body", "completion", "refused"), ASKED.values(), ids=ASKED)
def test_what_was_asked_for(body, completion, refused):
    accept = as_asked(body)
    assert (accept is not None and accept(completion) is not None) is refused


# The same in the other dialects: the request's form and tools, and an answer of a text and of a call.
SIBLINGS = {
    "chat": (
        {"response_format": FORM, "tools": TOOLS[:1]},
        said,
        called,
    ),
    "responses": (
        {
            "text": {"format": {"type": "json_schema", "schema": CITY}},
            "tools": [{"type": "function", "name": "weather", "parameters": CITY}],
        },
        lambda text: {"output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}]},
        lambda name="weather", arguments='{"city": "Rome"}': {
            "output": [{"type": "function_call", "name": name, "arguments": arguments}]
        },
    ),
    "messages": (
        {
            "output_config": {"format": {"type": "json_schema", "schema": CITY}},
            "tools": [{"name": "weather", "input_schema": CITY}],
        },
        lambda text: {"content": [{"type": "text", "text": text}]},
        lambda name="weather", arguments='{"city": "Rome"}': {
            "content": [{"type": "tool_use", "name": name, "input": json.loads(arguments)}]
        },
    ),
}


@pytest.mark.parametrize("dialect", SIBLINGS)
def test_each_dialect_is_held_against_the_same(dialect):
    body, texts, calls = SIBLINGS[dialect]
    accept = as_asked(body)
    assert accept(texts('{"city": "Rome"}')) is None
    assert accept(texts("{}")) == "the answer does not fit the schema at $"
    assert accept(texts("Rome")) == "the answer is not JSON"
    assert accept(texts("<tool_call>")) == "the answer writes a tool call as text"
    assert accept(calls()) is None
    assert accept(calls("rain")) == "the answer calls a tool that was not given"
    assert accept(calls(arguments='{"city": 5}')) == "the answer calls weather with arguments that do not fit at $.city"


BAD = {
    "a schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "objekt"}}}},
        "response_format.json_schema.schema",
    ),
    "a schema that is a list": ({"text": {"format": {"type": "json_schema", "schema": []}}}, "text.format.schema"),
    "a tool": ({"tools": [{"function": {"name": "f", "parameters": {"type": 5}}}]}, "tools[0].function.parameters"),
    "a tool of Messages": ({"tools": [{"name": "f", "input_schema": {"type": 5}}]}, "tools[0].input_schema"),
    "a reference to the network": (
        {"tools": [{"name": "f", "parameters": {"$ref": "https://example.com/x"}}]},
        "tools[0].parameters",
    ),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD)
def test_a_bad_schema_is_the_callers_mistake_and_is_named(body, field):
    with pytest.raises(InvalidRequestError, match="the JSON schema") as caught:
        as_asked(body)
    assert caught.value.field == field


def test_a_reference_within_the_schema_is_followed():
    schema = {
        "$defs": {"n": {"type": "integer"}},
        "properties": {"a": {"$ref": "#/$defs/n"}, "b": {"$ref": "#/$defs/x"}},
    }
    accept = fits_schema(schema)
    assert accept(said('{"a": 1}')) is None
    assert accept(said('{"a": "x"}')) == "the answer does not fit the schema at $.a"
    assert accept(said('{"b": 1}')) == "the answer does not fit the schema at $"
