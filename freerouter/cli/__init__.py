"""The command line, one file a command."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import typer

from freerouter import __version__
from freerouter.cli import alarms, batch, chat, config, demo, doctor, emulate, explain, models, quota, serve, top
from freerouter.cli.screens import in_one_line
from freerouter.errors import FreeRouterError
from freerouter.spelling import did_you_mean

# typer does not export the base class of errors in arguments.
_WRONG_USE: type[Exception] = typer.BadParameter.__bases__[0]

# What typer says of a value that is none of an option's words.
_CHOICE = re.compile(r"'(?P<given>[^']+)' is not one of (?P<known>.+)")
_WORDS = re.compile(r"'([^']+)'")

app = typer.Typer(
    name="freerouter",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Route each request to a free language model that can serve it.",
)
app.command()(chat.chat)
app.command()(demo.demo)
app.command()(explain.explain)
app.command()(batch.batch)
app.command()(models.models)
app.command()(quota.quota)
app.command()(alarms.alarms)
app.command()(doctor.doctor)
app.command(cls=serve.Command)(serve.serve)
app.command()(top.top)
app.command()(emulate.emulate)
app.command()(config.config)


def _print_version(value: bool) -> None:
    if value:
        print(f"freerouter {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error, and what is logged."),
    version: bool = typer.Option(  # noqa: ARG001
        False,
        "--version",
        callback=_print_version,
        is_eager=True,
        help="Show the version.",
    ),
) -> None:
    import logging

    logging.basicConfig(format="%(name)s: %(message)s")
    # Without --debug, an error is the one line that run() prints.
    logging.getLogger("freerouter").setLevel(logging.INFO if debug else logging.ERROR)


def run() -> None:
    """Run the command that the arguments name; an error is one line on standard error.

    The status is 0, 1 after a failure, 2 for wrong arguments, and 130 after Ctrl-C.
    """
    try:
        # Without standalone mode, typer raises its own errors, and returns a status that is not 0.
        status = app(prog_name="freerouter", standalone_mode=False)
    except _WRONG_USE as error:
        _explain_use(error)
        status = 2
    except FreeRouterError as error:
        if "--debug" in sys.argv:
            raise
        sys.exit(f"freerouter: {in_one_line(error)}")
    except BrokenPipeError:
        # The reader has closed the pipe; the interpreter's own flush at the end would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        # Its text is not shown: it may contain a key.
        sys.exit(f"freerouter: unexpected error ({type(error).__name__}): run it again with --debug to see where")
    sys.exit(status if isinstance(status, int) else 0)


def _explain_use(error: Any) -> None:
    """What is wrong with the arguments, and how to get help; the help itself without arguments."""
    if not error.format_message() or len(sys.argv) == 1:
        error.show()
        return
    command = "freerouter" if error.ctx is None else error.ctx.command_path
    message = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")
    if choice := _CHOICE.search(message):
        message += did_you_mean(choice["given"], _WORDS.findall(choice["known"]))
    print(f"freerouter: {message}: see {command} --help", file=sys.stderr)
