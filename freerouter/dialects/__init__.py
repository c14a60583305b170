"""The dialects in which OpenRouter is spoken to, one file each."""

from freerouter.dialects.base import NOTHING, Dialect, Sign, Survey
from freerouter.dialects.chat import CHAT
from freerouter.dialects.messages import MESSAGES
from freerouter.dialects.responses import RESPONSES

DIALECTS: tuple[Dialect, ...] = (CHAT, RESPONSES, MESSAGES)

__all__ = ["CHAT", "DIALECTS", "MESSAGES", "NOTHING", "RESPONSES", "Dialect", "Sign", "Survey"]
