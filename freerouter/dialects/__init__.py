"""The dialects in which OpenRouter is spoken to, one file each."""

from freerouter.dialects.base import Dialect, Sign, Survey
from freerouter.dialects.chat import CHAT
from freerouter.dialects.messages import MESSAGES
from freerouter.dialects.responses import RESPONSES

DIALECTS: tuple[Dialect, ...] = (CHAT, RESPONSES, MESSAGES)

__all__ = ["CHAT", "DIALECTS", "MESSAGES", "RESPONSES", "Dialect", "Sign", "Survey"]
