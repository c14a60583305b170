"""Which bytes of a stream are a sign of life: those of an event's data, in whatever pieces they come."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.replies.events import Events, LifeSigns

# The pieces of a stream, and which of them are signs of life.
PIECES = {
    "an event": ([b"data: {}\n\n"], [True]),
    "a comment": ([b": still here\n\n"], [False]),
    "a comment on one line": ([b": still here\n"], [False]),
    "a comment and an event": ([b": still here\n\ndata: {}\n\n"], [True]),
    "an event with a name": ([b"event: ping\ndata: {}\n\n"], [True]),
    "a name alone": ([b"event: ping\n\n"], [False]),
    "a comment in pieces": ([b": sti", b"ll he", b"re\n", b"\n"], [False] * 4),
    "a comment that looks like data, in pieces": ([b": ", b"data: {}\n\n"], [False, False]),
    "an event after half a comment": ([b": sti", b"ll here\n\ndata: {}\n\n"], [False, True]),
    "a long event in pieces": ([b"data: {", b"x" * 70_000, b"}\n\n", b": c\n\n"], [True, True, True, False]),
    "a field's name in pieces": ([b"da", b"ta", b": {}"], [False, False, True]),
    "junk without an end of line": ([b"x", b"data: {}", b"x" * 70_000], [False] * 3),
    "junk lines": ([b"<html>\n", b"data without a colon\n\n"], [False, False]),
    "CRLF": ([b"data: {}\r\n\r\n", b": c\r\n\r\n", b": c\r", b"\n\r\n"], [True, False, False, False]),
    "nothing": ([b"", b"\n", b"\r"], [False] * 3),
}


@pytest.mark.parametrize(("pieces", "expected"), PIECES.values(), ids=PIECES)
def test_signs_of_life_are_bytes_of_data(pieces, expected):
    signs = LifeSigns()
    assert [signs.feed(piece) for piece in pieces] == expected


@given(st.lists(st.sampled_from([b": c\n\n", b":data: c\r\n", b"\r\n", b": \n"])), st.lists(st.integers(0, 200)))
def test_comments_are_no_sign_of_life_however_they_are_cut(lines, cuts):
    data = b"".join(lines)
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    signs = LifeSigns()
    signals = [signs.feed(data[a:b]) for a, b in pairwise(edges)]
    assert not any(signals)


@given(st.binary(max_size=300).map(lambda junk: junk.replace(b"data:", b"")), st.binary(max_size=300))
def test_little_is_kept(one, other):
    signs = LifeSigns()
    for piece in (one, other):
        signs.feed(piece)
        assert len(signs._rest) <= 6


@pytest.mark.parametrize("size", [1_000, 100_000, 10**9])
def test_a_line_of_any_length_is_read_in_linear_time(size):
    data = b"x" * 4_000_000
    line, events, found = b"data: " + data + b"\n\n", Events(), []
    started = time.process_time()
    for at in range(0, len(line), size):
        found += events.feed(line[at : at + size])
    assert found == [data]
    assert time.process_time() - started < 1


@given(
    st.lists(st.sampled_from([b"data: a\n\n", b"data: b\r\n\r\n", b"data: c\r\r", b": d\n\n"])),
    st.lists(st.integers(0, 200)),
)
def test_events_are_the_same_however_they_are_cut(lines, cuts):
    data = b"".join(lines) + b": end\n"
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    events = Events()
    assert [event for a, b in pairwise(edges) for event in events.feed(data[a:b])] == Events().feed(data)
