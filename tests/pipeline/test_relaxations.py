"""Which single need, left out, would admit how many more: what is said is what happens when it is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.openrouter.requirements import Need, Requirements
from freerouter.openrouter.tokens import Bounds
from freerouter.pipeline.actions import Request
from freerouter.pipeline.explaining import explain
from freerouter.pipeline.router import Router
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Lasting, Scope, Verdict
from freerouter.settings import Settings
from tests.builders import asker_of, catalog_of, healthy, index_of, required, row, selection_of

ROWS = [
    row("a/plain:free"),
    row("a/tools:free", parameters=["tools"]),
    row("a/sees:free", inputs=["image"]),
    row("a/sees-too:free", inputs=["image"]),
    row("a/both:free", inputs=["image"], parameters=["tools"], context=4_000, max_output=100),
    row("a/brief:free", inputs=["image"], parameters=["tools"], max_output=50),
    row("a/guard:free", inputs=["image"]),
    row("a/paid", inputs=["image"], price={"prompt": "1"}),
]


def admitted(requirements: Requirements, **selection) -> dict[str, int]:
    explanation = explain(selection_of(index_of(*ROWS), requirements, **selection))
    return {entry["need"]: entry["more"] for entry in explanation["without"]}


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        (required("text"), {}),
        (required("text", "tools"), {"tools": 3}),
        (required("text", "tools", "image"), {"tools": 2, "image": 1}),
        (required("text", "tools", "image", output=80), {"tools": 2, "image": 1, "output_tokens": 1}),
        (required("text", "tools", tokens=5_000), {"tools": 3, "prompt_tokens": 1}),
        (required("text", "tools", "image", tokens=5_000, output=200), {"tools": 2, "image": 1, "output_tokens": 1}),
        (required("text", soft=("tools",), strict=True), {"require_parameters": 3}),
        (required("text", soft=("tools",)), {}),
        (required("text", "audio"), {"audio": 6}),
        (required("text", "audio", "video"), {}),
    ],
)
def test_each_need_is_counted_alone(requirements, expected):
    assert admitted(requirements) == expected


def test_the_need_that_admits_most_comes_first_and_says_where_it_was_found():
    explanation = explain(selection_of(index_of(*ROWS), required("text", "tools", "image", output=80)))
    assert [entry["need"] for entry in explanation["without"]] == ["tools", "image", "output_tokens"]
    assert [entry["found"] for entry in explanation["without"]] == ["somewhere", "somewhere", "80 asked for"]


def test_a_model_that_was_not_asked_for_by_name_is_not_admitted():
    index = index_of(*ROWS)
    named = [index.catalog.get("a/plain:free")]
    explanation = explain(selection_of(index, required("text", "tools"), named=named))
    assert explanation["without"] == [{"need": "tools", "found": "somewhere", "more": 1}]


def test_what_was_learnt_of_a_need_goes_with_the_need():
    health, requirements = healthy(), required("text", "tools")
    lacks = Outcome(Verdict.TRY_ANOTHER, Scope.REQUEST, "", lasting=Lasting.LACKS, lacks="tools")
    health.lessons.learn("a/tools:free", lacks, asker_of(requirements))
    assert admitted(requirements, health=health) == {"tools": 4}


CAPABILITIES = st.frozensets(st.sampled_from(["tools", "image", "audio", "seed"]))


@given(CAPABILITIES, CAPABILITIES, st.booleans(), st.sampled_from([0, 60, 300]), st.sampled_from([10, 5_000, 40_000]))
def test_leaving_a_need_out_admits_as_many_as_was_said(hard, soft, strict, output, tokens):
    hard |= {"text"}
    need = Need(hard, soft, strict, output)
    requirements = Requirements(need, dict.fromkeys(hard, "somewhere"), Bounds(tokens, tokens), stream=False)
    index = index_of(*ROWS)
    eligible = len(selection_of(index, requirements))
    said = admitted(requirements)
    for name in requirements.relaxable():
        assert len(selection_of(index, requirements.without(name))) - eligible == said.get(name, 0)


def test_a_request_says_where_its_needs_were_found():
    picture = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, picture]}]}
    explanation = Router(Settings(), catalog_of(*ROWS)).explain(Request(body))
    assert explanation["without"] == [{"need": "image", "found": "messages[0].content[1]", "more": 2}]
