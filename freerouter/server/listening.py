"""Where the server listens: the socket, its URL, and what is refused before there is one."""

from __future__ import annotations

import socket
from dataclasses import replace
from urllib.parse import urlsplit

from freerouter.errors import SettingsError
from freerouter.server.security import Access
from freerouter.settings import Settings, is_loopback

_BACKLOG = 2048
# They mean all addresses of a machine, and are none that a client can call.
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104  # recognised, not listened on
_CALLABLE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # as above; a socket for :: takes IPv6 only


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises SettingsError when there can be none at this address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]  # Python adds the address, which is said already
        raise SettingsError(f"port {port} of {host} cannot be used: {why}") from None


def admitted(settings: Settings, access: Access) -> Access:
    """Who may use a server at the address of the settings; the address itself is a name by which it may be called.

    Raises:
        SettingsError: the address would let anybody in, or the upstream is the server itself.
    """
    host, port = settings.serve_host, settings.serve_port
    access.check_address(host)
    access = replace(access, hosts=(*access.hosts, host))
    check_loop(settings, access, host, port)
    return access


def check_loop(settings: Settings, access: Access, host: str, port: int) -> None:
    """Raises SettingsError when the upstream is the server itself."""
    upstream = urlsplit(settings.upstream)
    name = upstream.hostname or ""
    here = is_loopback(host) or host in EVERYWHERE
    same_host = name == host or name in access.hosts or (is_loopback(name) and here)
    if same_host and (upstream.port or (443 if upstream.scheme == "https" else 80)) == port:
        raise SettingsError(f"upstream {settings.upstream} is this server itself: set it to OpenRouter's address")


def url_of(listener: socket.socket) -> str:
    """Where a server on this socket is reached from this machine, without a path."""
    host, port = listener.getsockname()[:2]
    host = _CALLABLE.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
