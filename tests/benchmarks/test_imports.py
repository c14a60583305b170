"""Each benchmark finds what it imports: they run seldom, and the code that they measure changes often."""

import importlib
import pkgutil

import pytest

import benchmarks

# They draw with matplotlib, which only `make bench` installs.
DRAWING = {"plots", "full", "quality"}


@pytest.mark.parametrize(
    "name", sorted({module.name for module in pkgutil.iter_modules(benchmarks.__path__)} - DRAWING)
)
def test_a_benchmark_can_be_imported(name):
    importlib.import_module(f"benchmarks.{name}")
