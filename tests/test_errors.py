"""The exception tree: as its docstring draws it, with statuses that no SDK repeats, and nothing said twice."""

import inspect
import pickle
import re
import tomllib
from pathlib import Path

import pytest

from freerouter import errors
from freerouter.errors import (
    DISTRIBUTION,
    AllowanceExhaustedError,
    AttemptsFailedError,
    BatchError,
    CatalogError,
    CostRefusedError,
    FreeRouterError,
    InvalidRequestError,
    NoEligibleModelError,
    SettingsError,
    StreamInterruptedError,
    UnknownModelError,
    UpstreamError,
    UpstreamUnavailableError,
)
from freerouter.openrouter.dialects import CHAT
from freerouter.pipeline.tracking import Trace
from tests.builders import required

CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__module__ == errors.__name__
}
LINE = re.compile(r"^    (?P<stem>[│├└─ ]*)(?P<name>\w+Error)\b *(?:(?P<status>\d+):)?", re.MULTILINE)


def drawn():
    """Each class of the docstring's tree with its parent, by how far it is indented."""
    parents, path = {}, []
    for line in LINE.finditer(errors.__doc__):
        depth = len(line["stem"]) // 4
        path[depth:] = [line["name"]]
        parents[line["name"]] = path[depth - 1] if depth else "Exception"
    return parents


def test_the_tree_in_the_docstring_is_the_real_one():
    assert drawn() == {name: kind.__base__.__name__ for name, kind in CLASSES.items()}


STATUSES = {
    SettingsError: (400, "invalid_request"),
    BatchError: (400, "invalid_request"),
    CatalogError: (429, "provider_unavailable"),
    InvalidRequestError: (400, "invalid_request"),
    CostRefusedError: (400, "payment_required"),
    NoEligibleModelError: (404, "not_found"),
    UnknownModelError: (404, "not_found"),
    AllowanceExhaustedError: (429, "rate_limit_exceeded"),
    AttemptsFailedError: (429, "provider_unavailable"),
    UpstreamUnavailableError: (429, "provider_unavailable"),
}


@pytest.mark.parametrize(("kind", "expected"), STATUSES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_freerouter_decides_is_a_4xx_that_no_sdk_repeats_for_an_hour(kind, expected):
    error = kind("no")
    assert (error.status, error.error_type) == expected
    assert 400 <= error.status < 500


def test_every_class_has_its_row():
    assert set(CLASSES.values()) - STATUSES.keys() == {FreeRouterError, UpstreamError, StreamInterruptedError}


def test_statuses_in_the_docstring_are_the_real_ones():
    stated = {line["name"]: int(line["status"]) for line in LINE.finditer(errors.__doc__) if line["status"]}
    assert stated == {name: CLASSES[name].status for name in stated}
    assert stated.keys() == {kind.__name__ for kind in STATUSES} - {"SettingsError", "CatalogError", "BatchError"}


@pytest.mark.parametrize("kind", STATUSES, ids=lambda kind: kind.__name__)
def test_an_error_carries_its_facts(kind):
    trace = Trace()
    error = kind("no", retry_after=3.0, metadata={"gate": "day"}, trace=trace)
    assert (str(error), error.message, error.retry_after, error.trace) == ("no", "no", 3.0, trace)
    assert error.metadata == {"gate": "day"}
    assert (kind("no").retry_after, kind("no").trace, kind("no").metadata) == (None, None, {})


def test_metadata_is_each_errors_own():
    facts = {"a": 1}
    first, second = FreeRouterError("x", metadata=facts), FreeRouterError("y", metadata=facts)
    first.metadata["b"] = 2
    assert (second.metadata, facts) == ({"a": 1}, {"a": 1})


@pytest.mark.parametrize("kind", [InvalidRequestError, CostRefusedError])
def test_a_field_is_told_in_the_metadata(kind):
    assert kind("no", field="messages[3].content").metadata == {"field": "messages[3].content"}
    assert kind("no").metadata == {}
    assert kind("no").field is None


def test_upstreams_refusal_keeps_its_status_and_body():
    error = UpstreamError("no", status=402, body={"error": {"code": 402}}, metadata={"reason": "payment_required"})
    assert (error.status, error.body, error.metadata) == (402, {"error": {"code": 402}}, {"reason": "payment_required"})
    assert UpstreamError.status == 400


def test_an_interrupted_stream_has_the_text_so_far():
    assert StreamInterruptedError("off", text="Once upon").text == "Once upon"
    assert StreamInterruptedError("off").text == ""


def test_an_error_is_answered_in_openrouters_shape():
    trace = Trace()
    error = CostRefusedError("too dear", field="model", trace=trace)
    assert CHAT.error_body(error) == {
        "error": {
            "code": 400,
            "message": "too dear",
            "metadata": {"error_type": "payment_required", "field": "model", "attempts": []},
        }
    }


def test_upstreams_own_words_are_handed_on_with_what_is_known_besides():
    body = {"error": {"message": "No credit", "metadata": {"limit_source": "openrouter_credits"}}, "user_id": "u"}
    error = UpstreamError("No credit (see there)", status=402, body=body, metadata={"reason": "payment_required"})
    assert CHAT.error_body(error) == {
        "error": {
            "code": 402,
            "message": "No credit",
            "metadata": {"limit_source": "openrouter_credits", "reason": "payment_required"},
        },
        "user_id": "u",
    }
    assert body["error"]["metadata"] == {"limit_source": "openrouter_credits"}


@pytest.mark.parametrize("body", [{}, {"error": "down"}, {"error": {"metadata": None}}, {"error": []}], ids=repr)
def test_odd_words_of_upstream_still_make_a_whole_error(body):
    answered = CHAT.error_body(UpstreamError("down", status=503, body=body))["error"]
    assert answered["code"] == 503
    assert isinstance(answered["metadata"], dict)


TRAVELLERS = [
    *(kind("no", retry_after=3.0, metadata={"a": 1}, trace=Trace(requirements=required("tools"))) for kind in STATUSES),
    InvalidRequestError("no", field="model"),
    UpstreamError("no", status=402, body={"error": {}}),
    StreamInterruptedError("no", text="Once upon"),
]


@pytest.mark.parametrize("error", TRAVELLERS, ids=lambda error: type(error).__name__)
def test_errors_survive_the_way_between_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.args == error.args
    assert vars(again) == vars(error)


def test_the_command_that_installs_an_extra_names_one_of_the_distribution():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert project["name"] == DISTRIBUTION
    sources = Path(errors.__file__).parent.rglob("*.py")
    # The emulator knows nothing of the function.
    extra = re.compile(rf"(?:\{{install\(['\"]|pip install '{DISTRIBUTION}\[)(\w+)")
    named = {name for source in sources for name in extra.findall(source.read_text())}
    assert named == {"cli", "emulator", "redis", "schema", "server"} <= project["optional-dependencies"].keys()
