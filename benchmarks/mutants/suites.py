"""The modules that are changed, each with the tests that are to notice."""

_ERRORS = [
    f"tests/replies/test_{name}.py"
    for name in ("evidence", "table", "outcome_meaning", "outcome", "voices", "retry_hints")
]
# Requests walked without I/O.
_WALKS = [
    *(
        f"tests/pipeline/test_{name}.py"
        for name in ("choices", "whose_fault", "second_opinion", "refusals", "explanations")
    ),
    *(f"tests/memory/test_{name}.py" for name in ("failures", "gates", "outage", "sticky")),
]

_NEWS = "tests/sharing/test_news.py"
_ROUTING = [
    *(f"tests/pipeline/test_routing_{name}.py" for name in ("next", "result", "end")),
    _NEWS,
    *_WALKS,
]
SUITES = {
    "replies/evidence": _ERRORS,
    "replies/outcome": _ERRORS,
    "replies/overflow": [*_ERRORS, "tests/replies/test_field_siblings.py"],
    "replies/table": _ERRORS,
    "memory/health": ["tests/memory/test_health.py", "tests/memory/test_heard.py", _NEWS],
    "memory/lessons": ["tests/memory/test_lessons.py", "tests/memory/test_heard.py", _NEWS],
    "memory/allowance": [
        *(f"tests/memory/test_{name}.py" for name in ("allowance", "shared_allowance", "gates")),
        _NEWS,
    ],
    "memory/costs": ["tests/memory/test_costs.py"],
    "openrouter/costs": ["tests/openrouter/test_costs.py", "tests/pipeline/test_choices.py"],
    "openrouter/cost_guard": ["tests/openrouter/test_cost_guard.py", "tests/openrouter/test_cost_guard_seal.py"],
    "memory/outage": ["tests/memory/test_outage.py"],
    **dict.fromkeys(
        ("pipeline/routing", "pipeline/admission", "pipeline/continuity", "pipeline/grounds", "pipeline/judging"),
        _ROUTING,
    ),
    "pipeline/learning": [
        *(f"tests/pipeline/test_{name}.py" for name in ("learning", "learning_choices", "learning_news")),
        _NEWS,
    ],
    "pipeline/planning": [
        "tests/pipeline/test_planning.py",
        "tests/pipeline/test_learning_choices.py",
        "tests/pipeline/test_choices.py",
    ],
    "pipeline/router": [
        "tests/pipeline/test_router.py",
        "tests/pipeline/test_learning_news.py",
        _NEWS,
        "tests/pipeline/test_choices.py",
    ],
    "pipeline/state": ["tests/pipeline/test_state.py", _NEWS, "tests/pipeline/test_choices.py"],
    "pipeline/pace": ["tests/pipeline/test_pace.py"],
}
