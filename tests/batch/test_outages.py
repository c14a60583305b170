"""Batches while something is down: OpenRouter, a page in its stead, one model of many, or all models' rate limits."""

from datetime import UTC, datetime

import anyio.lowlevel
import pytest

from freerouter import AsyncBatch, BatchOptions, Catalog, Router, Settings
from freerouter.batch import Ending
from freerouter.cli.progress import Progress
from freerouter.emulator import Emulator
from freerouter.emulator.faults.relayed import RELAYED
from freerouter.memory.costs import ACCOUNT
from freerouter.network.alarm_file import AlarmFile
from tests.batch.stage import StubWire, Time, lines, read, run, timed, write
from tests.stage import CATALOG, KEY, completion, striking

pytestmark = pytest.mark.anyio

PAGE = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>"
DOWN = {
    "502": (502, {"error": {"code": 502, "message": "Bad Gateway"}}),
    "a page with a 502": (502, PAGE, [("content-type", "text/html")]),
    "a page with a 503": (503, PAGE, [("content-type", "text/html")]),
    "a page with a 403": (403, PAGE, [("content-type", "text/html")]),
}


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def source(tmp_path):
    return write(tmp_path / "in.jsonl", lines(40))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.jsonl"


class Failing(StubWire):
    """Answers so for a while, from a time on, and well before and after it."""

    def __init__(self, time: Time, answer: tuple, seconds: float, after: float = 0.0) -> None:
        super().__init__(self._reply)
        self.time, self.answer, self.wasted = time, answer, 0
        self.begins = time.now + after
        self.ends = self.begins + seconds

    async def open(self, *rest):
        await anyio.lowlevel.checkpoint()  # so that several are on their way at the same time
        return await super().open(*rest)

    def _reply(self, _body):
        if not self.begins <= self.time.now < self.ends:
            return 200, completion()
        self.wasted += 1
        return self.answer


@pytest.mark.parametrize("after", [0.0, 60.0], ids=["at once", "later"])
@pytest.mark.parametrize("down", DOWN.values(), ids=DOWN)
async def test_an_outage_of_half_a_minute_is_waited_for(down, after, source, out, time):
    wire = Failing(time, down, 30, after)
    summary = await run(source, out, wire=wire, router=timed(time), sleep=time.sleep)
    assert (summary.ending, summary.answered, summary.failed) == (Ending.DONE, 40, 0)
    assert 0 < wire.wasted <= 25
    assert [row["custom_id"] for row in read(out)] == [f"r{number}" for number in range(40)]


@pytest.mark.parametrize("down", DOWN.values(), ids=DOWN)
async def test_an_outage_that_does_not_end_ends_the_run_after_a_quarter_of_an_hour(down, source, out, time):
    began = time.now
    wire = Failing(time, down, 10**6)
    summary = await run(source, out, wire=wire, router=timed(time), sleep=time.sleep)
    assert (summary.ending, summary.left, summary.failed) == (Ending.UNREACHABLE, 40, 0)
    assert 15 * 60 <= time.now - began <= 18 * 60
    assert wire.wasted <= 60
    assert summary.until is not None
    again = await run(source, out, wire=StubWire(), router=timed(time), sleep=time.sleep)
    assert (again.ending, again.answered) == (Ending.DONE, 40)
    assert not any("resent" in row["freerouter"] for row in read(out))


async def test_with_wait_an_outage_of_hours_is_waited_for(source, out, time):
    wire = Failing(time, DOWN["502"], 3 * 3600)
    summary = await run(source, out, wire=wire, router=timed(time), sleep=time.sleep, wait=True)
    assert (summary.ending, summary.answered) == (Ending.DONE, 40)


async def test_while_it_waits_it_says_why(source, out, time, monkeypatch):
    said = []
    batch = None

    async def sleep(seconds):
        said.extend(Progress(batch).sentences())
        await time.sleep(seconds)

    monkeypatch.setattr("time.time", time)
    wire = Failing(time, DOWN["502"], 30)
    batch = AsyncBatch(source, out, BatchOptions(), router=timed(time), wire=wire, sleep=sleep)
    assert (await batch.run()).ending is Ending.DONE
    down = [sentence for sentence in said if sentence.startswith("OpenRouter is down (5xx): trying again in ")]
    assert down
    assert any("at the minute's limit" in sentence for sentence in said), "after the outage, by its own name"


# One model of many.

TODAY = datetime.fromtimestamp(Time().now, UTC).date()
TWELVE = Catalog.of(model for model in CATALOG.free(TODAY) if model.context and model.context > 8_000)
TWELVE = Catalog.of(TWELVE.models[:12])
BAD = TWELVE.models[5].id


