"""Request Analysis: what a request needs and prefers, where that was found, and how long it is."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.dialects import DIALECTS
from freerouter.openrouter.requirements import Requirements
from freerouter.pipeline.analysis import analyze
from tests.builders import JSON

HELLO = {"role": "user", "content": "Hello"}
TOOL = {"type": "function", "function": {"name": "look_up"}}
NAMED = {"type": "function", "function": {"name": "look_up"}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
TEXT = {"type": "text", "text": "What is this?"}


def asking(*messages, **fields):
    return {"messages": list(messages) or [HELLO], **fields}


def part(kind, **inside):
    return {"role": "user", "content": [TEXT, {"type": kind, kind: inside}]}


FOUND = {
    "plain text": (asking(), {}),
    "an empty text": (asking({"role": "user", "content": ""}), {}),
    "no content": (asking(HELLO, {"role": "assistant", "content": None}), {}),
    "text parts": (asking({"role": "user", "content": [TEXT, TEXT]}), {}),
    "image": (asking(part("image_url", url="x")), {"image": "messages[0].content[1]"}),
    "audio": (asking(part("input_audio", data="", format="wav")), {"audio": "messages[0].content[1]"}),
    "video": (asking(part("video_url", url="x")), {"video": "messages[0].content[1]"}),
    "video, in its other spelling": (asking(part("input_video", url="x")), {"video": "messages[0].content[1]"}),
    "file": (asking(part("file", file_data="x.docx")), {"file": "messages[0].content[1]"}),
    "a part of a kind that nobody knows": (asking(part("hologram", url="x")), {}),
    "deep in the history": (
        asking(HELLO, {"role": "assistant", "content": "Hm."}, HELLO, {"role": "user", "content": [TEXT, IMAGE]}),
        {"image": "messages[3].content[1]"},
    ),
    "the first place counts": (
        asking(HELLO, part("image_url", url="x"), part("image_url", url="y")),
        {"image": "messages[1].content[1]"},
    ),
    "in a tool's result": (
        asking(HELLO, {"role": "tool", "tool_call_id": "1", "content": [IMAGE]}),
        {"image": "messages[1].content[0]"},
    ),
    "in a system message": (asking({"role": "system", "content": [IMAGE]}, HELLO), {"image": "messages[0].content[0]"}),
    "images of an earlier answer": (
        asking(HELLO, {"role": "assistant", "content": "Look.", "images": [IMAGE]}, HELLO),
        {"image": "messages[1].images"},
    ),
    "images of an earlier answer without words": (
        asking(HELLO, {"role": "assistant", "images": [IMAGE]}, HELLO),
        {"image": "messages[1].images"},
    ),
    "sound of an earlier answer": (
        asking(HELLO, {"role": "assistant", "content": None, "audio": {"id": "audio_1"}}, HELLO),
        {"audio": "messages[1].audio"},
    ),
    "sound of an earlier answer without words": (
        asking(HELLO, {"role": "assistant", "audio": {"id": "audio_1"}}, HELLO),
        {"audio": "messages[1].audio"},
    ),
    "no images of an earlier answer": (asking({"role": "assistant", "content": "", "images": [], "audio": None}), {}),
    "tools": (asking(tools=[TOOL]), {"tools": "tools"}),
    "no tools": (asking(tools=[], tool_choice="required"), {}),
    "null tools": (asking(tools=None, tool_choice="required"), {}),
    "tools that may not be called": (asking(tools=[TOOL], tool_choice="none"), {}),
    "tool_choice auto": (asking(tools=[TOOL], tool_choice="auto"), {"tools": "tools"}),
    "tool_choice null": (asking(tools=[TOOL], tool_choice=None), {"tools": "tools"}),
    "tool_choice required": (
        asking(tools=[TOOL], tool_choice="required"),
        {"tools": "tools", "tool_choice": "tool_choice"},
    ),
    "a named tool": (asking(tools=[TOOL], tool_choice=NAMED), {"tools": "tools", "tool_choice": "tool_choice"}),
    "json_object": (
        asking(response_format={"type": "json_object"}),
        {"response_format": "response_format"},
    ),
    "grammar": (asking(response_format={"type": "grammar"}), {"response_format": "response_format"}),
    "json_schema": (asking(response_format={"type": "json_schema"}), {"structured_outputs": "response_format"}),
    "text format": (asking(response_format={"type": "text"}), {}),
    "null format": (asking(response_format=None), {}),
    "output of text": (asking(modalities=["text"]), {}),
    "output of images": (asking(modalities=["text", "image"]), {"output:image": "modalities"}),
    "reasoning": (asking(reasoning={"effort": "high"}), {}),
    "reasoning hidden": (asking(reasoning={"exclude": True}, include_reasoning=False), {}),
    "reasoning disabled": (asking(reasoning={"enabled": False}), {"reasoning:off": "reasoning.enabled"}),
    "reasoning effort none": (asking(reasoning={"effort": "none"}), {"reasoning:off": "reasoning.effort"}),
    "reasoning_effort none": (asking(reasoning_effort="none"), {"reasoning:off": "reasoning_effort"}),
}


@pytest.mark.parametrize(("body", "found"), FOUND.values(), ids=FOUND)
def test_hard_needs_are_found_with_their_places(body, found):
    requirements = analyze(body)
    assert requirements.found == {"text": "messages"} | found
    assert requirements.need.hard == requirements.found.keys()


def test_a_caller_can_ask_for_capabilities_besides():
    requirements = analyze(asking(tools=[TOOL]), extra=["vision", "tools", "json_schema", "json"])
    besides = dict.fromkeys(("image", "structured_outputs", "response_format"), "asked for besides")
    assert requirements.found == {"text": "messages", "tools": "tools"} | besides


SOFT = {
    "nothing": ({}, set()),
    "sampling": (
        {"temperature": 0, "top_p": 1, "seed": 7, "stop": ["x"]},
        {"temperature", "top_p", "seed", "stop"},
    ),
    "what nobody knows": ({"sparkle": True}, {"sparkle"}),
    "null": ({"seed": None, "stop": None}, set()),
    "what the hard needs cover": (
        {"tools": [TOOL], "tool_choice": "auto", "response_format": {"type": "text"}, "structured_outputs": True},
        set(),
    ),
    "limits": ({"max_tokens": 5, "max_completion_tokens": 5}, set()),
    "where it goes, and whose it is": (
        {"model": "free", "models": [], "provider": {}, "plugins": [], "stream": True, "stream_options": {}}
        | {"session_id": "s", "prompt_cache_key": "k", "user": "u", "metadata": {}, "trace": {}},
        set(),
    ),
    "reasoning": ({"reasoning": {"max_tokens": 1000}}, {"reasoning"}),
    "reasoning in short": ({"reasoning_effort": "low"}, {"reasoning"}),
    "reasoning off": ({"reasoning": {"enabled": False}}, set()),
    "reasoning off in short": ({"reasoning_effort": "none"}, set()),
    "reasoning included": ({"include_reasoning": True}, set()),
    "tool calls at a time": ({"parallel_tool_calls": False}, {"parallel_tool_calls"}),
    "how the answer should sound": ({"audio": {"voice": "alloy", "format": "wav"}}, set()),
}


@pytest.mark.parametrize(("fields", "soft"), SOFT.values(), ids=SOFT)
def test_every_other_parameter_is_a_preference(fields, soft):
    assert analyze(asking(**fields)).need.soft == soft


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_what_openrouter_itself_heeds_asks_nothing_of_a_model(dialect):
    heeded = dict.fromkeys(["usage", "transforms", "service_tier", "cache_control", "debug", "safety_identifier"], "x")
    body = {dialect.conversation: [HELLO], **heeded, "provider": {"require_parameters": True}}
    assert analyze(body, dialect).need.soft == set()


def test_a_pdf_demands_no_model_that_takes_files_where_soft_is_hard():
    pdf = part("file", file_data="data:application/pdf;base64,AA")
    assert analyze(asking(pdf, provider={"require_parameters": True})).need.required == {"text"}


LIMITS = {
    "none": ({}, 0),
    "null": ({"max_tokens": None}, 0),
    "zero": ({"max_tokens": 0}, 0),
    "the old field": ({"max_tokens": 300}, 300),
    "the new field": ({"max_completion_tokens": 300}, 300),
    "the larger of both": ({"max_tokens": 200, "max_completion_tokens": 300}, 300),
    "a float": ({"max_tokens": 300.0}, 300),
}


@pytest.mark.parametrize(("fields", "output"), LIMITS.values(), ids=LIMITS)
def test_the_output_asked_for_counts_towards_the_context(fields, output):
    requirements = analyze(asking(**fields))
    assert requirements.need.output == output
    assert requirements.context == requirements.prompt_tokens + output


@pytest.mark.parametrize("value", [True, 1, "true", False, None, {}])
def test_only_true_streams_and_only_true_makes_soft_hard(value):
    requirements = analyze(asking(stream=value, provider={"require_parameters": value}))
    assert requirements.stream is (value is True)
    assert requirements.need.strict is (value is True)


NONSENSE = {
    "no messages": ({}, "messages"),
    "null messages": ({"messages": None}, "messages"),
    "empty messages": ({"messages": []}, "messages"),
    "messages in one text": ({"messages": "Hello"}, "messages"),
    "messages by name": ({"messages": {"0": HELLO}}, "messages"),
    "a message of text": (asking(HELLO, "Hello"), "messages[1]"),
    "a null message": (asking(None), "messages[0]"),
    "content in numbers": (asking(HELLO, {"role": "user", "content": 5}), "messages[1].content"),
    "content by name": (asking({"role": "user", "content": {"text": "x"}}), "messages[0].content"),
    "a part of text": (asking({"role": "user", "content": [TEXT, "Hello"]}), "messages[0].content[1]"),
    "a part without type": (asking({"role": "user", "content": [{"text": "x"}]}), "messages[0].content[0]"),
    "a part whose type is a list": (asking({"role": "user", "content": [{"type": []}]}), "messages[0].content[0]"),
    "images in one text": (asking(HELLO, {"role": "assistant", "content": "", "images": "x"}), "messages[1].images"),
    "tools by name": (asking(tools={"look_up": {}}), "tools"),
    "format in a word": (asking(response_format="json_object"), "response_format"),
    "modalities in a word": (asking(modalities="image"), "modalities"),
    "provider in a word": (asking(provider="acme"), "provider"),
    "provider in a list": (asking(provider=["acme"]), "provider"),
    "limit in words": (asking(max_tokens="100"), "max_tokens"),
    "limit below zero": (asking(max_tokens=-1), "max_tokens"),
    "limit true": (asking(max_completion_tokens=True), "max_completion_tokens"),
    "limit in a list": (asking(max_tokens=[100]), "max_tokens"),
    "limit beyond every number": (asking(max_tokens=10**30), "max_tokens"),
}


@pytest.mark.parametrize(("body", "field"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_refused_with_the_field_named(body, field):
    for written in (body, json.dumps(body), json.dumps(body).encode()):
        with pytest.raises(InvalidRequestError) as error:
            analyze(written)
        assert error.value.field == error.value.metadata["field"] == field
        assert error.value.message.startswith(field)
        assert error.value.status == 400


def test_infinite_limits_are_refused():
    with pytest.raises(InvalidRequestError, match="max_tokens must be a number"):
        analyze(b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 1e999}')


FIELDS = [
    "tools",
    "tool_choice",
    "response_format",
    "modalities",
    "reasoning",
    "reasoning_effort",
    "provider",
    "plugins",
]
PART = st.dictionaries(st.sampled_from(["type", "file", "image_url"]), JSON | st.sampled_from(["file", "image_url"]))
MESSAGE = st.dictionaries(
    st.sampled_from(["role", "content", "images", "audio", "reasoning_details"]),
    JSON | st.lists(PART) | st.sampled_from(["user", "tool"]),
)
BODY = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGE, min_size=1, max_size=4) | JSON},
    optional=dict.fromkeys([*FIELDS, "model", "max_tokens", "seed", "stream"], JSON),
)


@given(BODY | JSON | st.binary().map(bytes) | st.text())
def test_whatever_comes_is_analysed_or_refused_as_an_invalid_request(body):
    if not isinstance(body, bytes | str | dict):
        body = json.dumps(body)
    with suppress(InvalidRequestError):
        assert analyze(body).prompt_tokens > 0


def outcome_of(body):
    """What is required, or the complaint."""
    try:
        return analyze(body)
    except InvalidRequestError as error:
        return error.message, error.field


@given(BODY)
def test_bytes_text_and_mapping_agree(body):
    compact = to_json(body)
    requirements = outcome_of(body)
    assert outcome_of(compact) == outcome_of(compact.decode()) == requirements
    spacious = outcome_of(json.dumps(body, indent=2))
    if not isinstance(requirements, Requirements):
        assert spacious == requirements
        return
    assert spacious.prompt_tokens >= requirements.prompt_tokens
    assert spacious.without("prompt_tokens") == requirements.without("prompt_tokens")


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@given(data=st.data())
def test_a_request_of_silent_fields_alone_needs_text_and_nothing_else(dialect, data):
    silent = data.draw(st.dictionaries(st.sampled_from(sorted(dialect.silent)), st.text() | st.booleans()))
    body = {**silent, dialect.conversation: [HELLO]}
    for offer in ("tools", "functions"):
        body.pop(offer, None)
    shortened, in_full = (analyze(body, dialect, extra=extra) for extra in ((), ("text",)))
    assert shortened == in_full
    assert shortened.need.required == {"text"}


ODD = ["two words", "a\nline", "", "sk-or-v1-" + "0" * 60, "place=x", "…", "x\x1b[31m", "<b>"]


@pytest.mark.parametrize("word", ODD)
@pytest.mark.parametrize("field", ["needs", "modalities"])
def test_a_capability_is_a_word_since_it_stands_in_logs(word, field):
    body, extra = (asking(), [word]) if field == "needs" else (asking(modalities=[word or " "]), ())
    with pytest.raises(InvalidRequestError, match=f"{field} must name capabilities") as caught:
        analyze(body, extra=extra)
    assert caught.value.field == field


def test_a_capability_may_be_unknown():
    assert {"output:hologram", "smell.v2"} <= analyze(asking(modalities=["hologram"]), extra=["smell.v2"]).need.hard
