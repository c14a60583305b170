"""One walk over a request: each thing, in each place where it can stand, in each dialect; and what stays unread."""

from itertools import product

import pytest

from freerouter.errors import CostRefusedError, InvalidRequestError
from freerouter.openrouter.dialects import CHAT, DIALECTS, MESSAGES, RESPONSES
from freerouter.openrouter.walk import walk
from freerouter.pipeline.analysis import analyze
from tests.builders import check_cost

PNG, PDF = "data:image/png;base64,iVBORw0KGgo=", "data:application/pdf;base64,JVBERi0="
HI = {"role": "user", "content": "Hi"}
TEXT = {"type": "text", "text": "What is this?"}

MEDIA = {
    "image_url, an object": ({"type": "image_url", "image_url": {"url": PNG}}, "image"),
    "image_url, a text": ({"type": "image_url", "image_url": PNG}, "image"),
    "input_image": ({"type": "input_image", "image_url": PNG}, "image"),
    "input_image by id": ({"type": "input_image", "file_id": "f"}, "image"),
    "image of bytes": ({"type": "image", "source": {"type": "base64", "data": "AA"}}, "image"),
    "image by address": ({"type": "image", "source": {"type": "url", "url": "https://example.com/a"}}, "image"),
    "a screenshot": ({"type": "computer_screenshot", "image_url": PNG}, "image"),
    "input_audio": ({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}, "audio"),
    "video_url": ({"type": "video_url", "video_url": {"url": "https://example.com/a"}}, "video"),
    "input_video": ({"type": "input_video", "input_video": {"url": "https://example.com/a"}}, "video"),
    "a file": ({"type": "file", "file": {"file_id": "f"}}, "file"),
    "input_file": ({"type": "input_file", "filename": "a.docx", "file_data": "AA"}, "file"),
    "a document by id": ({"type": "document", "source": {"type": "file", "file_id": "f"}}, "file"),
}  # fmt: skip

ADDRESSES = (
    "https://example.com/a.pdf",
    "https://example.com/A.PDF?X-Amz-Signature=abc&X-Amz-Expires=60",
    "https://example.com/a.pdf#page=2",
    "https://example.com/get?name=a.pdf&token=b",
    "https://example.com/get?response-content-type=application%2Fpdf",
    "gs://bucket/a.pdf",
)
PDFS = {
    "a data URL in a file": {"type": "file", "file": {"filename": "a", "file_data": PDF}},
    "a data URL in input_file": {"type": "input_file", "filename": "a", "file_data": PDF},
    "bytes in a document": {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
    },
    "bytes without a type": {"type": "input_file", "file_data": "JVBERi0xLjcK"},
    "bytes of any type with a name": {
        "type": "file",
        "file": {"filename": "a.pdf", "file_data": "data:application/octet-stream;base64,AAAA"},
    },
    "a name": {"type": "input_file", "filename": "Report.PDF", "file_id": "f"},
    **{f"file {url}": {"type": "file", "file": {"file_data": url}} for url in ADDRESSES},
    **{f"input_file {url}": {"type": "input_file", "file_url": url} for url in ADDRESSES},
    **{f"document {url}": {"type": "document", "source": {"type": "url", "url": url}} for url in ADDRESSES},
}
TEXTS = {
    "a document of text": {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}},
    "a document of parts": {"type": "document", "source": {"type": "content", "content": [TEXT]}},
    "a document of content": {"type": "document", "source": {"type": "content", "content": "Hi"}},
    "bytes of text": {"type": "document", "source": {"type": "base64", "media_type": "text/csv", "data": "YQ=="}},
    "a file of text": {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:text/plain;base64,aGk="}},
    "input_file of text": {"type": "input_file", "file_data": "data:text/markdown;base64,aGk="},
}


def call_result(parts):
    return {"type": "function_call_output", "call_id": "c", "output": parts}


