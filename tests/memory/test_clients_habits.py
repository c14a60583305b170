"""Whole conversations as real clients send them, request by request: each stays on one model."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from freerouter.openrouter.dialects import CHAT, MESSAGES, RESPONSES
from tests.walks import ANSWER, always, error_reading, models, once, stage, walk

PNG = "iVBORw0KGgo" * 50
TURNS, CALLS = 3, 3
FAILED = error_reading(502, "no", metadata={"provider_name": "Acme"})
MARK = {"cache_control": {"type": "ephemeral"}}
Body = dict[str, Any]


def question(turn: int, number: int) -> str:
    return f"Question {turn} of conversation {number}"


def text(words: str, **fields: Any) -> Body:
    return {"type": "text", "text": words, **fields}


def claude_code(number: int) -> Iterator[Body]:
    """Marks the newest message for the cache, and reminds of something in it; both are gone in the next request."""
    history: list[Body] = []
    tools = [{"name": "Read", "input_schema": {"type": "object"}}]
    for turn in range(TURNS):
        history.append({"role": "user", "content": question(turn, number)})
        for call in range(CALLS):
            newest = history[-1]["content"]
            parts = [text(newest)] if isinstance(newest, str) else newest
            reminded = [text(f"<system-reminder>{call}</system-reminder>"), *parts[:-1], {**parts[-1], **MARK}]
            system = [text(f"x-anthropic-billing-header: cch={turn}{call};"), text(f"It is 2026-11-2{turn}.", **MARK)]
            yield {"system": system, "messages": [*history[:-1], {"role": "user", "content": reminded}], "tools": tools}
            use = {"type": "tool_use", "id": f"t{call}", "name": "Read", "input": {}}
            result = {"type": "tool_result", "tool_use_id": f"t{call}", "content": "x"}
            history += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
        history.append({"role": "assistant", "content": [text(f"Done {turn}")]})


def codex(number: int) -> Iterator[Body]:
    """Responses; the first item, on the surroundings, is the same in all conversations; tools come in the input."""
    surroundings = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "<cwd>/a</cwd>"}]}
    items: list[Body] = [{"type": "additional_tools", "tools": []}, surroundings]
    for turn in range(TURNS):
        asked = [{"type": "input_text", "text": question(turn, number)}]
        items.append({"type": "message", "role": "user", "content": asked})
        for call in range(CALLS):
            yield {"instructions": "You are Codex.", "input": [*items], "tools": []}
            items += [
                {"type": "reasoning", "summary": [], "encrypted_content": "x"},
                {"type": "function_call", "call_id": f"c{call}", "name": "shell", "arguments": "{}"},
                {"type": "function_call_output", "call_id": f"c{call}", "output": "x"},
            ]
        items.append({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done"}]})


def chat_loop(number: int, results: list[Body], system: Any = "You are an agent.") -> Iterator[Body]:
    """Chat Completions with tools; ``results`` is what follows each call."""
    history: list[Body] = [{"role": "system", "content": system}]
    for turn in range(TURNS):
        history.append({"role": "user", "content": question(turn, number)})
        for _ in range(CALLS):
            yield {"messages": [*history], "tools": [{"type": "function", "function": {"name": "f"}}]}
            call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            history += [{"role": "assistant", "content": None, "tool_calls": [call]}, *results]
        history.append({"role": "assistant", "content": f"Done {turn}"})


RESULT = {"role": "tool", "tool_call_id": "c", "content": "x"}
SHOWN = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}}]}


def pydantic_ai(number: int) -> Iterator[Body]:
    """A tool returns a picture, which follows as a message of the user's."""
    return chat_loop(number, [{**RESULT, "content": "See file 1"}, SHOWN])


def opencode(number: int) -> Iterator[Body]:
    """Clears the results of earlier calls."""
    for body in chat_loop(number, [RESULT], "Today's date: Thu Nov 26 2026"):
        body["messages"] = [
            {**message, "content": "[cleared]"}
            if message["role"] == "tool" and index < len(body["messages"]) - 2
            else message
            for index, message in enumerate(body["messages"])
        ]
        yield body


def qwen_code(number: int) -> Iterator[Body]:
    """Texts as lists of parts from the second request on, the newest marked for the cache; the clock in the prompt."""
    for count, body in enumerate(chat_loop(number, [RESULT], "It is 9:00:00.")):
        if count:
            body["messages"][0] = {"role": "system", "content": [text(f"It is 9:0{count}:00.", **MARK)]}
            body["messages"][1] = {"role": "user", "content": [text(body["messages"][1]["content"])]}
        yield body


