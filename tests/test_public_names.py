"""The package's face: its names agree wherever they stand, it loads late, and it works without its extras."""

import ast
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import freerouter

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# What stands in for a machine on which some packages are not installed.
BLOCKER = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


def python(code, absent=()):
    """Run some code in an interpreter of its own, on a machine that lacks some packages."""
    command = [sys.executable, "-c", BLOCKER.format(absent=set(absent)) + code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def for_type_checkers():
    """Each name of the TYPE_CHECKING block with the module that it is imported from."""
    tree = ast.parse((ROOT / "freerouter" / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module.removeprefix("freerouter.") for node in imports for alias in node.names}


def test_the_names_agree_wherever_they_stand():
    assert for_type_checkers() == freerouter._HOMES
    assert [*freerouter._HOMES, "__version__"] == freerouter.__all__
    assert sorted(freerouter._HOMES) == list(freerouter._HOMES)
    assert set(freerouter.__all__) <= set(dir(freerouter))


@pytest.mark.parametrize("name", freerouter._HOMES)
def test_each_name_is_what_its_home_has(name):
    home = import_module(f"freerouter.{freerouter._HOMES[name]}")
    assert getattr(freerouter, name) is getattr(home, name)
    assert getattr(home, name).__module__ == home.__name__
    assert getattr(home, name).__doc__


def test_every_error_is_public():
    errors = import_module("freerouter.errors")
    assert {name for name in vars(errors) if name.endswith("Error")} <= set(freerouter.__all__)


def test_a_name_that_there_is_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'freerouter' has no attribute 'PaidRouter'"):
        _ = freerouter.PaidRouter


HEAVY = {"httpx", "numpy", "rich", "typer", "pydantic", "pydantic_core", "anyio", "cachetools", "asyncio"}


@pytest.mark.parametrize(
    "code",
    [
        "import freerouter",
        "sys.argv = ['freerouter', '--version']\nfrom freerouter.__main__ import main\nmain()",
    ],
    ids=["import", "--version"],
)
def test_nothing_heavy_is_loaded_for_a_name_or_the_version(code):
    done = python(f"{code}\nsys.stderr.write(' '.join(sorted(set(sys.modules) & {HEAVY!r})))")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in ("", f"freerouter {freerouter.__version__}\n")


def test_the_version_is_told_by_the_module_too():
    command = [sys.executable, "-m", "freerouter", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, f"freerouter {freerouter.__version__}\n")


def packages(requirements):
    """Import names of the packages in a list of requirements."""
    names = [requirement for requirement in requirements if isinstance(requirement, str)]
    stems = [name.replace("[", ">").partition(">")[0].strip().replace("-", "_") for name in names]
    return {stem for stem in stems if stem != "freerouter_client"}


def extras():
    """What is installed with an extra or for developers, and not by itself."""
    project = PROJECT["project"]
    groups = [*project["optional-dependencies"].values(), *PROJECT["dependency-groups"].values()]
    return set.union(*map(packages, groups)) - packages(project["dependencies"])


def test_the_extras_are_known():
    assert {"typer", "rich", "starlette", "uvicorn", "hypothesis", "openai"} <= extras()
    assert not extras() & {"httpx", "pydantic", "numpy", "cachetools", "anyio", "pydantic_settings"}


def test_every_name_can_be_had_with_the_base_alone():
    done = python("import freerouter\nfor name in freerouter.__all__: getattr(freerouter, name)", extras())
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "absent", [{"typer", "rich"}, {"typer"}, {"rich"}], ids=lambda names: " and ".join(sorted(names))
)
@pytest.mark.parametrize("arguments", [[], ["models"], ["--help"]], ids=repr)
def test_without_its_extra_the_command_says_in_one_line_what_to_install(absent, arguments):
    done = python(f"sys.argv = ['freerouter', *{arguments!r}]\nfrom freerouter.__main__ import main\nmain()", absent)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "pip install 'freerouter-client[cli]'" in done.stderr


def test_without_its_extra_the_command_tells_its_version_all_the_same():
    code = "sys.argv = ['freerouter', '--version']\nfrom freerouter.__main__ import main\nmain()"
    assert python(code, {"typer", "rich"}).stdout == f"freerouter {freerouter.__version__}\n"


@pytest.mark.parametrize("absent", ["starlette", "uvicorn"])
@pytest.mark.parametrize("code", ["from freerouter.emulator import Emulator", "import freerouter.emulator.faults"])
def test_without_its_extra_the_emulator_says_what_to_install(absent, code):
    told = python(code, {absent}).stderr.splitlines()[-1]
    assert told.startswith("ModuleNotFoundError: the emulator needs its extra (No module named '" + absent)
    assert told.endswith("): pip install 'freerouter-client[emulator]'")


@pytest.mark.parametrize("command", ["emulate", "demo"])
def test_without_the_emulator_a_command_says_in_one_line_what_to_install(command):
    done = python(
        f"sys.argv = ['freerouter', {command!r}]\nfrom freerouter.__main__ import main\nmain()", {"starlette"}
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("freerouter: the emulator needs its extra")


def test_the_command_is_the_module():
    assert PROJECT["project"]["scripts"] == {"freerouter": "freerouter.__main__:main"}


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "freerouter" / "py.typed").is_file()
