"""Faults of a stream: before its first token, in its midst, at its end."""

from collections.abc import Iterator, Sequence
from itertools import takewhile

from freerouter.emulator.completion import Json
from freerouter.emulator.dialects.base import COMMENT
from freerouter.emulator.faults.errors import rate_limited
from freerouter.emulator.faults.kinds import FaultKind, Strike, kinds
from freerouter.emulator.refusals import Refusal, typed
from freerouter.emulator.reply import Act, Pause, Reply, Step, event_stream

# Comments come often, so that tests with short deadlines meet some of them.
_COMMENT_EVERY = 0.02
_BROKEN = typed(502, "Provider disconnected unexpectedly", "provider_unavailable")


def stream_error_first(strike: Strike) -> Reply:
    """A stream whose first event is an error."""
    return _broken_off(strike, ())


def stream_rate_limited_first(strike: Strike) -> Reply:
    """A stream whose first event is the 429 of the model's provider."""
    return _broken_off(strike, (), rate_limited(strike))


def stream_error_after_role(strike: Strike) -> Reply:
    """A stream of a role, then an error."""
    return _broken_off(strike, _opening(strike))


def stream_ends_first(strike: Strike) -> Reply:
    """A stream that ends, properly, before any event."""
    return _stream(strike, ())


def stream_ends_after_role(strike: Strike) -> Reply:
    """A stream that ends, properly, after the role."""
    return _stream(strike, _opening(strike))


def stream_done_first(strike: Strike) -> Reply:
    """A stream that says [DONE] before any event."""
    return _stream(strike, (), strike.dialect.end)


def stream_cut_first(strike: Strike) -> Reply:
    """A stream whose connection is closed before any event."""
    return _stream(strike, (), Act.CLOSE)


def stream_comments_forever(strike: Strike) -> Reply:
    """A stream of comments that never comes to its first event."""
    return event_stream(_comments(), strike.headers)


def stream_silent_after_comments(strike: Strike) -> Reply:
    """A stream of three comments, then silence."""
    return _stream(strike, (), COMMENT, COMMENT, Act.HANG)


def stream_stalls(strike: Strike) -> Reply:
    """A stream that falls silent in its midst."""
    return _stream(strike, _first_half(strike), Act.HANG)


def stream_error_midway(strike: Strike) -> Reply:
    """A stream that breaks off in its midst with an error."""
    return _broken_off(strike, _first_half(strike))


def stream_ends_midway(strike: Strike) -> Reply:
    """A stream that ends, properly, in its midst and without a finish."""
    return _stream(strike, _first_half(strike))


def stream_cut_midway(strike: Strike) -> Reply:
    """A stream whose connection is closed in its midst."""
    return _stream(strike, _first_half(strike), Act.CLOSE)


def stream_reset_midway(strike: Strike) -> Reply:
    """A stream whose connection is reset in its midst."""
    return _stream(strike, _first_half(strike), Act.RESET)


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


def _stream(strike: Strike, events: Sequence[Json], *more: Step) -> Reply:
    """Return a stream of a comment, these events and what comes after them."""
    return event_stream((COMMENT, *map(strike.dialect.framed, events), *more), strike.headers)


def _broken_off(strike: Strike, events: Sequence[Json], error: Refusal = _BROKEN) -> Reply:
    event = strike.dialect.error_event(strike.completion, error, len(events))
    return _stream(strike, [*events, event])


def _opening(strike: Strike) -> list[Json]:
    """Return the events before the first token: in chat, the role."""
    return list(takewhile(lambda event: not strike.dialect.is_token(event), _events(strike)))


def _first_half(strike: Strike) -> list[Json]:
    """Return the events up to the middle of the answer, at least one token among them."""
    events = list(_events(strike))
    tokens = [place for place, event in enumerate(events) if strike.dialect.is_token(event)]
    return events[: tokens[max(1, len(tokens) // 2) - 1] + 1]


def _events(strike: Strike) -> Iterator[Json]:
    return strike.dialect.events(strike.completion)


def _comments() -> Iterator[Step]:
    while True:
        yield COMMENT
        yield Pause(_COMMENT_EVERY)
