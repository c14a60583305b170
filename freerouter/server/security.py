"""Who may use the server, with whose key, and which headers pass."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from freerouter.errors import SettingsError
from freerouter.openrouter.headers import SELF, Headers, via
from freerouter.preferences import OWN_PREFIX
from freerouter.server import paths, sessions
from freerouter.server.errors import RefusedError
from freerouter.server.hosts import ANY, check_hosts, is_ours, name_of
from freerouter.server.tokens import LEAST, Token
from freerouter.settings import ClientKeys, is_loopback

# As long as browsers keep the answer to a preflight at most.
_PREFLIGHT_AGE = "7200"

_KEY = re.compile(r"sk-or-[\x21-\x7e]{8,}")

# For health checks, which have no token.
_OPEN = ("/health", "/ready")

# What OpenRouter reads (openrouter-facts.md, section 4), and how it recognises an app; no other header is passed on.
# Our own are read on the way, and do not go there.
_PASSED = frozenset(
    {"accept", "user-agent", "http-referer", "referer", "x-title", "x-app", "x-session-id", "idempotency-key"}
    | {"x-claude-code-session-id"}
)
_PASSED_PREFIXES = ("x-openrouter-", "anthropic-", OWN_PREFIX)
# What OpenRouter's site tells browsers about itself.
_OF_THE_SITE = frozenset(
    {"alt-svc", "date", "nel", "report-to", "server", "set-cookie", "strict-transport-security", "vary", "via"}
)


@dataclass(frozen=True, slots=True)
class Access:
    """The rules.

    Attributes:
        tokens: clients have to send one of them as Bearer or x-api-key; without any, all programs here may use it.
        hosts: what the ``Host`` header may hold besides the loopback's names (against DNS rebinding): names,
            addresses, networks, or ``*``.
        origins: web pages that may use the server, such as ``http://localhost:3000``, or ``*``.
        client_keys: a client's own OpenRouter key goes upstream, not ours; ``only`` refuses clients without one.
        token_limit: requests a minute that each token may send.
    """

    tokens: tuple[Token, ...] = field(default=(), repr=False)
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    client_keys: ClientKeys = "off"
    token_limit: int | None = None

    def check_address(self, host: str) -> None:
        """Raises SettingsError when other machines could use the server without a token."""
        check_hosts(self.hosts)
        if self.tokens:
            self._check_length(host)
            return
        if not is_loopback(host):
            raise SettingsError(
                f"listening on {host} lets others spend the allowance: set a token (--token), or listen on 127.0.0.1"
            )
        for option, names in (("--cors", self.origins), ("--host-name", self.hosts)):
            if ANY in names:
                raise SettingsError(
                    f"{option} '*' lets any web page spend the allowance: set a token (--token) as well"
                )

    def _check_length(self, host: str) -> None:
        short = [token.name for token in self.tokens if len(token.secret.get_secret_value()) < LEAST]
        if short and not is_loopback(host):
            raise SettingsError(f"{short[0]} can be guessed: on {host}, tokens have at least {LEAST} characters")

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Raises RefusedError when a request is not to be served."""
        if not self._is_probe(path):
            self._check_host(headers.get("host"))
        self._check_origin(path, headers)
        if SELF in headers.get("via", ""):
            raise RefusedError("the upstream leads back to this server: set upstream to OpenRouter's address", 400)
        if method == "OPTIONS":
            return
        if self.tokens and not (path in _OPEN or paths.needs_no_token(path) or self.who(method, path, headers)):
            raise RefusedError("the token is missing or wrong: send it as Authorization: Bearer TOKEN", 401)

    def _is_probe(self, path: str) -> bool:
        """Whether it is for monitoring, which uses addresses that are not known beforehand."""
        return path in _OPEN or (path == "/metrics" and self.tokens != ())

    def _check_host(self, host: str | None) -> None:
        if host is None:
            raise RefusedError("the host header is missing", 400)
        if not is_ours(name_of(host), self.hosts):
            raise RefusedError(f"the host {host[:100]!r} is not allowed: see --host-name", 403)

    def _check_origin(self, path: str, headers: Mapping[str, str]) -> None:
        """Web pages must be named; the window may ask for what is its own, and for that no page of another site may."""
        origin, its_own = headers.get("origin"), paths.takes_cookie(path) or paths.needs_no_token(path)
        if origin is not None and not self._is_page(origin) and not (its_own and is_same_origin(headers)):
            raise RefusedError(f"the origin {origin[:100]!r} is not allowed: see --cors", 403)
        if paths.takes_cookie(path):
            self.check_site(headers)

    def _is_page(self, origin: str) -> bool:
        return origin in self.origins or ANY in self.origins

    def check_site(self, headers: Mapping[str, str]) -> None:
        """Raises RefusedError for a web page that is not allowed; its images and links send no origin."""
        origin = headers.get("origin")
        if headers.get("sec-fetch-site") == "cross-site" and (origin is None or not self._is_page(origin)):
            raise RefusedError("a web page of another site asks for this: see --cors", 403)

    def who(self, method: str, path: str, headers: Mapping[str, str]) -> str:
        """The name of the token that a request sends, by the window's cookie where that counts; "" without one."""
        given = credentials(headers)
        found = [token.name for token in self.tokens if token.is_shown_in(given)]
        if found:
            return found[0]
        return self._by_cookie(method, headers) if self.tokens and paths.takes_cookie(path) else ""

    def _by_cookie(self, method: str, headers: Mapping[str, str]) -> str:
        """Browsers send a cookie for pages of other ports as well, but say so: what is posted must be the window's."""
        site = headers.get("sec-fetch-site", "same-origin")
        if site not in ("same-origin", "none") or (method == "POST" and not is_same_origin(headers)):
            return ""
        value = sessions.value_in(headers.get("cookie", ""), headers.get("host", ""))
        return sessions.holder(self.tokens, value, time.time())

    def outgoing(self, headers: Headers) -> Headers:
        """The caller's headers that are for OpenRouter; its credentials only if they are an OpenRouter key.

        Raises:
            RefusedError: it has to send a key of its own, and does not.
        """
        kept = [pair for pair in headers if pair[0] in _PASSED or pair[0].startswith(_PASSED_PREFIXES)]
        by_name = dict(headers)
        if self.client_keys != "off":
            kept += [("authorization", f"Bearer {key}") for key in self._own_keys(by_name)]
        return [*kept, via(by_name.get("via"))]

    def _own_keys(self, headers: Mapping[str, str]) -> list[str]:
        """The client's own OpenRouter key; empty if it has none and may use ours."""
        given = [
            shown for shown in credentials(headers) if not any(token.is_shown_in([shown]) for token in self.tokens)
        ]
        keys = [shown for shown in given if _KEY.fullmatch(shown)]
        if not keys and self.client_keys == "only":
            what = "the API key is not one of OpenRouter's" if given else "there is no API key"
            raise RefusedError(f"{what}: send your own, which begins with sk-or-, as Authorization: Bearer KEY", 401)
        return keys[:1]

    def answered(self, status: int, headers: Headers, origin: str | None) -> Headers:
        """The headers of an answer: OpenRouter's without those of its site, and those that let a web page read it."""
        kept = [(n, v) for n, v in headers if n not in _OF_THE_SITE and not n.startswith("access-control-")]
        if status == 401 and not any(name == "www-authenticate" for name, _ in kept):
            kept.append(("www-authenticate", 'Bearer realm="freerouter"'))
        return kept + self.cors(origin)

    def cors(self, origin: str | None) -> Headers:
        """The headers that let an allowed web page read the answer."""
        if origin is None or not self._is_page(origin):
            return []
        return [
            ("access-control-allow-origin", origin),
            ("access-control-expose-headers", "*"),
            ("vary", "origin"),
        ]

    def preflight(self, headers: Mapping[str, str]) -> Headers:
        """The headers of the answer to a preflight. SDKs send changing headers, so those asked for are allowed."""
        cors = self.cors(headers.get("origin"))
        if not cors:
            return []
        asked = headers.get("access-control-request-headers")
        if asked is not None:
            cors.append(("access-control-allow-headers", asked))
        if headers.get("access-control-request-private-network") == "true":
            cors.append(("access-control-allow-private-network", "true"))
        return [*cors, ("access-control-allow-methods", "GET, HEAD, POST"), ("access-control-max-age", _PREFLIGHT_AGE)]


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a page asks that came from this server: its origin is the host, whose name has been checked."""
    scheme, _, host = headers.get("origin", "").partition("://")
    return scheme in ("http", "https") and host.lower() == headers.get("host", "").lower()


def check_content(headers: Mapping[str, str]) -> None:
    """Raises RefusedError for anything but plain JSON: a web page's form may send other types without a preflight."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusedError("content-type must be application/json", 415)
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise RefusedError(f"content-encoding {encoding} is not read: send plain JSON", 415)


def credentials(headers: Mapping[str, str]) -> list[str]:
    """The credentials of a request: the Bearer token, and ``x-api-key``."""
    bearer = headers.get("authorization", "")
    shown = [bearer[7:].strip() if bearer[:7].lower() == "bearer " else "", headers.get("x-api-key", "").strip()]
    return [given for given in shown if given]
