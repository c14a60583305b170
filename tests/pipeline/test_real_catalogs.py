"""Four real catalogs, December 2025 to June 2026: who is free and who is eligible, reckoned anew from the raw rows."""

import json
import logging
from datetime import date, timedelta
from decimal import Decimal

import pytest

from freerouter.openrouter.catalog import Catalog
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.explaining import explain
from freerouter.pipeline.filtering import Index, Policy
from tests.builders import selection_of
from tests.conftest import DAYS

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}}}


def saying(*parts):
    return {"messages": [{"role": "user", "content": list(parts)}]}


IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
VIDEO = {"type": "video_url", "video_url": {"url": "https://example.com/cat.mp4"}}
FILE = {"type": "file", "file": {"filename": "notes.docx", "file_data": "data:application/msword;base64,aGk="}}


def takes(raw, *modalities):
    return set(modalities) <= set(raw["architecture"]["input_modalities"])


def lists(raw, *parameters):
    return set(parameters) <= set(raw["supported_parameters"])


def holds(raw, tokens):
    contexts = raw["context_length"], raw["top_provider"]["context_length"]
    return min(context for context in contexts if context) >= tokens


def answers(raw, tokens):
    limit = raw["top_provider"]["max_completion_tokens"]
    return limit is None or limit >= tokens


def may_stop_thinking(raw):
    return not (raw.get("reasoning") or {}).get("mandatory", False)


# What a request holds besides "Hello", and which raw rows can serve it.
NEEDS = {
    "text": ({}, lambda raw: True),
    "tools": ({"tools": [TOOL]}, lambda raw: lists(raw, "tools")),
    "tools of which none may be called": ({"tools": [TOOL], "tool_choice": "none"}, lambda raw: True),
    "tool_choice auto": ({"tools": [TOOL], "tool_choice": "auto"}, lambda raw: lists(raw, "tools")),
    "tool_choice required": (
        {"tools": [TOOL], "tool_choice": "required"},
        lambda raw: lists(raw, "tools", "tool_choice"),
    ),
    "a named tool": (
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "look_up"}}},
        lambda raw: lists(raw, "tools", "tool_choice"),
    ),
    "json_object": ({"response_format": {"type": "json_object"}}, lambda raw: lists(raw, "response_format")),
    "json_schema": ({"response_format": SCHEMA}, lambda raw: lists(raw, "structured_outputs")),
    "text format": ({"response_format": {"type": "text"}}, lambda raw: True),
    "image": (saying(IMAGE), lambda raw: takes(raw, "image")),
    "audio": (saying(AUDIO), lambda raw: takes(raw, "audio")),
    "video": (saying(VIDEO), lambda raw: takes(raw, "video")),
    "file": (saying(FILE), lambda raw: takes(raw, "file")),
    "image, audio and video": (saying(IMAGE, AUDIO, VIDEO), lambda raw: takes(raw, "image", "audio", "video")),
    "image output": ({"modalities": ["image", "text"]}, lambda raw: False),
    "no reasoning": ({"reasoning": {"enabled": False}}, may_stop_thinking),
    "no effort": ({"reasoning": {"effort": "none"}}, may_stop_thinking),
    "100,000 tokens of answer": (
        {"max_tokens": 100_000},
        lambda raw: answers(raw, 100_000) and holds(raw, 100_000),
    ),
    "9,000 tokens of answer": ({"max_completion_tokens": 9_000}, lambda raw: answers(raw, 9_000) and holds(raw, 9_000)),
    "image, tools": (saying(IMAGE) | {"tools": [TOOL]}, lambda raw: takes(raw, "image") and lists(raw, "tools")),
    "image, json_schema": (
        saying(IMAGE) | {"response_format": SCHEMA},
        lambda raw: takes(raw, "image") and lists(raw, "structured_outputs"),
    ),
    "everything": (
        saying(IMAGE)
        | {"tools": [TOOL], "tool_choice": "required", "response_format": SCHEMA, "reasoning": {"effort": "none"}}
        | {"max_tokens": 20_000},
        lambda raw: (
            takes(raw, "image")
            and lists(raw, "tools", "tool_choice", "structured_outputs")
            and may_stop_thinking(raw)
            and answers(raw, 20_000)
            and holds(raw, 20_000)
        ),
    ),
}


def free_rows(rows, today):
    """Straight from openrouter-facts.md, section 2."""
    return [
        raw
        for raw in rows
        if raw["id"].endswith(":free")
        and raw["id"][0] != "~"
        and not raw["id"].startswith("openrouter/")
        and raw["architecture"]["output_modalities"] == ["text"]
        and {"prompt", "completion"} <= raw["pricing"].keys()
        and all(Decimal(price) == 0 for price in raw["pricing"].values())
        and (raw.get("expiration_date") or "9999") >= str(today)
    ]


def drawable_rows(rows, today):
    """Without guards, classifiers and models that only read."""
    never = ("guard", "content-safety", "moderation", "-ocr")
    return [raw for raw in free_rows(rows, today) if not any(word in raw["id"] for word in never)]


def eligible(catalog, today, body, **policy):
    requirements = analyze(body)
    index = Index(catalog, Policy(**policy), today)
    first = index.first(requirements.least_context)
    models = [index.models[p] for positions in index.pool(requirements.need).tiers for p in positions if p >= first]
    honours = {model.id: not index.given_up(requirements.need, model) for model in models}
    return [{name for name, all_of_it in honours.items() if all_of_it is best} for best in (True, False)]


def ids(rows):
    return {raw["id"] for raw in rows}


