"""What OpenRouter states about a model's providers: read in the background, seldom, with a key, and lenient."""

import json

import httpx
import pytest
from hypothesis import given

from freerouter.durations import MINUTE
from freerouter.memory.timings import Stated
from freerouter.network.endpoint_source import EndpointSource
from freerouter.network.probe import Probe
from freerouter.network.refresh import Refresh
from tests.builders import JSON, Clock
from tests.stage import PLAIN, URL, Upstream

FREE = {"pricing": {"prompt": "0", "completion": "0"}}
PAID = {"pricing": {"prompt": "0.1", "completion": "0.2"}, "latency_last_30m": 1, "throughput_last_30m": 1_000}


def stated(*endpoints, status=200):
    return Probe(status, json.dumps({"data": {"endpoints": endpoints}}).encode()).stated()


STATED = {
    "percentiles": (
        [FREE | {"latency_last_30m": {"p50": 800, "p99": 5_000}, "throughput_last_30m": {"p50": 50}}],
        Stated(0.8, 0.02, None),
    ),
    "numbers": ([FREE | {"latency_last_30m": 500, "uptime_last_30m": 99.5}], Stated(0.5, None, 0.995)),
    "the median of the free ones": (
        [PAID, *(FREE | {"latency_last_30m": ms, "uptime_last_30m": ms / 50} for ms in (1_000, 2_000, 4_000))],
        Stated(2.0, None, 0.8),
    ),
    "nulls": ([FREE | {"latency_last_30m": None, "throughput_last_30m": {"p50": None}}], Stated()),
    "zero": ([FREE | {"throughput_last_30m": {"p50": 0}, "uptime_last_30m": 101}], Stated(uptime=1.0)),
    "only paid ones": ([PAID], None),
    "none": ([], None),
}


@pytest.mark.parametrize(("endpoints", "expected"), STATED.values(), ids=STATED)
def test_what_is_stated_is_read(endpoints, expected):
    assert stated(*endpoints) == expected


def test_an_error_states_nothing():
    assert stated(FREE, status=404) is None


@given(JSON)
def test_any_answer_is_read(value):
    Probe(200, json.dumps(value).encode()).stated()
    stated(FREE | {"latency_last_30m": value, "throughput_last_30m": value, "uptime_last_30m": value})


def test_a_model_is_read_about_at_most_once_in_ten_minutes_and_only_with_a_key():
    upstream, learnt, clock = Upstream(lambda _: _answer()), [], Clock()
    source = EndpointSource(URL, lambda *what: learnt.append(what), upstream.transport, clock)
    refresh = Refresh(endpoints=source)
    refresh.use(PLAIN, [("accept", "*/*")])
    assert not upstream.requests
    source.read(PLAIN, "Bearer key").join(5)
    refresh.use(PLAIN, [("authorization", "Bearer key")])
    clock.advance(10 * MINUTE - 1)
    assert source.read(PLAIN, "Bearer key") is None
    clock.advance(2)
    source.read(PLAIN, "Bearer key").join(5)
    assert [(request.method, request.url.path) for request in upstream.requests] == [
        ("GET", f"/api/v1/models/{PLAIN}/endpoints")
    ] * 2
    assert learnt == [(PLAIN, Stated(0.5))] * 2


def _answer():
    return httpx.Response(200, json={"data": {"endpoints": [FREE | {"latency_last_30m": 500}]}})
