"""The options of the commands that have many, and what several commands have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from freerouter.cli.catalogs import free_ids

# Where freerouter serve listens unless it is told otherwise.
PORT = 8788


def server_base(url: str, option: str) -> str:
    """The address of a running server without the path of its API. Raises BadParameter, which names the option."""
    if not url.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{option} {url} is not the address of a server: it begins with http:// or https://")
    return url.rstrip("/").removesuffix("/v1").removesuffix("/api")


# Of freerouter chat.

Prompt = Annotated[str | None, typer.Argument(help="What to ask; text on standard input goes before it.")]
Interactive = Annotated[bool, typer.Option("--interactive", "-i", help="Go on with the conversation: /help shows how.")]
SystemMessage = Annotated[str | None, typer.Option("--system", "-s", help="The system message.")]
Images = Annotated[list[str] | None, typer.Option(metavar="FILE|URL", help="A picture.")]
Recordings = Annotated[list[str] | None, typer.Option(metavar="FILE", help="A recording.")]
Files = Annotated[list[str] | None, typer.Option("--file", "-f", metavar="FILE", help="A PDF, or a text.")]
SchemaFile = Annotated[str | None, typer.Option(metavar="FILE", help="Take only an answer that fits this JSON Schema.")]
ModelId = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="ID", help="One free model, not one that is drawn.", autocompletion=free_ids),
]
Needs = Annotated[str, typer.Option(help="Only models that can do all of these: tools, image, ...")]
Seed = Annotated[int | None, typer.Option(help="Repeat the draw, and the answer where the model can.")]
NoStream = Annotated[bool, typer.Option("--no-stream", help="Show the answer when it is whole.")]
ShowTrace = Annotated[bool, typer.Option("--trace", help="Show on standard error how the request was routed.")]
AnswerAsJson = Annotated[bool, typer.Option("--json", help="For machines: the answer and its trace.")]

# Of freerouter serve.

Host = Annotated[
    str | None,
    typer.Option(help="Address to listen on; any but this machine's needs --token.", show_default="127.0.0.1"),
]
Port = Annotated[
    int | None,
    typer.Option(help="Port to listen on; 0 for any that is free.", min=0, max=65535, show_default=str(PORT)),
]
Workers = Annotated[int | None, typer.Option(help="Processes that serve the port together.", min=1, show_default="1")]
Tokens = Annotated[
    list[str] | None,
    typer.Option(help="What clients have to send as their API key; several have names, as 'alice=...'."),
]
TokenFile = Annotated[Path | None, typer.Option(help="File with tokens, one a line.", exists=True, dir_okay=False)]
TokenLimit = Annotated[
    int | None, typer.Option(help="Requests a minute that each token may send.", min=1, show_default="any")
]
KeyFile = Annotated[Path | None, typer.Option(help="File with OpenRouter's key.", exists=True, dir_okay=False)]
WhoseKeys = Annotated[
    Literal["off", "only", "fallback"] | None,
    typer.Option(
        "--client-keys",
        metavar="[=fallback]",
        help="Use the key of OpenRouter that each client sends; with =fallback, the server's where it sends none.",
        show_default="off",
    ),
]
Origins = Annotated[
    list[str] | None, typer.Option(help="Origin of a web page that may use the server; '*' with --token.")
]
HostNames = Annotated[
    list[str] | None, typer.Option(help="A name or network by which clients reach the server; '*' with --token.")
]
ModelMap = Annotated[list[str] | None, typer.Option("--map", help="Name to take for another, as 'gpt-*=free'.")]
SendToEmulator = Annotated[bool, typer.Option("--emulate", help="Send to an emulated OpenRouter: no key, no network.")]
ShowContent = Annotated[
    bool, typer.Option("--show-content", help="Show the beginning of each last message in the window.")
]
LogFormat = Annotated[
    Literal["text", "json"] | None, typer.Option(help="How it logs, on standard error.", show_default="text")
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"] | None,
    typer.Option(help="info is a line a request; debug, each attempt, too.", show_default="info"),
]
AddressAsJson = Annotated[bool, typer.Option("--json", help="Print its address as JSON.")]
