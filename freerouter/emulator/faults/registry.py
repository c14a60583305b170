"""Every kind of fault by its name."""

from collections.abc import Mapping

from freerouter.emulator.faults.bodies import BODIES
from freerouter.emulator.faults.connections import CONNECTIONS
from freerouter.emulator.faults.errors import ERRORS
from freerouter.emulator.faults.kinds import FaultKind
from freerouter.emulator.faults.streams import STREAMS

FAULTS: Mapping[str, FaultKind] = {**ERRORS, **BODIES, **STREAMS, **CONNECTIONS}
