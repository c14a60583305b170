"""The exception tree: every error that freerouter raises, and what each one says to a caller over HTTP.

    FreeRouterError
    ├── SettingsError               a setting is wrong: names it and its valid values
    ├── CatalogError                the list of models could not be fetched, or was not valid
    ├── BatchError                  a batch cannot start or go on: names the file, and the line if one is to blame
    ├── InvalidRequestError         400: the request is not valid: names the field
    │   └── CostRefusedError        400: the request could cost money: names the field and the free way
    ├── NoEligibleModelError        404: no free model has what the request needs
    │   └── UnknownModelError       404: the free model that it names is not offered: names similar ones
    ├── AllowanceExhaustedError     429: the account's free requests are used up until a stated time
    ├── AttemptsFailedError         429: every model that was tried failed
    ├── UpstreamUnavailableError    429: OpenRouter could not be reached: nothing was sent
    ├── UpstreamError               as upstream: OpenRouter refused, and another model would not help
    └── StreamInterruptedError      the answer broke off after its first token: carries the text so far

freerouter's own decisions are 4xx: official SDKs retry a 5xx for up to an hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

# The name of the distribution, as in pyproject.toml.
DISTRIBUTION = "freerouter-client"


def install(extra: str) -> str:
    """The command that installs what an extra needs; errors name it."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


class AttemptLike(Protocol):
    """One attempt with one model, as an error shows it; ``freerouter.Attempt`` is one."""

    @property
    def model(self) -> str:
        """Its id."""
        ...

    @property
    def outcome(self) -> Any:
        """Its result: a ``freerouter.replies.outcome.Outcome``."""
        ...

    @property
    def seconds(self) -> float:
        """Seconds until the reply could be judged."""
        ...

    @property
    def cooldown(self) -> float | None:
        """Seconds of the model's cooldown because of it; None without a cooldown."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """As JSON values: contains no key and no content of a message."""
        ...


class TraceLike(Protocol):
    """The record of a request, as an error carries it; ``freerouter.Trace`` is one."""

    @property
    def id(self) -> str:
        """Unique in this process, and very likely across processes."""
        ...

    @property
    def attempts(self) -> Sequence[AttemptLike]:
        """The models that were tried, in order."""
        ...

    def headers(self) -> dict[str, str]:
        """The response headers that tell which model answered."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """As JSON values: contains no key and no content of a message."""
        ...


class FreeRouterError(Exception):
    """Base class of all errors of freerouter.

    Attributes:
        message: what happened and what to do next, in one or two sentences.
        status: the HTTP status with which a transport or the server answers it.
        repeatable: an SDK should retry it, whatever its status.
        error_type: OpenRouter's stable name for it (API reference, "Errors", ``error.metadata.error_type``).
        retry_after: seconds after which a retry may succeed; None when waiting does not help.
        metadata: more fields for ``error.metadata``; never a key or the content of a message.
        trace: the record of the request, if there was a request.
    """

    status: int = 400
    error_type: str = "invalid_request"
    repeatable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        metadata: Mapping[str, Any] | None = None,
        trace: TraceLike | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.trace = trace

    def bare(self) -> Self:
        """Without its traceback and its causes, whose frames would keep a request's body for as long as the error."""
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _made_anew, (type(self), self.args), self.__dict__


def _made_anew(kind: type[FreeRouterError], args: tuple[Any, ...]) -> FreeRouterError:
    """Rebuild an error from another process, without ``__init__``: its keywords differ from class to class."""
    return kind.__new__(kind, *args)


class SettingsError(FreeRouterError):
    """A setting has a value that is not valid."""


class CatalogError(FreeRouterError):
    """There is no catalog: it could not be fetched and no copy is stored, or the reply was not a list of models."""

    status = 429
    error_type = "provider_unavailable"


class BatchError(FreeRouterError):
    """A batch cannot start or go on; ``line`` is the input line at fault, counted from 1, or None."""

    def __init__(self, message: str, *, line: int | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.line = line


class InvalidRequestError(FreeRouterError):
    """The request is not valid; ``field`` says where, as in ``messages[3].content``."""

    def __init__(self, message: str, *, field: str | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.field = field
        if field is not None:
            self.metadata["field"] = field


class CostRefusedError(InvalidRequestError):
    """The request could cost money, so it was not sent; ``field`` names what would have cost money."""

    error_type = "payment_required"


class NoEligibleModelError(FreeRouterError):
    """No free model has everything that the request needs."""

    status = 404
    error_type = "not_found"


class UnknownModelError(NoEligibleModelError):
    """The request names a free model that is not, or no longer, in the catalog."""


class AllowanceExhaustedError(FreeRouterError):
    """The account's free requests are used up; ``retry_after`` says for how many seconds."""

    status = 429
    error_type = "rate_limit_exceeded"


class AttemptsFailedError(FreeRouterError):
    """Every model that could be tried has failed, or the deadline has passed."""

    status = 429
    error_type = "provider_unavailable"


class UpstreamUnavailableError(FreeRouterError):
    """OpenRouter could not be reached (refused, DNS, TLS, connect timeout): nothing was sent."""

    status = 429
    error_type = "provider_unavailable"


class UpstreamError(FreeRouterError):
    """OpenRouter refused the request for a reason that holds for every model.

    Attributes:
        status: the status that OpenRouter gave.
        body: the error body as OpenRouter sent it, parsed; an empty mapping if it sent none.
    """

    def __init__(self, message: str, *, status: int, body: Mapping[str, Any], **rest: Any) -> None:
        super().__init__(message, **rest)
        self.status = status
        self.body = body


class StreamInterruptedError(FreeRouterError):
    """The answer broke off after its first token; freerouter does not complete it.

    Attributes:
        text: the text received so far.
    """

    status = 502
    error_type = "provider_unavailable"

    def __init__(self, message: str, *, text: str = "", **rest: Any) -> None:
        super().__init__(message, **rest)
        self.text = text
