"""The dialects that OpenRouter speaks, one file each."""

from freerouter.emulator.dialects.base import Dialect
from freerouter.emulator.dialects.chat import Chat
from freerouter.emulator.dialects.messages import Messages
from freerouter.emulator.dialects.responses import Responses

DIALECTS: tuple[Dialect, ...] = (Chat(), Responses(), Messages())

__all__ = ["DIALECTS", "Dialect"]
