"""Who may use the server, and with whose key."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from freerouter.errors import FreeRouterError, SettingsError
from freerouter.headers import Headers
from freerouter.settings import is_loopback

HOP = "x-freerouter-hop"

_KEY = re.compile(r"sk-or-[\x21-\x7e]{8,}")
_CREDENTIALS = ("authorization", "x-api-key")


class RefusedError(FreeRouterError):
    """The request is not for this server, or not from somebody who may use it."""

    error_type = "permission_denied"

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Access:
    """The rules.

    Attributes:
        token: what clients have to send as Bearer or x-api-key; None for anybody on this machine.
        hosts: names in the ``Host`` header that are served; the loopback's by default (against DNS rebinding).
        origins: web pages that may use the server.
        client_keys: a client's own key for OpenRouter goes upstream, instead of ours.
    """

    token: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    client_keys: bool = False

    def check_address(self, host: str) -> None:
        """Raises SettingsError when a server that others can reach would ask nobody who they are."""
        if not is_loopback(host) and not self.token:
            raise SettingsError(
                f"listening on {host} lets others spend the allowance: set a token (--token), or listen on 127.0.0.1"
            )

    def check(self, method: str, headers: Mapping[str, str]) -> None:
        """Raises RefusedError when a request is not to be served."""
        host = _name(headers.get("host", ""))
        if not is_loopback(host) and host not in self.hosts:
            raise RefusedError(f"host {host!r} is not served here: see --host-name", 403)
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins:
            raise RefusedError("web pages of this origin are not served: see --cors", 403)
        if HOP in headers:
            raise RefusedError("the upstream leads back to this server: set upstream to OpenRouter's address", 400)
        if method == "OPTIONS":
            return
        if self.token is not None and not self._is_token(headers):
            raise RefusedError("the token is missing or wrong: send it as Authorization: Bearer TOKEN", 401)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if method == "POST" and kind != "application/json":
            raise RefusedError("content-type must be application/json", 415)

    def _is_token(self, headers: Mapping[str, str]) -> bool:
        token = (self.token or "").encode()
        # All of them are compared, in constant time.
        return sum(hmac.compare_digest(given.encode(), token) for given in credentials(headers)) > 0

    def outgoing(self, headers: Headers) -> Headers:
        """The caller's headers without credentials that are for this server, or that are no key of OpenRouter's."""
        kept = [(name, value) for name, value in headers if name not in _CREDENTIALS and name != "origin"]
        if self.client_keys:
            for given in credentials(dict(headers)):
                if given != self.token and _KEY.fullmatch(given):
                    kept.append(("authorization", f"Bearer {given}"))
                    break
        return [*kept, (HOP, "1")]

    def cors(self, origin: str | None) -> Headers:
        """The headers that let a named web page read the answer."""
        if origin is None or origin not in self.origins:
            return []
        return [
            ("access-control-allow-origin", origin),
            ("access-control-allow-headers", "authorization, content-type, x-api-key, x-session-id"),
            ("access-control-expose-headers", "*"),
            ("vary", "origin"),
        ]


def credentials(headers: Mapping[str, str]) -> list[str]:
    """What a request shows: the Bearer token, and ``x-api-key``."""
    bearer = headers.get("authorization", "")
    shown = [bearer[7:].strip() if bearer[:7].lower() == "bearer " else "", headers.get("x-api-key", "").strip()]
    return [given for given in shown if given]


def _name(host: str) -> str:
    """The name in a Host header, without port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()
