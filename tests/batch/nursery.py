"""A process that has loaded the command line, and forks one that runs it for each line of arguments it reads."""

import json
import os
import sys

import freerouter.batch.dry
import freerouter.cli.progress
import freerouter.network.catalog_source  # noqa: F401  # loaded once, for all
from freerouter.__main__ import main
from freerouter.cli import run  # noqa: F401  # as above


def bear(arguments: list[str], log: str) -> int:
    """Fork a process that runs a command; returns its number."""
    pid = os.fork()
    if pid:
        return pid
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.argv = ["freerouter", *arguments]
    status = 99
    try:
        main()
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
        sys.stderr.write(f"{leaving.code}\n")
    finally:
        sys.stderr.flush()
        os._exit(status)  # whatever it was, the parent's code is not to go on here


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


for order in sys.stdin:
    child = bear(*json.loads(order))
    say(child)
    say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
