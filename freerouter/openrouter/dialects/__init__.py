"""The dialects (API formats) of OpenRouter, one file each."""

from freerouter.openrouter.dialects.base import NO_CHUNK, NOTHING, Begun, Dialect, Piece
from freerouter.openrouter.dialects.chat import CHAT
from freerouter.openrouter.dialects.messages import MESSAGES
from freerouter.openrouter.dialects.responses import RESPONSES

DIALECTS: tuple[Dialect, ...] = (CHAT, RESPONSES, MESSAGES)

__all__ = ["CHAT", "DIALECTS", "MESSAGES", "NOTHING", "NO_CHUNK", "RESPONSES", "Begun", "Dialect", "Piece"]
