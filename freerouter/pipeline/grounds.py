"""Grounds: why a request ends without an answer; which of the refusals it is, by what is known."""

from __future__ import annotations

from freerouter.errors import FreeRouterError, UpstreamUnavailableError
from freerouter.memory.endpoint import Endpoint
from freerouter.pipeline import refusals
from freerouter.pipeline.planning import Plan
from freerouter.pipeline.state import State
from freerouter.pipeline.tracking import Trace
from freerouter.replies.outcome import Outcome
from freerouter.replies.reading import Flaw
from freerouter.replies.verdicts import Gate


def hopeless(state: State, plan: Plan, trace: Trace) -> FreeRouterError | None:
    """Why nothing may be sent, whatever is waited for."""
    if not trace.eligible:
        return refusals.nobody_eligible(plan.laid_out, plan.requirements, plan.selection.choice.policy)
    account, costs = plan.asker.caller.account, state.health.costs.accounts
    return refusals.account_costs(costs[account]) if account in costs else None


def nobody_left(state: State, plan: Plan, trace: Trace) -> FreeRouterError:
    """Why no further model is asked."""
    attempts = trace.attempts
    if not attempts:
        return refusals.none_left(plan.selection.barred_reasons())
    if all(not attempt.outcome.sure for attempt in attempts):
        return stopped(state, plan, attempts[-1].outcome)  # no second opinion was possible
    if state.endpoint.outage.reason:
        return down(state.endpoint)
    return refusals.attempts_failed(trace, "no more can be asked", plan.body.get("provider"))


def stopped(state: State, plan: Plan, outcome: Outcome) -> FreeRouterError:
    """Why no other model would help after this outcome."""
    if outcome.gate is not None and outcome.seconds is not None:
        return exhausted(state, plan.asker.caller.account, outcome.gate, outcome.seconds)
    if outcome.reason == Flaw.HTML:
        return refusals.web_page(state.endpoint.url, outcome.status)
    return refusals.stopped(outcome)


def exhausted(state: State, account: str, gate: Gate, seconds: float) -> FreeRouterError:
    """An allowance of the account is used up, for so many seconds."""
    allowance = state.endpoint.allowances.settle(account)
    return refusals.allowance_exhausted(gate, seconds, allowance, state.wall(), state.settings.max_wait)


def down(endpoint: Endpoint) -> UpstreamUnavailableError:
    """The outage of OpenRouter."""
    return refusals.upstream_down(endpoint.url, endpoint.outage.reason, endpoint.outage.left())
