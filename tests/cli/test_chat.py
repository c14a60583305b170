"""freerouter chat as a program would run it: piped, with all that goes along with a question."""

import base64
import json
import re

import pytest

from freerouter.emulator import Fault, Faults
from tests.stage import KEY, PLAIN, striking

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
WAV = b"RIFF\x00\x00\x00\x00WAVEfmt "
PDF = b"%PDF-1.7\n..."
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture(autouse=True)
def openrouter(monkeypatch, upstream):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)


def body_of(emulator, number=-1):
    return emulator.completions[number].json


def test_the_answer_is_on_standard_output_and_who_gave_it_on_standard_error(cli, emulator):
    status, out, err = cli("chat", "Hello **there**")
    assert status == 0
    assert out.endswith("emulated.\n")
    assert out.count("\n") == 1
    assert '"Hello **there**"' in out, "no Markdown for a program"
    assert err.count("\n") == 1
    assert re.fullmatch(rf"{emulator.completions[0].model} in \d+\.\d s\n", err)
    assert "\x1b" not in out + err
    assert body_of(emulator)["messages"] == [{"role": "user", "content": "Hello **there**"}]
    assert body_of(emulator)["stream"] is True


@pytest.mark.parametrize("arguments", [["--no-stream"], ["--json"]])
def test_a_whole_answer_is_not_streamed(cli, emulator, arguments):
    status, out, _ = cli("chat", "Hello", *arguments)
    assert status == 0
    assert "emulated." in out
    assert "stream" not in body_of(emulator)


@pytest.mark.parametrize(
    ("arguments", "stdin", "asked"),
    [
        (["Why?"], b"", "Why?"),
        ([], b"Why?\n", "Why?"),
        (["Write a commit message"], b"diff --git\n+x\n", "diff --git\n+x\n\nWrite a commit message"),
        (["Why?"], "\ufeffé 🙂".encode(), "é 🙂\n\nWhy?"),
    ],
)
def test_standard_input_goes_before_the_prompt(cli, emulator, arguments, stdin, asked):
    assert cli("chat", *arguments, stdin=stdin)[0] == 0
    assert body_of(emulator)["messages"][0]["content"] == asked


def test_options_become_parameters(cli, emulator):
    assert cli("chat", "Hi", "--system", "Be brief", "--model", PLAIN, "--seed", "7")[0] == 0
    body = body_of(emulator)
    assert body["messages"][0] == {"role": "system", "content": "Be brief"}
    assert (body["model"], body["seed"]) == (PLAIN, 7)


def test_a_seed_repeats_the_draw(cli, emulator):
    for _ in range(4):
        cli("chat", "Hi", "--seed", "7")
    assert len({sent.model for sent in emulator.completions}) == 1


def test_needs_narrow_the_draw(cli, emulator):
    assert cli("chat", "Hi", "--needs", "image, tools structured_outputs")[0] == 0
    assert emulator.completions[0].model == "nex-agi/nex-n2-pro:free"


