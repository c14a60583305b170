"""The server's log: a line of text or of JSON for each request, and for what goes wrong."""

from __future__ import annotations

import logging
import time
import traceback
from functools import lru_cache
from typing import Any

from freerouter.openrouter.json_bodies import encode
from freerouter.server.record import Record
from freerouter.settings import LogFormat, LogLevel

# A logger of its own: a line a request is news of the server, not of the router.
_requests = logging.getLogger("freerouter.requests")

# The level of the router's own log, at which it says what goes wrong, and that of the requests.
_LEVELS: dict[LogLevel, tuple[int, int]] = {
    "debug": (logging.DEBUG, logging.DEBUG),
    "info": (logging.WARNING, logging.INFO),
    "warning": (logging.WARNING, logging.WARNING),
    "error": (logging.ERROR, logging.ERROR),
}


def install(form: LogFormat, level: LogLevel) -> None:
    """Log in this form, to where the program logs already, else to standard error."""
    logging.basicConfig()
    for handler in logging.getLogger().handlers:
        handler.setFormatter(Text() if form == "text" else Json())
    own, requests = _LEVELS[level]
    log = logging.getLogger("freerouter")
    log.setLevel(min(log.getEffectiveLevel(), own) if level == "debug" else own)
    _requests.setLevel(requests)


def tell(record: Record) -> None:
    """Log an exchange that is over."""
    level = logging.DEBUG if record.is_quiet else logging.INFO
    if _requests.isEnabledFor(level):
        _requests.handle(_Line(level, record))


class _Line(logging.LogRecord):
    """The LogRecord of a request, in a fifth of the time: the code that logs it and its thread are always the same."""

    def __init__(self, level: int, record: Record) -> None:
        self.__dict__.update(_USUAL)
        self.created = time.time()
        self.levelno, self.levelname = level, logging.getLevelName(level)
        self.trace = None if record.trace is None else record.trace.id
        self.fields = record.as_dict()


_USUAL = logging.LogRecord(_requests.name, logging.INFO, __file__, 0, "request", (), None).__dict__


@lru_cache(maxsize=4)
def _second(number: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(number))


def _time(created: float) -> str:
    """Universal time, to the millisecond."""
    number, millis = divmod(int(created * 1000), 1000)
    return f"{_second(number)}.{millis:03d}Z"


def _parts(record: logging.LogRecord) -> dict[str, Any]:
    """What a line holds, in its order."""
    parts = {"time": _time(record.created), "level": record.levelname.lower(), "trace": getattr(record, "trace", None)}
    parts |= {"message": record.getMessage(), **getattr(record, "fields", {})}
    if record.exc_info and record.exc_info[0] is not None:
        # Its text may hold a key, so only its kind and its place are shown.
        places = traceback.extract_tb(record.exc_info[2])
        parts["exception"] = record.exc_info[0].__name__
        parts["at"] = [f"{place.filename}:{place.lineno}" for place in places]
    return parts


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        return encode(_parts(record)).decode()


_NUMBERS = (int, float)


class Text(logging.Formatter):
    """Time, level, trace id, message, and the rest as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        parts = _parts(record)
        head = [parts.pop("time"), parts.pop("level").upper(), parts.pop("trace") or "-", parts.pop("message")]
        fields = [f"{name}={value if isinstance(value, _NUMBERS) else _plain(value)}" for name, value in parts.items()]
        return " ".join(head + fields).replace("\n", "\\n")


def _plain(value: object) -> str:
    if isinstance(value, list):
        value = ",".join(value)
    return str(value or "-").replace(" ", "-")
