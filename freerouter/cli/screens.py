"""How an answer is shown while it arrives: unchanged in a pipe, as Markdown on a terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Protocol, Self, TextIO

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.segment import Segment

# A model's text must not move the cursor, set the title or read the clipboard of a terminal.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_FENCE = re.compile(r" {0,12}(?:[-*>] |\d+[.)] )?(`{3,}|~{3,})")


def harmless(text: str) -> str:
    """Text without control sequences of a terminal."""
    return _CONTROLS.sub("", text)


def in_one_line(message: object) -> str:
    """A message for standard error, from any source."""
    return harmless(" ".join(str(message).split()))


class Pieces:
    """Joins characters that the pieces of a stream may split: JSON writes them as two surrogates."""

    def __init__(self) -> None:
        self._half = ""

    def whole(self, piece: str) -> str:
        """The characters that are complete with this piece."""
        piece = self._half + piece
        self._half = piece[-1] if piece and "\ud800" <= piece[-1] <= "\udbff" else ""
        complete = piece[:-1] if self._half else piece
        return complete.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Screen(Protocol):
    """Where an answer appears; a context manager that leaves the cursor at the start of a line."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def add(self, piece: str) -> None:
        """Show the next piece of the answer."""


class PlainScreen:
    """Shows the answer unchanged, each piece at once."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._pieces = Pieces()
        self._last = "\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._last != "\n":
            self.add("\n")

    def add(self, piece: str) -> None:
        """See Screen."""
        text = self._pieces.whole(piece)
        if text:
            self._out.write(harmless(text) if self._out.isatty() else text)
            self._out.flush()
            self._last = text[-1]


class Block:
    """Markdown without the blank lines around it; if it is too high, only its end."""

    def __init__(self, text: str = "", height: int | None = None) -> None:
        self.text = text
        self._height = height

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Rich's protocol."""
        from rich.markdown import Markdown
        from rich.segment import Segment

        lines = console.render_lines(Markdown(self.text), options.update(height=None), pad=False)
        filled = [number for number, line in enumerate(lines) if any(part.text.strip() for part in line)]
        lines = lines[filled[0] : filled[-1] + 1] if filled else []
        for line in lines if self._height is None else lines[-self._height :]:
            yield from _without_padding(line)
            yield Segment.line()


def _without_padding(line: list[Segment]) -> list[Segment]:
    """A line without the blanks at its end, unless they are coloured."""
    from rich.segment import Segment

    while line and not line[-1].text.strip() and not (line[-1].style and line[-1].style.bgcolor):
        line = line[:-1]
    if line and not (line[-1].style and line[-1].style.bgcolor):
        line = [*line[:-1], Segment(line[-1].text.rstrip(), line[-1].style)]
    return line


class MarkdownScreen:
    """The answer as Markdown: finished blocks scroll away, the current block is redrawn as it grows.

    Args:
        console: of rich.
        clock: monotonic seconds, to draw no more often than the terminal can follow.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = monotonic) -> None:
        from rich.live import Live

        self._console = console
        self._clock = clock
        self._pieces = Pieces()
        # Two lines are left free, for the blank one above and for the cursor.
        self._tail = Block(height=max(console.height - 2, 1))
        self._printed = False
        self._due = 0.0
        # A refresh thread would write into other output.
        self._live = Live(self._tail, console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        text, self._tail.text = self._tail.text, ""
        self._live.stop()
        self._print(text)

    def add(self, piece: str) -> None:
        """See Screen."""
        *settled, self._tail.text = blocks(self._tail.text + harmless(self._pieces.whole(piece)))
        for block in settled:
            self._print(block)
        self._draw()

    def _draw(self) -> None:
        """Draw the current block, unless that would take more than a fifth of the time."""
        started = self._clock()
        if started >= self._due:
            self._live.refresh()
            ended = self._clock()
            self._due = ended + 4 * (ended - started)

    def _print(self, text: str) -> None:
        if not text.strip():
            return
        if self._printed:
            self._console.print()
        self._console.print(Block(text))
        self._printed = True


def blocks(text: str) -> list[str]:
    """Markdown, split where a block begins at the margin; later text changes only the last piece."""
    fence, blank, start, position, found = "", False, 0, 0, []
    for line in text.splitlines(keepends=True):
        if blank and not fence and line.strip() and not line[0].isspace():
            found.append(text[start:position])
            start = position
        mark = _FENCE.match(line)
        if mark is not None and not fence:
            fence = mark[1]
        elif fence and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        blank = not line.strip()
        position += len(line)
    return [*found, text[start:]]


def screen_for_answers(*, markdown: bool = True) -> Screen:
    """Markdown on a terminal; the unchanged text in a pipe, or if it is not Markdown."""
    if not (markdown and sys.stdout.isatty()):
        return PlainScreen(sys.stdout)
    from rich.console import Console

    console = Console(highlight=False, emoji=False)
    return PlainScreen(sys.stdout) if console.is_dumb_terminal else MarkdownScreen(console)
