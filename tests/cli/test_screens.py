"""How an answer appears as it comes: the same text in the end, whatever the pieces, and no command to a terminal."""

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from freerouter.cli.screens import MarkdownScreen, Pieces, PlainScreen, blocks, harmless, in_one_line
from tests.cli.terminals import seen

TEXT = """\
# Title

A **bold** word and some `code` in a paragraph that is longer than a line of forty columns.

1. one

2. two

   more of two

```python
def f():

    return 1
```

> quoted

| a | b |
|---|---|
| 1 | 2 |

Last é 🙂.
"""


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


PLACES = st.lists(st.integers(0, 1_000), max_size=60)


class Slow:
    """A clock for which drawing takes no time, or for ever."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def on_terminal(pieces: list[str], *, columns: int = 80, step: float = 0.0, **options) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=columns, height=24, emoji=False, highlight=False, **options)
    with MarkdownScreen(console, Slow(step)) as screen:
        for piece in pieces:
            screen.add(piece)
    return out.getvalue()


@pytest.mark.parametrize("columns", [80, 40])
@given(places=PLACES, step=st.sampled_from([0.0, 1.0]))
def test_markdown_is_the_same_in_whatever_pieces_it_comes(columns, places, step):
    whole = seen(on_terminal([TEXT], columns=columns))
    assert seen(on_terminal(cut(TEXT, places), columns=columns, step=step)) == whole
    assert max(map(len, whole)) <= columns
    text = "\n".join(whole)
    assert "**" not in text
    assert "```" not in text
    assert all(word in text for word in ("Title", "bold", " 1 one", " 2 two", "more of two", "return 1", "Last é 🙂."))


def test_a_block_that_is_higher_than_the_terminal_is_whole_in_the_end():
    lines = "".join(f"line {number}\n" for number in range(100))
    text = f"```\n{lines}```\n\nDone."
    screen = seen(on_terminal(text.splitlines(keepends=True)))
    assert [line.strip() for line in screen if line.startswith(" line")] == lines.splitlines()


def test_without_colour_there_is_none(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in on_terminal([TEXT])
    assert "\x1b[1;3" not in on_terminal([TEXT])


@pytest.mark.parametrize("command", ["\x1b]0;title\x07", "\x1b[2J", "\x9b2J", "\x08\x08", "\r", "\x7f"])
def test_a_model_gives_a_terminal_no_commands(command):
    shown = on_terminal([f"before {command} after"])
    assert seen(shown) == seen(on_terminal([f"before {harmless(command)} after"]))
    assert command not in shown.replace("\r\n", "\n") or command == "\r"


def test_an_error_is_one_line_whoever_wrote_it():
    assert in_one_line("one\ntwo\x1b[2J  three\r") == "one two[2J three"


BLOCKS = [
    [""],
    ["A paragraph\n\n"],
    ["A paragraph\n\n", "B"],
    ["A\n\n", "B\n\n", "C"],
    ["- item\n\n  of it"],
    ["1. one\n\n", "2. two"],
    ["```\ncode\n\nmore"],
    ["```\ncode\n\nmore\n```\n\n", "B"],
    ["````\n```\n\nmore"],
    ["~~~\n```\n\nmore\n~~~\n\n", "B"],
    ["1. ```\n   a\n\nb"],
    ["A\n\n", "```\nB\n\nC"],
]


@pytest.mark.parametrize("expected", BLOCKS)
def test_markdown_is_cut_where_a_block_begins_at_the_margin(expected):
    assert blocks("".join(expected)) == expected


MARKS = "a \n`~-1."


@given(st.text(alphabet=MARKS, max_size=60), st.text(alphabet=MARKS, max_size=20))
def test_what_is_settled_stays_settled(text, more):
    settled = blocks(text)[:-1]
    assert blocks(text + more)[: len(settled)] == settled
    assert "".join(blocks(text)) == text


class NoTerminal(io.StringIO):
    def isatty(self):
        return False


@given(st.text(max_size=40), PLACES)
def test_piped_text_is_what_it_was(text, places):
    out = NoTerminal(newline="")
    with PlainScreen(out) as screen:
        for piece in cut(text, places):
            screen.add(piece)
    assert out.getvalue() == (text if not text or text.endswith("\n") else f"{text}\n")


@given(st.text(max_size=20), PLACES)
def test_a_character_in_two_pieces_is_whole(text, places):
    halves = (
        text.encode("utf-16-le").decode("utf-16-le", "surrogatepass")
        if not text
        else "".join(chr(int.from_bytes(pair, "little")) for pair in _pairs(text.encode("utf-16-le")))
    )
    pieces = Pieces()
    assert "".join(pieces.whole(piece) for piece in cut(halves, places)) == text


def _pairs(data: bytes) -> list[bytes]:
    return [data[start : start + 2] for start in range(0, len(data), 2)]


def test_half_a_character_is_no_error():
    pieces = Pieces()
    assert pieces.whole("a\ud83d") + pieces.whole("b\udc00") == "a\ufffdb\ufffd"
