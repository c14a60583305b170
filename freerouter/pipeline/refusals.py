"""The errors with which a request ends: what happened, why, and what to do next."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from freerouter.errors import (
    AllowanceExhaustedError,
    AttemptsFailedError,
    CostRefusedError,
    FreeRouterError,
    InvalidRequestError,
    NoEligibleModelError,
    TraceLike,
    UpstreamError,
    UpstreamUnavailableError,
)
from freerouter.memory.allowance import Allowance
from freerouter.openrouter.dialects import Dialect
from freerouter.openrouter.headers import Headers
from freerouter.openrouter.json_bodies import encode
from freerouter.openrouter.requirements import Requirements
from freerouter.pipeline.filtering import Index, capabilities
from freerouter.pipeline.policy import Policy
from freerouter.pipeline.tracking import Trace
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Gate, Lasting

_RETRY_AFTER = 30.0
_SHORTEST_REST = 1.0
_DOWN = {"5xx": "errors or web pages of a server (5xx)", "connection_broken": "broken connections"}
_LONGEST_CAUSE = 500

_PRIVACY = (
    "the account's privacy settings hide them: allow free endpoints that may train on prompts at "
    "https://openrouter.ai/settings/privacy"
)
_TRAINING = (
    "training on prompts is denied (train, provider.data_collection), and no free model has a provider that does "
    "without: allow it, or use another model"
)
_ALLOWED = (
    "no provider of them is allowed: see the account's allowed and ignored providers at "
    "https://openrouter.ai/settings/preferences"
)
_REMEDIES = {
    "key_refused": "check OPENROUTER_API_KEY, or create a key at https://openrouter.ai/keys",
    "payment_required": "a negative balance blocks free models, too: see https://openrouter.ai/settings/credits",
    "redirected": "set upstream to the address that it redirects to",
}


def nobody_eligible(index: Index, requirements: Requirements, policy: Policy | None = None) -> NoEligibleModelError:
    """No free model has everything that is needed: says how many have each capability.

    Args:
        index: the free models.
        requirements: what the request needs.
        policy: the models that it allows; None for all.
    """
    total = len(index.models)
    having = Counter(name for model in index.models for name in capabilities(model))
    unlisted = requirements.need.required - requirements.need.hard - index.alphabet
    required = sorted(requirements.need.required - unlisted)
    counts = [
        f"{having[name]} have {name}{_in_brackets(index.hint(name))}" for name in required if having[name] < total
    ]
    counts += [f"no model lists {name}, which provider.require_parameters requires" for name in sorted(unlisted)]
    roomy = total - index.first(requirements.least_context)
    if roomy < total:
        counts.append(f"{roomy} have a context of {requirements.least_context} tokens")
    talkative = sum(model.max_output is None or model.max_output >= requirements.need.output for model in index.models)
    if talkative < total:
        counts.append(f"{talkative} answer with up to {requirements.need.output} tokens")
    if policy is not None:
        allowed = sum(next(policy.objections(model), None) is None for model in index.models)
        counts.append(f"{allowed} are allowed by its {policy}")
    detail = f": of {total} free models {', '.join(counts)}" if counts else f" among {total}"
    return NoEligibleModelError(
        f"no free model can serve this request{detail}; leave out what it can do without",
        metadata={"requirements": requirements.as_dict()},
    )


def _in_brackets(hint: str) -> str:
    return f" ({hint.removeprefix(': ')})" if hint else ""


def too_long(context: int, models: int) -> NoEligibleModelError:
    """The request alone is more than any context: told by its size, before it is parsed."""
    return NoEligibleModelError(
        f"no free model can serve this request: it is longer than {context} tokens, the largest context of {models} "
        "free models; make it shorter",
        metadata={"largest_context": context},
    )


def none_left(reasons: dict[str, list[str]]) -> NoEligibleModelError:
    """The eligible models are blocked by what was learnt about them, or the models asked for by name are unsuitable."""
    detail = "; ".join(f"{model}: {', '.join(why)}" for model, why in reasons.items())
    return NoEligibleModelError(f"no model is left to ask: {detail}", metadata={"reasons": reasons})


def attempts_failed(trace: Trace, why_no_more: str, preferences: Any = None) -> AttemptsFailedError:
    """Every model that could be tried has failed.

    Args:
        trace: the record so far.
        why_no_more: why no further model is tried.
        preferences: the request's own ``provider``, named in the message if it is the cause.
    """
    attempts = trace.attempts
    last = attempts[-1].outcome if attempts else None
    setting = _setting_to_blame([attempt.outcome.lasting for attempt in attempts], preferences)
    if setting:
        message = f"no model would answer: {setting}"
    else:
        tried = ", ".join(f"{attempt.model} ({attempt.outcome.reason})" for attempt in attempts)
        message = f"{len(attempts)} of {trace.eligible} eligible models failed, and {why_no_more}: {tried}"
        if last is not None and last.message:
            message += f"; the last one said: {last.message[:_LONGEST_CAUSE]}"
    return AttemptsFailedError(
        message, retry_after=_shortest_wait(trace), metadata={"cause": cause(last)} if last else {}
    )


def _setting_to_blame(lessons: list[Lasting | None], preferences: Any) -> str:
    """The setting or preference that made all models refuse, as text; empty without one."""
    kinds = set(lessons)
    if not kinds or not kinds <= {Lasting.PRIVACY, Lasting.PROVIDERS, Lasting.GONE}:
        return ""
    named = ", ".join(sorted(preferences)) if isinstance(preferences, dict) else ""
    if named == "data_collection" and kinds != {Lasting.GONE}:
        return _TRAINING
    if named and kinds != {Lasting.GONE}:
        return f"the request's own provider preferences ({named}) leave no provider: loosen them" + (
            f"; or {_PRIVACY}" if kinds == {Lasting.PRIVACY} else ""
        )
    if kinds == {Lasting.PRIVACY}:
        return _PRIVACY
    return _ALLOWED if kinds == {Lasting.PROVIDERS} else ""


def _shortest_wait(trace: Trace) -> float:
    """The shortest wait that replies stated, else the shortest cooldown."""
    stated = [attempt.outcome.seconds for attempt in trace.attempts if attempt.outcome.seconds]
    cooldowns = [attempt.cooldown for attempt in trace.attempts if attempt.cooldown is not None]
    return min(stated or cooldowns, default=_RETRY_AFTER)


def cause(outcome: Outcome) -> dict[str, Any]:
    """OpenRouter's last message, shortened."""
    return {"status": outcome.status, "reason": outcome.reason, "message": outcome.message[:_LONGEST_CAUSE]}


