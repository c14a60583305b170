"""An error has the same outcome as a status, inside a 200 and as the first event of a stream, in each dialect."""

import pytest

from tests.field.play import play
from tests.field.siblings import LEFT_OUT, error_cases, sibling, siblings
from tests.field.today_siblings import TODAY

SIBLINGS = list(siblings())


def marked(*told: str):
    known = TODAY.get(told)
    marks = [] if known is None else [pytest.mark.xfail(reason=known, strict=True)]
    return pytest.param(*told, marks=marks, id="-".join(told))


@pytest.mark.parametrize(("name", "dialect", "place"), [marked(*told) for told in SIBLINGS])
def test_a_sibling_of_an_error_comes_out_as_the_error_does(name, dialect, place, upstream, tmp_path):
    assert play(sibling(name, dialect, place), "transport", upstream, str(tmp_path)) == []


def test_what_is_left_out_is_an_error_case():
    assert set(LEFT_OUT) <= set(error_cases())


def test_each_known_failure_is_a_sibling_that_is_played():
    assert set(TODAY) <= set(SIBLINGS)
