"""Sessions of the window: what a browser's cookie holds in place of a token."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

from freerouter.durations import HOUR
from freerouter.server.tokens import Token

SECONDS = 12 * HOUR


def issue(token: Token, now: float) -> str:
    """The value for the holder of a token: it ends by itself, and with the token. The token is not found from it."""
    until = str(int(now) + int(SECONDS))
    return f"{until}.{_signature(token, until)}"


def holder(tokens: Iterable[Token], value: str, now: float) -> str:
    """The name of the token that a value was issued for; "" when it was for none of these, or has ended."""
    until, _, signature = value.partition(".")
    if not (until.isascii() and until.isdigit() and len(until) < 16) or int(until) <= now:
        return ""
    given = signature.encode("utf-8", "replace")
    found = [token.name for token in tokens if hmac.compare_digest(_signature(token, until).encode(), given)]
    return found[0] if found else ""


def _signature(token: Token, until: str) -> str:
    secret = token.secret.get_secret_value().encode()
    return hmac.new(secret, f"freerouter window {until}".encode(), hashlib.sha256).hexdigest()


def name_for(host: str) -> str:
    """The cookie's name: browsers send a cookie to all ports of a host, and there may be a server on each."""
    port = host.rpartition(":")[2]
    return f"freerouter-{port}" if port.isascii() and port.isdigit() else "freerouter"


def value_in(cookies: str, host: str) -> str:
    """The value that a ``Cookie`` header has for this server; "" without one."""
    try:
        found = SimpleCookie(cookies).get(name_for(host))
    except CookieError:
        return ""
    return "" if found is None else found.value


def cookie(host: str, value: str, *, secure: bool) -> str:
    """The ``Set-Cookie`` header for a value; an empty one ends the session."""
    age = int(SECONDS) if value else 0
    end = "; Secure" if secure else ""
    return f"{name_for(host)}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{end}"
