"""Faults that are HTML pages: something in front of OpenRouter answers instead of it."""

from collections.abc import Callable, Mapping

from freerouter.emulator.faults.kinds import FaultKind, Strike
from freerouter.emulator.reply import Reply, raw

_SERVER = {"server": "cloudflare", "cf-ray": "8f0000000000abcd-FRA"}
_CHALLENGE = (
    '<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head>'
    "<body>Enable JavaScript and cookies to continue</body></html>"
)
_BLOCKED = (
    "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    "<body><h1>Sorry, you have been blocked</h1><h2>You are unable to access openrouter.ai</h2></body></html>"
)
_WORKER = (
    "<!DOCTYPE html><html><head><title>Worker exceeded resource limits | openrouter.ai | Cloudflare</title></head>"
    "<body>Error 1102</body></html>"
)
_OUTAGE = (
    "<html><head><title>502 Bad Gateway</title></head>"
    "<body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center></body></html>"
)


def _page(summary: str, status: int, html: str, headers: Mapping[str, str] | None = None) -> FaultKind:
    """Return the fault that is this page; it concerns every model, so that no fallback is tried."""
    return FaultKind(summary, _always(status, html, _SERVER | dict(headers or {})), account=True)


def _always(status: int, html: str, headers: Mapping[str, str]) -> Callable[[Strike], Reply]:
    return lambda _strike: raw(html.encode(), status, "text/html; charset=UTF-8", headers)


PAGES: Mapping[str, FaultKind] = {
    "page_challenge": _page(
        "403 that is a page of the edge network: a challenge", 403, _CHALLENGE, {"cf-mitigated": "challenge"}
    ),
    "page_blocked": _page("403 that is a page of the edge network: this address is blocked", 403, _BLOCKED),
    "page_worker": _page("503 that is a page of the edge network: its worker has no more resources", 503, _WORKER),
    "page_outage": _page("502 that is a page of the edge network: OpenRouter is down for all models", 502, _OUTAGE),
}
