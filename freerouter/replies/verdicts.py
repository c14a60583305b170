"""The terms of the table that judges replies: verdict, scope, lesson, allowance, row."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """What to do next."""

    ANSWERED = "answered"
    TRY_ANOTHER = "try_another"
    AGAIN = "again"
    STOP = "stop"


class Scope(StrEnum):
    """What a failure concerns: this model with this request, the model, the account, or the way to OpenRouter."""

    REQUEST = "request"
    MODEL = "model"
    ACCOUNT = "account"
    UPSTREAM = "upstream"


class Lasting(StrEnum):
    """What a failure teaches about a model beyond a cooldown."""

    GONE = "gone"  # for all requests, until a newer catalog lists it
    LACKS = "lacks"  # for requests with the same need
    CONTEXT = "context"  # for requests that are longer still
    TOO_LONG = "too_long"  # for this request: the message may only repeat the prompt
    MODERATED = "moderated"  # for this request, together with every other moderated model
    APP = "app"  # for this caller's app identity
    PRIVACY = "privacy"  # for this account
    REGION = "region"  # for this account
    PROVIDERS = "providers"  # for this account's requests, or those with the same provider preferences


class Gate(StrEnum):
    """Which of the account's allowances is used up."""

    DAY = "day"
    MINUTE = "minute"


class Row(NamedTuple):
    """One row of the table: what to do, what it concerns, and its name in the trace; ``sure`` as in ``Outcome``."""

    verdict: Verdict
    scope: Scope
    reason: str
    lasting: Lasting | None = None
    lacks: str | None = None
    gate: Gate | None = None
    light: bool = False
    sure: bool = True
