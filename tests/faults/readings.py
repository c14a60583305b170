"""Readings of the emulator's own bytes: what a fault looks like to the router, with no network and no waiting."""

import json
from itertools import islice

from freerouter.emulator import Emulator, Fault, Faults
from freerouter.emulator.dialects import Chat
from freerouter.emulator.record import Received
from freerouter.emulator.reply import Act, Pause, Reply
from freerouter.openrouter.dialects import CHAT
from freerouter.replies.reading import Flaw, Head, Reading

# A reply that has not come to a point after so many steps never will.
_STEPS = 60


class Upstream:
    """An emulator that is asked directly; some models have a fault."""

    def __init__(self, kind: str, models: list[str], *, stream: bool) -> None:
        faults = Faults([Fault(kind, model) for model in models])
        self._emulator = Emulator(seed=1, per_minute=None, per_day=None, faults=faults)
        self._stream = stream

    def __call__(self, model: str) -> Reading:
        """What this model replies."""
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "stream": self._stream}
        received = Received("POST", "/chat/completions", {}, json.dumps(body).encode(), body, 0.0)
        return reading_of(self._emulator._gateway.complete(received, Chat(), reused=False), stream=self._stream)


def reading_of(reply: Reply, *, stream: bool) -> Reading:
    """Read a reply as a driver does, but for the time that passes."""
    head = Head(CHAT, stream, reply.status, {name.lower(): value for name, value in reply.headers.items()})
    steps = list(islice(reply.steps, _STEPS + 1))
    for step in steps[:_STEPS]:
        if head.reading is not None:
            return head.reading
        if isinstance(step, Act):
            return _failed(head, reply, Flaw.TIMEOUT if step is Act.HANG else Flaw.BROKEN)
        if not isinstance(step, Pause):
            head.feed(step)
    if len(steps) > _STEPS and head.reading is None:
        return _failed(head, reply, Flaw.TIMEOUT)
    return head.end()


def _failed(head: Head, reply: Reply, flaw: Flaw) -> Reading:
    return head.broken(flaw) if reply.status else Reading(flaw=flaw)
