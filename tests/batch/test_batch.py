"""Batches in the library: what the output says, what is sent again, when a run stops and when it waits."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import anyio
import pytest

from freerouter import AsyncBatch, Batch, BatchError, BatchOptions, Router, Settings
from freerouter.batch import Ending, Prompts
from freerouter.batch.journal import Journal
from freerouter.emulator import Emulator
from tests.batch.stage import StubWire, Time, line, lines, read, run, standing, timed, write
from tests.stage import CATALOG, KEY, completion, router, striking

pytestmark = pytest.mark.anyio


URL = "http://127.0.0.1:9"


@pytest.fixture
def source(tmp_path):
    return write(tmp_path / "in.jsonl", lines(12))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.jsonl"


def refusal(status: int, message: str = "no", **metadata):
    return status, {"error": {"code": status, "message": message, "metadata": metadata}}


# What the output says.


def test_three_dialects_are_answered_each_in_its_own(tmp_path, out, settings, emulator):
    bodies = {
        "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
        "responses": ("/v1/responses", {"input": "Hi"}),
        "messages": ("/v1/messages", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}),
    }
    rows = [{"custom_id": name, "method": "POST", "url": url, "body": body} for name, (url, body) in bodies.items()]
    summary = Batch(write(tmp_path / "in", rows), out, settings=settings).run()
    assert (summary.ending, summary.answered, summary.failed, summary.left) == (Ending.DONE, 3, 0, 0)
    answers = {row["custom_id"]: row for row in read(out)}
    assert list(answers) == list(bodies)
    assert [row["response"]["body"].get("object", "message") for row in answers.values()] == [
        "chat.completion",
        "response",
        "message",
    ]
    for row, received in zip(answers.values(), sorted(emulator.completions, key=lambda r: r.at), strict=True):
        assert row.keys() == {"id", "custom_id", "response", "error", "freerouter"}
        assert row["id"].startswith("batch_req_")
        assert row["response"].keys() == {"status_code", "request_id", "body"}
        assert (row["response"]["status_code"], row["error"]) == (200, None)
        assert row["response"]["request_id"].startswith("gen-")
        assert row["freerouter"]["model"] == received.model
        assert [attempt["model"] for attempt in row["freerouter"]["attempts"]] == [received.model]
    assert len({row["id"] for row in answers.values()}) == 3


async def test_what_openrouter_answered_stands_in_the_output_as_it_came(tmp_path, out):
    text = '{\n "id": "gen-1",\r\n "choices": [{"message": {"content": "a\\nb\\u2028"}, "finish_reason": "stop"}],'
    body = f'{text}\n "big": 123456789012345678901234567890, "precise": 0.10000000000000001}}\n'.encode()
    await run(write(tmp_path / "in", lines(1)), out, wire=StubWire(lambda _: (200, body)), router=router())
    assert json.loads(out.read_text())["response"]["body"] == json.loads(body)
    assert b'"precise": 0.10000000000000001}' in out.read_bytes()


ERRORS = [
    ({"messages": []}, "invalid_request", 400, "messages must be a list with at least one message"),
    (
        {"messages": [{"role": "user", "content": "x"}], "plugins": [{"id": "web"}]},
        "payment_required",
        400,
        "cost money",
    ),
    ({"messages": [{"role": "user", "content": "x"}], "max_tokens": 10**8}, "not_found", 404, "no free model"),
]


@pytest.mark.parametrize(("body", "code", "status", "words"), ERRORS, ids=[row[1] for row in ERRORS])
async def test_a_request_that_fails_is_a_line_with_its_error_and_the_others_go_on(
    body, code, status, words, tmp_path, out
):
    rows = [line("a"), {"custom_id": "b", "body": body}, line("c")]
    summary = await run(write(tmp_path / "in", rows), out, wire=StubWire(), router=router())
    assert (summary.ending, summary.answered, summary.failed) == (Ending.DONE, 2, 1)
    first, failed, last = read(out)
    assert (first["error"], last["error"], failed["response"]) == (None, None, None)
    assert (failed["error"]["code"], failed["error"]["status_code"]) == (code, status)
    assert words in failed["error"]["message"]
    assert failed["freerouter"] == {"model": None, "attempts": []}


async def test_a_request_that_all_models_fail_tells_of_its_attempts(tmp_path, out):
    wire = StubWire(lambda _: refusal(400, "no", provider_name="Venice"))
    await run(write(tmp_path / "in", lines(1)), out, wire=wire, router=router(max_attempts=3))
    (row,) = read(out)
    assert row["error"]["code"] == "provider_unavailable"
    assert [attempt["model"] for attempt in row["freerouter"]["attempts"]] == [body["model"] for body in wire.sent]
    assert len(wire.sent) == 3


async def test_an_answer_that_does_not_fit_the_schema_is_asked_for_again(tmp_path, out):
    said = iter(["no JSON", '{"n": "one"}', '{"n": 1}'])
    wire = StubWire(lambda _: (200, completion(next(said))))
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    source = write(tmp_path / "in", ["How many?"])
    await run(source, out, wire=wire, router=router(), form=Prompts("Count.", schema))
    (row,) = read(out)
    assert row["response"]["body"]["choices"][0]["message"]["content"] == '{"n": 1}'
    assert [a["reason"] for a in row["freerouter"]["attempts"]] == ["not_accepted", "not_accepted", "answered"]


@pytest.mark.parametrize("sticky", ["auto", "off"])
async def test_requests_of_a_batch_are_one_conversation_by_an_id_only(tmp_path, out, sticky):
    history = [{"role": role, "content": "Hello"} for role in ("user", "assistant")]
    rows = [line(f"t{number}", messages=history) for number in range(40)]
    rows += [line(f"i{number}", messages=history, session_id="s") for number in range(5)]
    wire = StubWire()
    source = write(tmp_path / "in", rows)
    await run(source, out, wire=wire, router=router(sticky=sticky), concurrency=1)
    models = [body["model"] for body in wire.sent]
    assert len(models) == 45
    assert len(set(models[:40])) > 5
    assert (len(set(models[40:])) == 1) is (sticky == "auto")


async def test_the_output_is_in_the_order_of_the_input_or_as_answers_come(tmp_path, source):
    class Slow(StubWire):
        async def open(self, *rest):
            reply = await super().open(*rest)
            if self.contents[-1] == "r1":
                await anyio.sleep(0.05)
            return reply

    names = {}
    for stream in (False, True):
        out = tmp_path / f"{stream}.jsonl"
        await run(source, out, wire=Slow(), router=router(), stream_output=stream)
        names[stream] = [row["custom_id"] for row in read(out)]
    assert names[False] == [f"r{number}" for number in range(12)]
    assert sorted(names[True]) == sorted(names[False])
    assert names[True][-1] == "r1"


async def test_nothing_stands_at_the_outputs_path_before_all_is_answered(source, out):
    await run(source, out, wire=StubWire(), router=router(), max_requests=5)
    assert not out.exists()
    out.symlink_to(out.with_name("elsewhere"))
    await run(source, out.with_name("out.jsonl"), wire=StubWire(), router=router())
    assert out.is_symlink()


async def test_a_device_is_written_to_as_it_is(source):
    summary = await run(source, "/dev/null", wire=StubWire(), router=router(), journal=f"{source}.journal")
    assert summary.ending is Ending.DONE


# Going on.


async def test_a_second_run_goes_on_where_the_first_left_and_a_third_sends_nothing(source, out):
    wires = [StubWire(), StubWire(), StubWire()]
    first = await run(source, out, wire=wires[0], router=router(), max_requests=5)
    assert (first.ending, first.answered, first.left, first.sent) == (Ending.LIMIT, 5, 7, 5)
    second = await run(source, out, wire=wires[1], router=router())
    assert (second.ending, second.answered, second.left, second.sent) == (Ending.DONE, 12, 0, 7)
    out.unlink()
    third = await run(source, out, wire=wires[2], router=router())
    assert (third.ending, third.sent) == (Ending.DONE, 0)
    assert [len(wire.sent) for wire in wires] == [5, 7, 0]
    assert set(wires[0].contents) | set(wires[1].contents) == {f"r{number}" for number in range(12)}
    assert [row["freerouter"].get("resent") for row in read(out)] == [None] * 12


async def test_streamed_output_is_whole_after_half_a_line_was_left(source, out):
    await run(source, out, wire=StubWire(), router=router(), max_requests=5, stream_output=True)
    whole = out.read_bytes()
    assert whole.count(b"\n") == 5
    out.write_bytes(whole[:-40])
    await run(source, out, wire=StubWire(), router=router(), stream_output=True)
    assert out.read_bytes().startswith(whole)
    assert len({row["custom_id"] for row in read(out)}) == len(read(out)) == 12


async def test_each_request_stands_in_the_journal_before_it_is_sent(source, out, tmp_path):
    seen = []

    def reply(body):
        answered, flying = standing(tmp_path / "out.jsonl.journal", tmp_path / "copy")
        seen.append(body["messages"][-1]["content"] in flying - answered)
        return 200, completion()

    await run(source, out, wire=StubWire(reply), router=router())
    assert seen == [True] * 12


async def test_failures_are_sent_again_when_asked_for_and_only_then(source, out):
    bad = StubWire(
        lambda body: refusal(400) if body["messages"][-1]["content"] in ("r1", "r2") else (200, completion())
    )
    assert (await run(source, out, wire=bad, router=router())).failed == 2
    assert (await run(source, out, wire=StubWire(), router=router())).failed == 2
    again = StubWire()
    summary = await run(source, out, wire=again, router=router(), retry_failed=True)
    assert (sorted(again.contents), summary.failed) == (["r1", "r2"], 0)
    assert [row["custom_id"] for row in read(out) if row["error"]] == []


async def test_two_processes_do_not_run_the_same_batch(source, out):
    with Journal(f"{out}.journal"):
        wire = StubWire()
        with pytest.raises(BatchError, match="another process is running this batch"):
            await run(source, out, wire=wire, router=router())
        assert wire.sent == []


@pytest.mark.parametrize("first_run", [{}, {"max_requests": 3}], ids=["finished", "begun"])
@pytest.mark.parametrize(
    ("before", "now"),
    [
        ((URL, None), ("http://127.0.0.1:8", None)),
        ((URL, "an emulated one"), (URL, None)),
        ((URL, None), (URL, "an emulated one")),
    ],
)
async def test_a_journal_of_another_upstream_is_an_error_with_the_remedy(before, now, first_run, source, out):
    await run(source, out, wire=StubWire(), router=timed(Time(), before[0]), upstream=before[1], **first_run)
    written = out.read_bytes() if out.exists() else None
    wire = StubWire()
    with pytest.raises(BatchError) as caught:
        await run(source, out, wire=wire, router=timed(Time(), now[0]), upstream=now[1])
    assert caught.value.message == (
        f"{out}.journal holds a batch that was sent to {before[1] or before[0]}, and this run would send to "
        f"{now[1] or now[0]}: choose another output (-o), or remove {out}.journal to begin anew"
    )
    assert wire.sent == []
    assert (out.read_bytes() if out.exists() else None) == written


async def test_a_named_upstream_may_change_its_url(source, out):
    await run(source, out, wire=StubWire(), router=timed(Time()), upstream="an emulated one", max_requests=3)
    again = timed(Time(), "http://127.0.0.1:8")
    assert (await run(source, out, wire=StubWire(), router=again, upstream="an emulated one")).answered == 12


async def test_a_journal_without_an_upstream_goes_on(source, out):
    await run(source, out, wire=StubWire(), router=timed(Time()), max_requests=3)
    with closing(sqlite3.connect(f"{out}.journal")) as db:
        db.execute("DROP TABLE upstream")
    assert (await run(source, out, wire=StubWire(), router=timed(Time(), "http://127.0.0.1:8"))).answered == 12


async def test_a_cancelled_run_can_be_resumed_and_what_was_under_way_is_marked(source, out):
    class Hanging(StubWire):
        async def open(self, *rest):
            reply = await super().open(*rest)
            if len(self.sent) > 3:
                await anyio.sleep_forever()
            return reply

    wire = Hanging()
    with anyio.move_on_after(0.1):
        await run(source, out, wire=wire, router=router(), concurrency=2)
    hung = set(wire.contents[3:])
    await run(source, out, wire=StubWire(), router=router())
    assert {row["custom_id"] for row in read(out) if row["freerouter"].get("resent")} == hung
    assert len(hung) == 2


async def test_a_stopped_run_lets_what_is_under_way_finish(source, out):
    batch = None

    class Stopping(StubWire):
        async def open(self, *rest):
            reply = await super().open(*rest)
            if len(self.sent) == 4:
                batch.stop()
            await anyio.sleep(0.01)
            return reply

    batch = AsyncBatch(source, out, BatchOptions(concurrency=3), router=router(), wire=Stopping())
    summary = await batch.run()
    assert (summary.ending, summary.answered, summary.left, summary.error) == (Ending.INTERRUPTED, 4, 8, None)


# Stopping.


@pytest.mark.parametrize("status", [401, 402])
async def test_what_no_request_would_survive_ends_the_run_after_one_request(status, source, out):
    wire = StubWire(lambda _: refusal(status))
    summary = await run(source, out, wire=wire, router=router())
    assert (summary.ending, summary.left, summary.failed, summary.error.status) == (Ending.HALTED, 12, 0, status)
    assert len(wire.sent) == 2, "a second model is asked when nothing tells if it is the account's or the model's"
    assert (await run(source, out, wire=StubWire(), router=router())).answered == 12
    assert not any("resent" in row["freerouter"] for row in read(out)), "a refused request was not under way"


async def test_an_outage_of_the_network_keeps_everything_unsent(source, out):
    away = Router(Settings(upstream="http://127.0.0.1:9/api/v1", api_key=KEY), CATALOG)
    summary = await run(source, out, router=away)
    assert (summary.ending, summary.left, summary.failed) == (Ending.UNREACHABLE, 12, 0)
    assert "could not be reached" in summary.error.message


@pytest.mark.parametrize("what", ["answered", "sending", "entries", "kept"])
async def test_a_full_disk_ends_the_run_with_what_is_wrong(what, source, out, monkeypatch):
    def full(*_, **__):
        raise BatchError("the journal cannot be used: database or disk is full")

    monkeypatch.setattr(Journal, what, full)
    wire = StubWire((lambda _: refusal(401)) if what == "kept" else None)
    summary = await run(source, out, wire=wire, router=router(), concurrency=1)
    assert (summary.ending, summary.left) == (Ending.HALTED, 12)
    assert what == "kept" or summary.error.message.endswith("disk is full")


# Pacing.


async def test_no_more_than_twenty_are_sent_in_a_minute_and_none_is_refused(tmp_path, out):
    time = Time()
    wire = StubWire(lambda _: (at.append(time.now), (200, completion()))[1])
    at: list[float] = []
    source = write(tmp_path / "in", lines(70))
    summary = await run(source, out, wire=wire, router=timed(time, "http://127.0.0.1:9"), sleep=time.sleep)
    assert (summary.ending, summary.answered, summary.sent) == (Ending.DONE, 70, 70)
    assert all(later - sooner >= 60 for sooner, later in zip(at, at[20:], strict=False))
    assert at[-1] - at[0] < 4 * 60


async def test_the_minutes_gate_is_waited_for_unless_the_settings_say_otherwise(source, out):
    assert AsyncBatch(source, out, settings=Settings()).router.settings.max_wait == 65
    assert AsyncBatch(source, out, settings=Settings(max_wait=3)).router.settings.max_wait == 3


@pytest.fixture
def time():
    return Time(hour=23)


@pytest.fixture
def small(time):
    """An OpenRouter that answers five requests a day."""
    made = Emulator(seed=1, per_minute=None, per_day=5, clock=time)
    with made.running() as url:
        yield made, url


async def test_when_the_day_is_used_up_the_rest_stays_unsent(source, out, small, time):
    emulator, url = small
    summary = await run(source, out, router=timed(time, url), sleep=time.sleep, concurrency=2)
    assert (summary.ending, summary.answered, summary.failed, summary.left) == (Ending.ALLOWANCE, 5, 0, 7)
    assert datetime.fromtimestamp(summary.until, UTC).isoformat() == "2026-09-02T00:00:01+00:00"
    assert "free requests of today are used up" in summary.error.message
    assert summary.as_dict()["until"] == "2026-09-02T00:00:01+00:00"
    assert len(emulator.completions) <= 7, "those that were under way, and no more"
    assert not out.exists()


async def test_with_wait_it_goes_on_by_itself_after_the_reset(source, out, small, time):
    emulator, url = small
    summary = await run(source, out, router=timed(time, url), sleep=time.sleep, wait=True, concurrency=2)
    assert (summary.ending, summary.answered, summary.failed, summary.until) == (Ending.DONE, 12, 0, None)
    assert time.now >= datetime(2026, 9, 3, tzinfo=UTC).timestamp(), "five, five and two"
    days = [datetime.fromtimestamp(one.at, UTC).day for one in emulator.completions if one.status == 200]
    assert days == [1] * 5 + [2] * 5 + [3] * 2
    assert max(time.slept) <= 60, "a machine may sleep: the clock is looked at again and again"


def test_faults_on_the_way_are_the_routers_business(source, out, settings, emulator):
    emulator.faults = striking("rate_limited", probability=0.3)
    summary = Batch(source, out, settings=settings).run()
    assert (summary.ending, summary.answered) == (Ending.DONE, 12)
    assert summary.sent == len(emulator.completions) > 12
    assert sum(len(row["freerouter"]["attempts"]) for row in read(out)) == summary.sent
