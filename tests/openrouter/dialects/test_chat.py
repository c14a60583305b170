"""Chat Completions, the request side: PDFs, what marks a conversation, and reasoning that another model has signed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.openrouter.dialects import CHAT
from freerouter.pipeline.analysis import analyze
from tests.builders import JSON


def asking(**file):
    part = {"type": "file", "file": file}
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "Read this."}, part]}]}


PDFS = {
    "a data URL": {"filename": "a", "file_data": "data:application/pdf;base64,JVBERi0="},
    "a data URL in capitals": {"file_data": "DATA:Application/PDF;base64,JVBERi0="},
    "an address": {"file_data": "https://example.com/a.pdf"},
    "a name": {"filename": "Report.PDF", "file_id": "file-1"},
}
OTHERS = {
    "a sheet": {"filename": "a.xls", "file_data": "data:application/vnd.ms-excel;base64,aGk="},
    "a sheet that is called a PDF": {"filename": "a.pdf", "file_data": "data:application/vnd.ms-excel;base64,aGk="},
    "an address of something else": {"file_data": "https://example.com/pdf"},
    "a file of which nothing is known": {"file_id": "file-1"},
    "an empty file": {},
}


@pytest.mark.parametrize("file", PDFS.values(), ids=PDFS)
def test_a_pdf_works_on_any_model_and_prefers_one_that_takes_files(file):
    requirements = analyze(asking(**file))
    assert requirements.pdf == "messages[0].content[1]"
    assert requirements.need.hard == {"text"}
    assert requirements.need.soft == {"file"}


@pytest.mark.parametrize("file", OTHERS.values(), ids=OTHERS)
def test_any_other_file_needs_a_model_that_takes_files(file):
    requirements = analyze(asking(**file))
    assert requirements.pdf is None
    assert requirements.found["file"] == "messages[0].content[1]"
    assert requirements.need.soft == set()


def test_a_pdf_beside_another_file_needs_a_model_that_takes_files():
    pdf, text = ({"type": "file", "file": file} for file in (PDFS["a data URL"], OTHERS["a sheet"]))
    requirements = analyze({"messages": [{"role": "user", "content": [pdf]}, {"role": "tool", "content": [pdf, text]}]})
    assert requirements.pdf == "messages[0].content[0]"
    assert requirements.found["file"] == "messages[1].content[1]"


def test_the_native_engine_or_a_caller_may_ask_for_files_besides():
    assert analyze(asking(**PDFS["a name"]), extra=["file"]).need.hard == {"text", "file"}


SYSTEM, DEVELOPER = {"role": "system", "content": "s"}, {"role": "developer", "content": "d"}
USER, TOOL = {"role": "user", "content": "u"}, {"role": "tool", "content": "t"}

SPEAKERS = {
    "a question": ([USER], "u"),
    "with a system message": ([SYSTEM, USER], "su"),
    "with a developer's": ([DEVELOPER, SYSTEM, USER], "ssu"),
    "with a later system message": ([USER, SYSTEM], "us"),
    "with a tool's result": ([SYSTEM, USER, {"role": "assistant"}, TOOL, {"role": "function"}], "sumtt"),
    "messages without roles": ([{}, {"content": "x"}], "uu"),
    "odd roles": ([{"role": "mage"}, {"role": ["user"]}, {"role": None}, TOOL], "uuut"),
}


@pytest.mark.parametrize(("messages", "speakers"), SPEAKERS.values(), ids=SPEAKERS)
def test_who_speaks(messages, speakers):
    assert CHAT.messages({"messages": messages}) == messages
    assert CHAT.speakers(messages) == speakers


MESSAGES = st.lists(
    st.dictionaries(st.sampled_from(["role", "content", "reasoning", "reasoning_details", "x"]), JSON), min_size=1
)


@given(MESSAGES, JSON)
def test_signed_reasoning_is_taken_out_and_nothing_else(messages, other):
    body = {"messages": messages, "other": other}
    before = json.dumps(body)
    cleaned = CHAT.without_signed_reasoning(body)
    assert json.dumps(body) == before
    assert cleaned["other"] == other
    for old, new in zip(messages, cleaned["messages"], strict=True):
        assert new == {name: value for name, value in old.items() if name != "reasoning_details"}


def test_a_request_without_signed_reasoning_is_handed_on_as_it_is():
    body = {"messages": [{"role": "assistant", "content": "x", "reasoning": "plain"}]}
    assert CHAT.without_signed_reasoning(body) is body