def test_pictures_recordings_and_files_go_along(cli, emulator, tmp_path):
    for name, data in {"a.png": PNG, "a.wav": WAV, "a.py": b"x = 1\n", "a.pdf": PDF}.items():
        (tmp_path / name).write_bytes(data)
    link = "https://example.org/b.png"
    given = ["--image", tmp_path / "a.png", "--image", link, "--file", tmp_path / "a.py", "--file", tmp_path / "a.pdf"]
    status, out, err = cli("chat", "What is this?", *given)
    assert (status, err.count("\n")) == (0, 1)
    assert "I received an image (image/png, " in out
    *parts, question = body_of(emulator)["messages"][0]["content"]
    assert question == {"type": "text", "text": "What is this?"}
    assert [part["type"] for part in parts] == ["image_url", "image_url", "text", "file"]
    assert parts[0]["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert parts[1]["image_url"]["url"] == link
    assert parts[2]["text"] == "a.py:\n\nx = 1\n"
    assert parts[3]["file"]["filename"] == "a.pdf"
    assert not emulator.bill

    assert cli("chat", "What is said?", "--audio", tmp_path / "a.wav")[0] == 0
    recording = body_of(emulator)["messages"][0]["content"][0]
    assert recording == {
        "type": "input_audio",
        "input_audio": {"data": base64.b64encode(WAV).decode(), "format": "wav"},
    }


KINDS = [
    ("image", b"\xff\xd8\xff\xe0", "image/jpeg"),
    ("image", b"GIF89a", "image/gif"),
    ("image", b"RIFF....WEBPVP8 ", "image/webp"),
    ("audio", b"ID3\x04", "mp3"),
    ("audio", b"\xff\xfb\x90", "mp3"),
    ("audio", b"fLaC", "flac"),
    ("audio", b"OggS", "ogg"),
    ("audio", b"\x00\x00\x00\x20ftypM4A ", "m4a"),
]


@pytest.mark.parametrize(("option", "data", "kind"), KINDS, ids=[kind for _, _, kind in KINDS])
def test_a_file_is_what_its_first_bytes_say(cli, emulator, tmp_path, option, data, kind):
    (tmp_path / "misnamed.txt").write_bytes(data)
    assert cli("chat", "Hi", f"--{option}", tmp_path / "misnamed.txt")[0] == 0
    assert kind in json.dumps(body_of(emulator)["messages"][0]["content"][0])


@pytest.mark.parametrize(
    ("option", "data", "words"),
    [
        ("image", WAV, "is not a PNG, JPEG, GIF or WebP"),
        ("image", b"<svg/>", "is not a PNG"),
        ("image", b"", "is empty"),
        ("image", None, "cannot be read: No such file"),
        ("audio", PNG, "is not a WAV, MP3"),
        ("file", b"\xff\xfe\x00\x01", "is neither a PDF nor text"),
        ("file", b"a\0b", "is neither a PDF nor text"),
    ],
)
def test_what_cannot_go_along_is_named(cli, emulator, tmp_path, option, data, words):
    if data is not None:
        (tmp_path / "given").write_bytes(data)
    status, out, err = cli("chat", "Hi", f"--{option}", tmp_path / "given")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"freerouter: --{option} {tmp_path / 'given'}: {words}")
    assert not emulator.completions


# A schema.


def test_an_answer_fits_the_schema(cli, emulator, tmp_path):
    (tmp_path / "a city.json").write_text(json.dumps(SCHEMA))
    status, out, _ = cli("chat", "Name a city", "--schema", tmp_path / "a city.json")
    assert status == 0
    assert isinstance(json.loads(out)["city"], str)
    form = body_of(emulator)["response_format"]
    assert form == {"type": "json_schema", "json_schema": {"name": "a_city", "strict": True, "schema": SCHEMA}}


def test_an_answer_that_does_not_fit_is_not_shown(cli, emulator, tmp_path):
    (tmp_path / "s.json").write_text('{"type": "string", "pattern": "^nobody says this$"}')
    status, out, err = cli("chat", "Hi", "--schema", tmp_path / "s.json")
    assert (status, out) == (1, "")
    assert err.count("not_accepted") >= 5
    assert len({sent.model for sent in emulator.completions}) == 5


# How it came about.


def test_failed_attempts_are_told(cli, emulator):
    emulator.faults = Faults([Fault("rate_limited", count=1), Fault("stream_error_first", count=1)])
    status, out, err = cli("chat", "Hi")
    assert (status, out.count("\n")) == (0, 1)
    first, second, third = (sent.model for sent in emulator.completions)
    lines = err.splitlines()
    assert lines[0].startswith(f"{first}: 429 rate_limited_upstream after ")
    assert lines[1].startswith(f"{second}: 502 unavailable ")
    assert lines[2].startswith(f"{third} in ")


