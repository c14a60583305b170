"""The input: its two forms, and every way in which it can be wrong, named before anything is sent."""

import json

import pytest

from freerouter import AsyncBatch, BatchError, BatchOptions, InvalidRequestError
from freerouter.batch import Prompts, Requests
from freerouter.batch.journal import MEMORY, Journal
from freerouter.batch.source import Source
from freerouter.openrouter.dialects import CHAT, MESSAGES, RESPONSES
from tests.batch.stage import StubWire, line, lines, run, write
from tests.stage import router

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("/v1/chat/completions", CHAT),
        ("/v1/responses", RESPONSES),
        ("/v1/messages", MESSAGES),
        ("/api/v1/messages", MESSAGES),
    ],
)
def test_a_request_says_its_dialect_by_its_url(url, dialect):
    given = line("a", url=url)
    ask = Requests().read(1, json.dumps(given).encode())
    assert (ask.custom_id, ask.dialect, ask.body) == ("a", dialect, given["body"])


def test_a_prompt_is_a_message_after_the_system_message():
    ask = Prompts("Be brief.").read(7, "Grüße\r\n".encode())
    assert ask.custom_id == "prompt-7"
    assert ask.body == {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Grüße"}]}


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def test_a_schema_goes_into_each_request_and_is_what_answers_are_held_against():
    form = Prompts(schema=SCHEMA)
    assert form.read(1, b"x").body["response_format"]["json_schema"]["schema"] == SCHEMA
    said = [{"choices": [{"message": {"content": text}}]} for text in ('{"n": 1}', '{"n": "x"}')]
    assert [form.accept(answer) for answer in said] == [None, "the answer does not fit the schema at $.n"]


def test_a_schema_that_is_none_is_refused():
    with pytest.raises(InvalidRequestError, match="schema"):
        Prompts(schema={"type": "nonsense"})


BROKEN = {
    "no JSON": ('{"custom_id": "a"', "cannot be sent: it is not valid JSON"),
    "no object": ("[1]", "cannot be sent: it must be a JSON object"),
    "no custom_id": ({"body": {}}, "custom_id must be a text"),
    "empty custom_id": ({"custom_id": "", "body": {}}, "custom_id must be a text"),
    "custom_id no text": ({"custom_id": 5, "body": {}}, "custom_id must be a text"),
    "custom_id with a surrogate": ('{"custom_id": "\\ud800", "body": {}}', "custom_id must be printable"),
    "no body": ({"custom_id": "a"}, "body must be an object"),
    "GET": ({"custom_id": "a", "method": "GET", "body": {}}, "method must be POST"),
    "embeddings": ({"custom_id": "a", "url": "/v1/embeddings", "body": {}}, "url must be one of /v1/chat/completions"),
    "stream": (line("a", stream=True), "body.stream must be left out"),
    "named twice": (line("r1"), "has the custom_id 'r1' of line 2"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_line_is_named_before_anything_is_sent(case, tmp_path):
    row, words = BROKEN[case]
    source = write(tmp_path / "in.jsonl", [*lines(3), row, *lines(0)])
    wire = StubWire()
    with pytest.raises(BatchError) as caught:
        await run(source, tmp_path / "out.jsonl", wire=wire, router=router())
    assert caught.value.message.startswith(f"line 4 of {source} ")
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.line == 4
    assert wire.sent == []
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ""] == ["in.jsonl"], "no journal is left behind"


@pytest.mark.parametrize(
    ("content", "hinted"),
    [
        ("Why is the sky blue?\n", True),
        ("42\n", True),
        ('\ufeff{"custom_id": "a"\n', False),
        ('{"custom_id": "a", "body": {"messages": []}}\nWhy?\n', False),
    ],
)
def test_plain_prompts_without_their_option_get_a_hint(content, hinted, tmp_path):
    (tmp_path / "in").write_text(content, encoding="utf-8")
    with Source(str(tmp_path / "in"), Requests()) as source, pytest.raises(BatchError) as caught:
        list(source.asks())
    assert ("for plain prompts use --prompts" in caught.value.message) is hinted


def test_a_prompt_that_is_no_text_is_named(tmp_path):
    (tmp_path / "in.txt").write_bytes(b"fine\n\xff\xfe\n")
    with (
        Source(str(tmp_path / "in.txt"), Prompts()) as source,
        Journal(MEMORY) as journal,
        pytest.raises(BatchError, match=r"line 2 of .* cannot be sent: it is not UTF-8"),
    ):
        journal.load(source)


@pytest.mark.parametrize("content", ["", "\n\n  \n"])
async def test_an_input_without_requests_is_refused(content, tmp_path):
    (tmp_path / "in").write_text(content)
    with pytest.raises(BatchError, match="holds no request"):
        await run(tmp_path / "in", tmp_path / "out", wire=StubWire(), router=router())


async def test_blank_lines_count_but_are_no_requests(tmp_path):
    source = write(tmp_path / "in", ["one", "", "three"])
    summary = await run(source, tmp_path / "out", wire=StubWire(), router=router(), form=Prompts())
    names = [json.loads(text)["custom_id"] for text in (tmp_path / "out").read_text().splitlines()]
    assert (summary.total, names) == (2, ["prompt-1", "prompt-3"])


CHANGES = {
    "a line": (lambda rows: [rows[0], line("r1", "else"), rows[2]], "line 2 of .* differs"),
    "a line moved": (lambda rows: ["", *rows], "line 2 of .* differs"),
    "a line more": (lambda rows: [*rows, line("r9")], "had 3 requests when this batch began, and has 4"),
    "a line less": (lambda rows: rows[:2], "had 3 requests when this batch began, and has 2"),
}


@pytest.mark.parametrize("case", CHANGES)
async def test_an_input_that_has_changed_is_refused_naming_the_line(case, tmp_path):
    change, words = CHANGES[case]
    source = write(tmp_path / "in", lines(3))
    await run(source, tmp_path / "out", wire=StubWire(), router=router(), max_requests=1)
    write(source, change(lines(3)))
    wire = StubWire()
    with pytest.raises(BatchError, match=words):
        await run(source, tmp_path / "out", wire=wire, router=router())
    assert wire.sent == []


async def test_other_options_are_another_batch(tmp_path):
    source = write(tmp_path / "in", ["one", "two"])
    await run(source, tmp_path / "out", wire=StubWire(), router=router(), form=Prompts(), max_requests=1)
    with pytest.raises(BatchError, match=r"other options \(prompts, system, schema\)"):
        await run(source, tmp_path / "out", wire=StubWire(), router=router(), form=Prompts("Be brief."))


async def test_an_input_that_changes_while_the_batch_runs_ends_it(tmp_path):
    padding = "x" * 100_000  # more than is read ahead
    source = write(tmp_path / "in", [line(f"r{number}", padding) for number in range(5)])

    def reply(_):
        write(source, [line(f"r{number}", padding.upper()) for number in range(5)])
        return StubWire().reply(_)

    wire = StubWire(reply)
    summary = await run(source, tmp_path / "out", wire=wire, router=router(), concurrency=1)
    assert (summary.ending, summary.answered, summary.left) == ("halted", 1, 4)
    assert "has changed since the batch began" in summary.error.message
    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    ("source", "output", "words"),
    [
        ("missing", "out", "missing cannot be read: No such file"),
        ("in", "in", "cannot be input and output at once"),
        ("in", "no/such/out", "the folder .*/no/such does not exist: create it"),
        ("in", "folder", "cannot be written"),
    ],
)
async def test_files_that_cannot_be_used_are_named(source, output, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in", lines(1))
    (tmp_path / "folder").mkdir()
    wire = StubWire()
    with pytest.raises(BatchError, match=words):
        await run(source, output, wire=wire, router=router())
    assert wire.sent == []


async def test_a_journal_that_is_none_is_left_alone(tmp_path):
    source = write(tmp_path / "in", lines(1))
    (tmp_path / "j").write_text("my diary, and long enough to be no empty file" * 40)
    with pytest.raises(BatchError, match="is not a journal of a batch"):
        await AsyncBatch(source, tmp_path / "out", BatchOptions(journal=str(tmp_path / "j")), router=router()).run()
    assert (tmp_path / "j").read_text().startswith("my diary")
