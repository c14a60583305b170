"""Source: the input, read line by line, so that only the lines that are being sent are in memory."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

from freerouter.batch.lines import Ask, Form
from freerouter.errors import BatchError, InvalidRequestError

STANDARD = "-"
_PLACE = re.compile(r"line 1 column (\d+) \(char \d+\)")


class Place(NamedTuple):
    """The place of a request in the input.

    Attributes:
        line: counted from 1.
        offset, length: in bytes.
        digest: of the line.
    """

    line: int
    offset: int
    length: int
    digest: bytes


class Source:
    """The input of a batch; a context manager that closes it.

    Args:
        path: a file; ``-`` for standard input, which is put into a temporary file first.
        form: how its lines are written.

    Raises:
        BatchError: it cannot be read.
    """

    def __init__(self, path: str, form: Form) -> None:
        self.name = "standard input" if path == STANDARD else path
        self.form = form
        try:
            self._file = _standard_input() if path == STANDARD else Path(path).open("rb")  # noqa: SIM115  # as below
            self._file.seek(0)
        except OSError as error:
            raise BatchError(f"{self.name} cannot be read: {error.strerror or error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def stamp(self) -> str:
        """A digest of the whole input and of its format."""
        self._file.seek(0)
        file: Any = self._file  # the type that file_digest asks for is narrower than any file's
        whole = hashlib.file_digest(file, "sha256")
        whole.update(self.form.stamp)
        return whole.hexdigest()

    def places(self) -> Iterator[tuple[Place, bytes]]:
        """The lines that are not blank, each with its place."""
        offset = 0
        self._file.seek(0)
        for number, line in enumerate(self._file, start=1):
            if line.strip():
                yield Place(number, offset, len(line), digest(line)), line
            offset += len(line)

    def asks(self) -> Iterator[tuple[Place, Ask]]:
        """The request of each line. Raises BatchError, which names the line."""
        for place, line in self.places():
            yield place, self._ask(place, line)

    def read(self, place: Place) -> Ask:
        """The request of the line at a place. Raises BatchError when the line has changed."""
        try:
            self._file.seek(place.offset)
            line = self._file.read(place.length)
        except OSError as error:
            raise BatchError(f"{self.name} cannot be read: {error.strerror or error}") from None
        if digest(line) != place.digest:
            raise self.error(place.line, "has changed since the batch began")
        return self._ask(place, line)

    def error(self, line: int, what: str) -> BatchError:
        """An error about a line."""
        return BatchError(f"line {line} of {self.name} {what}", line=line)

    def _ask(self, place: Place, line: bytes) -> Ask:
        try:
            return self.form.read(place.line, line)
        except InvalidRequestError as error:
            raise self.error(place.line, f"cannot be sent: {_of_line(error.message)}") from None


def digest(line: bytes) -> bytes:
    """A digest that shows whether a line has changed."""
    return hashlib.blake2b(line, digest_size=16).digest()


def _of_line(message: str) -> str:
    """An error about a body, where the body is the line."""
    return _PLACE.sub(r"column \1", message.replace("the request's body", "it"))


def _standard_input() -> BinaryIO:
    kept = tempfile.TemporaryFile()  # noqa: SIM115  # the Source closes it
    shutil.copyfileobj(sys.stdin.buffer, kept)
    return kept
