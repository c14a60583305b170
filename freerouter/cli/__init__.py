"""The command line, one file a command."""

from __future__ import annotations

import sys

import typer

from freerouter import __version__
from freerouter.cli import config, demo, emulate, explain, models, serve
from freerouter.errors import FreeRouterError

app = typer.Typer(
    name="freerouter",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Route each request to a free language model that can serve it.",
)
app.command()(demo.demo)
app.command()(explain.explain)
app.command()(models.models)
app.command()(serve.serve)
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
    """Run the command that the arguments name; an error is one line on standard error, and status 1."""
    try:
        app()
    except FreeRouterError as error:
        if "--debug" in sys.argv:
            raise
        sys.exit(f"freerouter: {error}")
