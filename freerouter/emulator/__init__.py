"""An OpenRouter on loopback: catalog, completions, limits, faults."""

try:
    from freerouter.emulator.billing import Charge
    from freerouter.emulator.emulator import Emulator
    from freerouter.emulator.faults import FAULTS, Fault, FaultError, FaultKind, Faults
    from freerouter.emulator.record import Received
except ModuleNotFoundError as error:
    remedy = "pip install 'freerouter-client[emulator]'"
    raise ModuleNotFoundError(f"the emulator needs its extra ({error}): {remedy}", name=error.name) from None

__all__ = ["FAULTS", "Charge", "Emulator", "Fault", "FaultError", "FaultKind", "Faults", "Received"]
