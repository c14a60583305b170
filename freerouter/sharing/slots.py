"""Slots: one place in the account's minute, taken before a request is sent."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from freerouter.durations import MINUTE
from freerouter.sharing.facts import Told

# A slot is taken for a little longer than a minute: requests of several processes do not take equally long to arrive.
SLOT_SECONDS = MINUTE + 0.5
# Above this limit, the minute is not shared: no free account has so many, and a store would have to keep them all.
MOST_SLOTS = 1_000
# The store must answer within this many seconds; else the process goes on with its own count.
PATIENCE = 0.005


class SlotRequest(Protocol):
    """A slot that is wanted; ``Reserve`` of the pipeline is one."""

    @property
    def account(self) -> str:
        """Hash of the account."""
        ...

    @property
    def number(self) -> int:
        """With the name of the process, the name of the slot; asked for twice, it is taken once."""
        ...

    @property
    def limit(self) -> int:
        """Slots in a minute."""
        ...


class Slot(NamedTuple):
    """What the store answers.

    Attributes:
        granted: the slot is taken; else the minute, or the day, is used up.
        taken: for each slot of the minute that is taken now, the seconds until it is free.
        day: free requests a day, and how many are left; None when not known.
        news: facts that belong to the answer, such as the closed gate.
    """

    granted: bool
    taken: tuple[float, ...]
    day: tuple[int, int] | None = None
    news: tuple[Told, ...] = ()


class Slots(Protocol):
    """Takes slots, of a store that may be on its way."""

    def read_once(self) -> None:
        """Wait until what others know has been read once, or could not be; never long, and not at all later on."""
        ...

    async def read_once_async(self) -> None:
        """The same, without holding up an event loop."""
        ...

    def take(self, ask: SlotRequest) -> Slot | None:
        """Take a slot; None when the store does not answer in time."""
        ...

    async def take_async(self, ask: SlotRequest) -> Slot | None:
        """The same, without holding up an event loop."""
        ...
