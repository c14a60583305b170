"""A terminal of so many columns, in which a command runs as a person would run it; and the screen that one sees."""

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

# The child makes the terminal its own, so that Ctrl-C reaches it.
_START = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
_SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|(\r\n|\r|\n)|\x1b.|([^\x1b\r\n]+)")


class Terminal:
    """Runs ``freerouter`` with these arguments; what it writes is collected."""

    def __init__(self, *arguments: str, columns: int = 80, lines: int = 24, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        command = [sys.executable, "-c", _START, sys.executable, "-m", "freerouter", *arguments]
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=env | {"TERM": "xterm-256color"} | environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.written = ""
        self._seen = 0
        # A character may come in two reads.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def read_until(self, text: str, seconds: float = 30) -> None:
        """Read until some text has been written after what was read before."""
        deadline = time.monotonic() + seconds
        while text not in self.written[self._seen :]:
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.written!r}"
            if not self._read(0.1) and self._process.poll() is not None:
                raise AssertionError(f"it ended before {text!r} came: {self.written!r}")
        self._seen = self.written.index(text, self._seen) + len(text)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._ours, 65_536)
        except OSError:  # the other end is closed
            return False
        self.written += self._decoder.decode(data)
        return bool(data)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def insist(self, typed: str, text: str, times: int = 10) -> None:
        """Type until some text comes: readline does not notice a Ctrl-C that comes just before it listens."""
        for again in reversed(range(times)):
            self.type(typed)
            try:
                self.read_until(text, 3)
            except AssertionError:
                if not again:
                    raise
            else:
                return

    def end(self, seconds: float = 30) -> int:
        """Wait until it ends; its status."""
        deadline = time.monotonic() + seconds
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"it goes on: {self.written!r}"
            self._read(0.05)
        while self._read(0.05):
            pass
        return self._process.returncode

    @property
    def screen(self) -> list[str]:
        """The lines that one sees, those that have scrolled away included."""
        return seen(self.written)


def seen(written: str) -> list[str]:
    """What a terminal makes of returns, cursor up and erased lines; colours are left out."""
    rows, row, column = [""], 0, 0
    for match in _SEQUENCE.finditer(written):
        parameters, command, end, text = match.groups()
        if text is not None:
            rows[row] = rows[row][:column].ljust(column) + text + rows[row][column + len(text) :]
            column += len(text)
        elif end is not None:
            column = 0
            row += end != "\r"
        elif command == "A":
            row = max(row - int(parameters or 1), 0)
        elif command == "K":
            rows[row] = "" if parameters == "2" else rows[row][:column]
        rows += [""] * (row + 1 - len(rows))
    return [line.rstrip() for line in rows]
