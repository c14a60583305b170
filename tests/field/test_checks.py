"""Each check of ``right`` can fail."""

import pytest

from tests.field.cases import rows_of, stored, usual_catalog
from tests.field.checks import wrong
from tests.field.play import Round
from tests.field.upstream import Sent
from tests.field.ways import Got

PLAIN, SEEING = "vendor0/model-0:free", "vendor1/model-1:free"
SENT = [Sent(SEEING, {}, b'{"a": [1, {"b": null}]}')]
ANSWERED = Got(200, "GOOD", shown="words", headers={"x-a": "one, two"}, body=b'{"data": [{"id": "m"}]}', retry_after=5)
FAILED = Got(404, error=True, message="why", shown="why, and where")


def unlike(right, got=ANSWERED, sent=SENT, seconds=1.0):
    return wrong(right, Round(got, seconds, sent), usual_catalog())


@pytest.mark.parametrize(
    ("holds", "fails"),
    [
        ({"answer": "GOOD"}, {"answer": "Hello"}),
        ({"answer_has": "OO"}, {"answer_has": "no"}),
        ({"status": [200, 204]}, {"status": [204]}),
        ({"failed": False}, {"failed": True}),
        ({"error": False}, {"error": True}),
        ({"sends": 1}, {"sends": 2}),
        ({"sends": [0, 1]}, {"sends": [2, 3]}),
        ({"says": ["none", "Word"]}, {"says": ["none"]}),
        ({"says_not": ["none"]}, {"says_not": ["none", "Word"]}),
        ({"retry_after": [4, 5]}, {"retry_after": [6, 9]}),
        ({"seconds": 1}, {"seconds": 0.5}),
        ({"headers": {"x-a": "two"}}, {"headers": {"x-b": "two"}}),
        ({"sent": {"a.0": 1, "a.1.b": None}}, {"sent": {"a.1.c": None}}),
        ({"sent_has": ["null"]}, {"sent_has": ["null", "none"]}),
        ({"reply_has": "data"}, {"reply_has": ["da", ["t", 2]]}),
        ({"reply_lacks": "none"}, {"reply_lacks": "data"}),
        ({"models_have": "image"}, {"models_have": "audio"}),
        ({"lists": ["m"]}, {"lists": ["m", "n"]}),
        ({"lists_not": ["n"]}, {"lists_not": ["m"]}),
        ({"or": [{"sends": 2}, {"sends": 1}]}, {"or": [{"sends": 2}, {"sends": 3}]}),
    ],
)
def test_a_check_tells_right_from_wrong(holds, fails):
    assert unlike(holds) == []
    assert len(unlike(fails)) == 1


def test_an_error_is_no_answer_and_its_message_can_be_looked_at_alone():
    assert unlike({"failed": True, "error": True, "says": ["where"]}, FAILED) == []
    assert unlike({"says": ["where"], "says_in": "message"}, FAILED)
    assert unlike({"answer": ""}, FAILED)


def test_no_model_may_be_asked_twice_for_one_request():
    assert unlike({}, sent=SENT * 2)


def test_each_case_has_a_catalog_of_rows():
    assert all(rows_of(case) for case in stored()["cases"].values())
