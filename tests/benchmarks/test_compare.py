import json

import pytest

from benchmarks.compare import Compared, Comparison, as_json, compare, parse, shown, table, verdict
from benchmarks.quick import line

PRINTED = """
30 models
catalog: bytes to ready to route             546.32 us     7.72 x from_json (70.75 us)
requirements to model, a request's first draw   1.95 us     7.56 x choice (257 ns)

300,000 models
catalog: bytes to ready to route                5.35 s     4.18 x from_json (1.28 s)
a draw from a known pool                        737 ns     2.86 x choice (257 ns)
"""
BASE = {"a": 1.0, "b": 2.0}


def test_a_printed_run_is_read_section_by_section():
    assert parse(PRINTED) == pytest.approx(
        {
            "30 models: catalog: bytes to ready to route": 546.32e-6,
            "30 models: requirements to model, a request's first draw": 1.95e-6,
            "300,000 models: catalog: bytes to ready to route": 5.35,
            "300,000 models: a draw from a known pool": 737e-9,
        }
    )


@pytest.mark.parametrize("what", ["short", "JSON, 2 KB", "54 KB with tools", "more than 44 characters " * 3])
@pytest.mark.parametrize("seconds", [3e-8, 9.99e-7, 1.5e-5, 2.25e-3, 0.5, 7.0, 61.0])
def test_what_bench_quick_prints_is_read_back(capsys, what, seconds):
    line(what, seconds, seconds / 3, "from/to_json")
    assert parse("Section\n" + capsys.readouterr().out) == pytest.approx(
        {f"Section: {what.strip()}": seconds}, rel=0.01
    )


def test_figures_are_paired_by_name():
    only = compare([({"a": 1.0, "old": 1.0}, {"new": 1.0, "a": 2.0})])
    assert [(figure.name, figure.ratio) for figure in only.figures] == [("a", 2.0)]
    assert (only.only_base, only.only_head) == (["old"], ["new"])


def test_each_round_is_compared_with_itself():
    # The machine is ten times slower in the second round: the ratios do not see it.
    rounds = [({"a": 1.0}, {"a": 1.1}), ({"a": 10.0}, {"a": 11.0}), ({"a": 1.0}, {"a": 0.9})]
    (figure,) = compare(rounds).figures
    assert figure.ratios == pytest.approx([1.1, 1.1, 0.9])
    assert (figure.ratio, figure.base, figure.head) == pytest.approx((1.1, 1.0, 1.1))
    assert figure.best == pytest.approx(0.9)
    assert figure.spread == pytest.approx(1.1 / 0.9)


def test_a_figure_that_a_round_lacks_is_not_compared():
    comparison = compare([(BASE, BASE), ({"a": 1.0}, BASE)])
    assert [figure.name for figure in comparison.figures] == ["a"]
    assert comparison.only_head == ["b"]


@pytest.mark.parametrize(
    ("ratios", "margin", "slower", "noisy"),
    [
        ([1.0, 1.0, 1.0], 1.15, False, False),
        ([1.15, 1.15, 1.15], 1.15, False, False),
        ([1.2, 1.2, 1.2], 1.15, True, False),
        ([1.2, 1.2, 1.2], 1.3, False, False),
        ([0.5, 0.5, 0.5], 1.15, False, False),
        ([1.0, 1.0, 1.5], 1.15, False, True),
        ([1.0, 1.4, 1.5], 1.15, True, True),
    ],
)
def test_the_median_decides_and_the_range_is_the_noise(ratios, margin, slower, noisy):
    comparison = Comparison([Compared("a figure", 1.0, 1.0, ratios, 1.0)], [], [])
    assert bool(comparison.slower(margin)) == slower
    assert bool(comparison.noisy(margin)) == noisy
    said = "\n".join(verdict(comparison, margin))
    assert ("a figure (" in said) == slower
    assert ("nothing." in said) != slower
    assert ("Noise" in said) == noisy
    _, row = table(comparison, margin)
    assert (row.endswith("noisy"), "SLOWER" in row) == (noisy, slower)


def test_the_table_lists_what_only_one_side_has():
    lines = table(compare([({"a": 1e-6, "old": 1.0}, {"a": 1.5e-6, "new": 1.0})]), 1.15)
    assert lines[1].split() == ["a", "1", "us", "1.5", "us", "1.50", "1.50", "1.50", "to", "1.50", "SLOWER"]
    assert lines[2:] == ["only in base: old", "only in head: new"]


def test_sides_without_a_common_figure_are_not_called_equal():
    assert verdict(compare([({"old": 1.0}, {"new": 1.0})]), 1.15) == [
        "No figure is on both sides: nothing was compared."
    ]


def test_a_program_reads_the_same_as_json():
    read = json.loads(as_json(compare([({"a": 1.0}, {"a": 1.5, "new": 1.0})]), 1.15))
    assert read == {
        "figures": [
            {
                "name": "a",
                "base": 1.0,
                "head": 1.5,
                "ratios": [1.5],
                "best": 1.5,
                "ratio": 1.5,
                "slower": True,
                "noisy": False,
            }
        ],
        "only_base": [],
        "only_head": ["new"],
        "margin": 1.15,
    }


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.5, "2.5 s"), (1.5e-3, "1.5 ms"), (2e-5, "20 us"), (4.13e-7, "413 ns"), (5e-10, "0.5 ns")]
)
def test_times_are_shown_in_the_unit_that_fits(seconds, text):
    assert shown(seconds) == text
