"""The modules that are changed, each with the tests that are to notice."""

_ERRORS = [
    f"tests/replies/test_{name}.py"
    for name in ("evidence", "table", "outcome_meaning", "outcome", "voices", "retry_hints")
]
_WALKS = [
    "tests/pipeline/test_loop.py",
    "tests/pipeline/test_whose_fault.py",
    "tests/pipeline/test_not_sent.py",
    "tests/pipeline/test_second_opinion.py",
    "tests/pipeline/test_refusals.py",
    "tests/pipeline/test_tracking.py",
    "tests/pipeline/test_router_machine.py",
    "tests/memory/test_failures.py",
    "tests/memory/test_gates.py",
    "tests/memory/test_outage.py",
    "tests/memory/test_sticky.py",
]
SUITES = {
    "replies/evidence": _ERRORS,
    "replies/outcome": _ERRORS,
    "replies/table": _ERRORS,
    "memory/health": ["tests/memory/test_health.py"],
    "memory/lessons": ["tests/memory/test_lessons.py"],
    "memory/allowance": ["tests/memory/test_allowance.py", "tests/memory/test_gates.py"],
    "memory/costs": ["tests/memory/test_costs.py"],
    "openrouter/costs": ["tests/openrouter/test_costs.py"],
    "openrouter/cost_guard": ["tests/openrouter/test_cost_guard.py", "tests/openrouter/test_cost_guard_seal.py"],
    "memory/outage": ["tests/memory/test_outage.py"],
    "pipeline/routing": _WALKS,
    "pipeline/learning": _WALKS,
    "pipeline/planning": _WALKS,
    "pipeline/router": _WALKS,
    "pipeline/state": _WALKS,
    "pipeline/pace": _WALKS,
}
