"""The exception tree: everything freerouter raises, and what each error says to a caller over HTTP.

    FreeRouterError
    ├── SettingsError               a setting is wrong: says which, and what it may be
    ├── CatalogError                no list of models could be had, or what came was none
    ├── BatchError                  a batch cannot begin or go on: names the file, and the line where there is one
    ├── InvalidRequestError         400: the request makes no sense: says which field
    │   └── CostRefusedError        400: the request could cost money: says which field, and the free way
    ├── NoEligibleModelError        404: no free model has what the request needs
    │   └── UnknownModelError       404: the free model that it names is not offered: says which are near
    ├── AllowanceExhaustedError     429: the account's free requests are used up until a stated time
    ├── AttemptsFailedError         429: every model that was asked failed
    ├── UpstreamUnavailableError    429: OpenRouter could not be reached: nothing was sent
    ├── UpstreamError               as upstream: OpenRouter refused, and no other model would do better
    └── StreamInterruptedError      the answer broke off after its first token: carries the text so far

Whatever freerouter itself decides is a 4xx: official SDKs repeat a 5xx for up to an hour (DESIGN: Errors to callers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self


class AttemptLike(Protocol):
    """One model tried once, as an error shows it: what ``freerouter.Attempt`` is."""

    @property
    def model(self) -> str:
        """Its id."""
        ...

    @property
    def outcome(self) -> Any:
        """What became of it: a ``freerouter.replies.outcome.Outcome``."""
        ...

    @property
    def seconds(self) -> float:
        """How long it took until it was judged."""
        ...

    @property
    def cooldown(self) -> float | None:
        """Seconds for which the model is left alone because of it; None when it is not."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """For JSON: neither a key nor the content of a message."""
        ...


class TraceLike(Protocol):
    """The story of a request, as an error carries it: what ``freerouter.Trace`` is."""

    @property
    def id(self) -> str:
        """Unique in this process, and very likely beyond."""
        ...

    @property
    def attempts(self) -> Sequence[AttemptLike]:
        """The models that were tried, in order."""
        ...

    def headers(self) -> dict[str, str]:
        """The response headers that tell which model answered."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """For JSON: neither a key nor the content of a message."""
        ...


class FreeRouterError(Exception):
    """What all errors of freerouter have in common.

    Attributes:
        message: what happened and what to do next, in one or two sentences.
        status: the HTTP status with which a transport or the server answers it.
        repeatable: an SDK's own retry is worth it, whatever the error's other facts.
        error_type: OpenRouter's stable word for it (API reference, "Errors", ``error.metadata.error_type``).
        retry_after: seconds after which it is worth another try; None when time does not mend it.
        metadata: further facts for ``error.metadata``; never a key or the content of a message.
        trace: the story of the request, when there was one.
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
    """An error that came from another process: without ``__init__``, whose keywords differ from class to class."""
    return kind.__new__(kind, *args)


class SettingsError(FreeRouterError):
    """A setting has a value that it cannot have."""


class CatalogError(FreeRouterError):
    """There is no catalog: none could be fetched and none was kept, or what came was no catalog."""

    status = 429
    error_type = "provider_unavailable"


class BatchError(FreeRouterError):
    """A batch cannot begin or go on; ``line`` is the line of the input that is to blame, counted from 1, if one is."""

    def __init__(self, message: str, *, line: int | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.line = line


class InvalidRequestError(FreeRouterError):
    """The request makes no sense; ``field`` says where, as in ``messages[3].content``."""

    def __init__(self, message: str, *, field: str | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.field = field
        if field is not None:
            self.metadata["field"] = field


class CostRefusedError(InvalidRequestError):
    """The request could cost money, so it was not sent; ``field`` says what would have cost."""

    error_type = "payment_required"


class NoEligibleModelError(FreeRouterError):
    """No free model has everything that the request needs."""

    status = 404
    error_type = "not_found"


class UnknownModelError(NoEligibleModelError):
    """The request names a free model that the catalog does not have, or no longer."""


class AllowanceExhaustedError(FreeRouterError):
    """The account's free requests are used up; ``retry_after`` says for how many seconds."""

    status = 429
    error_type = "rate_limit_exceeded"


class AttemptsFailedError(FreeRouterError):
    """Every model that could be asked has failed, or the time was up."""

    status = 429
    error_type = "provider_unavailable"


class UpstreamUnavailableError(FreeRouterError):
    """OpenRouter could not be reached (refused, name, TLS, connect time-out): nothing was sent."""

    status = 429
    error_type = "provider_unavailable"


class UpstreamError(FreeRouterError):
    """OpenRouter refused the request for a reason that no other model would mend.

    Attributes:
        status: the status that OpenRouter gave.
        body: the error body as OpenRouter sent it, parsed; an empty mapping if it sent none.
    """

    def __init__(self, message: str, *, status: int, body: Mapping[str, Any], **rest: Any) -> None:
        super().__init__(message, **rest)
        self.status = status
        self.body = body


class StreamInterruptedError(FreeRouterError):
    """The answer broke off after its first token; nothing was made up to complete it.

    Attributes:
        text: the text that had come.
    """

    status = 502
    error_type = "provider_unavailable"

    def __init__(self, message: str, *, text: str = "", **rest: Any) -> None:
        super().__init__(message, **rest)
        self.text = text
