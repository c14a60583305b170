"""The drop-in server: to a client, OpenRouter for free models."""

from freerouter.server.app import App
from freerouter.server.running import serve
from freerouter.server.security import Access

__all__ = ["Access", "App", "serve"]
