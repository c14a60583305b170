"""freerouter batch as a person runs it: what it says, piped and on a terminal, how it ends, and how it is stopped."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress

import anyio
import pytest

from freerouter import AsyncBatch, Settings
from freerouter.cli.progress import Progress, duration
from freerouter.emulator import Emulator
from freerouter.memory.costs import ACCOUNT
from freerouter.network.alarm_file import AlarmFile
from tests.batch.stage import line, lines, read, write
from tests.stage import striking, until


@pytest.fixture
def home(tmp_path, monkeypatch, upstream):
    """A folder with an input, and the emulator for an upstream."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-test")
    monkeypatch.setenv("FREEROUTER_REQUESTS_PER_MINUTE", "100000")
    write(tmp_path / "in.jsonl", lines(3))
    return tmp_path


def test_all_answered_is_status_0(home, command):
    status, out, err = command("in.jsonl", "-o", "out.jsonl")
    assert (status, out) == (0, "")
    assert re.fullmatch(r"freerouter: 3 of 3 answered, 0 failed, 0 left; 3 sent in \d+ s\n", err)
    assert [row["custom_id"] for row in read(home / "out.jsonl")] == ["r0", "r1", "r2"]


def test_some_failed_is_status_1_with_the_way_to_send_them_again(home, command):
    write(home / "in.jsonl", [line("a"), {"custom_id": "b", "body": {"messages": []}}])
    status, _, err = command("in.jsonl", "-o", "out.jsonl")
    assert status == 1
    assert "1 of 2 answered, 1 failed" in err
    assert "--retry-failed" in err


def test_the_day_used_up_is_status_75_with_the_time_and_the_command_to_go_on(home, command, emulator):
    emulator.faults = striking("daily_limit")
    status, _, err = command("in.jsonl", "-o", "out dir.jsonl", "--concurrency", "2")
    assert status == 75
    assert "free requests of today are used up" in err
    again = r"to go on after \d{4}-\d\d-\d\d 00:00 UTC \(\d\d:\d\d here\): "
    assert re.search(again + r"freerouter batch in.jsonl -o 'out dir.jsonl' --concurrency 2\n$", err)


def test_emulated_answers_are_not_taken_for_real_ones(home, command, emulator):
    assert command("in.jsonl", "-o", "out.jsonl", "--emulate", "--max-requests", "1")[0] == 75
    assert command("in.jsonl", "-o", "out.jsonl", "--emulate")[0] == 0
    written = (home / "out.jsonl").read_bytes()
    status, _, err = command("in.jsonl", "-o", "out.jsonl")
    assert status == 1
    assert "out.jsonl.journal holds a batch that was sent to an emulated OpenRouter" in err
    assert err.count("\n") == 1
    assert (home / "out.jsonl").read_bytes() == written


def test_a_limit_of_requests_is_status_75_too(home, command):
    status, _, err = command("in.jsonl", "-o", "out.jsonl", "--max-requests", "2")
    assert status == 75
    assert "2 of 3 answered" in err
    assert "to go on: freerouter batch in.jsonl -o out.jsonl --max-requests 2\n" in err
    assert command("in.jsonl", "-o", "out.jsonl")[0] == 0


def test_a_wrong_key_is_status_1_after_one_request(home, command, emulator):
    emulator.faults = striking("unauthorized")
    status, _, err = command("in.jsonl", "-o", "out.jsonl")
    assert status == 1
    assert "check OPENROUTER_API_KEY" in err
    assert len(emulator.completions) == 1


def test_without_a_key_it_says_how_to_get_one(home, command, monkeypatch):
    monkeypatch.delenv("OPENROUTER_API_KEY")
    status, _, err = command("in.jsonl", "-o", "out.jsonl")
    assert status == 1
    assert "https://openrouter.ai/keys" in err
    assert "--emulate" in err


def test_a_broken_line_is_one_line_on_standard_error(home, command, emulator):
    write(home / "in.jsonl", [line("a"), line("b", stream=True)])
    status, out, err = command("in.jsonl", "-o", "out.jsonl")
    assert (status, out) == (1, "")
    assert (
        err
        == "freerouter: line 2 of in.jsonl cannot be sent: body.stream must be left out: a batch keeps whole answers\n"
    )
    assert emulator.completions == []


@pytest.mark.parametrize("option", [["--system", "x"], ["--schema", "in.jsonl"]])
def test_options_for_prompts_are_wrong_use_without_prompts(option, home, command):
    status, _, err = command("in.jsonl", *option)
    assert status == 2
    assert "--prompts" in err


