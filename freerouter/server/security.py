"""Who may use the server, with whose key, and which headers pass."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from freerouter.errors import SettingsError
from freerouter.openrouter.headers import Headers
from freerouter.server.errors import RefusedError
from freerouter.settings import is_loopback

# How this process is called in ``via``, by which a request that comes round to it is known (RFC 9110, section 7.6.3).
_SELF = f"freerouter-{secrets.token_hex(4)}"

_KEY = re.compile(r"sk-or-[\x21-\x7e]{8,}")

# Who may ask is told to nobody.
_OPEN = ("/health", "/ready")

# What OpenRouter reads (openrouter-facts.md, section 4), and by what it recognises an app; the rest is none of its
# business.
_PASSED = frozenset(
    {"accept", "user-agent", "http-referer", "referer", "x-title", "x-app", "x-session-id", "idempotency-key"}
)
_PASSED_PREFIXES = ("x-openrouter-", "anthropic-")
# What OpenRouter's site says to browsers of itself.
_OF_THE_SITE = frozenset(
    {"alt-svc", "date", "nel", "report-to", "server", "set-cookie", "strict-transport-security", "vary", "via"}
)


@dataclass(frozen=True, slots=True)
class Access:
    """The rules.

    Attributes:
        token: what clients have to send as Bearer or x-api-key; None for anybody on this machine.
        hosts: names in the ``Host`` header that are served besides the loopback's (against DNS rebinding).
        origins: web pages that may use the server, such as ``http://localhost:3000``.
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

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Raises RefusedError when a request is not to be served."""
        host = _name(headers.get("host", ""))
        if not is_loopback(host) and host not in self.hosts:
            raise RefusedError(f"host {host[:100]!r} is not served here: see --host-name", 403)
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins:
            raise RefusedError(f"the origin {origin[:100]!r} is not served here: see --cors", 403)
        if _SELF in headers.get("via", ""):
            raise RefusedError("the upstream leads back to this server: set upstream to OpenRouter's address", 400)
        if method == "OPTIONS":
            return
        if self.token is not None and path not in _OPEN and not self._is_token(headers):
            raise RefusedError("the token is missing or wrong: send it as Authorization: Bearer TOKEN", 401)
        if method == "POST":
            _check_content(headers)

    def _is_token(self, headers: Mapping[str, str]) -> bool:
        token = (self.token or "").encode()
        # All of them are compared, in constant time.
        return sum(hmac.compare_digest(given.encode(), token) for given in credentials(headers)) > 0

    def outgoing(self, headers: Headers) -> Headers:
        """The caller's headers that are for OpenRouter; its credentials only if they are a key of OpenRouter's."""
        kept = [pair for pair in headers if pair[0] in _PASSED or pair[0].startswith(_PASSED_PREFIXES)]
        by_name = dict(headers)
        if self.client_keys:
            keys = [given for given in credentials(by_name) if given != self.token and _KEY.fullmatch(given)]
            kept += [("authorization", f"Bearer {key}") for key in keys[:1]]
        way = [by_name["via"]] if "via" in by_name else []
        return [*kept, ("via", ", ".join([*way, f"1.1 {_SELF}"]))]

    def answered(self, headers: Headers, origin: str | None) -> Headers:
        """The headers to answer with: OpenRouter's but for those of its site, and what lets a named web page read."""
        kept = [(n, v) for n, v in headers if n not in _OF_THE_SITE and not n.startswith("access-control-")]
        return kept + self.cors(origin)

    def cors(self, origin: str | None) -> Headers:
        """The headers that let a named web page read the answer."""
        if origin is None or origin not in self.origins:
            return []
        return [
            ("access-control-allow-origin", origin),
            ("access-control-expose-headers", "*"),
            ("vary", "origin"),
        ]

    def preflight(self, headers: Mapping[str, str]) -> Headers:
        """What a browser is told that asks before it sends: SDKs have headers of their own, which change."""
        cors = self.cors(headers.get("origin"))
        asked = headers.get("access-control-request-headers")
        if cors and asked is not None:
            cors.append(("access-control-allow-headers", asked))
        return cors


def _check_content(headers: Mapping[str, str]) -> None:
    """A form of a web page can send any other type without being asked first."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusedError("content-type must be application/json", 415)
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise RefusedError(f"content-encoding {encoding} is not read: send plain JSON", 415)


def credentials(headers: Mapping[str, str]) -> list[str]:
    """What a request shows: the Bearer token, and ``x-api-key``."""
    bearer = headers.get("authorization", "")
    shown = [bearer[7:].strip() if bearer[:7].lower() == "bearer " else "", headers.get("x-api-key", "").strip()]
    return [given for given in shown if given]


def _name(host: str) -> str:
    """The name in a Host header, without port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