def allowance_exhausted(
    gate: Gate, seconds: float, allowance: Allowance, now: float, max_wait: float = 0.0
) -> AllowanceExhaustedError:
    """The account's free requests are used up; nothing is sent until the stated time.

    Args:
        gate: the allowance that is used up.
        seconds: until it is reset.
        allowance: what is known about the account.
        now: seconds since 1970.
        max_wait: how long a request may wait, by the settings.
    """
    at = datetime.fromtimestamp(now + seconds, UTC)
    metadata: dict[str, Any] = {"gate": gate.value, "resets_at": at.isoformat(timespec="seconds")}
    if gate is Gate.DAY:
        limit = allowance.limit
        if limit is not None:
            metadata |= {"limit": limit, "used": limit - (allowance.left or 0)}
        of = "" if limit is None else f" ({limit} a day)"
        message = (
            f"the account's free requests of today are used up{of}; they are reset at {at:%H:%M} UTC. "
            "Other keys do not help; having bought 10 credits once gives 1000 a day"
        )
    else:
        remedy = f"max_wait is {max_wait:g} s" if max_wait else "or set max_wait"
        message = f"the free requests of this minute are used up: try again in {seconds:.0f} s ({remedy})"
    return AllowanceExhaustedError(message, retry_after=seconds, metadata=metadata)


def stopped(outcome: Outcome) -> FreeRouterError:
    """OpenRouter refused, and another model would not help."""
    said = outcome.message or f"status {outcome.status}"
    remedy = _REMEDIES.get(outcome.reason)
    status = 404 if outcome.reason == "redirected" else outcome.status
    return UpstreamError(
        f"{said} ({remedy})" if remedy else said,
        status=status,
        body=outcome.body,
        retry_after=outcome.seconds,
        metadata={"reason": outcome.reason},
    )


def upstream_down(upstream: str, reason: str, rest: float = 0.0) -> UpstreamUnavailableError:
    """The models are not at fault: OpenRouter itself fails, or something in front of it.

    Args:
        upstream: base URL.
        reason: what the failures have in common.
        rest: seconds for which nothing is sent.
    """
    what = (
        f"a web page (status {reason.removeprefix('page ')})"
        if reason.startswith("page ")
        else _DOWN.get(reason, reason)
    )
    return UpstreamUnavailableError(
        f"{upstream} is down: it answers with {what}, whichever model is asked",
        retry_after=max(rest, _SHORTEST_REST),
        metadata={"outage": reason},
    )


def web_page(upstream: str, status: int) -> UpstreamUnavailableError:
    """Something between this machine and OpenRouter has answered instead of it."""
    return UpstreamUnavailableError(
        f"a web page (HTML, status {status}) came instead of an answer from {upstream}: something between this machine "
        "and OpenRouter has blocked the request; look at the network, a proxy or a VPN",
        retry_after=_RETRY_AFTER,
        metadata={"upstream_status": status},
    )


def account_costs(cost: float) -> CostRefusedError:
    """Answers of two different free models in a row have cost money, so the account itself causes the cost."""
    return CostRefusedError(
        f"two free models in a row have cost money (the last one ${cost}): the account's own settings cause it. "
        "Nothing is sent. Switch off its default plugins (https://openrouter.ai/settings/plugins) and provider keys "
        "(https://openrouter.ai/settings/integrations), then run freerouter alarms --clear"
    )


def unreachable(upstream: str) -> UpstreamUnavailableError:
    """OpenRouter could not be reached."""
    return UpstreamUnavailableError(
        f"{upstream} could not be reached: is the network up, and the address right?", retry_after=_RETRY_AFTER
    )


def refused(error: FreeRouterError, trace: TraceLike, dialect: Dialect) -> tuple[int, Headers, list[bytes]]:
    """Status, headers and body of an error, in the format of the dialect."""
    try:
        body = encode(dialect.error_body(error))
    except InvalidRequestError:  # OpenRouter's own body holds a number such as 1e999, which can be read but not written
        plain = UpstreamError(error.message, status=error.status, body={}, metadata=error.metadata, trace=error.trace)
        body = encode(dialect.error_body(plain))
    return error.status, error_headers(error, trace), [body]


def error_headers(error: FreeRouterError, trace: TraceLike) -> Headers:
    """The headers of an error from freerouter: an SDK should retry only when the minute's allowance is used up."""
    minute = isinstance(error, AllowanceExhaustedError) and error.metadata.get("gate") == "minute"
    headers = [("content-type", "application/json"), *trace.headers().items()]
    if not (minute or error.repeatable):
        headers.append(("x-should-retry", "false"))
    if error.retry_after is not None:
        headers.append(("retry-after", str(math.ceil(error.retry_after))))
    return headers