# Where a part can stand: the dialect, the request, and its place there.
PLACES = {
    "a user's message": (CHAT, lambda part: {"messages": [HI, {"role": "user", "content": [TEXT, part]}]},
                         "messages[1].content[1]"),
    "a system message": (CHAT, lambda part: {"messages": [{"role": "system", "content": [part]}, HI]},
                         "messages[0].content[0]"),
    "a tool's message": (CHAT, lambda part: {"messages": [HI, {"role": "tool", "content": [part]}]},
                         "messages[1].content[0]"),
    "a part that is not known": (CHAT, lambda part: {"messages": [{"role": "user", "content": [
        {"type": "hologram", "content": ["x", part]}]}]}, "messages[0].content[0].content[1]"),
    "an item": (RESPONSES, lambda part: {"input": [HI, {"role": "user", "content": [part]}]}, "input[1].content[0]"),
    "an item with a type": (RESPONSES, lambda part: {"input": [{"type": "message", "role": "user", "content": [part]}]},
                            "input[0].content[0]"),
    "an item's output": (RESPONSES, lambda part: {"input": [call_result([part])]}, "input[0].output[0]"),
    "an item's only output": (RESPONSES, lambda part: {"input": [call_result(part)]}, "input[0].output"),
    "the output of a tool that is not known": (
        RESPONSES, lambda part: {"input": [{"type": "oracle_output", "output": [{"stdout": "x"}, part]}]},
        "input[0].output[1]"),
    "instructions": (RESPONSES, lambda part: {"input": "Hi", "instructions": [{"role": "system", "content": "x",
                     "type": "message"}, {"type": "message", "content": [part]}]}, "instructions[1].content[0]"),
    "an item itself": (RESPONSES, lambda part: {"input": [HI, part]}, "input[1]"),
    "a message": (MESSAGES, lambda part: {"messages": [{"role": "user", "content": [TEXT, part]}]},
                  "messages[0].content[1]"),
    "a tool's result": (MESSAGES, lambda part: {"messages": [{"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "t", "content": [TEXT, part]}]}]}, "messages[0].content[0].content[1]"),
    "a document's content": (MESSAGES, lambda part: {"messages": [{"role": "user", "content": [
        {"type": "document", "source": {"type": "content", "content": [TEXT, part]}}]}]},
        "messages[0].content[0].source.content[1]"),
    "the system prompt": (MESSAGES, lambda part: {"system": [TEXT, part], "messages": [HI]}, "system[1]"),
}  # fmt: skip


def crossed(things):
    return pytest.mark.parametrize(
        ("thing", "place"),
        [pytest.param(things[name], PLACES[where], id=f"{name} in {where}") for name, where in product(things, PLACES)],
    )


@crossed(MEDIA)
def test_a_medium_is_found_wherever_it_stands(thing, place):
    (part, modality), (dialect, body, where) = thing, place
    found = walk(body(part), dialect)
    assert found.needs == {"text": dialect.conversation, modality: where}
    assert found.media == 1
    assert found.pdf is None


@crossed(PDFS)
def test_a_pdf_is_found_wherever_it_stands_and_works_on_any_model(thing, place):
    dialect, body, where = place
    requirements = analyze(body(thing), dialect)
    assert requirements.pdf == where
    assert requirements.need.hard == {"text"}
    assert requirements.need.soft - {"system"} == {"file"}


@crossed(TEXTS)
def test_a_document_of_text_needs_no_model_that_takes_files(thing, place):
    dialect, body, _ = place
    requirements = analyze(body(thing), dialect)
    assert requirements.need.hard == {"text"}
    assert requirements.pdf is None
    assert walk(body(thing), dialect).media == 0


ANSWERS = {
    "pictures": (CHAT, {"role": "assistant", "content": "", "images": [MEDIA["image_url, an object"][0]]}, "image"),
    "sound": (CHAT, {"role": "assistant", "content": None, "audio": {"id": "a"}}, "audio"),
    "a drawing": (RESPONSES, {"type": "image_generation_call", "id": "i", "result": "AAAA"}, "image"),
    "a screenshot": (RESPONSES, {"type": "computer_call_output", "call_id": "c", "output": {"type": "x"}}, "image"),
}


@pytest.mark.parametrize(("dialect", "said", "modality"), ANSWERS.values(), ids=ANSWERS)
def test_what_an_earlier_answer_holds_is_found(dialect, said, modality):
    assert modality in walk({dialect.conversation: [HI, said]}, dialect).needs


FUNCTIONS = {
    CHAT: {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
    RESPONSES: {"type": "function", "name": "f", "parameters": {"type": "object"}},
    MESSAGES: {"name": "f", "input_schema": {"type": "object"}},
}
COSTLY = {CHAT: "openrouter:web_search", RESPONSES: "web_search", MESSAGES: "web_search_20250305"}


def offered(dialect, body, where, holder):
    return dialect, lambda tool: {dialect.conversation: [HI], **body(tool)}, where, holder


OFFERS = {
    **{f"tools, {d.name}": offered(d, lambda tool: {"tools": [tool]}, "tools[0]", "tools") for d in DIALECTS},
    "a namespace": offered(
        RESPONSES,
        lambda tool: {"tools": [{"type": "namespace", "name": "n", "tools": [tool]}]},
        "tools[0].tools[0]",
        "tools",
    ),
    "additional_tools": offered(
        RESPONSES,
        lambda tool: {"input": [{"type": "additional_tools", "role": "developer", "tools": [tool]}, HI]},
        "input[0].tools[0]",
        "input[0].tools",
    ),
    "a namespace in additional_tools": offered(
        RESPONSES,
        lambda tool: {"input": [{"type": "additional_tools", "tools": [{"type": "namespace", "tools": [tool]}]}]},
        "input[0].tools[0].tools[0]",
        "input[0].tools",
    ),
    "what a search for tools has found": offered(
        RESPONSES,
        lambda tool: {"input": [HI, {"type": "tool_search_output", "execution": "client", "tools": [tool]}]},
        "input[1].tools[0]",
        "input[1].tools",
    ),
    "tool_addition in a message": offered(
        MESSAGES,
        lambda tool: {"messages": [{"role": "user", "content": [TEXT, {"type": "tool_addition", "tool": tool}]}]},
        "messages[0].content[1].tool",
        "messages[0].content[1].tool",
    ),
    "tool_addition in the system prompt": offered(
        MESSAGES,
        lambda tool: {"system": [{"type": "tool_addition", "tool": tool}]},
        "system[0].tool",
        "system[0].tool",
    ),
    "tool_addition with a definition": offered(
        MESSAGES,
        lambda tool: {
            "system": [{"type": "tool_addition", "tool": {"type": "tool_definition", "definition": tool}}],
        },
        "system[0].tool.definition",
        "system[0].tool.definition",
    ),
    "a message that brings tools": offered(
        CHAT,
        lambda tool: {"messages": [{"role": "system", "tools": [tool]}, HI]},
        "messages[0].tools[0]",
        "messages[0].tools",
    ),
}
everywhere = pytest.mark.parametrize(("dialect", "body", "where", "holder"), OFFERS.values(), ids=OFFERS)


@everywhere
def test_tools_are_needed_wherever_they_are_offered(dialect, body, where, holder):
    body = body(FUNCTIONS[dialect])
    assert analyze(body, dialect).found["tools"] == holder
    assert "tools" not in analyze({**body, "tool_choice": "none"}, dialect).need.hard
    check_cost(body, dialect)


@everywhere
def test_a_tool_that_could_cost_is_refused_wherever_it_is_offered(dialect, body, where, holder):
    with pytest.raises(CostRefusedError) as caught:
        check_cost(body({"type": COSTLY[dialect], "name": "x"}), dialect)
    assert caught.value.field == f"{where}.type"


CHOICES = {
    "auto": ({"type": "auto"}, False),
    "none": ({"type": "none"}, None),
    "any": ({"type": "any"}, True),
    "a function": ({"type": "function", "function": {"name": "f"}}, True),
    "a tool": ({"type": "tool", "name": "f"}, True),
    "some, auto": ({"type": "allowed_tools", "mode": "auto", "tools": []}, False),
    "some, required": ({"type": "allowed_tools", "mode": "required", "tools": []}, True),
    "some, auto, as chat has it": ({"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}, False),
    "some, required, as chat has it": ({"type": "allowed_tools", "allowed_tools": {"mode": "required"}}, True),
    "the word auto": ("auto", False),
    "the word none": ("none", None),
    "the word required": ("required", True),
    "the word any": ("any", True),
    "null": (None, False),
}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize(("choice", "forces"), CHOICES.values(), ids=CHOICES)
def test_only_a_choice_that_forces_needs_tool_choice(dialect, choice, forces):
    body = {dialect.conversation: [HI], "tools": [FUNCTIONS[dialect]], "tool_choice": choice}
    expected = set() if forces is None else {"tools", "tool_choice"} if forces else {"tools"}
    assert analyze(body, dialect).need.hard - {"text"} == expected
    assert analyze({**body, "tools": []}, dialect).need.hard == {"text"}


OLD = {
    "functions": ({}, {"tools": "functions"}),
    "auto": ({"function_call": "auto"}, {"tools": "functions"}),
    "none": ({"function_call": "none"}, {}),
    "by name": ({"function_call": {"name": "f"}}, {"tools": "functions", "tool_choice": "function_call"}),
}


@pytest.mark.parametrize(("fields", "found"), OLD.values(), ids=OLD)
def test_functions_are_tools_by_their_old_name(fields, found):
    body = {"messages": [HI], "functions": [{"name": "f"}], **fields}
    assert analyze(body).found == {"text": "messages", **found}
    check_cost(body, CHAT)


FORMATS = {
    "response_format": (CHAT, lambda form: {"response_format": form}),
    "text.format": (RESPONSES, lambda form: {"text": {"format": form}}),
    "output_format": (MESSAGES, lambda form: {"output_format": form}),
    "output_config.format": (MESSAGES, lambda form: {"output_config": {"format": form}}),
}


@pytest.mark.parametrize(("where", "place"), FORMATS.items(), ids=FORMATS)
def test_a_format_is_found_in_each_dialect(where, place):
    dialect, body = place
    needs = {"json_schema": "structured_outputs", "json_object": "response_format", "text": None}
    for kind, need in needs.items():
        found = analyze({dialect.conversation: [HI], **body({"type": kind})}, dialect).found
        assert found == {"text": dialect.conversation} | ({need: where} if need else {})
    with pytest.raises(InvalidRequestError, match=f"{where} must be an object"):
        analyze({dialect.conversation: [HI], **body("json")}, dialect)


TRAP = {"type": "image_url", "image_url": PNG, "tools": [{"type": "web_search"}]}
DATA = {
    "a schema": (CHAT, {"response_format": {"type": "text", "schema": {"content": [TRAP], "tools": [TRAP]}}}),
    "a tool's parameters": (CHAT, {"tools": [{"type": "function", "function": {"parameters": {"tools": [TRAP]}}}]}),
    "an input_schema": (MESSAGES, {"tools": [{"name": "f", "input_schema": {"content": [TRAP], "tools": [TRAP]}}]}),
    "a call's input": (MESSAGES, {"messages": [{"role": "assistant", "content": [
        {"type": "tool_use", "id": "t", "name": "f", "input": {"content": [TRAP], "tools": [TRAP]}}]}]}),
    "a call's arguments": (RESPONSES, {"input": [{"type": "function_call", "arguments": {"content": [TRAP]}}]}),
    "metadata": (CHAT, {"metadata": {"content": [TRAP], "tools": [TRAP]}}),
    "a field that is not known": (CHAT, {"x": {"content": [TRAP]}, "messages": [{**HI, "x": [TRAP], "y": TRAP}]}),
    "what a server has listed": (RESPONSES, {"input": [{"type": "mcp_list_tools", "tools": [{"name": "x"}]}]}),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "fields"), DATA.values(), ids=DATA)
def test_data_stays_unread(dialect, fields):
    body = {dialect.conversation: [HI], **fields}
    assert analyze(body, dialect).need.hard - {"tools"} == {"text"}
    check_cost(body, dialect)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("inner", ["content", "output", "tools", "tool"])
@pytest.mark.parametrize("value", [None, "x", 5, {}, [], ["x"], [5], [{}], [{"type": 5}], {"type": "x"}], ids=str)
def test_what_is_not_known_is_no_error(dialect, inner, value):
    odd = {"type": "hologram", inner: value}
    body = {dialect.conversation: [{"role": "user", "content": [odd]}]}
    found = walk(body, dialect)
    assert found.needs.keys() == {"text"}
    assert found.media == 0


def nested(name, thing, depth=300):
    for _ in range(depth):
        thing = {"type": "namespace" if name == "tools" else "x", name: [thing]}
    return thing


@pytest.mark.parametrize("name", ["content", "output", "tools"])
def test_nesting_without_end_is_an_invalid_request(name):
    with pytest.raises(InvalidRequestError, match="nested too deeply"):
        walk({"input": [nested(name, {"type": "function"})]}, RESPONSES)
