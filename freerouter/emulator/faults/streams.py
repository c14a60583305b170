"""Faults of a stream: before its first token, in its midst, at its end."""

from collections.abc import Iterator
from typing import Any

from freerouter.emulator.completion import COMMENT, DONE, event
from freerouter.emulator.faults.errors import rate_limited
from freerouter.emulator.faults.kinds import FaultKind, Strike, kinds
from freerouter.emulator.reply import Act, Pause, Reply, Step, event_stream

# Comments come often, so that tests with short deadlines meet some of them.
_COMMENT_EVERY = 0.02
_BROKEN = {
    "code": 502,
    "message": "Provider disconnected unexpectedly",
    "metadata": {"error_type": "provider_unavailable"},
}


def stream_error_first(strike: Strike) -> Reply:
    """A stream whose first event is an error."""
    return _stream(strike, COMMENT, _error(strike, _BROKEN))


def stream_rate_limited_first(strike: Strike) -> Reply:
    """A stream whose first event is the 429 of the model's provider."""
    return _stream(strike, COMMENT, _error(strike, rate_limited(strike).error))


def stream_error_after_role(strike: Strike) -> Reply:
    """A stream of a role, then an error."""
    return _stream(strike, COMMENT, _role(strike), _error(strike, _BROKEN))


def stream_ends_first(strike: Strike) -> Reply:
    """A stream that ends, properly, before any event."""
    return _stream(strike, COMMENT)


def stream_ends_after_role(strike: Strike) -> Reply:
    """A stream that ends, properly, after the role."""
    return _stream(strike, COMMENT, _role(strike))


def stream_done_first(strike: Strike) -> Reply:
    """A stream that says [DONE] before any event."""
    return _stream(strike, COMMENT, DONE)


def stream_cut_first(strike: Strike) -> Reply:
    """A stream whose connection is closed before any event."""
    return _stream(strike, COMMENT, Act.CLOSE)


def stream_comments_forever(strike: Strike) -> Reply:
    """A stream of comments that never comes to its first event."""
    return event_stream(_comments(), strike.headers)


def stream_silent_after_comments(strike: Strike) -> Reply:
    """A stream of three comments, then silence."""
    return _stream(strike, COMMENT, COMMENT, COMMENT, Act.HANG)


def stream_stalls(strike: Strike) -> Reply:
    """A stream that falls silent in its midst."""
    return _stream(strike, *_first_half(strike), Act.HANG)


def stream_error_midway(strike: Strike) -> Reply:
    """A stream that breaks off in its midst with an error."""
    return _stream(strike, *_first_half(strike), _error(strike, _BROKEN))


def stream_ends_midway(strike: Strike) -> Reply:
    """A stream that ends, properly, in its midst and without a finish."""
    return _stream(strike, *_first_half(strike))


def stream_cut_midway(strike: Strike) -> Reply:
    """A stream whose connection is closed in its midst."""
    return _stream(strike, *_first_half(strike), Act.CLOSE)


def stream_reset_midway(strike: Strike) -> Reply:
    """A stream whose connection is reset in its midst."""
    return _stream(strike, *_first_half(strike), Act.RESET)


STREAMS: dict[str, FaultKind] = kinds(
    stream_error_first,
    stream_rate_limited_first,
    stream_error_after_role,
    stream_ends_first,
    stream_ends_after_role,
    stream_done_first,
    stream_cut_first,
    stream_comments_forever,
    stream_silent_after_comments,
    stream_stalls,
    stream_error_midway,
    stream_ends_midway,
    stream_cut_midway,
    stream_reset_midway,
    json=False,
)


def _stream(strike: Strike, *steps: Step) -> Reply:
    return event_stream(steps, strike.headers)


def _role(strike: Strike) -> bytes:
    return event(strike.completion.chunk({"content": ""}))


def _error(strike: Strike, error: dict[str, Any]) -> bytes:
    return event(strike.completion.chunk({"content": ""}, "error") | {"error": error})


def _first_half(strike: Strike) -> list[bytes]:
    """Return the events up to the middle of the answer, at least one token among them."""
    events = list(strike.completion.events())
    before, after = 2, 3  # comment and role; finish, usage and [DONE]
    tokens = len(events) - before - after
    return events[: before + max(1, tokens // 2)]


def _comments() -> Iterator[Step]:
    while True:
        yield COMMENT
        yield Pause(_COMMENT_EVERY)
