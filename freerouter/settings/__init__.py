"""The settings, and where they come from: arguments, the environment, and freerouter.toml of a trusted folder."""

from freerouter.settings.settings import DEFAULT_EXCLUDE, Settings
from freerouter.settings.values import DEFAULT_UPSTREAM, ClientKeys, LogFormat, LogLevel, Sticky, is_loopback

__all__ = [
    "DEFAULT_EXCLUDE",
    "DEFAULT_UPSTREAM",
    "ClientKeys",
    "LogFormat",
    "LogLevel",
    "Settings",
    "Sticky",
    "is_loopback",
]
