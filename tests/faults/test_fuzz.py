"""Arbitrary bytes, cut at arbitrary places: never an exception that is not documented."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from freerouter.durations import DAY
from freerouter.errors import InvalidRequestError, UpstreamError
from freerouter.memory.conversations import conversation
from freerouter.openrouter.dialects import DIALECTS
from freerouter.openrouter.headers import SessionHeaders
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.refusals import refused, stopped
from freerouter.pipeline.tracking import Trace
from freerouter.replies.ending import StreamEnd, Tail
from freerouter.replies.events import Events
from freerouter.replies.outcome import Outcome, classify
from freerouter.replies.reading import Flaw, Head, Reading
from freerouter.replies.retry_hints import gate_limit, gate_seconds, hint_seconds
from freerouter.replies.verdicts import Verdict
from tests.replies import shapes
from tests.replies.rows import NOW, SECTION_6

FUZZ = settings(max_examples=max(150, settings().max_examples), deadline=None, suppress_health_check=list(HealthCheck))
dialects = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([10**400, -1, 1e308, "\ud800", "429", "error", "stop", "nan", ""])
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=10
)
WORDS = sorted(
    {"error", "code", "message", "metadata", "availability", "headers", "error_type", "limit_source", "raw", "choices"}
    | {"delta", "finish_reason", "usage", "cost", "completion_tokens", "content", "tool_calls", "retry_after", "type"}
    | {"messages", "role", "tools", "tool_choice", "response_format", "reasoning", "provider", "plugins", "input"}
    | {"output", "response", "status", "model", "models", "stream", "max_tokens", "reasons", "retryable", "http_status"}
)
# Objects that use the words that are looked for, with whatever there is in their places.
SPOKEN = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=20,
)
DEEP = [b'{"error":' + b"[" * depth + b"]" * depth + b"}" for depth in (100, 250, 900, 5_000)]
DEEP += [b'{"a":' * depth + b"1" + b"}" * depth for depth in (100, 250, 900, 5_000)]


def dumped(value: Any) -> bytes:
    return json.dumps(value).replace("Infinity", "1e999").encode()


SEEDS = [body for body, _ in shapes.BODIES.values() if len(body) < 5_000]
SEEDS += [data for data, _ in shapes.STREAMS.values()] + [dumped({"error": row.error}) for row in SECTION_6.values()]


@st.composite
def mutated(draw) -> bytes:
    """A valid body in which something was cut out, doubled, or overwritten."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        piece = draw(st.just(b"") | st.just(bytes(data[start:end]) * 2) | st.binary(max_size=6))
        data[start:end] = piece
    return bytes(data)


BODIES = st.binary() | mutated() | SPOKEN.map(dumped) | JSON.map(dumped) | st.sampled_from(DEEP)


@st.composite
def pieces(draw) -> list[bytes]:
    """A body or a stream, cut at arbitrary places; perhaps with the frame of an event around it."""
    data = draw(BODIES)
    if draw(st.booleans()):
        data = b"data: " + data + draw(st.sampled_from([b"\n\n", b"\r\n\r\n", b"\n", b""]))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


HEADER_NAMES = st.sampled_from(
    ["content-type", "content-length", "content-encoding", "retry-after", "x-ratelimit-reset", "date"]
)
HEADER_VALUES = st.text(max_size=30) | st.sampled_from(
    ["application/json", "text/event-stream", "9" * 5_000, "-1", "1e400", "٣", "²", "Fri, 31 Dec 9999 23:59:59 GMT"]
)
HEADERS = st.dictionaries(HEADER_NAMES, HEADER_VALUES, max_size=4)
STATUSES = st.sampled_from([200, 200, 200, 204, 301, 400, 402, 403, 404, 429, 500, 503]) | st.integers(100, 999)


def check(outcome: Outcome) -> None:
    """An outcome is one that can be followed and shown."""
    assert outcome.reason
    assert outcome.seconds is None or 0 < outcome.seconds <= DAY
    assert outcome.gate is None or (outcome.verdict is Verdict.STOP and outcome.seconds is not None)
    if outcome.verdict is Verdict.STOP:
        error = stopped(outcome)
        error.trace = Trace()
        assert isinstance(error, UpstreamError)
        for dialect in DIALECTS:
            status, _, chunks = refused(error, Trace(), dialect)
            assert 300 <= status < 600 or status == outcome.status
            assert json.loads(b"".join(chunks))


@dialects
@FUZZ
@given(pieces=pieces(), stream=st.booleans(), status=STATUSES, headers=HEADERS, broken=st.booleans())
@example(pieces=[DEEP[2]], stream=False, status=200, headers={}, broken=False)
@example(pieces=[DEEP[1]], stream=False, status=400, headers={}, broken=False)
@example(pieces=[b'{"error":{"metadata":{"n":1e999}}}'], stream=False, status=400, headers={}, broken=False)
def test_head_and_classify(dialect, pieces, stream, status, headers, broken):
    head = Head(dialect, stream, status, headers)
    for piece in pieces:
        head.feed(piece)
        if head.reading is not None:
            break
    reading = head.reading or (head.broken(Flaw.BROKEN) if broken else head.end())
    assert reading.status == status
    assert b"".join(pieces).startswith(b"".join(head.chunks))
    check(classify(reading, NOW))


@FUZZ
@given(error=SPOKEN, status=STATUSES | st.just(0), headers=HEADERS, flaw=st.none() | st.sampled_from(Flaw))
def test_classify(error, status, headers, flaw):
    check(classify(Reading(status, headers, flaw, error={"error": error}), NOW))


@dialects
@FUZZ
@given(pieces=pieces())
def test_tail(dialect, pieces):
    tail = Tail(dialect)
    for piece in pieces:
        tail.feed(piece)
    ending = tail.end()
    assert isinstance(ending, StreamEnd)
    assert not (ending.finished and ending.error is not None)


@FUZZ
@given(pieces=pieces())
def test_events_are_the_same_wherever_they_are_cut(pieces):
    whole, cut = Events(), Events()
    assert [event for piece in pieces for event in cut.feed(piece)] == list(whole.feed(b"".join(pieces)))
    assert cut.unfinished == whole.unfinished


@dialects
@FUZZ
@given(body=BODIES | SPOKEN.filter(lambda value: isinstance(value, dict)))
@example(body=b'{"messages":[{"role":"user","content":"Hi"}],"max_tokens":1e999}')
@example(body=b'{"messages":[{"role":["user"]}],"tools":[null],"tool_choice":[]}')
def test_analyze(dialect, body):
    try:
        requirements = analyze(body, dialect)
    except InvalidRequestError:
        return
    assert requirements.prompt_tokens > 0
    assert json.dumps(requirements.as_dict())


@dialects
@FUZZ
@given(fields=st.dictionaries(st.sampled_from(WORDS), SPOKEN, max_size=6), header=st.none() | st.text())
def test_a_conversation_is_told_from_whatever_can_be_analysed(dialect, fields, header):
    try:
        analyze(fields, dialect)
        found = conversation(fields, dialect, SessionHeaders(header), "auto")
    except InvalidRequestError:
        return
    assert found.becomes()
    assert all(key is not None for key in found.known_by)


@FUZZ
@given(headers=HEADERS, hints=st.lists(SPOKEN, max_size=3), now=st.floats(0, 4e9), day=st.booleans())
def test_resets_are_bounded_whatever_they_say(headers, hints, now, day):
    assert 0 < gate_seconds(headers, now, day=day) <= (DAY if day else 60)
    hint = hint_seconds(headers, hints, now)
    assert hint is None or 0 < hint <= 3_600
    assert (gate_limit(headers) or 0) >= 0
