"""Every kind of fault by its name."""

from collections.abc import Mapping

from freerouter.emulator.faults.bodies import BODIES
from freerouter.emulator.faults.connections import CONNECTIONS
from freerouter.emulator.faults.errors import ERRORS
from freerouter.emulator.faults.flat import FLAT
from freerouter.emulator.faults.kinds import FaultKind
from freerouter.emulator.faults.own_words import OWN_WORDS
from freerouter.emulator.faults.pages import PAGES
from freerouter.emulator.faults.relayed import RELAYED
from freerouter.emulator.faults.streams import STREAMS

FAULTS: Mapping[str, FaultKind] = {
    **ERRORS,
    **OWN_WORDS,
    **RELAYED,
    **FLAT,
    **PAGES,
    **BODIES,
    **STREAMS,
    **CONNECTIONS,
}
