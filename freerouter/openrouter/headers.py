"""Headers: which ones are sent to OpenRouter, and which caller they belong to."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from freerouter.errors import InvalidRequestError
from freerouter.preferences import ACCEPT, OWN_PREFIX, Wishes, wishes_in
from freerouter.spelling import did_you_mean

Headers = list[tuple[str, str]]

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}
)
# Headers that are rebuilt for each send, or concern only the caller and freerouter.
_KEPT_BACK = HOP_BY_HOP | {"host", "content-length", "content-type", "content-encoding", "accept-encoding"}
_KEPT_BACK |= {"cookie", "expect"}

_ILLEGAL = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_IDENTITY = ("http-referer", "x-openrouter-title", "x-title")
TRUTH = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)
_KEYS = ("authorization", "x-api-key")  # the second is how Anthropic's clients send it
# Processes that share an account's limits know it by the same hash; a key has too many bits to be guessed from it.
_SALT = b"freerouter account"
_TALKS_SALT = b"freerouter conversations"
_LONGEST_SALT = hashlib.blake2b.MAX_KEY_SIZE

# How this process is called in ``via``, by which a request that comes round to it is known (RFC 9110, section 7.6.3).
SELF = f"freerouter-{os.urandom(4).hex()}"


class Caller(NamedTuple):
    """The sender of a request, as hashes.

    Attributes:
        account: that is used.
        app: that it names.
        secret: made of its key; the hashes of its conversations are made with it. It is never stored, sent or shown.
    """

    account: str = ""
    app: str = ""
    secret: bytes = b""

    def __repr__(self) -> str:
        return f"Caller({self.account!r}, {self.app!r})"


NOBODY = Caller()


class SessionHeaders(NamedTuple):
    """The values of the headers that name a session: ``x-session-id``, and what Claude Code sends."""

    session: str | None = None
    claude_code: str | None = None


NO_SESSION = SessionHeaders()


class Sender(NamedTuple):
    """What is sent with a request in addition to its body.

    Attributes:
        headers: to send; must not be changed, because the next request shares them.
        caller: the account and the app that sent it.
        session: the headers that identify its session.
        wishes: what its own headers say about the choice of the model.
    """

    headers: Headers
    caller: Caller
    session: SessionHeaders
    wishes: Wishes


def sender(headers: Iterable[tuple[str, str]], key: str | None) -> Sender:
    """Read a request's headers; remembered without its keys, since programs send the same ones again and again.

    Args:
        headers: the caller's; names in lower case.
        key: OpenRouter's key, for a caller without one.

    Raises:
        InvalidRequestError: as ``outgoing`` does.
    """
    rest, keys = [], []
    for pair in headers:
        if pair[0] in _KEYS:
            keys.append(pair)
        elif pair[0] not in _KEPT_BACK:
            rest.append(pair)
    for name, value in keys:
        _check(name, value)
    if key is not None and not keys:
        keys.append(("authorization", f"Bearer {key}"))
    known = _without_keys(tuple(rest))
    return Sender(
        known.headers + keys, Caller(_account(keys), known.caller.app, _secret(keys)), known.session, known.wishes
    )


@lru_cache(maxsize=256)
def _without_keys(headers: tuple[tuple[str, str], ...]) -> Sender:
    sent = outgoing(headers, None)
    values = dict(sent)
    session = SessionHeaders(values.get("x-session-id"), values.get("x-claude-code-session-id"))
    return Sender(sent, caller(sent), session, wishes_in(headers))


def is_checked(headers: Iterable[tuple[str, str]], *, usual: bool) -> bool:
    """Whether answers are checked against the request: as a header says, else the default.

    Raises:
        InvalidRequestError: the header says neither yes nor no.
    """
    said = next((value for name, value in headers if name == ACCEPT), "").strip().lower()
    if said and said not in TRUTH:
        raise InvalidRequestError(f"{ACCEPT} must be true or false{did_you_mean(said, TRUTH)}", field=ACCEPT)
    return TRUTH.get(said, usual)


def outgoing(headers: Iterable[tuple[str, str]], key: str | None) -> Headers:
    """The headers to send: the caller's, with attribution, without cookies and hop-by-hop headers.

    Args:
        headers: the caller's; names in lower case.
        key: OpenRouter's key, for a caller without one.

    Raises:
        InvalidRequestError: a value has an invalid character; it is not shown, because it may be a key.
    """
    sent = [("accept-encoding", "identity"), ("content-type", "application/json")]
    authorized = False
    for name, value in headers:
        if name in _KEPT_BACK or name.startswith(OWN_PREFIX):
            continue
        _check(name, value)
        authorized = authorized or name in _KEYS
        sent.append((name, value))
    if key is not None and not authorized:
        sent.append(("authorization", f"Bearer {key}"))
    return sent


def _check(name: str, value: str) -> None:
    if _ILLEGAL.search(value):
        raise InvalidRequestError(f"header {name} holds a character that is not valid in a header", field=name)


def caller(sent: Iterable[tuple[str, str]]) -> Caller:
    """The sender of a request, as keyed hashes of its headers: no key is stored."""
    values = dict(sent)
    identity = "\n".join(values.get(name, "") for name in _IDENTITY)
    return Caller(_account(values.items()), _hashed(identity), _secret(values.items()))


def account_mark(sent: Iterable[tuple[str, str]], salt: str) -> str:
    """The mark of an account, ``salt:hash``, with the salt of another mark, to compare the two."""
    key = salt.encode("utf-8", "replace")[:_LONGEST_SALT]
    return f"{salt}:{_account(sent, key)}"


def mark_of(account: str) -> str:
    """The mark of an account that is known by its hash alone."""
    return f"{_SALT.decode()}:{account}"


def account_in(mark: str) -> str:
    """The hash of the account that a mark is of; empty when it was made with another salt, by an earlier version."""
    salt, _, account = mark.partition(":")
    return account if salt == _SALT.decode() else ""


def _account(headers: Iterable[tuple[str, str]], salt: bytes = _SALT) -> str:
    return _hashed(_key(headers), salt)


def _secret(headers: Iterable[tuple[str, str]]) -> bytes:
    return _hashed(_key(headers), _TALKS_SALT).encode()


def _key(headers: Iterable[tuple[str, str]]) -> str:
    values = dict(headers)
    return "".join([values.get(name, "") for name in _KEYS])


def _hashed(text: str, salt: bytes = _SALT) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), key=salt, digest_size=16).hexdigest()


def via(way: str | None) -> tuple[str, str]:
    """The header that says which way a request has come, this process included."""
    return "via", f"{way}, 1.1 {SELF}" if way else f"1.1 {SELF}"


def lower(headers: Mapping[str, str]) -> Headers:
    """Headers given by name, as pairs with lower-case names."""
    return [(name.lower(), value) for name, value in headers.items()]
