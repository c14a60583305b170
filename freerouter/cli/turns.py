"""One question and its answer: sends it, shows the answer as it arrives, and reports how it was routed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from freerouter.cli.screens import in_one_line, screen_for_answers

if TYPE_CHECKING:
    from rich.console import Console

    from freerouter.errors import TraceLike
    from freerouter.library.client import FreeRouter
    from freerouter.library.completions import Usage
    from freerouter.pipeline.tracking import Trace

Messages = list[dict[str, Any]]


def opening(system: str | None) -> Messages:
    """The messages with which a conversation begins."""
    return [] if system is None else [{"role": "system", "content": system}]


def question(text: str, parts: Messages) -> dict[str, Any]:
    """A user's message, with its attachments."""
    return {"role": "user", "content": [*parts, {"type": "text", "text": text}] if parts else text}


@dataclass(slots=True)
class Asking:
    """How questions are asked.

    Attributes:
        parameters: of the request, without its messages.
        needs: capabilities to require in addition to those found in it.
        stream: show the answer as it arrives.
        schema: the answer must fit a schema, so it is shown only when it is complete.
        tell_trace: show the whole trace, not only the model.
    """

    parameters: dict[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    stream: bool = True
    schema: bool = False
    tell_trace: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """An answer, and its trace."""

    text: str
    finish: str | None
    usage: Usage | None
    trace: Trace
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON values (docs/terminal.md)."""
        return {
            "text": self.text,
            "model": self.trace.model,
            "finish_reason": self.finish,
            "usage": None if self.usage is None else self.usage.model_dump(mode="json"),
            "seconds": round(self.seconds, 3),
            "trace": self.trace.as_dict(),
        }


class Talk:
    """Sends questions, and reports on standard error how they were routed.

    Args:
        client: sends.
        asking: how to ask.
        show: whether answers are shown.
    """

    def __init__(self, client: FreeRouter, asking: Asking, *, show: bool = True) -> None:
        from rich.console import Console

        self.client = client
        self.asking = asking
        self._show = show
        # In a file, a message is one line, however long.
        self.err: Console = Console(
            stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=not sys.stderr.isatty()
        )

    def ask(self, messages: Messages) -> Turn:
        """Ask, and show the answer. Raises FreeRouterError, after the part received so far has been shown."""
        from freerouter.errors import FreeRouterError

        started = monotonic()
        try:
            turn = (self._stream if self.asking.stream else self._send)(messages, started)
        except FreeRouterError as error:
            if error.trace is not None:
                self._tell_attempts(error.trace)
            raise
        self.tell(turn)
        return turn

    def _stream(self, messages: Messages, started: float) -> Turn:
        finish = usage = None
        with ExitStack() as stack:
            waiting = stack.enter_context(self.err.status("waiting for an answer"))
            stream = stack.enter_context(
                self.client.chat.stream(messages, needs=self.asking.needs, **self.asking.parameters)
            )
            screen = None
            for chunk in stream:
                if chunk.choices and chunk.choices[0].finish_reason:
                    finish = chunk.choices[0].finish_reason
                usage = chunk.usage or usage
                if chunk.text and screen is None:
                    waiting.stop()
                    screen = stack.enter_context(screen_for_answers())
                if chunk.text and screen is not None:
                    screen.add(chunk.text)
        return Turn(stream.text, finish, usage, stream.trace, monotonic() - started)

    def _send(self, messages: Messages, started: float) -> Turn:
        with self.err.status("waiting for an answer"):
            completion = self.client.chat.send(
                messages, needs=self.asking.needs, accept=self.asking.schema, **self.asking.parameters
            )
        finish = completion.choices[0].finish_reason if completion.choices else None
        turn = Turn(completion.text, finish, completion.usage, completion.trace, monotonic() - started)
        if self._show:
            with screen_for_answers(markdown=not self.asking.schema) as screen:
                screen.add(turn.text)
        return turn

    def tell(self, turn: Turn) -> None:
        """The model, the attempts before, and the time; or the whole trace."""
        trace = turn.trace
        if self.asking.tell_trace:
            self._tell_needs(trace)
        self._tell_attempts(trace)
        without = f", without {', '.join(trace.given_up)}" if trace.given_up else ""
        cut = {"length": ", cut off at its longest", "content_filter": ", cut off by a filter"}
        self.say(f"{trace.model} in {turn.seconds:.1f} s{without}{cut.get(turn.finish or '', '')}")
        if self.asking.tell_trace and turn.usage is not None:
            self.say(f"{turn.usage.prompt_tokens} tokens in, {turn.usage.completion_tokens} out, trace {trace.id}")

    def _tell_needs(self, trace: Trace) -> None:
        hard: Mapping[str, str] = {} if trace.requirements is None else trace.requirements.found
        needs = ", ".join(f"{name} ({where})" for name, where in hard.items())
        self.say(f"{trace.eligible} of {trace.free} free models eligible for {needs}")
        if trace.conversation:
            self.say(f"the conversation {trace.conversation}")

    def _tell_attempts(self, trace: TraceLike) -> None:
        for attempt in trace.attempts:
            if self.asking.tell_trace or attempt.outcome.verdict != "answered":
                self.say(str(attempt))

    def say(self, message: object) -> None:
        """One line on standard error."""
        self.err.print(in_one_line(message), style="dim")
