"""Tail and what follows from it: how a stream ended that was handed on, and what the caller is told."""

import json

import pytest

from freerouter.openrouter.dialects import CHAT
from freerouter.pipeline.forwarding import Forwarder
from freerouter.replies.ending import StreamEnd, Tail
from freerouter.replies.events import Events
from tests.replies.shapes import COMMENT, DONE, END, FAILED, HI, ROLE, chunk, event, usage
from tests.walks import HELLO, ScriptedReply, ScriptedWire, models, stage

COST = {"completion_tokens": 1, "cost": 0}


def second(text: str, finish: str | None = None) -> bytes:
    """A piece of the second of two choices."""
    return event({"choices": [{"index": 1, "delta": {"content": text}, "finish_reason": finish}]})


SAID = {"code": 502, "message": "no"}

ENDINGS = {
    "finish, usage, [DONE]": (HI + END + usage(1) + DONE, StreamEnd(True, usage=COST)),
    "finish and [DONE]": (HI + END + DONE, StreamEnd(True)),
    "finish alone": (HI + END, StreamEnd(True)),
    "[DONE] alone": (HI + DONE, StreamEnd(False)),
    "an empty finish and [DONE]": (HI + chunk({"content": ""}, "") + DONE, StreamEnd(False)),
    "[DONE] with a blank": (HI + END + b"data: [DONE] \n\n", StreamEnd(True)),
    "a broken event, then the finish": (HI + b"data: {oops\n\n" + HI + END + DONE, StreamEnd(False)),
    "a choice cut short": (HI + second("Hi") + END + DONE, StreamEnd(False)),
    "two choices": (HI + second("Hi") + END + second("", "stop") + DONE, StreamEnd(True)),
    "a long last event": (
        HI + END + event({"choices": [], "x": "x" * 9_000, "usage": COST}) + DONE,
        StreamEnd(True, usage=COST),
    ),
    "error false at the end": (HI + chunk({"content": ""}, "stop", error=False) + DONE, StreamEnd(True)),
    "finish, and cut in the usage": (HI + END + usage(1)[:-9], StreamEnd(True, ragged=True)),
    "finish, and cut in [DONE]": (HI + END + DONE[:-4], StreamEnd(True, ragged=True)),
    "finish within the text's event": (chunk({"content": "Hi"}, "stop"), StreamEnd(True)),
    "error": (HI + FAILED, StreamEnd(False, SAID)),
    "error and [DONE]": (HI + FAILED + DONE, StreamEnd(False, SAID)),
    "error after the finish": (HI + END + FAILED, StreamEnd(False, SAID)),
    "finish error": (HI + chunk({"content": ""}, "error"), StreamEnd(False, {})),
    "cut between events": (HI + HI, StreamEnd(False)),
    "cut between events, after a comment": (HI + COMMENT, StreamEnd(False)),
    "cut in an event": (HI + HI[:-5], StreamEnd(False, ragged=True)),
    "cut in the finish": (HI + END[:-5], StreamEnd(False, ragged=True)),
    "cut before the blank line": (HI + END[:-1], StreamEnd(False, ragged=True)),
    "cut in a comment": (HI + COMMENT[:-5], StreamEnd(False, ragged=True)),
    "an event that is not JSON": (HI + b"data: oops\n\n", StreamEnd(False)),
    "text that looks like an end": (chunk({"content": "\ndata: [DONE]\n\n"}), StreamEnd(False)),
    "nothing": (b"", StreamEnd(False)),
}


def ending(*chunks: bytes) -> StreamEnd:
    tail = Tail(CHAT)
    for piece in chunks:
        tail.feed(piece)
    return tail.end()


@pytest.mark.parametrize("shape", ENDINGS)
def test_endings(shape):
    data, expected = ENDINGS[shape]
    assert ending(data) == expected