def test_prompts_with_a_system_message_and_a_schema(home, command, emulator):
    (home / "p.txt").write_text("One\nTwo\n")
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    (home / "schema.json").write_text(json.dumps(schema))
    status, _, err = command("p.txt", "--prompts", "--system", "Count.", "--schema", "schema.json", "-o", "out.jsonl")
    assert status == 0, err
    for row in read(home / "out.jsonl"):
        assert isinstance(json.loads(row["response"]["body"]["choices"][0]["message"]["content"])["n"], int)
    assert {received.json["messages"][0]["content"] for received in emulator.completions} == {"Count."}


@pytest.mark.parametrize(("content", "expected"), [("{", 2), ("[]", 2), ('{"type": "nonsense"}', 1)])
def test_a_schema_that_is_none_is_one_line(content, expected, home, command):
    (home / "schema.json").write_text(content)
    status, _, err = command("in.jsonl", "--prompts", "--schema", "schema.json")
    assert (status, err.count("\n")) == (expected, 1)
    assert "schema" in err


def test_a_sum_for_machines(home, command):
    status, out, err = command("in.jsonl", "-o", "out.jsonl", "--json")
    summary = json.loads(out)
    assert (status, err) == (0, "")
    assert summary | {"seconds": 0, "models": {}} == {
        "ending": "done",
        "total": 3,
        "answered": 3,
        "failed": 0,
        "left": 0,
        "sent": 3,
        "seconds": 0,
        "models": {},
        "until": None,
        "error": None,
    }
    assert sum(summary["models"].values()) == 3


def test_a_dry_run_sends_nothing_and_leaves_nothing(home, command, emulator):
    write(home / "in.jsonl", [line("a"), line("b", max_tokens=10**8), line("c", tools=[{"type": "function"}])])
    status, out, _ = command("in.jsonl", "-o", "out.jsonl", "--dry-run")
    rows = out.splitlines()
    assert status == 0
    assert re.match(r" +1 +\d+ eligible  a$", rows[0])
    assert re.match(r" +2 +0 eligible  b  no free model can serve", rows[1])
    assert rows[-1] == "2 to send, at least 1 day with 50 requests a day"
    assert emulator.completions == []
    assert sorted(path.name for path in home.iterdir() if path.is_file()) == ["in.jsonl"]


@pytest.mark.parametrize("arguments", [["--dry-run"], ["-o", "out.jsonl"]], ids=["dry run", "run"])
def test_an_account_that_is_stopped_for_its_costs_is_status_1_and_nothing_is_sent(arguments, home, command, emulator):
    AlarmFile(Settings()).add(ACCOUNT, 0.02)
    status, out, err = command("in.jsonl", *arguments)
    assert (status, out, emulator.completions) == (1, "", [])
    assert "freerouter alarms --clear" in err


def test_a_dry_run_counts_the_days_with_the_accounts_allowance(home, command, monkeypatch):
    write(home / "in.jsonl", lines(25))
    with Emulator(per_day=10).running() as url:
        monkeypatch.setenv("FREEROUTER_UPSTREAM", url)
        forecast = json.loads(command("in.jsonl", "--dry-run", "--json")[1])
    assert (forecast["sendable"], forecast["days"]) == (25, 3)
    assert forecast["allowance"] == {"left": 10, "daily": 10}
    assert [row["eligible"] > 0 for row in forecast["requests"]] == [True] * 25


# In a process of its own.


def started(*arguments, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "freerouter", "batch", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, **{"stdin": pipe, "stdout": pipe, "stderr": pipe, **options})


def test_standard_input_and_output(home):
    with started("-", "--prompts", "-o", "-") as process:
        out, err = process.communicate(b"One\nTwo\n", timeout=30)
    assert process.returncode == 0, err
    assert [json.loads(text)["custom_id"] for text in out.splitlines()] == ["prompt-1", "prompt-2"]
    assert list((home / "cache").glob("batch-*")) == [], "what was handed over needs no journal"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_and_says_how_to_go_on(number, home, emulator):
    write(home / "in.jsonl", lines(500))
    with started("in.jsonl", "-o", "out.jsonl") as process:
        until(lambda: len(emulator.completions) > 10, 20)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    said = err.decode()
    assert process.returncode == 128 + number
    assert said.endswith("freerouter: to go on: freerouter batch in.jsonl -o out.jsonl\n")
    assert "Traceback" not in said
    answered = int(re.search(r"(\d+) of 500 answered", said)[1])
    assert answered == len(emulator.completions), "what was under way came in"


