"""The tools that run on a server whatever the dialect calls them: they cost money."""

from collections.abc import Mapping
from typing import Any

_HOSTED = (
    "code_execution",
    "code_interpreter",
    "file_search",
    "image_generation",
    "mcp",
    "web_fetch",
    "web_search",
)


def function(tool: Mapping[str, Any], parameters: str) -> dict[str, Any]:
    """Return a function tool in the form of Chat Completions; `parameters` names its schema here."""
    described = {key: tool[key] for key in ("name", "description", "strict") if key in tool}
    return {"type": "function", "function": described | {"parameters": tool.get(parameters)}}


def hosted(kind: str) -> dict[str, Any]:
    """Return the tool of this type: under OpenRouter's own name when it runs on a server."""
    return {"type": f"openrouter:{kind}" if kind.startswith(_HOSTED) else kind}
