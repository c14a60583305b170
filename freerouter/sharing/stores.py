"""Store: where facts and slots are kept, as Redis and the file both offer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from freerouter.sharing.facts import Told
from freerouter.sharing.slots import Slot, SlotRequest

# A store keeps at most so many conversations, and so many other facts; of each, those that end first go first.
MOST_TALKS = 12_000
MOST_OTHERS = 8_000


class StoreError(Exception):
    """A store cannot be used now; the text says why, and holds no password."""


class Life(NamedTuple):
    """From when a store was empty until it is emptied again, or lost.

    Attributes:
        name: drawn at random.
        is_first: the process that asks is the first one that knew another life of it, and has what it held.
    """

    name: str
    is_first: bool


class Store(Protocol):
    """Keeps facts and slots.

    ``take`` and ``probe`` may be called from any thread, each other method from one at a time.

    Each method raises StoreError when the store cannot be used.

    Attributes:
        kind: "redis" or "local".
        where: for people; without a password.
    """

    kind: str
    where: str

    def connect(self) -> None:
        """Connect, or connect anew, and check."""
        ...

    def check(self, life: str = "") -> Life:
        """Check that the store answers and can be written to. ``life``: its name, if this process knows one."""
        ...

    def take(self, ask: SlotRequest) -> Slot:
        """Take a slot, in one atomic step."""
        ...

    def probe(self) -> None:
        """Do nothing, within the time that a slot has."""
        ...

    def mark(self, account: str, number: int, age: float, *, over: bool, again: bool = False) -> None:
        """Note a request that was sent without asking, so long ago; or, if it is over, give a slot back.

        ``again``: the store has known it, and lost it; what is left of the day was told without it.
        """
        ...

    def set_day(self, account: str, day: tuple[int, int], seconds: float, age: float, *, again: bool = False) -> None:
        """Note the free requests of a day, and how many are left, read so long ago and valid for so many seconds.

        ``again``: the store has lost it; of what several processes still know, the fewest count.
        """
        ...

    def publish(self, told: Sequence[Told], *, again: bool = False) -> None:
        """Store facts, and tell all other processes.

        ``again``: the store has lost them. Those who were there know them already, so conversations, which are the
        most, are stored and not told.
        """
        ...

    def snapshot(self) -> list[Told]:
        """All facts that hold now."""
        ...

    def news(self, seconds: float) -> list[Told]:
        """What other processes have told since the last call; waits at most so many seconds for it."""
        ...

    def close(self) -> None:
        """Close the connections; nothing else is called after it."""
        ...
