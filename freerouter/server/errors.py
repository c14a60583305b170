"""What the server itself refuses, before anything is routed."""

from __future__ import annotations

from typing import Any, ClassVar

from freerouter.errors import AllowanceExhaustedError, FreeRouterError
from freerouter.openrouter.dialects import Dialect
from freerouter.openrouter.headers import Headers
from freerouter.pipeline.delivery import Answer
from freerouter.pipeline.refusals import refused
from freerouter.replies.verdicts import Gate

_TYPES = {
    401: "authentication",
    403: "permission_denied",
    404: "not_found",
    408: "timeout",
    413: "payload_too_large",
}


class RefusedError(FreeRouterError):
    """The request is not for this server, its client may not use the server, or it is too large.

    Attributes:
        headers: more headers of the answer.
    """

    def __init__(self, message: str, status: int, headers: Headers | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = _TYPES.get(status, self.error_type)
        self.headers = headers or []


class BusyError(FreeRouterError):
    """As many requests are running as may run at once."""

    status = 429
    error_type = "rate_limit_exceeded"
    repeatable: ClassVar[bool] = True

    def __init__(self, running: int) -> None:
        super().__init__(f"{running} requests are running: try again in a second", retry_after=1.0)


class FullError(FreeRouterError):
    """The bodies of all requests together are as large as they may be."""

    status = 429
    error_type = "rate_limit_exceeded"
    repeatable: ClassVar[bool] = True

    def __init__(self, most: int) -> None:
        super().__init__(
            f"the bodies of the running requests have reached their limit of {most / 2**20:g} MiB (bodies_in_flight): "
            "try again in a second",
            retry_after=1.0,
        )


class StoppingError(FreeRouterError):
    """The server stops before the request has an answer."""

    status = 429
    error_type = "provider_unavailable"
    repeatable: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__("the server is stopping: try again when it runs", retry_after=1.0)


class TokenLimitError(FreeRouterError):
    """A client's token has sent as many requests within a minute as it may."""

    status = 429
    error_type = "rate_limit_exceeded"
    repeatable: ClassVar[bool] = True

    def __init__(self, name: str, most: int, seconds: float) -> None:
        super().__init__(
            f"the token {name} may send {most} requests a minute: try again in {seconds:.0f} seconds",
            retry_after=seconds,
        )


class DefectError(FreeRouterError):
    """The server itself is at fault. A 4xx all the same: official SDKs repeat a 5xx for up to an hour."""

    error_type = "server"

    def __init__(self, error: Exception) -> None:
        super().__init__(f"freerouter itself is at fault ({type(error).__name__}): please report it")


def restate_exhausted(answer: Answer[Any], status: int, dialect: Dialect) -> None:
    """Give an answer this status if the day's allowance is used up: coding agents retry a 429 again and again.

    With a status other than 429, there is no Retry-After, because some clients take it for a promise, and the error has
    its own type: OpenCode retries if the body holds "rate_limit" or a status such as 429. So the attempts, with
    OpenRouter's own 429 and earlier errors of models, are left out; the log has their number.
    """
    error = answer.error
    if not isinstance(error, AllowanceExhaustedError) or error.metadata.get("gate") != Gate.DAY.value:
        return
    error.status = status
    if status != AllowanceExhaustedError.status:
        error.retry_after = None
        error.error_type = "quota_exceeded"
        error.trace = None
    answer.status, answer.headers, answer.body.chunks = refused(error, answer.trace, dialect)