def test_every_row_is_read_without_complaint(offer, caplog, real_catalogs):
    day, rows, _ = offer
    with caplog.at_level(logging.WARNING, "freerouter"):
        catalog = Catalog.parse(real_catalogs[str(day)])
    assert [model.id for model in catalog.models] == [raw["id"] for raw in rows]
    assert not caplog.messages


def test_the_free_models_are_those_reckoned_by_hand(offer):
    day, rows, catalog = offer
    assert {model.id for model in catalog.free(day)} == ids(free_rows(rows, day))


@pytest.mark.parametrize(("day", "count"), [*zip(DAYS, (30, 25, 29, 23), strict=True)])
def test_so_many_models_are_free(real_catalogs, day, count):
    body = real_catalogs[day]
    assert len(Catalog.parse(body).free(date.fromisoformat(day))) == count
    assert sum(raw["id"].endswith(":free") for raw in json.loads(body)["data"]) == count


def test_priced_zero_is_not_free(real_catalogs):
    found = set()
    for day, body in real_catalogs.items():
        catalog = Catalog.parse(body)
        zero = {
            raw["id"]
            for raw in json.loads(body)["data"]
            if not float(raw["pricing"]["prompt"]) and not float(raw["pricing"]["completion"])
        }
        free = {model.id for model in catalog.free(date.fromisoformat(day))}
        assert free <= zero
        found |= zero - free
    assert found == {
        "openrouter/free",
        "openrouter/owl-alpha",
        "google/lyria-3-clip-preview",
        "google/lyria-3-pro-preview",
        "qwen/qwen3-235b-a22b-thinking-2507",
        "qwen/qwen3-vl-235b-a22b-thinking",
        "qwen/qwen3-vl-30b-a3b-thinking",
    }


def test_models_that_expire_are_free_until_their_day(real_catalogs):
    catalog = Catalog.parse(real_catalogs["2026-05-01"])
    before, after = (ids_free(catalog, date(2026, 5, 1) + timedelta(days=days)) for days in (0, 7))
    assert before - after == {"inclusionai/ling-2.6-1t:free"}
    assert ids_free(catalog, date(2026, 5, 7)) == before


def ids_free(catalog, today):
    return {model.id for model in catalog.free(today)}


@pytest.mark.parametrize(("more", "serves"), NEEDS.values(), ids=NEEDS)
def test_who_is_eligible_for_each_hard_need(offer, more, serves):
    day, rows, catalog = offer
    best, rest = eligible(catalog, day, HELLO | more)
    assert best == ids(raw for raw in drawable_rows(rows, day) if serves(raw))
    assert rest == set()


@pytest.mark.parametrize("tokens", [30_000, 100_000, 200_000, 500_000, 3_000_000])
def test_who_is_eligible_for_a_long_prompt(offer, tokens):
    day, rows, catalog = offer
    body = HELLO | {"messages": [{"role": "user", "content": "7" * tokens}], "max_tokens": 1_000}
    requirements = analyze(body)
    needed = requirements.least_context
    assert 0.3 * tokens < needed < tokens + 1_000 <= requirements.context < 1.1 * tokens + 1_100
    best, _ = eligible(catalog, day, body)
    assert best == ids(raw for raw in drawable_rows(rows, day) if answers(raw, 1_000) and holds(raw, needed))


@pytest.mark.parametrize(
    "soft", [("seed",), ("stop",), ("logprobs",), ("seed", "stop"), ("seed", "min_p", "logit_bias", "never_heard_of")]
)
def test_soft_parameters_prefer_and_strict_ones_demand(offer, soft):
    day, rows, catalog = offer
    known = {parameter for raw in rows for parameter in raw["supported_parameters"]} & set(soft)
    able = ids(raw for raw in drawable_rows(rows, day) if lists(raw, "tools"))
    better = ids(raw for raw in drawable_rows(rows, day) if lists(raw, "tools", *known))
    body = HELLO | {"tools": [TOOL]} | dict.fromkeys(soft, 1)
    assert eligible(catalog, day, body) == [better, able - better]
    body["provider"] = {"require_parameters": True}
    assert eligible(catalog, day, body) == [better, set()]


def test_filtering_hard_on_everything_would_have_emptied_the_pool(real_catalogs):
    """openrouter-facts.md: on 2026-05-01 no free model had both image and structured outputs."""
    catalog = Catalog.parse(real_catalogs["2026-05-01"])
    body = HELLO | saying(IMAGE) | {"response_format": SCHEMA}
    assert eligible(catalog, date(2026, 5, 1), body) == [set(), set()]


@pytest.mark.parametrize(("more", "serves"), NEEDS.values(), ids=NEEDS)
def test_an_explanation_accounts_for_every_model_that_looks_free(offer, more, serves):
    day, rows, catalog = offer
    body = HELLO | more
    explanation = explain(selection_of(Index(catalog, Policy(), day), analyze(body)))
    chances = {entry["id"]: entry["probability"] for entry in explanation["eligible"]}
    reasons = {entry["id"]: entry["reasons"] for entry in explanation["ineligible"]}
    looks_free = ids(
        raw
        for raw in rows
        if raw["id"].endswith(":free") or all(raw["pricing"][key] == "0" for key in ("prompt", "completion"))
    )
    assert chances.keys() == ids(raw for raw in drawable_rows(rows, day) if serves(raw))
    assert chances.keys() | reasons.keys() == looks_free
    assert not chances.keys() & reasons.keys()
    assert all(reasons.values())
    assert sum(chances.values()) == pytest.approx(1 if chances else 0)
