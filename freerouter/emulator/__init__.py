"""An OpenRouter on loopback: catalog, completions, limits, faults."""

from freerouter.emulator.billing import Charge
from freerouter.emulator.emulator import Emulator
from freerouter.emulator.faults import FAULTS, Fault, FaultError, FaultKind, Faults
from freerouter.emulator.record import Received

__all__ = ["FAULTS", "Charge", "Emulator", "Fault", "FaultError", "FaultKind", "Faults", "Received"]