def one_bad(status: int, error: dict):
    return lambda body: (status, {"error": error}) if body["model"] == BAD else (200, completion())


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 410, 413, 422, 429, 500, 502, 503])
@pytest.mark.parametrize("voice", ["provider", "unknown"])
async def test_with_one_bad_model_of_twelve_all_lines_are_answered(voice, status, source, out, time):
    metadata = {"metadata": {"provider_name": "Chutes", "is_byok": False, "raw": "no"}} if voice == "provider" else {}
    wire = StubWire(one_bad(status, {"code": status, "message": "Provider returned error", **metadata}))
    summary = await run(source, out, wire=wire, router=timed(time, catalog=TWELVE), sleep=time.sleep)
    assert len(TWELVE.models) == 12
    assert BAD in {body["model"] for body in wire.sent}
    assert (summary.ending, summary.answered, summary.failed) == (Ending.DONE, 40, 0)
    assert summary.sent <= 60


@pytest.mark.parametrize("kind", [kind for kind in RELAYED if not kind.startswith("stream_")])
async def test_whatever_one_provider_of_twelve_says_all_lines_are_answered(kind, tmp_path, out):
    emulator = Emulator(seed=1, per_minute=None, per_day=None)
    emulator.faults = striking(kind, models=BAD)
    source = write(tmp_path / "in", lines(30))
    with emulator.running() as url:
        router = Router(Settings(upstream=url, api_key=KEY, seed=1, requests_per_minute=10**6), TWELVE)
        summary = await run(source, out, router=router)
    assert BAD in {received.model for received in emulator.completions}
    assert (summary.ending, summary.answered, summary.failed) == (Ending.DONE, 30, 0)


async def test_a_line_that_every_model_refuses_is_no_outage(source, out, time):
    refused = (400, {"error": {"code": 400, "message": "no"}})
    wire = StubWire(lambda body: refused if body["messages"][-1]["content"] == "r1" else (200, completion()))
    router = timed(time)
    summary = await run(source, out, wire=wire, router=router, sleep=time.sleep)
    assert (summary.ending, summary.answered, summary.failed) == (Ending.DONE, 39, 1)
    assert (summary.sent, router.endpoint.outage.reason) == (41, "")


# Models that fail for reasons of their own.

LIMITED = (
    429,
    {"error": {"code": 429, "message": "a:free is temporarily rate-limited upstream. Please retry shortly"}},
)


async def test_a_request_that_all_models_are_too_busy_for_is_tried_again_later(source, out, time):
    wire = Failing(time, LIMITED, 20)
    summary = await run(source, out, wire=wire, router=timed(time, max_attempts=2), sleep=time.sleep, max_requests=3)
    assert (summary.ending, summary.answered, summary.failed) == (Ending.LIMIT, 3, 0)
    assert wire.wasted > 0


async def test_it_is_tried_twice_and_no_more(tmp_path, out, time):
    wire = StubWire(lambda _: LIMITED)
    source = write(tmp_path / "in", lines(3))
    summary = await run(source, out, wire=wire, router=timed(time, max_attempts=2), sleep=time.sleep)
    assert (summary.ending, summary.failed, summary.sent) == (Ending.DONE, 3, 3 * 2 * 2)
    assert [row["error"]["code"] for row in read(out)] == ["provider_unavailable"] * 3


async def test_the_others_go_on_while_one_waits_for_its_second_try(tmp_path, out, time):
    wire = StubWire(lambda body: LIMITED if wire.contents.count("r0") <= 2 and is_first(body) else (200, completion()))

    def is_first(body):
        return body["messages"][-1]["content"] == "r0"

    source = write(tmp_path / "in", lines(5))
    summary = await run(
        source, out, wire=wire, router=timed(time, max_attempts=2), sleep=time.sleep, stream_output=True, concurrency=1
    )
    assert (summary.ending, summary.answered) == (Ending.DONE, 5)
    assert [row["custom_id"] for row in read(out)] == ["r1", "r2", "r3", "r4", "r0"]
    assert len(read(out)[-1]["freerouter"]["attempts"]) == 1
    assert "resent" not in read(out)[-1]["freerouter"]


# An account that costs.


async def test_an_account_that_was_stopped_for_its_costs_sends_nothing_and_keeps_all_lines(source, out, time, tmp_path):
    router = timed(time, cache_dir=str(tmp_path / "cache"))
    AlarmFile(router.settings).add(ACCOUNT, 0.02)
    wire = StubWire()
    summary = await run(source, out, wire=wire, router=router, sleep=time.sleep)
    assert (summary.ending, summary.left, summary.failed, wire.sent) == (Ending.HALTED, 40, 0, [])
    assert "freerouter alarms --clear" in summary.error.message


async def test_two_models_in_a_row_that_cost_end_the_run(source, out, time, tmp_path):
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cost": 0.01}
    wire = StubWire(lambda _: (200, completion(usage=usage)))
    router = timed(time, cache_dir=str(tmp_path / "cache"))
    summary = await run(source, out, wire=wire, router=router, sleep=time.sleep, concurrency=1)
    assert (summary.ending, summary.answered, summary.failed, len(wire.sent)) == (Ending.HALTED, 2, 0, 2)
    assert "have cost money" in summary.error.message
