"""constraints.txt, which CI installs from, has what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINES = (ROOT / "constraints.txt").read_text()
PINNED = re.findall(r"^([\w.-]+)==([\w.+]+).*?(?:\\\n +--hash=sha256:[0-9a-f]{64} ?)+$", LINES, re.MULTILINE)


def asked() -> list[Requirement]:
    """Each requirement of the project, of its extras and of its groups."""
    groups = PROJECT["dependency-groups"].values()
    extras = PROJECT["project"]["optional-dependencies"].values()
    given = [PROJECT["build-system"]["requires"], PROJECT["project"]["dependencies"], *extras, *groups]
    return [Requirement(name) for names in given for name in names if isinstance(name, str)]


def test_each_requirement_is_pinned_to_a_version_that_meets_it():
    versions = {}
    for name, version in PINNED:
        versions.setdefault(canonicalize_name(name), []).append(version)
    missed = [
        str(need)
        for need in asked()
        if need.name != PROJECT["project"]["name"]
        and not all(need.specifier.contains(version) for version in versions.get(canonicalize_name(need.name), ["0"]))
    ]
    assert missed == []


def test_each_version_has_hashes():
    assert len(PINNED) == sum("==" in line for line in LINES.splitlines() if line[:1].isalnum()) > 50
