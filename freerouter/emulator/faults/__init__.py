"""Ways to fail, and the rules that say when."""

from freerouter.emulator.faults.kinds import FaultKind
from freerouter.emulator.faults.registry import FAULTS
from freerouter.emulator.faults.rules import Fault, FaultError, Faults

__all__ = ["FAULTS", "Fault", "FaultError", "FaultKind", "Faults"]
