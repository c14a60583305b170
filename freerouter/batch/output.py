"""Output: the lines of the answers, written atomically at the end, or as they arrive."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from freerouter.batch.source import STANDARD
from freerouter.errors import BatchError


class Output:
    """The output file.

    Args:
        path: a file; ``-`` for standard output.
    """

    def __init__(self, path: str) -> None:
        self.name = "standard output" if path == STANDARD else path
        self.is_standard = path == STANDARD
        self.path = Path(path)
        if self._is_replaceable():  # follows a link, so that its target is replaced, not the link
            self.path = Path(os.path.realpath(path))
        self._stream: BinaryIO | None = None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BatchError(f"{self.name} cannot be written: {error.strerror or error}") from None

    def check(self) -> None:
        """Check in advance whether it can be written. Raises BatchError."""
        if not self.is_standard and self.path.is_dir():
            raise BatchError(f"{self.name} cannot be written: it is a folder")
        with self._explained():
            if not self.is_standard and self._is_replaceable():
                self._part.open("wb").close()
                self._part.unlink()

    @property
    def _part(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part")

    def _is_replaceable(self) -> bool:
        """Whether it is a file, or will be one; a device or a pipe is written to directly."""
        return self.path.is_file() or not self.path.exists()

    def write(self, lines: Iterable[bytes]) -> None:
        """Write all lines atomically: readers never see a partial file. Raises BatchError."""
        with self._explained():
            if self.is_standard or not self._is_replaceable():
                with nullcontext(sys.stdout.buffer) if self.is_standard else self.path.open("wb") as file:
                    file.writelines(lines)
                    file.flush()
                return
            with self._part.open("wb") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            self._part.replace(self.path)

    def begin(self, lines: Iterable[bytes]) -> None:
        """Write the lines that there are already, and be ready for more. Raises BatchError."""
        self.write(lines)
        with self._explained():
            self._stream = sys.stdout.buffer if self.is_standard else self.path.open("ab")

    def add(self, line: bytes) -> None:
        """Write one more line, if lines are written as they arrive. Raises BatchError."""
        if self._stream is not None:
            with self._explained():
                self._stream.write(line)
                self._stream.flush()

    def close(self) -> None:
        """Close what it opened."""
        if self._stream is not None and not self.is_standard:
            self._stream.close()
        self._stream = None
