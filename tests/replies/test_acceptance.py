"""Answers held against what was asked for: a JSON schema, and the tools that were given."""

import builtins
import json

import pytest

from freerouter.errors import InvalidRequestError, SettingsError
from freerouter.replies.acceptance import as_asked, calls_tools, fits_schema

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "inhabitants": {"type": "integer"}},
    "required": ["city"],
}
TOOLS = [{"type": "function", "function": {"name": "weather"}}, {"type": "custom", "custom": {"name": "grep"}}]


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
    "text": ("Rome", "the answer is no JSON"),
    "fenced": ('```json\n{"city": "Rome"}\n```', "the answer is no JSON"),
    "no text": (None, "the answer does not fit the schema at $"),
    "nothing": ("", "the answer is no JSON"),
}


@pytest.mark.parametrize("text", FITTING.values(), ids=FITTING)
def test_an_answer_that_fits_is_taken(text):
    assert fits_schema(CITY)(said(text)) is None


@pytest.mark.parametrize(("text", "refusal"), UNFIT.values(), ids=UNFIT)
def test_one_that_does_not_is_refused_with_the_place_and_without_its_content(text, refusal):
    assert fits_schema(CITY)(said(text)) == refusal


@pytest.mark.parametrize("completion", [{}, {"choices": None}, {"choices": []}, {"choices": [{"message": "Hi"}]}])
def test_and_so_is_what_is_no_answer(completion):
    assert fits_schema(CITY)(completion) == "the answer does not fit the schema at $"


def test_a_schema_that_is_none_is_the_callers_mistake():
    with pytest.raises(InvalidRequestError, match="the JSON schema is none") as caught:
        fits_schema({"type": "objekt"})
    assert caught.value.field == "schema"


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
    "no arguments": (called(arguments=""), None),
    "no call": (said("Hello"), None),
    "a custom tool": (said(tool_calls=[{"type": "custom", "custom": {"name": "grep", "input": "x"}}]), None),
    "a call of nothing": (said(tool_calls=[None]), None),
    "another tool": (called("rain"), "the answer calls a tool that was not given"),
    "broken arguments": (called(arguments='{"city'), "the answer calls weather with arguments that are no JSON object"),
    "a list": (called(arguments="[]"), "the answer calls weather with arguments that are no JSON object"),
    "a number": (called(arguments=5), "the answer calls weather with arguments that are no JSON object"),
}


@pytest.mark.parametrize(("completion", "refusal"), CALLS.values(), ids=CALLS)
def test_calls(completion, refusal):
    assert calls_tools(TOOLS)(completion) == refusal


FORM = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}
ASKED = {
    "nothing": ({}, said("Hello"), False),
    "tools, and one is called": ({"tools": TOOLS}, called(), False),
    "tools, and another is called": ({"tools": TOOLS}, called("rain"), True),
    "a form, and it fits": ({"response_format": FORM}, said('{"city": "Rome"}'), False),
    "a form, and it does not fit": ({"response_format": FORM}, said("{}"), True),
    "a form, and a tool is called first": ({"response_format": FORM, "tools": TOOLS}, called(), False),
    "any JSON": ({"response_format": {"type": "json_object"}}, said("Hello"), False),
    "a form without a schema": ({"response_format": {"type": "json_schema"}}, said(json.dumps({"a": 1})), False),
}


@pytest.mark.parametrize(("body", "completion", "refused"), ASKED.values(), ids=ASKED)
def test_what_was_asked_for(body, completion, refused):
    assert (as_asked(body)(completion) is not None) is refused
