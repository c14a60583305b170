"""A conversation at the terminal: its history, its model, and the commands that begin with a slash."""

from __future__ import annotations

import json
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from freerouter.cli.explain import show_briefly
from freerouter.cli.turns import opening, question
from freerouter.errors import FreeRouterError, InvalidRequestError
from freerouter.spelling import did_you_mean

if TYPE_CHECKING:
    from freerouter.cli.turns import Messages, Talk, Turn

_HELP = """\
/model            say which model the conversation is on
/model ID         go on with this one, as --model; "free" draws another
/new              begin a new conversation
/save FILE        keep the conversation as the JSON of a request
/explain          how the last answer came about, and who could answer next
/quit             leave; Ctrl-D does, too
Ctrl-C ends an answer. A line that ends in \\ goes on in the next."""


class Dialogue:
    """A conversation and its model.

    Args:
        talk: asks.
        system: the system message; None for none.
        parts: the attachments of the first question.
    """

    def __init__(self, talk: Talk, system: str | None, parts: Messages) -> None:
        self.messages: Messages = []
        self._talk = talk
        self._system = system
        self._parts = parts
        self._last: Turn | None = None
        self._saved: set[Path] = set()
        self._begin()

    def _begin(self) -> None:
        self.messages = opening(self._system)
        self._last = None
        self._begin_session()

    def _begin_session(self) -> None:
        """What is drawn next need not be the model of the answers before."""
        self._talk.asking.parameters["session_id"] = f"freerouter-{secrets.token_hex(8)}"

    def run(self, first: str = "") -> None:
        """Read and answer until the end of the input, after a first question if there is one."""
        self._talk.say("/help lists the commands; Ctrl-D leaves")
        if first:
            self._try(first)
        while True:
            try:
                line = read_line()
            except EOFError:
                return
            except KeyboardInterrupt:
                print()
                continue
            if line.strip() in ("/quit", "/exit"):
                return
            self._try(line)

    def _try(self, line: str) -> None:
        """Execute a line; an error ends the answer, not the conversation."""
        try:
            self.take(line)
        except KeyboardInterrupt:
            self._talk.say("ended; the question is forgotten")
        except FreeRouterError as error:
            self._talk.say(f"freerouter: {error}")

    def take(self, line: str) -> None:
        """Execute a line: a command, or a question. Raises FreeRouterError."""
        command, _, argument = line.partition(" ")
        if command.startswith("/") and not command.startswith("//"):
            self._command(command, argument.strip())
        elif line.strip():
            self.ask(line.removeprefix("/") if command.startswith("//") else line)

    def ask(self, text: str) -> Turn:
        """Ask, and keep question and answer; a question without an answer is dropped. Raises FreeRouterError."""
        asked = question(text, self._parts)
        turn = self._talk.ask([*self.messages, asked])
        self.messages += [asked, {"role": "assistant", "content": turn.text}]
        self._parts = []
        self._last = turn
        return turn

    def _command(self, command: str, argument: str) -> None:
        commands = {
            "/help": self._help,
            "/model": self._model,
            "/new": self._new,
            "/save": self._save,
            "/explain": self._explain,
        }
        if command not in commands:
            raise InvalidRequestError(
                f"unknown command {command}{did_you_mean(command, commands) or ':'} "
                "/help lists the commands; // starts a text with a slash"
            )
        commands[command](argument)

    def _help(self, _argument: str) -> None:
        print(_HELP)

    def _new(self, _argument: str) -> None:
        self._begin()
        self._talk.say("a new conversation")

    def _model(self, argument: str) -> None:
        parameters = self._talk.asking.parameters
        if argument:
            self._check(argument)
            parameters["model"] = argument
            self._begin_session()
        if argument == "free":
            del parameters["model"]
        fixed = parameters.get("model")
        drawn = None if self._last is None or argument else self._last.trace.model
        self._talk.say(fixed or drawn or "drawn with the next question")

    def _check(self, name: str) -> None:
        """Raises FreeRouterError when a request that names this model would be refused."""
        asking = self._talk.asking
        body = asking.parameters | {"model": name, "messages": [{"role": "user", "content": ""}]}
        self._talk.client.explain(body, needs=asking.needs)

    def _save(self, argument: str) -> None:
        path = Path(argument)
        if not argument:
            raise InvalidRequestError("/save needs the name of a file")
        if path.exists() and path not in self._saved:
            raise InvalidRequestError(f"{path} exists already: name another file")
        model = self._talk.asking.parameters.get("model")
        body = ({"model": model} if model else {}) | {"messages": self.messages}
        try:
            path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise InvalidRequestError(f"{path} cannot be written: {error.strerror}") from None
        self._saved.add(path)
        self._talk.say(f"{len(self.messages)} messages in {path}")

    def _explain(self, _argument: str) -> None:
        if self._last is not None:
            for line in str(self._last.trace).splitlines():
                self._talk.say(line)
        body = self._talk.asking.parameters | {"messages": self.messages or [{"role": "user", "content": ""}]}
        show_briefly(self._talk.client.explain(body, needs=self._talk.asking.needs))


def read_line() -> str:
    """One message: a line, and its continuation lines. Raises EOFError, KeyboardInterrupt."""
    line = _input("> ")
    while line.endswith("\\"):
        line = f"{line[:-1]}\n{_input('. ')}"
    return line


def _input(prompt: str) -> str:
    """A line of standard input, with line editing; the prompt is shown only on a terminal."""
    if not sys.stdin.isatty():
        return input()
    if not sys.stdout.isatty():
        print(prompt, end="", file=sys.stderr, flush=True)
        return input()
    with suppress(ModuleNotFoundError):
        import readline  # noqa: F401  # enables arrow keys and history; not on Windows
    return input(prompt)
