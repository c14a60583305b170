"""CONTRIBUTING.md names the packages and modules that there are, and all of them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "freerouter"
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROOMS = ("pipeline", "network", "sharing", "memory", "replies", "openrouter", "settings")
# The box of the pipeline says what its modules are for.
IN_WORDS = {"the", "loop", "over", "five", "steps", "what", "goes", "before", "send", "after", "draw", "requests"}
IN_WORDS |= {"share", "between", "and", "its", "driver", "drivers"}


def modules(folder: Path) -> set[str]:
    """The modules and packages in a folder, but for the private ones."""
    names = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    return {name for name in names if not name.startswith("_")}


def drawn(room: str) -> set[str]:
    """The names in a box of the drawing."""
    box = PAGE[PAGE.index(f" ┌ {room} ─") :].partition(" └")[0]
    return set(re.findall(r"\b[a-z_]{3,}\b", box.partition("\n")[2]))


@pytest.mark.parametrize("room", ROOMS)
def test_the_drawing_has_every_module_of_a_package(room):
    assert drawn(room) - IN_WORDS == modules(PACKAGE / room)


def test_every_package_and_module_at_the_top_is_drawn():
    drawing = PAGE.partition("## The packages")[2].partition("\n## ")[0]
    for name in modules(PACKAGE):
        assert re.search(rf"\b{name}\b", drawing), name


@pytest.mark.parametrize("name", sorted(set(re.findall(rf"`((?:{'|'.join(ROOMS)}|server|emulator)/\w*)/?`", PAGE))))
def test_what_is_named_is_there(name):
    path = PACKAGE / name
    assert path.is_dir() or path.with_suffix(".py").is_file()


@pytest.mark.parametrize("room", ROOMS)
def test_every_package_has_its_sentence(room):
    assert re.search(rf"^\| `{room}/` \| [^|]+\. \|$", PAGE, re.MULTILINE)
