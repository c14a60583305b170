"""Replies and requests seen in the field come out right, whichever way in is taken."""

import pytest

from tests.field.cases import stored
from tests.field.play import play
from tests.field.today import TODAY

CASES = stored()["cases"]
PLAYED = [(name, way) for name, case in CASES.items() for way in case["ways"]]


def marked(name: str, way: str):
    known = TODAY.get((name, way))
    marks = [] if known is None else [pytest.mark.xfail(reason=known, strict=True)]
    return pytest.param(name, way, marks=marks, id=f"{name}-{way}")


@pytest.mark.parametrize(("name", "way"), [marked(*played) for played in PLAYED])
def test_a_case_from_the_field_comes_out_right(name, way, upstream, tmp_path):
    assert play(CASES[name], way, upstream, str(tmp_path)) == []


def test_each_known_failure_is_a_case_that_is_played():
    assert set(TODAY) <= set(PLAYED)