def test_a_trace_tells_the_whole_story(cli):
    _, out, err = cli("chat", "Hi", "--trace", "--seed", "1")
    assert "emulated." in out
    assert "15 of 18" not in err
    assert "18 of 18 free models eligible for text (messages)" in err
    assert ": 200 answered after" in err
    assert "tokens in" in err


def test_json_is_for_machines(cli, emulator):
    emulator.faults = striking("rate_limited", count=1)
    status, out, _ = cli("chat", "Hi", "--json")
    shown = json.loads(out)
    assert status == 0
    assert shown.keys() == {"text", "model", "finish_reason", "usage", "seconds", "trace"}
    assert shown["model"] == emulator.completions[1].model
    assert shown["finish_reason"] == "stop"
    assert [attempt["reason"] for attempt in shown["trace"]["attempts"]] == ["rate_limited_upstream", "answered"]
    assert KEY not in out


def test_what_is_cut_off_is_said_to_be(cli, emulator):
    emulator.faults = striking("stream_error_midway")
    status, out, err = cli("chat", "Hi", "--model", "qwen/qwen3-coder:free")  # it does not reason
    assert status == 1
    assert out.endswith("\n"), "what had come is there"
    assert out.strip()
    assert err.splitlines()[-1].startswith("freerouter: ")
    assert "Traceback" not in err


@pytest.mark.parametrize("kind", ["daily_limit", "unauthorized", "payment_required", "never_answers"])
def test_an_error_is_the_last_line_and_status_1(cli, emulator, monkeypatch, kind):
    monkeypatch.setenv("FREEROUTER_DEADLINE", "0.3")
    emulator.faults = striking(kind)
    status, out, err = cli("chat", "Hi")
    assert (status, out) == (1, "")
    assert err.splitlines()[-1].startswith("freerouter: ")
    assert err.count("freerouter: ") == 1
    assert KEY not in err


# Without a key.


def test_without_a_key_it_is_said_how_to_get_one(cli, emulator, monkeypatch):
    monkeypatch.delenv("OPENROUTER_API_KEY")
    status, out, err = cli("chat", "Hi")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "https://openrouter.ai/keys" in err
    assert "freerouter chat --emulate" in err
    assert not emulator.requests


