"""The drop-in server: to a client, OpenRouter for free models."""

from freerouter.server.app import App
from freerouter.server.exchange import Limits
from freerouter.server.running import make_app, serve
from freerouter.server.security import Access
from freerouter.server.tokens import tokens

__all__ = ["Access", "App", "Limits", "make_app", "serve", "tokens"]
