"""Messages, the request side: what it needs, where it was found, and what marks a conversation."""

import pytest

from freerouter.errors import CostRefusedError, InvalidRequestError
from freerouter.openrouter.dialects import MESSAGES
from freerouter.pipeline.analysis import analyze
from tests.builders import check_cost

HI = {"role": "user", "content": "Hi"}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}
PDF_URL = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.PDF"}}
NOTE = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}}
TOOL = {"name": "weather", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "Rain"}
SCHEMA = {"type": "json_schema", "schema": {"type": "object"}}


def user(*parts):
    return {"role": "user", "content": list(parts)}


def needs(**body):
    return analyze({"messages": [HI], "max_tokens": 10, **body}, MESSAGES)


HARD = {
    "a question": ({}, {"text": "messages"}),
    "tools": ({"tools": [TOOL]}, {"tools": "tools"}),
    "tools at the model's discretion": ({"tools": [TOOL], "tool_choice": {"type": "auto"}}, {"tools": "tools"}),
    "any of the tools": (
        {"tools": [TOOL], "tool_choice": {"type": "any"}},
        {"tools": "tools", "tool_choice": "tool_choice"},
    ),
    "one tool": (
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "weather"}},
        {"tools": "tools", "tool_choice": "tool_choice"},
    ),
    "no tool after all": ({"tools": [TOOL], "tool_choice": {"type": "none"}}, {}),
    "a schema": ({"output_config": {"format": SCHEMA}}, {"structured_outputs": "output_config.format"}),
    "effort alone": ({"output_config": {"effort": "low"}}, {}),
    "thinking switched off": ({"thinking": {"type": "disabled"}}, {"reasoning:off": "thinking"}),
    "a picture": ({"messages": [HI, user(PNG)]}, {"image": "messages[1].content[0]"}),
    "a picture in a tool's result": (
        {"messages": [user(CALL), user({**RESULT, "content": [{"type": "text", "text": "x"}, PNG]})]},
        {"image": "messages[1].content[0].content[1]"},
    ),
    "a document of text": ({"messages": [user(NOTE)]}, {}),
    "a PDF": ({"messages": [user(PDF)]}, {}),
}


@pytest.mark.parametrize(("body", "found"), HARD.values(), ids=HARD)
def test_what_is_needed_and_where_that_was_found(body, found):
    assert needs(**body).found == {"text": "messages"} | found


@pytest.mark.parametrize("document", [PDF, PDF_URL], ids=["its bytes", "its address"])
def test_a_pdf_works_on_any_model(document):
    requirements = needs(messages=[user(document)])
    assert requirements.pdf == "messages[0].content[0]"
    assert requirements.need.soft == {"file"}


SOFT = {
    "nothing": ({}, set()),
    "thinking": ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"reasoning"}),
    "thinking switched off": ({"thinking": {"type": "disabled"}}, set()),
    "where to stop": ({"stop_sequences": ["END"]}, {"stop"}),
    "nowhere to stop": ({"stop_sequences": []}, set()),
    "sampling": ({"temperature": 0.5, "top_k": 3, "top_p": None}, {"temperature", "top_k"}),
}


@pytest.mark.parametrize(("body", "soft"), SOFT.values(), ids=SOFT)
def test_what_is_preferred(body, soft):
    assert needs(**body).need.soft == soft


def test_the_answers_length_counts():
    assert needs(max_tokens=300).need.output == 300


WRONG = {
    "no messages": ({"messages": []}, "messages"),
    "messages of another type": ({"messages": "Hi"}, "messages"),
    "a message that is none": ({"messages": ["Hi"]}, "messages[0]"),
    "content of another type": ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    "a part without a type": ({"messages": [user({})]}, "messages[0].content[0]"),
    "tools that are no list": ({"tools": TOOL}, "tools"),
}


@pytest.mark.parametrize(("body", "field"), WRONG.values(), ids=WRONG)
def test_nonsense_names_its_field(body, field):
    with pytest.raises(InvalidRequestError) as caught:
        needs(**body)
    assert caught.value.field == field


SPEAKERS = {
    "a question": ([HI], "u"),
    "a tool's result": ([HI, {"role": "assistant", "content": [CALL]}, user(RESULT)], "umt"),
    "a tool's result with words beside it": ([user({"type": "text", "text": "Look"}, RESULT)], "t"),
    "what has gone on since": ([user(RESULT), HI], "tu"),
}


@pytest.mark.parametrize(("messages", "speakers"), SPEAKERS.values(), ids=SPEAKERS)
def test_who_speaks(messages, speakers):
    assert MESSAGES.speakers(messages) == speakers


def test_the_system_message_stands_beside_the_conversation():
    assert MESSAGES.system({"system": "Be brief.", "messages": [HI]}) == "Be brief."


UUID = "0b2f6a1e-0000-4000-8000-1234567890ab"
SESSIONS = {
    "JSON": ('{"device_id":"d","account_uuid":"","session_id":"s"}', "s"),
    "the older form": (f"user_0f3a_account__session_{UUID}", UUID),
    "the older form with an account": (f"user_0f3a_account_{UUID}_session_s", "s"),
    "a user alone": ("user_0f3a", None),
    "JSON without a session": ("{}", None),
    "broken JSON": ('{"session_id":', None),
    "no text": (7, None),
}


@pytest.mark.parametrize(("user", "session"), SESSIONS.values(), ids=SESSIONS)
def test_the_session_within_a_user_id(user, session):
    assert MESSAGES.session({"metadata": {"user_id": user}}) == session


@pytest.mark.parametrize("metadata", [None, "user", [], {}])
def test_metadata_without_a_user_has_no_session(metadata):
    assert MESSAGES.session({"metadata": metadata}) is None


THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "abc"}
HIDDEN = {"type": "redacted_thinking", "data": "xyz"}


def test_signed_thinking_is_taken_out_and_nothing_else():
    text = {"type": "text", "text": "Hi"}
    body = {"messages": [HI, {"role": "assistant", "content": [THOUGHT, text, HIDDEN, CALL]}, user(RESULT)], "top_k": 1}
    cleaned = MESSAGES.without_signed_reasoning(body)
    answer = {"role": "assistant", "content": [text, CALL]}
    assert cleaned == {"messages": [HI, answer, user(RESULT)], "top_k": 1}
    assert body["messages"][1]["content"][0] is THOUGHT


@pytest.mark.parametrize("kind", ["web_search_20250305", "code_execution_20250522", "openrouter:web_search"])
def test_a_tool_that_runs_elsewhere_could_cost(kind):
    with pytest.raises(CostRefusedError, match=r"tools\[1\].type"):
        check_cost({"tools": [TOOL, {"type": kind, "name": "x"}]}, MESSAGES)


def test_a_tool_that_runs_at_the_callers_does_not():
    check_cost({"tools": [TOOL, {**TOOL, "type": "custom"}]}, MESSAGES)


@pytest.mark.parametrize("kind", ["bash_20250124", "text_editor_20250728", "memory_20250818", "computer_20250124"])
def test_a_tool_that_anthropic_defines_and_the_caller_runs_does_not(kind):
    check_cost({"tools": [TOOL, {"type": kind, "name": "x"}]}, MESSAGES)


def test_a_request_without_thinking_is_handed_on_as_it_is():
    body = {"messages": [HI, {"role": "assistant", "content": [CALL]}, user(RESULT)]}
    assert MESSAGES.without_signed_reasoning(body) is body
