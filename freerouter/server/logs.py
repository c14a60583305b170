"""The server's log: a line of text or of JSON for each request, and for what goes wrong."""

from __future__ import annotations

import logging
import time
import traceback
from functools import lru_cache
from typing import Any

from freerouter.openrouter.json_bodies import encode
from freerouter.server.record import Record
from freerouter.settings import LogFormat, LogLevel, Settings
from freerouter.settings.sources import strays

# Loggers of their own: a line a request is news of the server, not of the router, and so are its workers.
news = logging.getLogger("freerouter.server")
_requests = logging.getLogger("freerouter.requests")

# The level of the router's own log, at which it says what goes wrong, and that of the requests.
_LEVELS: dict[LogLevel, tuple[int, int]] = {
    "debug": (logging.DEBUG, logging.DEBUG),
    "info": (logging.WARNING, logging.INFO),
    "warning": (logging.WARNING, logging.WARNING),
    "error": (logging.ERROR, logging.ERROR),
}


def install(form: LogFormat, level: LogLevel, worker: int = 0) -> None:
    """Log in this form, to where the program logs already, else to standard error.

    Args:
        form: of each line.
        level: of what is logged.
        worker: its number, which each line of it has; 0 for a server that has none.
    """
    logging.basicConfig()
    for handler in logging.getLogger().handlers:
        handler.setFormatter(Text(worker) if form == "text" else Json(worker))
    own, requests = _LEVELS[level]
    log = logging.getLogger("freerouter")
    log.setLevel(min(log.getEffectiveLevel(), own) if level == "debug" else own)
    news.setLevel(requests)
    _requests.setLevel(requests)


def warn_of_strays() -> None:
    """Warn of environment variables that look like settings but are unknown: they change nothing."""
    for stray in strays(Settings.model_fields):
        news.warning("ignored: %s", stray)


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


def _parts(record: logging.LogRecord, worker: int) -> dict[str, Any]:
    """What a line holds, in its order."""
    parts: dict[str, Any] = {
        "time": _time(record.created),
        "level": record.levelname.lower(),
        "trace": getattr(record, "trace", None),
    }
    parts["message"] = record.getMessage()
    if worker:
        parts["worker"] = worker
    parts |= getattr(record, "fields", {})
    if record.exc_info and record.exc_info[0] is not None:
        # Its text may hold a key, so only its kind and its place are shown.
        places = traceback.extract_tb(record.exc_info[2])
        parts["exception"] = record.exc_info[0].__name__
        parts["at"] = [f"{place.filename}:{place.lineno}" for place in places]
    return parts


class _Lines(logging.Formatter):
    """Of one worker, if there are several."""

    def __init__(self, worker: int = 0) -> None:
        super().__init__()
        self._worker = worker


class Json(_Lines):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        return encode(_parts(record, self._worker)).decode()


_NUMBERS = (int, float)


class Text(_Lines):
    """Time, level, trace id, message, and the rest as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        parts = _parts(record, self._worker)
        head = [parts.pop("time"), parts.pop("level").upper(), parts.pop("trace") or "-", parts.pop("message")]
        fields = [f"{name}={value if isinstance(value, _NUMBERS) else _plain(value)}" for name, value in parts.items()]
        return " ".join(head + fields).replace("\n", "\\n")


def _plain(value: object) -> str:
    if isinstance(value, list):
        value = ",".join(value)
    return str(value or "-").replace(" ", "-")
