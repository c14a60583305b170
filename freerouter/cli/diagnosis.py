"""Diagnosis: checks of an installation (ok, warning or failed), each with its remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urlsplit

from freerouter.durations import DAY, HOUR, MINUTE
from freerouter.network.probe import Probe
from freerouter.openrouter.catalog import Model
from freerouter.pipeline.policy import Policy
from freerouter.settings import DEFAULT_UPSTREAM, Settings, is_loopback
from freerouter.sharing.condition import OFF, Status

# A Date header has whole seconds, and some time passes until it arrives.
_CLOCK_TOLERANCE = 10.0
_OLD_COPY = DAY
_LOW_ALLOWANCE = 0.1
_NAMED = 3
_PRIVACY = "https://openrouter.ai/settings/privacy"
_NOT_REACHED = "the upstream cannot be reached"


class Level(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: what was checked.
        state: the result.
        found: what was found, as text.
        remedy: what to do about it; empty when there is nothing to do.
    """

    name: str
    state: Level
    found: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return {"name": self.name, "state": self.state.value, "found": self.found, "remedy": self.remedy}


def next_reset(wall: float) -> datetime:
    """When the daily allowance is reset: at 00:00 UTC."""
    return datetime.fromtimestamp((wall // DAY + 1) * DAY, UTC)


@dataclass(frozen=True, slots=True)
class Findings:
    """The data for the checks.

    Attributes:
        settings: in effect; None when they are not valid.
        complaint: what is wrong with them then.
        models, account_models, key: of ``GET /models``, ``/models/user`` and ``/key``; None when not read.
        copy_written: when the stored list of models was written, in seconds since 1970; None without one.
        wall: now, in seconds since 1970.
        port: of the server.
        port_state: "free", "taken", or "freerouter" when a freerouter server uses it.
        upstream_is_ours: the upstream is a freerouter server itself.
        versions: of the installed packages; None for a missing one.
        shared: whether the store of the shared state can be used.
        strays: what is wrong with environment variables that look like settings but are unknown.
    """

    settings: Settings | None
    complaint: str = ""
    models: Probe | None = None
    account_models: Probe | None = None
    key: Probe | None = None
    copy_written: float | None = None
    wall: float = 0.0
    port: int = 0
    port_state: str = "free"
    upstream_is_ours: bool = False
    versions: dict[str, str | None] = field(default_factory=dict)
    shared: Status = OFF
    strays: tuple[str, ...] = ()

    @property
    def reached(self) -> bool:
        """Whether the upstream has answered at all."""
        return self.models is not None and self.models.status is not None


def examine(findings: Findings) -> list[Check]:
    """All checks, in a useful order."""
    checks = [_versions(findings)]
    if findings.settings is None:
        checks.append(Check("settings", Level.FAILED, findings.complaint, "correct it: the rest could not be checked"))
    else:
        checks.append(_strays(findings))
        looks = (_upstream, _circle, _clock, _catalog, _copy, _key, _allowance, _privacy, _shared)
        checks += [look(findings, findings.settings) for look in looks]
    return [*checks, _port(findings)]


def _strays(findings: Findings) -> Check:
    if not findings.strays:
        return Check("settings", Level.OK, "make sense")
    found = f"ignored from the environment: {'; '.join(findings.strays)}"
    return Check("settings", Level.WARNING, found, "correct the names, or unset them: see freerouter config")


def _versions(findings: Findings) -> Check:
    there = ", ".join(f"{name} {version}" for name, version in findings.versions.items() if version is not None)
    missing = ", ".join(name for name, version in findings.versions.items() if version is None)
    return Check("versions", Level.OK, there + (f"; not installed: {missing}" if missing else ""))


def _upstream(findings: Findings, settings: Settings) -> Check:
    look = findings.models or Probe(trouble="not tried")
    if look.status is None:
        found = f"{settings.upstream} cannot be reached ({look.trouble})"
        return Check("upstream", Level.FAILED, found, "check the network, HTTPS_PROXY and the setting upstream")
    if look.status != 200:
        found = f"{settings.upstream} answers with status {look.status}"
        return Check("upstream", Level.FAILED, found, f"set upstream to {DEFAULT_UPSTREAM}, or wait")
    return Check("upstream", Level.OK, f"{settings.upstream} answers within {look.seconds:.2f} s")


def _circle(findings: Findings, settings: Settings) -> Check:
    if findings.upstream_is_ours:
        state = Level.WARNING if findings.models is not None and findings.models.status == 200 else Level.FAILED
        found = f"{settings.upstream} is a freerouter server: one with these settings would send to itself"
        return Check("circle", state, found, f"set upstream to {DEFAULT_UPSTREAM}")
    host = urlsplit(settings.upstream).hostname or ""
    if not findings.reached and is_loopback(host):
        return _unchecked("circle")
    return Check("circle", Level.OK, "upstream is not a freerouter server")


def _unchecked(name: str, why: str = _NOT_REACHED) -> Check:
    return Check(name, Level.WARNING, f"not checked: {why}")


def _clock(findings: Findings, _settings: Settings) -> Check:
    look = findings.models
    if look is None or look.date is None:
        return _unchecked("clock", "the upstream does not send its time" if findings.reached else _NOT_REACHED)
    try:
        ahead = look.at - parsedate_to_datetime(look.date).timestamp()
    except (ValueError, OverflowError):
        return _unchecked("clock", "the upstream's Date header is not valid")
    if abs(ahead) <= _CLOCK_TOLERANCE:
        return Check("clock", Level.OK, f"within {_CLOCK_TOLERANCE:.0f} s of the upstream's")
    way = "ahead of" if ahead > 0 else "behind"
    found = f"{in_words(abs(ahead))} {way} the upstream's"
    return Check("clock", Level.WARNING, found, "set this machine's clock: days and resets are computed with it")


def _catalog(findings: Findings, settings: Settings) -> Check:
    if findings.models is None or findings.models.status != 200:
        return _unchecked("models")
    catalog = findings.models.catalog()
    if catalog is None:
        remedy = f"set upstream to {DEFAULT_UPSTREAM}"
        return Check("models", Level.FAILED, "the upstream's list of models is not valid", remedy)
    free = catalog.free(_day(findings))
    policy = Policy.of(settings)
    drawn = [model for model in free if next(policy.objections(model), None) is None]
    found = f"{len(free)} free, {len(drawn)} of them allowed by the settings"
    if drawn:
        return Check("models", Level.OK, found)
    return Check(
        "models", Level.FAILED, found, "loosen include, exclude, authors or min_context: see freerouter config"
    )


def _day(findings: Findings) -> date:
    return datetime.fromtimestamp(findings.wall, UTC).date()


def _copy(findings: Findings, _settings: Settings) -> Check:
    if findings.copy_written is None:
        if findings.reached:
            return Check("catalog copy", Level.OK, "none yet: the first command creates it")
        return Check("catalog copy", Level.FAILED, "there is none", "run freerouter models when the network is up")
    age = findings.wall - findings.copy_written
    found = f"{in_words(max(age, 0))} old"
    if 0 <= age <= _OLD_COPY:
        return Check("catalog copy", Level.OK, found)
    return Check("catalog copy", Level.WARNING, found, "run freerouter models to read it again")


def _key(findings: Findings, settings: Settings) -> Check:
    if settings.key is None:
        remedy = "create a free one at https://openrouter.ai/keys and set OPENROUTER_API_KEY"
        return Check("key", Level.FAILED, "there is none", remedy)
    status = None if findings.key is None else findings.key.status
    if status == 200:
        return Check("key", Level.OK, "there, and valid")
    if status in (401, 403):
        remedy = "copy it again, or create another one at https://openrouter.ai/keys"
        return Check("key", Level.FAILED, f"refused by the upstream (status {status})", remedy)
    why = _NOT_REACHED if status is None else f"GET /key answers with status {status}"
    return Check("key", Level.WARNING, f"set, but not checked: {why}")


def _allowance(findings: Findings, settings: Settings) -> Check:
    if settings.key is None or findings.key is None or findings.key.status != 200:
        return _unchecked("allowance", _why_not(findings, settings))
    daily = findings.key.daily()
    if daily is None:
        return _unchecked("allowance", "the upstream does not say what is left")
    used, limit = daily
    left = max(limit - used, 0)
    found = f"{left} of {limit} free requests left today"
    if left > limit * _LOW_ALLOWANCE:
        return Check("allowance", Level.OK, found)
    return Check("allowance", Level.WARNING, found, f"it is reset at {next_reset(findings.wall):%H:%M} UTC")


def _why_not(findings: Findings, settings: Settings) -> str:
    if settings.key is None:
        return "that needs a key"
    return "the key is not accepted" if findings.reached else _NOT_REACHED


def _privacy(findings: Findings, settings: Settings) -> Check:
    everybody = None if findings.models is None else findings.models.catalog()
    own = None if findings.account_models is None else findings.account_models.catalog()
    if everybody is None or own is None:
        return _unchecked("privacy", _why_not(findings, settings))
    free = _ids(everybody.free(_day(findings)))
    hidden = sorted(free - _ids(own.free(_day(findings))))
    if not hidden:
        return Check("privacy", Level.OK, f"the account's settings allow all {len(free)} free models")
    named = ", ".join(hidden[:_NAMED]) + (", ..." if len(hidden) > _NAMED else "")
    found = f"the account's settings hide {len(hidden)} of {len(free)} free models: {named}"
    return Check("privacy", Level.WARNING, found, f"allow them at {_PRIVACY}, or set account_models = true")


def _shared(findings: Findings, _settings: Settings) -> Check:
    status = findings.shared
    if not status.trouble:
        return Check("shared state", Level.OK, str(status))
    remedy = "check the URL, the password and the server" if status.store == "redis" else "set cache_dir to a folder"
    return Check("shared state", Level.WARNING, str(status), f'{remedy}, or set shared_state = "off"')


def _ids(models: Iterable[Model]) -> set[str]:
    return {model.id for model in models}


def _port(findings: Findings) -> Check:
    match findings.port_state:
        case "free":
            return Check("server port", Level.OK, f"{findings.port} is free")
        case "freerouter":
            return Check("server port", Level.OK, f"a freerouter server is running on {findings.port}")
        case _:
            remedy = "use another one with freerouter serve --port"
            return Check("server port", Level.WARNING, f"{findings.port} is taken by another program", remedy)


def in_words(seconds: float) -> str:
    """A duration, in its two largest units."""
    parts = [f"{count} {unit}" for count, unit in _parts(round(seconds)) if count]
    return " ".join(parts[:2]) or "0 s"


def _parts(seconds: int) -> Iterator[tuple[int, str]]:
    for unit, length in (("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", 1)):
        yield int(seconds // length), unit
        seconds %= int(length)