def test_a_pipe_is_written_to_as_it_is(home):
    with started("in.jsonl", "-o", "/dev/stdout", "--journal", "journal") as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out.count(b"\n")) == (0, 3), err


def test_a_second_process_is_told_that_one_is_running(home, command, emulator):
    emulator.faults = striking("never_answers")
    with started("in.jsonl", "-o", "out.jsonl") as process:
        until(lambda: len(emulator.completions) == 1, 20)
        status, _, err = command("in.jsonl", "-o", "out.jsonl")
        process.kill()
    assert status == 1
    assert err.startswith("freerouter: another process is running this batch: ")
    assert len(emulator.completions) == 1


def test_a_second_signal_ends_it_at_once(home, emulator):
    emulator.faults = striking("never_answers")
    with started("in.jsonl", "-o", "out.jsonl") as process:
        until(lambda: len(emulator.completions) == 1, 20)
        process.send_signal(signal.SIGINT)
        assert b"again stops at once" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=8)
    assert (process.returncode, err) == (130, b"freerouter: to go on: freerouter batch in.jsonl -o out.jsonl\n")


def on_a_terminal(columns: int, *arguments) -> tuple[int, str]:
    """Run it with standard error on a terminal; its status, and what was shown there."""
    ours, theirs = pty.openpty()
    env = os.environ | {"COLUMNS": str(columns), "TERM": "xterm-256color"}
    shown = b""
    with started(*arguments, stderr=theirs, env=env) as process:
        os.close(theirs)
        due = time.monotonic() + 30
        while time.monotonic() < due and (process.poll() is None or select.select([ours], [], [], 0)[0]):
            if select.select([ours], [], [], 0.05)[0]:
                with suppress(OSError):  # the other side is closed
                    shown += os.read(ours, 65536)
                    continue
                break
        os.close(ours)
        process.communicate(timeout=10)
    return process.returncode, shown.decode()


@pytest.mark.parametrize("columns", [80, 40])
def test_on_a_terminal_it_draws_how_far_it_is(columns, home):
    write(home / "in.jsonl", lines(150))
    status, shown = on_a_terminal(columns, "in.jsonl", "-o", "out.jsonl")
    assert status == 0
    pictures = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown).replace("\r", "\n")
    assert "━" in pictures
    assert re.search(r"\d+ of 150 done, 0 failed", pictures)
    assert "models: " in pictures
    assert "a minute" in pictures
    before_the_end = pictures[: pictures.index("freerouter: 150 of 150 answered")]
    assert max(map(len, before_the_end.splitlines())) <= columns


def test_piped_it_says_a_plain_line_now_and_then(home, monkeypatch, capsys):
    batch = AsyncBatch("in.jsonl", "out.jsonl")
    batch.tally.begin(1000, 12, 1)
    batch.tally.running, batch.tally.gated, batch.tally.until = 3, 2, time.time() + 7200
    batch.tally.models.update(["b:free", "a:free", "a:free", "c:free", "d:free"])

    async def watch():
        with anyio.move_on_after(0.1):
            await Progress(batch, every=0.04).show()

    anyio.run(watch)
    said = capsys.readouterr().err.splitlines()
    assert 1 <= len(said) <= 3
    assert "\x1b" not in said[0]
    assert said[0].startswith(
        "freerouter: 12 of 1,000 done, 1 failed, 984 waiting, 3 under way (2 at the minute's limit); nothing is"
    )
    assert "models: a 2, b 1, c 1, 1 more" in said[0]
    assert re.search(r"about \d+ d left", said[0])


OUTAGES = {
    "5xx": "5xx",
    "page 502": "a web page, status 502",
    "connection_broken": "connection broken",
}


@pytest.mark.parametrize(("reason", "words"), OUTAGES.items(), ids=OUTAGES)
def test_an_outage_is_shown_with_its_reason_and_when_the_next_try_is(reason, words, home):
    batch = AsyncBatch("in.jsonl", "out.jsonl")
    batch.tally.gated = 3
    batch.tally.hold(time.time() + 12.4, reason)
    batch.tally.hold(time.time() + 5, "")
    counts, down, *_ = Progress(batch).sentences()
    assert down == f"OpenRouter is down ({words}): trying again in 12 s"
    assert "minute's limit" not in counts


def test_durations_in_words():
    assert [duration(s) for s in (5, 89, 90, 3600 * 1.5, 86_400 * 2)] == ["5 s", "89 s", "2 min", "2 h", "2 d"]
