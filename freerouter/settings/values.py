"""The kinds of values that settings have: how each is written, and what it may be."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from freerouter.settings import trusted_folders

DEFAULT_UPSTREAM = "https://openrouter.ai/api/v1"

_REDIS = re.compile(r"rediss?://[^/?#]+(/\d*)?(\?.*)?|unix://[^?#]+(\?.*)?")
_KEY = re.compile(r"[\x21-\x7e]+")


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(value: object) -> object:
    """Also accept a list written as ``a, b``, as in the environment and on command lines."""
    if isinstance(value, str):
        return tuple(item for item in re.split(r"[\s,]+", value) if item)
    return value


def _in_clear(value: object) -> object:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return text.strip() if isinstance(text, str) else text


def _key(value: object) -> object:
    # A key with a trailing newline would show up in clear in httpx's error message (failure-modes.md).
    key = _in_clear(value)
    if not isinstance(key, str):
        return key
    if not key:
        return None
    if not _KEY.fullmatch(key):
        raise ValueError("must be printable ASCII without spaces: copy the key again")
    return SecretStr(key)


def _base_url(value: str) -> str:
    url = urlsplit(value.strip())
    host = url.hostname or ""
    if url.scheme not in ("http", "https") or not host:
        raise ValueError(f"must be a URL such as {DEFAULT_UPSTREAM}")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("must be a plain base URL: no user, query or fragment")
    if url.scheme == "http" and not is_loopback(host):
        raise ValueError("must be https: the key would be sent in clear text (http is for this machine only)")
    return value.strip().rstrip("/")


def _shared_state(value: object) -> object:
    text = _in_clear(value)
    if not isinstance(text, str):
        return text
    return text or "auto" if text in ("", "auto", "off") else _redis_url(text, "must be auto, off or a URL of Redis")


def _redis(value: object) -> object:
    text = _in_clear(value)
    if not isinstance(text, str):
        return text
    return _redis_url(text, "must be a URL of Redis") if text else None


def _redis_url(text: str, error: str) -> SecretStr:
    """A URL of Redis, which may hold a password: no error shows it."""
    if not _REDIS.fullmatch(text) or not _is_port(text):
        raise ValueError(f"{error}: redis://host:6379/0, rediss:// with TLS, or unix://path")
    return SecretStr(text)


def _is_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _pairs(value: tuple[str, ...]) -> tuple[str, ...]:
    for item in value:
        if not all(item.partition("=")):
            raise ValueError(f"{item!r} is not of the form glob=name, such as claude-*=openrouter/free")
    return value


def _folders(value: tuple[str, ...]) -> tuple[str, ...]:
    trusted_folders.check(value)
    return value


Sticky = Literal["auto", "session", "off"]
ClientKeys = Literal["off", "only", "fallback"]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
NameList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
PairList = Annotated[NameList, AfterValidator(_pairs)]
FolderList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(trusted_folders.split), AfterValidator(_folders)]
ApiKey = Annotated[SecretStr | None, BeforeValidator(_key)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
RedisUrl = Annotated[SecretStr | None, BeforeValidator(_redis)]
SharedState = Annotated[Literal["auto", "off"] | SecretStr, BeforeValidator(_shared_state)]  # a URL may hold a password
