import sys

import pytest

from freerouter.__main__ import main


@pytest.fixture
def command(monkeypatch, capsysbinary):
    """Runs a command here; gives its status, and what it wrote on standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["freerouter", "batch", *arguments])
        status = 0
        try:
            main()
        except SystemExit as leaving:
            status = leaving.code or 0
        said = capsysbinary.readouterr()
        words = f"{status}\n" if isinstance(status, str) else ""
        return (1 if words else status), said.out.decode(), words + said.err.decode()

    return run
