"""Running the server: on uvicorn, until it is told to stop."""

from __future__ import annotations

from urllib.parse import urlsplit

import uvicorn

from freerouter.errors import SettingsError
from freerouter.routing import Router
from freerouter.server.app import App, Limits
from freerouter.server.security import Access
from freerouter.settings import Settings, is_loopback

DRAIN = 30
# A person waits for the next minute rather than see an error; the minute's window is 60 seconds.
_MAX_WAIT = 65.0


def make_app(settings: Settings, access: Access, limits: Limits | None = None) -> App:
    """The app with these settings; unless they say otherwise, requests wait for the minute's allowance."""
    if "max_wait" not in settings.model_fields_set:
        settings = Settings.adjusted(settings, max_wait=_MAX_WAIT)
    return App(Router(settings), access, limits)


def check_loop(settings: Settings, host: str, port: int) -> None:
    """Raises SettingsError when the upstream is the server itself."""
    upstream = urlsplit(settings.upstream)
    same_host = upstream.hostname == host or (is_loopback(upstream.hostname or "") and is_loopback(host))
    if same_host and (upstream.port or (443 if upstream.scheme == "https" else 80)) == port:
        raise SettingsError(f"upstream {settings.upstream} is this server itself: set it to OpenRouter's address")


def configure(app: App, host: str, port: int) -> uvicorn.Config:
    """How uvicorn runs the app: no log of requests, running streams may end when it stops."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=DRAIN,
    )


def serve(settings: Settings, access: Access, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        SettingsError: the address would let anybody in, or the upstream is the server itself.
    """
    access.check_address(host)
    check_loop(settings, host, port)
    uvicorn.Server(configure(make_app(settings, access), host, port)).run()
