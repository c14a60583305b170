"""freerouter chat: ask a free model, once or in a conversation."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from freerouter.cli import options
from freerouter.cli.upstreams import Emulate, Prefer, check_key, settings_for

if TYPE_CHECKING:
    from freerouter.cli.turns import Asking, Messages, Talk, Turn

_PAUSE = 0.02


def chat(
    prompt: options.Prompt = None,
    interactive: options.Interactive = False,
    system: options.SystemMessage = None,
    image: options.Images = None,
    audio: options.Recordings = None,
    file: options.Files = None,
    schema: options.SchemaFile = None,
    model: options.ModelId = None,
    needs: options.Needs = "",
    prefer: Prefer = None,
    seed: options.Seed = None,
    no_stream: options.NoStream = False,
    trace: options.ShowTrace = False,
    as_json: options.AnswerAsJson = False,
    emulate: Emulate = False,
) -> None:
    """Ask a free model; without a prompt, have a conversation.

    The answer is written to standard output as it arrives; the model's name, to standard error.

    Example: git diff | freerouter chat "Write a commit message"
    """
    if as_json and interactive:
        raise typer.BadParameter("--json shows one answer: leave out --interactive")
    interactive = interactive or (prompt is None and not as_json and _somebody_types())
    parts = _parts(image, audio, file)
    asking = _asking(schema, model, needs, seed, stream=not (no_stream or as_json or schema), trace=trace)
    text = prompt or "" if interactive else _question(prompt)
    with settings_for(emulate, pause=_PAUSE if sys.stdout.isatty() else 0.0, seed=seed, prefer=prefer) as settings:
        check_key(settings, "freerouter chat")
        from freerouter.cli.conversation import Dialogue
        from freerouter.cli.turns import Talk, opening, question
        from freerouter.library.client import FreeRouter

        with FreeRouter(settings=settings) as client:
            talk = Talk(client, asking, show=not as_json)
            if interactive:
                Dialogue(talk, system, parts).run(text)
                return
            turn = _answer(talk, [*opening(system), question(text, parts)])
    if as_json:
        print(json.dumps(turn.as_dict(), indent=2))


def _answer(talk: Talk, messages: Messages) -> Turn:
    try:
        return talk.ask(messages)
    except KeyboardInterrupt:
        talk.say("interrupted")
        raise typer.Exit(130) from None


def _parts(images: list[str] | None, recordings: list[str] | None, files: list[str] | None) -> Messages:
    from freerouter.cli.attachments import audio_part, file_part, image_part

    given = ((image_part, images), (audio_part, recordings), (file_part, files))
    return [part(name) for part, names in given for name in names or ()]


def _asking(
    schema: str | None, model: str | None, needs: str, seed: int | None, *, stream: bool, trace: bool
) -> Asking:
    from freerouter.cli.turns import Asking

    parameters: dict[str, Any] = {"model": model, "seed": seed, "response_format": _format(schema)}
    parameters = {name: value for name, value in parameters.items() if value is not None}
    wanted = tuple(needs.replace(",", " ").split())
    return Asking(parameters, wanted, stream=stream, schema=schema is not None, tell_trace=trace)


def _format(file: str | None) -> dict[str, Any] | None:
    """The response_format for a schema in a file. Raises BadParameter."""
    if file is None:
        return None
    try:
        schema = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise typer.BadParameter(f"--schema {file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise typer.BadParameter(f"--schema {file} is not valid JSON: {error}") from None
    if not isinstance(schema, dict):
        raise typer.BadParameter(f"--schema {file} is not a JSON Schema: it must be an object")
    name = "".join(letter if letter.isalnum() else "_" for letter in Path(file).stem)
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def _question(prompt: str | None) -> str:
    """The question: the text on standard input, then the prompt. Raises BadParameter without either."""
    piped = "" if sys.stdin is None or _somebody_types() else _piped()
    question = "\n\n".join(text for text in (piped.rstrip("\n"), prompt) if text)
    if not question:
        raise typer.BadParameter("there is nothing to ask: give a PROMPT, or text on standard input")
    return question


def _somebody_types() -> bool:
    # Standard input is None if it was closed (<&-).
    return sys.stdin is not None and sys.stdin.isatty()


def _piped() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise typer.BadParameter("standard input is not UTF-8 text: see --image, --audio and --file") from None
