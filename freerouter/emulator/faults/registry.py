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

# By the titles under which they are listed.
SECTIONS: Mapping[str, Mapping[str, FaultKind]] = {
    "Errors with an HTTP status": ERRORS,
    "OpenRouter's own errors, with a status and without": OWN_WORDS,
    "A provider's errors, relayed with a status and without": RELAYED,
    "Errors without a wrapper": FLAT,
    "Pages in HTML": PAGES,
    "Broken and misleading answers": BODIES,
    "Streams": STREAMS,
    "Connections": CONNECTIONS,
}
FAULTS: Mapping[str, FaultKind] = {name: kind for section in SECTIONS.values() for name, kind in section.items()}
