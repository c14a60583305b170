"""The modules that are changed, each with the tests that are to notice."""

SUITES = {
    "replies/evidence": ["tests/replies"],
    "replies/outcome": ["tests/replies"],
    "replies/table": ["tests/replies"],
    "memory/health": ["tests/memory/test_health.py", "tests/memory/test_failures.py"],
    "memory/lessons": ["tests/memory/test_lessons.py", "tests/memory/test_failures.py"],
    "memory/allowance": ["tests/memory/test_allowance.py", "tests/memory/test_gates.py"],
    "memory/costs": ["tests/memory/test_costs.py"],
    "openrouter/costs": ["tests/openrouter/test_costs.py"],
    "openrouter/cost_guard": ["tests/openrouter/test_cost_guard.py", "tests/openrouter/test_cost_guard_seal.py"],
    "memory/outage": ["tests/memory/test_outage.py"],
    "pipeline/routing": ["tests/pipeline", "tests/memory"],
    "pipeline/learning": ["tests/pipeline", "tests/memory"],
    "pipeline/planning": ["tests/pipeline", "tests/memory"],
    "pipeline/router": ["tests/pipeline", "tests/memory"],
    "pipeline/state": ["tests/pipeline", "tests/memory"],
    "pipeline/pace": ["tests/pipeline", "tests/memory"],
}
# They take long and notice what shorter ones notice, too.
LEFT_OUT = (
    "tests/pipeline/test_caller_timeouts.py",
    "tests/pipeline/test_filtering.py",
    "tests/pipeline/test_analysis.py",
    "tests/pipeline/test_forward_unchanged.py",
)