def smolagents(number: int) -> Iterator[Body]:
    """Without tools: what they return is told as a message of the user's. After the last step, it changes the system
    message and adds a last wish to the last message.
    """
    history = [{"role": "system", "content": [text("You solve tasks.")]}]
    history.append({"role": "user", "content": [text(question(0, number))]})
    for step in range(TURNS * CALLS - 1):
        yield {"messages": [*history]}
        history.append({"role": "assistant", "content": [text(f"Thought {step} on {question(0, number)}")]})
        history.append({"role": "user", "content": [text("Observation: x")]})
    stuck = {"role": "system", "content": [text("An agent got stuck.")]}
    wish = {"role": "user", "content": [text("Observation: x\nAnswer now.")]}
    yield {"messages": [stuck, *history[1:-1], wish]}


def smolagents_with_plans(number: int) -> Iterator[Body]:
    """With ``planning_interval=1``, each step comes after a plan, which another request has asked for.

    The plans' own requests are none of this conversation: they share no text with it.
    """
    history = [{"role": "system", "content": [text("You solve tasks.")]}]
    history.append({"role": "user", "content": [text(question(0, number))]})
    for step in range(TURNS * CALLS):
        if step:
            history.append({"role": "assistant", "content": [text(f"Thought {step} on {question(0, number)}")]})
            history.append({"role": "user", "content": [text("Observation: x")]})
        history.append({"role": "assistant", "content": [text(f"Plan {step} for {question(0, number)}")]})
        history.append({"role": "user", "content": [text("Now proceed and carry out this plan.")]})
        yield {"messages": [*history]}


def plain_chat(number: int) -> Iterator[Body]:
    history: list[Body] = []
    for turn in range(TURNS * CALLS):
        history.append({"role": "user", "content": question(turn, number)})
        yield {"messages": [*history]}
        history.append({"role": "assistant", "content": f"Answer {turn}"})


def plain_responses(number: int) -> Iterator[Body]:
    """The first request is a text, the others lists."""
    items: list[Body] = []
    for turn in range(TURNS * CALLS):
        items.append({"role": "user", "content": question(turn, number)})
        yield {"input": [*items] if turn else question(turn, number)}
        said = [{"type": "output_text", "text": f"Answer {turn}"}]
        items.append({"type": "message", "role": "assistant", "content": said})


CLIENTS = {
    "Claude Code": (MESSAGES, claude_code),
    "Codex": (RESPONSES, codex),
    "pydantic-ai": (CHAT, pydantic_ai),
    "OpenCode": (CHAT, opencode),
    "Qwen Code": (CHAT, qwen_code),
    "smolagents": (CHAT, smolagents),
    "a chat": (CHAT, plain_chat),
    "a chat by Responses": (RESPONSES, plain_responses),
}
clients = pytest.mark.parametrize(("dialect", "client"), CLIENTS.values(), ids=CLIENTS)


def twenty():
    return stage(models(20, parameters=("tools",), inputs=("text", "image")))


@clients
def test_each_of_its_conversations_stays_on_one_model(dialect, client):
    """Ten conversations, a request of each in turn."""
    actor = twenty()
    asked = [set() for _ in range(10)]
    for bodies in zip(*[client(number) for number in range(10)], strict=True):
        for seen, body in zip(asked, bodies, strict=True):
            seen.update(walk(actor.router, always(ANSWER), body, dialect=dialect).sent)
    assert [len(seen) for seen in asked] == [1] * 10
    assert len(set.union(*asked)) > 3


@clients
@pytest.mark.parametrize("failing", [1, TURNS * CALLS // 2, TURNS * CALLS - 2])
def test_it_moves_once_when_its_model_fails(dialect, client, failing):
    actor = twenty()
    asked = []
    for count, body in enumerate(client(1)):
        asked += walk(actor.router, once(FAILED) if count == failing else always(ANSWER), body, dialect=dialect).sent
        actor.advance(400)  # less than a conversation is remembered, more than the model's cooldown
    moves = sum(one != other for one, other in pairwise(asked))
    assert (moves, len(asked)) == (1, TURNS * CALLS + 1)


@clients
def test_first_messages_are_drawn_each_time(dialect, client):
    actor = twenty()
    first = next(client(1))
    drawn = {model for _ in range(40) for model in walk(actor.router, always(ANSWER), first, dialect=dialect).sent}
    assert len(drawn) > 10


def test_the_steps_of_smolagents_stay_on_one_model_with_a_plan_before_each():
    actor = twenty()
    asked = [set() for _ in range(10)]
    for bodies in zip(*[smolagents_with_plans(number) for number in range(10)], strict=True):
        for seen, body in zip(asked, bodies, strict=True):
            seen.update(walk(actor.router, always(ANSWER), body).sent)
    assert [len(seen) for seen in asked] == [1] * 10
    assert len(set.union(*asked)) > 3
