"""Responses, the request side: what it needs, where it was found, and what marks a conversation."""

import pytest

from freerouter.errors import CostRefusedError, InvalidRequestError
from freerouter.openrouter.dialects import RESPONSES
from freerouter.pipeline.analysis import analyze
from tests.builders import check_cost

HI = {"role": "user", "content": "Hi"}
SYSTEM = {"role": "system", "content": "Be brief."}
PNG = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
PDF = {"type": "input_file", "filename": "a", "file_data": "data:application/pdf;base64,JVBERi0="}
TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
CALL = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "Rain"}
THOUGHT = {"type": "reasoning", "id": "r1", "encrypted_content": "abc", "summary": []}


def user(*parts):
    return {"role": "user", "content": list(parts)}


def needs(**body):
    return analyze({"input": "Hi", **body}, RESPONSES)


def formed(kind):
    return {"text": {"format": {"type": kind}}}


HARD = {
    "text": ({}, {"text": "input"}),
    "items": ({"input": [SYSTEM, HI]}, {}),
    "tools": ({"tools": [TOOL]}, {"tools": "tools"}),
    "tools at the model's discretion": ({"tools": [TOOL], "tool_choice": "auto"}, {"tools": "tools"}),
    "any of the tools": (
        {"tools": [TOOL], "tool_choice": "required"},
        {"tools": "tools", "tool_choice": "tool_choice"},
    ),
    "one tool": (
        {"tools": [TOOL], "tool_choice": {"type": "function", "name": "weather"}},
        {"tools": "tools", "tool_choice": "tool_choice"},
    ),
    "no tool after all": ({"tools": [TOOL], "tool_choice": "none"}, {}),
    "a schema": (formed("json_schema"), {"structured_outputs": "text.format"}),
    "JSON": (formed("json_object"), {"response_format": "text.format"}),
    "plain text": (formed("text"), {}),
    "pictures in answer": ({"modalities": ["text", "image"]}, {"output:image": "modalities"}),
    "reasoning switched off": ({"reasoning": {"effort": "none"}}, {"reasoning:off": "reasoning.effort"}),
    "a picture": ({"input": [HI, user(PNG)]}, {"image": "input[1].content[0]"}),
    "a picture in a tool's result": (
        {"input": [CALL, {**RESULT, "output": [PNG]}]},
        {"image": "input[1].output[0]"},
    ),
    "sound": (
        {"input": [user({"type": "input_audio", "input_audio": {"data": "AA"}})]},
        {"audio": "input[0].content[0]"},
    ),
    "a PDF": ({"input": [user(PDF)]}, {}),
}


@pytest.mark.parametrize(("body", "found"), HARD.values(), ids=HARD)
def test_what_is_needed_and_where_that_was_found(body, found):
    assert needs(**body).found == {"text": "input"} | found


def test_a_pdf_works_on_any_model():
    requirements = needs(input=[user(PDF)])
    assert requirements.pdf == "input[0].content[0]"
    assert requirements.need.soft == {"file"}


SOFT = {
    "nothing": ({}, set()),
    "reasoning": ({"reasoning": {"effort": "low"}}, {"reasoning"}),
    "no reasoning": ({"reasoning": {"effort": "none"}}, set()),
    "what concerns no model": ({"store": False, "include": [], "truncation": "auto", "instructions": "x"}, set()),
    "sampling": ({"temperature": 0.5, "parallel_tool_calls": True}, {"temperature", "parallel_tool_calls"}),
}


@pytest.mark.parametrize(("body", "soft"), SOFT.values(), ids=SOFT)
def test_what_is_preferred(body, soft):
    assert needs(**body).need.soft == soft


def test_the_answers_length_counts():
    assert needs(max_output_tokens=300).need.output == 300


WRONG = {
    "no input": ({"input": None}, "input"),
    "no items": ({"input": []}, "input"),
    "an input of another type": ({"input": 5}, "input"),
    "an item that is none": ({"input": ["Hi"]}, "input[0]"),
    "a part without a type": ({"input": [user({})]}, "input[0].content[0]"),
    "tools that are no list": ({"tools": TOOL}, "tools"),
}


@pytest.mark.parametrize(("body", "field"), WRONG.values(), ids=WRONG)
def test_nonsense_names_its_field(body, field):
    with pytest.raises(InvalidRequestError) as caught:
        needs(**body)
    assert caught.value.field == field


SPEAKERS = {
    "text": ("Hi", "u"),
    "a system item": ([SYSTEM, HI], "su"),
    "a tool's result": ([HI, {"type": "reasoning"}, CALL, RESULT], "ummt"),
    "a typed message": ([{"type": "message", "role": "assistant", "content": "Hi"}], "m"),
    "tools that the input brings": ([{"type": "additional_tools", "tools": []}, HI], "su"),
    "an item without a type": ([{"content": "Hi"}], "u"),
}


@pytest.mark.parametrize(("asked", "speakers"), SPEAKERS.values(), ids=SPEAKERS)
def test_who_speaks(asked, speakers):
    assert RESPONSES.speakers(RESPONSES.messages({"input": asked})) == speakers


def test_instructions_are_the_system_message():
    assert RESPONSES.system({"instructions": "Be brief.", "input": "Hi"}) == "Be brief."


def test_signed_reasoning_is_taken_out_and_nothing_else():
    body = {"input": [HI, THOUGHT, CALL, RESULT], "top_p": 1}
    assert RESPONSES.without_signed_reasoning(body) == {"input": [HI, CALL, RESULT], "top_p": 1}
    assert body["input"][1] is THOUGHT


@pytest.mark.parametrize("asked", ["Hi", [HI, CALL]])
def test_a_request_without_it_is_handed_on_as_it_is(asked):
    body = {"input": asked}
    assert RESPONSES.without_signed_reasoning(body) is body


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview", "file_search", "image_generation", "mcp", None])
def test_a_tool_that_runs_elsewhere_could_cost(kind):
    with pytest.raises(CostRefusedError, match=r"tools\[1\].type"):
        check_cost({"tools": [TOOL, {"type": kind}]}, RESPONSES)
