"""The names and addresses by which clients may call the server, against DNS rebinding."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from freerouter.errors import SettingsError
from freerouter.settings import is_loopback

ANY = "*"


def name_of(host: str) -> str:
    """The name in a Host header, without port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def is_ours(name: str, hosts: Iterable[str]) -> bool:
    """Whether a name is one of the loopback's, or of these: names, addresses, networks such as 10.0.0.0/8, or ``*``."""
    return is_loopback(name) or name in hosts or ANY in hosts or any(_is_within(name, host) for host in hosts)


def _is_within(name: str, host: str) -> bool:
    if "/" not in host:
        return False
    try:
        return ipaddress.ip_address(name) in ipaddress.ip_network(host, strict=False)
    except ValueError:
        return False


def check_hosts(hosts: Iterable[str]) -> None:
    """Raises SettingsError for a network that is not valid."""
    for host in hosts:
        if "/" in host:
            try:
                ipaddress.ip_network(host, strict=False)
            except ValueError:
                raise SettingsError(f"--host-name {host} is neither a name nor a network such as 10.0.0.0/8") from None
