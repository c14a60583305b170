"""Entry point of the command line: prints the version at once, and runs everything else through typer."""

from __future__ import annotations

import sys

from freerouter import __version__
from freerouter.errors import install

_MISSING = f"freerouter: the command line needs typer and rich: {install('cli')}"


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"freerouter {__version__}\n")
        return
    try:
        import rich  # noqa: F401, PLC0415  # part of an extra, which may not be installed
        import typer  # noqa: F401, PLC0415  # as above
    except ModuleNotFoundError:
        sys.exit(_MISSING)
    from freerouter.cli import run  # noqa: PLC0415  # needs typer

    run()


if __name__ == "__main__":
    main()
