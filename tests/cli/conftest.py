import io
import sys

import pytest

from freerouter.__main__ import main


@pytest.fixture
def cli(monkeypatch, capsys):
    """Runs a command line in 80 columns; gives its status, what it printed, and what it complained of."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["freerouter", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        # Python prints what is no number, and ends with 1.
        return (code or 0, out, err) if isinstance(code, int | None) else (1, out, f"{err}{code}\n")

    return run