def test_it_can_be_tried_without(cli, emulator, monkeypatch):
    monkeypatch.delenv("OPENROUTER_API_KEY")
    status, out, _ = cli("chat", "Hi", "--emulate")
    assert status == 0
    assert "emulated." in out
    assert not emulator.requests, "it is an OpenRouter of its own"


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        ([], b"", "there is nothing to ask"),
        (["--json", "-i", "Hi"], b"", "leave out --interactive"),
        (["Hi"], b"\xff\xfe", "standard input is not UTF-8 text"),
        (["Hi", "--schema", "/no/such"], b"", "--schema /no/such cannot be read"),
        (["Hi", "--schema", __file__], b"", "is not valid JSON"),
        (["Hi", "--seed", "x"], b"", "seed"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(cli, emulator, arguments, stdin, words):
    status, out, err = cli("chat", *arguments, stdin=stdin)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert not emulator.completions


# A conversation whose lines come from a program.


def test_a_conversation_has_a_history_and_stays_on_its_model(cli, emulator):
    status, out, err = cli("chat", "-i", "--system", "Be brief", stdin=b"One\n\nTwo\n/quit\nThree\n")
    assert status == 0
    assert out.count("emulated.") == 2
    assert "> " not in out, "no prompt for a program"
    first, second = emulator.completions
    assert first.model == second.model
    assert first.json["session_id"] == second.json["session_id"]
    assert [message["role"] for message in second.json["messages"]] == ["system", "user", "assistant", "user"]
    assert second.json["messages"][2]["content"] in out
    assert err.count(f"{first.model} in ") == 2


def test_new_forgets_and_a_failed_question_is_forgotten(cli, emulator):
    emulator.faults = Faults([Fault("invalid_request", count=1)])
    cli("chat", "-i", stdin=b"One\nTwo\n/new\nThree\n")
    histories = [[m["content"] for m in sent.json["messages"]] for sent in emulator.completions]
    assert histories == [["One"], ["Two"], ["Three"]]
    sessions = [sent.json["session_id"] for sent in emulator.completions]
    assert sessions[0] == sessions[1] != sessions[2]


def test_the_model_can_be_chosen_and_drawn_again(cli, emulator):
    lines = (
        f"/model\nOne\n/model\n/model {PLAIN}\nTwo\n/model nobody/nothing\n/model openai/gpt-5.4-mini\n/model free\n"
    )
    _, _, err = cli("chat", "-i", stdin=f"{lines}Three\n".encode())
    first, second, third = emulator.completions
    assert second.model == PLAIN
    assert len(third.json["messages"]) == 5, "the history stays"
    assert first.json["session_id"] != third.json["session_id"]
    told = err.splitlines()
    assert told[1] == "drawn with the next question"
    assert told[3] == first.model
    assert told[4] == PLAIN
    for name in ("nobody/nothing", "openai/gpt-5.4-mini"):
        assert any(line.startswith(f"freerouter: model '{name}' could cost money") for line in told)


def test_a_conversation_can_be_saved_as_a_request(cli, emulator, tmp_path):
    saved = tmp_path / "talk.json"
    lines = f"One\n/save {saved}\nTwo\n/save {saved}\n/save\n/save {tmp_path}\n"
    _, _, err = cli("chat", "-i", stdin=lines.encode())
    body = json.loads(saved.read_text())
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user", "assistant"]
    assert f"4 messages in {saved}" in err
    assert "freerouter: /save needs the name of a file" in err
    assert "exists already" in err
    assert cli("explain", saved)[0] == 0


def test_a_conversation_explains_itself(cli, emulator):
    emulator.faults = striking("rate_limited", count=1)
    _, out, err = cli("chat", "-i", stdin=b"One\n/explain\n")
    failed, answered = (sent.model for sent in emulator.completions)
    assert f"{failed}: 429 rate_limited" in err
    assert f"100.0%  {answered}" in out
    assert "failed lately: cooling down for" in out


def test_slashes(cli, emulator):
    _, out, err = cli("chat", "-i", stdin=b"/help\n/nonsense\n//etc is a folder\nTwo\\\nlines\n")
    assert "/save FILE" in out
    assert "freerouter: unknown command /nonsense" in err
    assert [sent.json["messages"][-1]["content"] for sent in emulator.completions] == ["/etc is a folder", "Two\nlines"]


def test_a_picture_goes_along_with_the_first_question_only(cli, emulator, tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    cli("chat", "-i", "--image", tmp_path / "a.png", stdin=b"One\nTwo\n")
    contents = [message["content"] for message in body_of(emulator)["messages"]]
    assert isinstance(contents[0], list)
    assert contents[2] == "Two"


def test_a_conversation_takes_the_names_that_the_option_takes(cli, emulator):
    lines = "/model free:coding\nOne\n/model free:codng\n/model free:tols\nTwo\n"
    _, _, err = cli("chat", "-i", stdin=lines.encode())
    told = err.splitlines()
    assert told[1] == "free:coding"
    assert len(emulator.completions) == 2, "what is refused changes nothing"
    for misspelt, meant in (("codng", "coding"), ("tols", "tools")):
        assert any(repr(misspelt) in line and f"did you mean {meant}?" in line for line in told), told


@pytest.mark.parametrize("name", ["free:codng", "nobody/nothing"])
def test_a_conversation_refuses_a_name_in_the_words_of_the_option(cli, name):
    _, _, by_option = cli("chat", "--model", name, "Hi")
    _, _, by_command = cli("chat", "-i", stdin=f"/model {name}\n".encode())
    assert by_option.strip().splitlines()[-1] in by_command.splitlines()
