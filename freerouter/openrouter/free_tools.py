"""Which tools cost nothing: those that the caller runs itself, and a few of OpenRouter's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from freerouter.openrouter.dialects import Dialect

Tool = Mapping[str, Any]


def is_free(tool: Tool, dialect: Dialect) -> bool:
    """Whether a tool costs nothing wherever it runs (openrouter-facts.md, "Free although they look costly")."""
    kind = tool.get("type")
    if kind in dialect.tool_types:
        return True
    if not isinstance(kind, str):
        return False
    condition = _ON_CONDITION.get(kind)
    return condition(tool) if condition is not None else kind.startswith(dialect.tool_families)


def _always(_: Tool) -> bool:
    return True


def _fetches_itself(tool: Tool) -> bool:
    """OpenRouter's own engine fetches free of charge; the default engine may be another one."""
    parameters = tool.get("parameters")
    engines = [holder.get("engine") for holder in (tool, parameters) if isinstance(holder, Mapping)]
    return {str(engine) for engine in engines if engine is not None} == {"openrouter"}


def _is_local(tool: Tool) -> bool:
    """A shell runs at the caller's side, unless it asks for a container."""
    environment = tool.get("environment")
    if isinstance(environment, Mapping):
        environment = environment.get("type")
    return environment in (None, "local")


def _runs_at_the_callers(tool: Tool) -> bool:
    return tool.get("execution") == "client"


_ON_CONDITION: Mapping[str, Callable[[Tool], bool]] = {
    "openrouter:datetime": _always,
    "openrouter:apply_patch": _always,
    "openrouter:web_fetch": _fetches_itself,
    "apply_patch": _always,
    "shell": _is_local,
    "tool_search": _runs_at_the_callers,
}
