"""The dialects in which OpenRouter is spoken to, one file each."""

from freerouter.dialects.base import Dialect, Sign, Survey
from freerouter.dialects.chat import CHAT

DIALECTS: tuple[Dialect, ...] = (CHAT,)

__all__ = ["CHAT", "DIALECTS", "Dialect", "Sign", "Survey"]
