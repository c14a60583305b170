"""Crew: which workers there are, and what is to be done when one is ready, ends, or is to be replaced. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from freerouter.durations import MINUTE

# Seconds after which a worker that does not get ready, or does not stop, is killed.
_START = 60.0
_STOP = 45.0
# The pause before a worker is replaced: none for the first, then twice as long each time, until none ends for a minute.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0


class Phase(Enum):
    """What a worker does."""

    STARTING = "starting"
    SERVING = "serving"
    RETIRING = "retiring"
    STOPPING = "stopping"


class Deed(Enum):
    """What is done with a worker."""

    START = "start"
    RETIRE = "retire"  # ends once its requests have ended
    STOP = "stop"  # ends its requests, too, after a while
    HASTEN = "hasten"  # ends them now
    KILL = "kill"


class CrewOrder(NamedTuple):
    """A deed, and the number of the worker."""

    deed: Deed
    number: int


_DEADLINES = {Phase.STARTING: _START, Phase.STOPPING: _STOP}


@dataclass(slots=True)
class Member:
    """A worker.

    Attributes:
        generation: counts the times that the crew was renewed.
        phase: what it does.
        since: when it began to.
    """

    generation: int
    phase: Phase
    since: float

    def enter(self, phase: Phase, now: float) -> None:
        """Go on to another phase."""
        self.phase, self.since = phase, now

    @property
    def due(self) -> float:
        """When it is killed."""
        return self.since + _DEADLINES.get(self.phase, float("inf"))


class Crew:
    """The workers by number. Each method returns what is to be done now.

    A new generation takes over once all of it serve; until then the former one serves, and it goes on when one of the
    new generation ends before. The first one has none to take over from: one worker that serves is enough.

    Args:
        clock: monotonic seconds.

    Attributes:
        current: the generation that serves; 0 before the first does.
        newest: the one that is to take over, or the current one.
        has_failed: none of the first generation could start.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.has_failed = False
        self.current = self.newest = 0
        self._clock = clock
        self._members: dict[int, Member] = {}
        self._size = 0
        self._restarts: list[float] = []
        self._deaths = 0
        self._last_death = -MINUTE
        self._stops = 0

    @property
    def is_renewing(self) -> bool:
        """Whether a generation is about to take over."""
        return self.newest != self.current and not self._stops

    @property
    def is_over(self) -> bool:
        """Whether all have ended that were to."""
        return self._stops > 0 and not self._members

    def generation(self, number: int) -> int:
        """That of a worker."""
        return self._members[number].generation

    def phase(self, number: int) -> Phase:
        """What a worker does."""
        return self._members[number].phase

    def pause(self) -> float | None:
        """Seconds until something is due; None: nothing is."""
        moments = [*self._restarts, *(member.due for member in self._members.values())]
        first = min(moments, default=float("inf"))
        return None if first == float("inf") else max(first - self._clock(), 0.0)

    def due(self) -> list[CrewOrder]:
        """Replace those that ended, and kill those that are late."""
        now = self._clock()
        ready = [moment for moment in self._restarts if moment <= now]
        self._restarts = [moment for moment in self._restarts if moment > now]
        late = [CrewOrder(Deed.KILL, number) for number, member in self._members.items() if member.due <= now]
        for _, number in late:
            self._members[number].since = now  # not killed again at once
        return late + [self._start(self.current) for _ in ready]

    def renew(self, size: int) -> list[CrewOrder]:
        """Start a generation of so many; one that was about to take over gives way to it."""
        if self._stops:
            return []
        given_up = self._dismiss(self._coming())
        self.newest += 1
        self._size = size
        return given_up + [self._start(self.newest) for _ in range(size)]

    def ready(self, number: int) -> list[CrewOrder]:
        """A worker serves."""
        member = self._members[number]
        if member.phase is not Phase.STARTING:
            return []
        member.enter(Phase.SERVING, self._clock())
        serving = [other for other in self._coming() if self.phase(other) is Phase.SERVING]
        if member.generation == self.current or (self.current and len(serving) < self._size):
            return []
        return self._take_over()

    def ended(self, number: int) -> list[CrewOrder]:
        """A worker's process is over."""
        member = self._members.pop(number)
        if self._stops or member.phase in (Phase.RETIRING, Phase.STOPPING):
            return []
        if member.generation == self.current:
            self._restarts.append(self._clock() + self._next_pause())
            return []
        return self._give_up()

    def stop(self) -> list[CrewOrder]:
        """End all; the second time, at once."""
        self._stops += 1
        self._restarts.clear()
        if self._stops > 1:
            return [CrewOrder(Deed.HASTEN, number) for number in self._members]
        return [self._send_away(number, Phase.STOPPING, Deed.STOP) for number in self._members]

    def _coming(self) -> list[int]:
        """Those that are to take over."""
        if not self.is_renewing:
            return []
        return [
            number
            for number, member in self._members.items()
            if member.generation == self.newest and member.phase in (Phase.STARTING, Phase.SERVING)
        ]

    def _start(self, generation: int) -> CrewOrder:
        number = next(number for number in range(1, len(self._members) + 2) if number not in self._members)
        self._members[number] = Member(generation, Phase.STARTING, self._clock())
        return CrewOrder(Deed.START, number)

    def _take_over(self) -> list[CrewOrder]:
        """The newest generation is the current one."""
        self.current = self.newest
        self._restarts.clear()
        return self._dismiss([number for number in self._members if self.generation(number) != self.current])

    def _give_up(self) -> list[CrewOrder]:
        """The newest generation could not start."""
        if self.current == 0:
            self.has_failed = True
            return self.stop()
        orders = self._dismiss(self._coming())
        self.newest = self.current
        return orders

    def _dismiss(self, numbers: list[int]) -> list[CrewOrder]:
        """Those that serve end with their requests."""
        orders = []
        for number in numbers:
            if self.phase(number) is Phase.SERVING:
                orders.append(self._send_away(number, Phase.RETIRING, Deed.RETIRE))
            elif self.phase(number) is Phase.STARTING:
                orders.append(self._send_away(number, Phase.STOPPING, Deed.STOP))
        return orders

    def _send_away(self, number: int, phase: Phase, deed: Deed) -> CrewOrder:
        self._members[number].enter(phase, self._clock())
        return CrewOrder(deed, number)

    def _next_pause(self) -> float:
        """Before the next one is replaced."""
        now = self._clock()
        if now - self._last_death > MINUTE:
            self._deaths = 0
        self._last_death = now
        self._deaths += 1
        return min(_FIRST_PAUSE * 2 ** (self._deaths - 2), _LONGEST_PAUSE) if self._deaths > 1 else 0.0
