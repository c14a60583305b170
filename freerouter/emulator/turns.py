"""Where a conversation stands: which tool is to be called next, if any."""

import re
from collections.abc import Mapping
from typing import Any

from freerouter.emulator.ask import Ask, text_of
from freerouter.emulator.lenient import mapping, objects, text

Message = Mapping[str, Any]

# A call that an agent has put into words, as a dict of Python or as JSON.
_NAMED = re.compile(r"""["']name["']\s*:\s*["']([^"']+)["']""")


def tool_to_call(ask: Ask) -> Message | None:
    """Choose the function: the forced one, else one not called yet when any is forced; none after a result.

    Among several the message's words decide, then their order. When all were called already, a forced
    choice ends with the last one, which as a rule gives the final answer.
    """
    functions = [mapping(tool.get("function")) for tool in ask.tools]
    forced = text(mapping(mapping(ask.tool_choice).get("function")).get("name"))
    if not functions or (not ask.forces_tool and _after_result(ask.messages)):
        return None
    if forced:
        return next((f for f in functions if f.get("name") == forced), functions[0])
    if ask.forces_tool:
        called = _called(ask.messages)
        functions = [f for f in functions if f.get("name") not in called] or functions[-1:]
    spoken = text_of(ask.last)
    return next((f for f in functions if (name := text(f.get("name"))) and name in spoken), functions[0])


def _after_result(messages: list[Message]) -> bool:
    """Tell whether a tool's result waits for an answer; what a user says after it may be a part of it."""
    said = next((message for message in reversed(messages) if message.get("role") != "user"), {})
    return said.get("role") == "tool"


def _called(messages: list[Message]) -> set[str]:
    """Return the tools called since the last answer in text."""
    called: set[str] = set()
    for message in reversed(messages):
        if message.get("role") == "assistant":
            names = _calls(message)
            if not names:
                break
            called |= names
    return called


def _calls(message: Message) -> set[str]:
    calls = objects(message.get("tool_calls"))
    structured = {text(mapping(call.get("function")).get("name")) for call in calls}
    return structured | set(_NAMED.findall(text_of(message)))