@pytest.mark.parametrize("shape", ENDINGS)
def test_an_ending_is_the_same_wherever_the_stream_was_cut(shape):
    data, expected = ENDINGS[shape]
    for cut in range(0, len(data), 1 + len(data) // 2_000):
        assert ending(data[:cut], data[cut:]) == expected


def test_an_ending_is_read_anew_when_more_has_come():
    tail = Tail(CHAT)
    tail.feed(HI)
    assert not tail.end().finished
    tail.feed(END + DONE)
    assert tail.end().finished
    assert tail.end() is tail.end()


@pytest.mark.parametrize("size", [1, 100, 8 * 1024, 10**6])
@pytest.mark.parametrize("shape", ENDINGS)
def test_an_ending_is_the_same_after_a_long_stream(shape, size):
    data, expected = ENDINGS[shape]
    long = HI * (3 if size == 1 else 500) + data
    assert ending(*(long[start : start + size] for start in range(0, len(long), size))) == expected


def test_a_stream_is_not_kept():
    tail = Tail(CHAT)
    for _ in range(100):
        tail.feed(HI * 100)
    assert sum(len(piece) for piece, _ in tail._kept) < 30_000


def test_no_more_than_a_mebibyte_is_kept_and_the_time_is_linear():
    tail, piece = Tail(CHAT), b"x" * 1_000
    tail.feed(b"data: ")
    for _ in range(20_000):
        tail.feed(piece)
        assert tail._size <= 1024 * 1024


def test_a_last_event_of_nearly_a_mebibyte_is_heard():
    last = event({"choices": [], "x": "x" * 1_000_000, "usage": {"cost": 0.5}})
    assert ending(HI, END, last, DONE) == StreamEnd(True, usage={"cost": 0.5})


# What the caller gets.

STREAM = ROLE + HI + COMMENT + HI + END + usage(1) + DONE
FIRST = len(ROLE + HI)  # here the first token is complete
FINISHED = STREAM.index(END) + len(END)


def forwarded(*replies: ScriptedReply):
    actor = stage(models(3))
    wire = ScriptedWire(*replies)
    return Forwarder(actor.router, wire).forward(HELLO | {"stream": True}, []), actor.router, wire


def events(data: bytes) -> list[bytes]:
    return list(Events().feed(data))


@pytest.mark.parametrize("broken", [False, True], ids=["ends", "breaks"])
def test_a_stream_that_stops_anywhere(broken):
    for cut in range(len(STREAM)):
        stopped = ScriptedReply([STREAM[:cut]], broken=broken)
        answer, router, wire = forwarded(stopped, ScriptedReply([STREAM]))
        received = b"".join(answer.body)
        first, *others = answer.trace.attempts
        assert stopped.closed
        if cut < FIRST:
            assert (received, len(wire.sent), answer.trace.ending) == (STREAM, 2, "finished")
            assert list(router.health.cooling) == [first.model] != [others[0].model]
        elif cut < FINISHED:
            assert (received[:cut], len(wire.sent), answer.trace.ending) == (STREAM[:cut], 1, "interrupted")
            assert list(router.health.cooling) == [first.model]
            check_last_word(received, cut)
        else:
            assert (received, len(wire.sent), answer.trace.ending) == (STREAM[:cut], 1, "finished")
            assert router.health.cooling == {}


def check_last_word(received: bytes, cut: int) -> None:
    """An error event, which a reader takes for one whatever stands before it; nothing else is made up."""
    *before, last = events(received)
    assert before == events(STREAM[:cut] + b"\n\n")
    assert json.loads(last)["error"]["code"] == 502


@pytest.mark.parametrize("size", [1, 5, 64, 1_000])
def test_a_stream_is_handed_on_byte_for_byte(size):
    pieces = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    answer, _, _ = forwarded(ScriptedReply(pieces))
    assert list(answer.body) == pieces
    assert answer.trace.ending == "finished"


CUT_SHORT = {
    "no finish": [ROLE + HI, DONE],
    "no finish, in one piece": [ROLE + HI + DONE],
    "a broken event": [ROLE + HI, b"data: {oops\n\n", END, DONE],
    "a choice cut short": [ROLE + HI, second("Hi"), END, usage(1) + DONE],
    "an empty finish": [ROLE + HI, chunk({"content": ""}, "") + DONE],
}


@pytest.mark.parametrize("pieces", CUT_SHORT.values(), ids=CUT_SHORT)
def test_an_answer_that_is_cut_short_ends_in_an_error_before_the_mark_of_the_end(pieces):
    answer, router, _ = forwarded(ScriptedReply(pieces))
    received = b"".join(answer.body)
    *_, error, done = events(received)
    assert done == b"[DONE]"
    assert json.loads(error)["error"]["code"] == 502
    assert received.replace(b"data: " + error + b"\n\n", b"") == b"".join(pieces)
    assert answer.trace.ending == "interrupted"
    assert len(router.health.cooling) == 1


def test_the_error_at_the_end_is_labelled_as_the_chunks_before_it():
    labels = {"id": "gen-7", "object": "chat.completion.chunk", "created": 7, "model": "m/0-dated"}
    answer, _, _ = forwarded(ScriptedReply([chunk({"content": "Hi"}, **labels)]))
    error = json.loads(events(b"".join(answer.body))[-1])
    assert {name: error[name] for name in labels} == labels


def test_the_error_has_what_is_known_where_the_chunks_had_no_labels():
    answer, router, _ = forwarded(ScriptedReply([event({"choices": [{"delta": {"content": "Hi"}}]})]))
    error = json.loads(events(b"".join(answer.body))[-1])
    assert (error["id"], error["model"]) == (answer.trace.id, answer.trace.model)
    assert (error["object"], error["created"]) == ("chat.completion.chunk", int(router.wall()))


def test_an_error_in_the_stream_is_handed_on_and_not_told_twice():
    answer, router, _ = forwarded(ScriptedReply([ROLE + HI, FAILED + DONE]))
    assert b"".join(answer.body) == ROLE + HI + FAILED + DONE
    assert answer.trace.ending == "interrupted"
    assert len(router.health.cooling) == 1


def test_an_account_s_limit_in_mid_stream_shuts_its_gate():
    failed = event({"error": {"code": 429, "message": "Rate limit exceeded: free-models-per-day. "}, "choices": []})
    answer, router, _ = forwarded(ScriptedReply([HI, failed]))
    assert b"".join(answer.body) == HI + failed
    assert router.endpoint.allowances.shut(answer_account(router)) is not None
    assert router.health.cooling == {}


def answer_account(router) -> str:
    """The only account that the router has met."""
    (account,) = router.endpoint.allowances._accounts
    return account


@pytest.mark.parametrize(
    ("taken", "left_at", "cooled"),
    [(1, "abandoned", 0), (4, "finished", 0)],
)
def test_a_client_that_leaves(taken, left_at, cooled):
    reply = ScriptedReply([ROLE + HI, HI, END, DONE])
    answer, router, _ = forwarded(reply)
    chunks = iter(answer.body)
    for _ in range(taken):
        next(chunks)
    answer.body.close()
    assert reply.closed == 1
    assert answer.trace.ending == left_at
    assert len(router.health.cooling) == cooled


def test_a_client_that_leaves_at_an_error_has_seen_it():
    answer, router, _ = forwarded(ScriptedReply([ROLE + HI, FAILED, DONE]))
    chunks = iter(answer.body)
    assert [next(chunks), next(chunks)] == [ROLE + HI, FAILED]
    answer.body.close()
    assert answer.trace.ending == "interrupted"
    assert len(router.health.cooling) == 1
