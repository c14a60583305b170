"""The drop-in server: to a client, OpenRouter for free models."""

from freerouter.server.app import App
from freerouter.server.exchange import Limits
from freerouter.server.running import make_app, serve
from freerouter.server.security import Access
from freerouter.server.tokens import tokens
from freerouter.server.workers.parent import serve_with_workers
from freerouter.server.workers.worker import WorkerPlan

__all__ = ["Access", "App", "Limits", "WorkerPlan", "make_app", "serve", "serve_with_workers", "tokens"]
