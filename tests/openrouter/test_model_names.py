"""What a caller may call a model: names that mean a draw, ids of free models, and names that are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.errors import CostRefusedError, FreeRouterError, InvalidRequestError, UnknownModelError
from freerouter.openrouter.model_names import DRAW, ROUTE_NAMES, free_models, named
from tests.builders import JSON, TODAY, catalog_of, row

CATALOG = catalog_of(
    row("acme/alpha:free"),
    row("acme/alpha", price={"prompt": "0.1"}),
    row("acme/beta:free", canonical_slug="acme/beta-20260101"),
    row("acme/gone:free", expiration_date="2026-01-01"),
    row("other/guard:free"),
    row("google/lyria-3-clip-preview", outputs=("text", "audio")),
    row("openrouter/free"),
)
ALPHA, BETA, GONE = "acme/alpha:free", "acme/beta:free", "acme/alpho:free"
SORTS = ("nitro", "floor", "exacto", "free", "NITRO", "nitro:free", "")


def found(body):
    return free_models(named(body).names, CATALOG, TODAY)


def ids(body):
    """The ids that a body asks for, each once; * is a draw, and None nothing but a draw."""
    order = found(body)
    if not order.models and order.draws:
        return None
    return [*(model.id for model in order.models), *(["*"] if order.draws else [])]


NAMES = {
    "nobody": ({}, None),
    "null": ({"model": None}, None),
    "openrouter/free": ({"model": "openrouter/free"}, None),
    "free, as LiteLLM leaves it": ({"model": "free"}, None),
    "auto": ({"model": "auto"}, None),
    "openrouter/auto": ({"model": "openrouter/auto"}, None),
    "doubled prefix": ({"model": "openrouter/openrouter/free"}, None),
    "tripled prefix": ({"model": "openrouter/openrouter/openrouter/auto"}, None),
    "a free model": ({"model": ALPHA}, [ALPHA]),
    "a free model behind a prefix": ({"model": f"openrouter/{ALPHA}"}, [ALPHA]),
    "a free model behind two prefixes": ({"model": f"openrouter/openrouter/{ALPHA}"}, [ALPHA]),
    "a dated slug of an answer": ({"model": "acme/beta-20260101:free"}, [BETA]),
    "one that patterns exclude": ({"model": "other/guard:free"}, ["other/guard:free"]),
    "a list in its order": ({"models": [BETA, ALPHA]}, [BETA, ALPHA]),
    "more than OpenRouter's three": ({"models": [BETA, ALPHA] * 3}, [BETA, ALPHA]),
    "a model and a list": ({"model": ALPHA, "models": [BETA]}, [ALPHA, BETA]),
    "fallbacks": ({"model": ALPHA, "fallbacks": [{"model": BETA}]}, [ALPHA, BETA]),
    "a list that ends with a draw": ({"models": [BETA, "openrouter/free"]}, [BETA, "*"]),
    "a draw between two": ({"models": [BETA, "openrouter/free", ALPHA]}, [BETA, "*"]),
    "a list that begins with a draw": ({"models": ["openrouter/free", BETA]}, None),
    "a draw and a list": ({"model": "openrouter/free", "models": [BETA]}, None),
    "in capitals": ({"model": "Free"}, None),
    "blanks around it": ({"model": " openrouter/free\n"}, None),
    "a free model in capitals": ({"model": " ACME/Alpha:FREE "}, [ALPHA]),
    "a free model in capitals behind a prefix": ({"model": f"OpenRouter/{ALPHA.upper()}"}, [ALPHA]),
    "a list that no longer has one": ({"models": [GONE, ALPHA]}, [ALPHA]),
    "a model that is gone and a list": ({"model": GONE, "models": [BETA]}, [BETA]),
    "a model that is gone and a draw": ({"models": [GONE, "free"]}, None),
    "a fallback that is gone": ({"model": ALPHA, "fallbacks": [{"model": GONE}]}, [ALPHA]),
    **{f"{name}:{sort}": ({"model": f"{name}:{sort}"}, None) for name in ROUTE_NAMES for sort in SORTS},
    **{f"a free model:{sort}": ({"model": f"{ALPHA}:{sort}"}, [ALPHA]) for sort in ("nitro", "floor", "exacto")},
    "empty lists": ({"models": [], "fallbacks": None}, None),
}


@pytest.mark.parametrize(("body", "expected"), NAMES.values(), ids=NAMES)
def test_names_and_what_they_mean(body, expected):
    assert ids(body) == expected


PAID = {
    "paid": ({"model": "acme/alpha"}, "model", "id does not end in :free; price of prompt is 0.1"),
    "unknown with a variant": ({"model": f"{ALPHA}:online"}, "model", "is not in the list of models"),
    "the paid row's dated slug": ({"model": "acme/alpha-20260101"}, "model", "id does not end in :free"),
    "a slug without its variant": ({"model": "acme/beta-20260101"}, "model", "is not in the list of models"),
    "expired": ({"model": "acme/gone:free"}, "model", "expired 2026-01-01"),
    "lyria": ({"model": "google/lyria-3-clip-preview"}, "model", "output is audio+text, not only text"),
    "a preset": ({"model": "@preset/mine"}, "model", "is not in the list of models"),
    "the router's web search": ({"model": "openrouter/free:online"}, "model", "it searches the web"),
    "the same, as LiteLLM leaves it": ({"models": ["free:tools+online"]}, "models[0]", "it searches the web"),
    "second in a list": ({"models": [ALPHA, "acme/alpha"]}, "models[1]", "id does not end in :free"),
    "after a draw": ({"models": ["openrouter/free", "acme/alpha"]}, "models[1]", "id does not end in :free"),
    "a list beside a draw": ({"model": "free", "models": ["acme/alpha"]}, "models[0]", "id does not end in :free"),
    "a fallback": ({"model": ALPHA, "fallbacks": ["acme/alpha"]}, "fallbacks[0]", "id does not end in :free"),
    "a fallback of Anthropic's form": ({"fallbacks": [{"model": "acme/alpha"}]}, "fallbacks[0]", "not end in :free"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "field", "why"), PAID.values(), ids=PAID)
def test_names_that_are_not_free_are_refused_with_the_reason(body, field, why):
    with pytest.raises(CostRefusedError) as error:
        found(body)
    assert error.value.field == field
    assert why in error.value.message
    assert "ask for openrouter/free" in error.value.message


GONE_ALONE = {
    "alone": ({"model": GONE}, "model"),
    "in capitals": ({"model": GONE.upper()}, "model"),
    "alone in a list": ({"models": [GONE]}, "models[0]"),
    "one of many that are gone": ({"models": [GONE, "acme/omega:free"]}, "models[0]"),
}


@pytest.mark.parametrize(("body", "field"), GONE_ALONE.values(), ids=GONE_ALONE)
def test_a_free_model_that_is_gone_is_unknown_and_near_ones_are_named(body, field):
    with pytest.raises(UnknownModelError, match="unknown model") as error:
        found(body)
    assert (error.value.status, error.value.error_type) == (404, "not_found")
    assert error.value.metadata["field"] == field
    assert ALPHA in error.value.message
    assert "money" not in error.value.message


def test_names_that_are_skipped_are_told():
    assert found({"models": [GONE, ALPHA, "acme/omega:free"]}).skipped == (GONE, "acme/omega:free")
    assert found({"models": [ALPHA]}).skipped == ()


@pytest.mark.parametrize("body", [{}, {"model": "free"}, {"models": []}], ids=str)
def test_what_names_no_model_is_nothing_but_a_draw(body):
    assert found(body) == DRAW


def test_two_lists_are_an_invalid_request():
    with pytest.raises(InvalidRequestError, match="fallbacks") as error:
        named({"models": [ALPHA], "fallbacks": [BETA]})
    assert error.value.field == "fallbacks"


def test_the_nearest_free_models_are_named():
    with pytest.raises(CostRefusedError, match=r"or a free one such as acme/beta:free, acme/alpha:free"):
        found({"model": "acme/betas"})
    with pytest.raises(CostRefusedError, match=r"ask for openrouter/free$"):
        found({"model": "???"})


MISSPELT = {
    "fre": "free",
    "fre:coding": "free:coding",
    "Freee:tools+vision": "free:tools+vision",
    "openrouter/fre": "openrouter/free",
    "openruter/auto:coding": "openrouter/auto:coding",
}


@pytest.mark.parametrize(("name", "meant"), MISSPELT.items())
def test_a_misspelt_name_of_a_draw_is_refused_with_the_one_that_was_meant(name, meant):
    with pytest.raises(CostRefusedError) as error:
        found({"model": name})
    why = f"(is not in the list of models: did you mean {meant}?)"
    assert f"model {name!r} could cost money {why}, so it was not sent: ask for openrouter/free" in error.value.message


@pytest.mark.parametrize("name", ["gpt-5:coding", "openrouter/horizon", "acme/fre", "fre:a\nb"])
def test_other_names_that_are_unknown_mean_no_draw(name):
    with pytest.raises(CostRefusedError) as error:
        found({"model": name})
    assert "did you mean" not in error.value.message


@pytest.mark.parametrize("part", ["x", "openrouter/"])
def test_a_name_without_end_is_an_invalid_request_at_once(part):
    with pytest.raises(InvalidRequestError, match="must be the id of a model") as error:
        named({"model": part * 1_000_000})
    assert len(error.value.message) < 200


@pytest.mark.parametrize("field", ["model", "models", "fallbacks"])
@pytest.mark.parametrize("value", ["", 5, 1.5, True, [], {}, ["x"], {"model": {}}, {"name": "x"}], ids=repr)
def test_a_name_that_is_no_text_is_an_invalid_request(field, value):
    body = {field: value if field == "model" else [ALPHA, value]}
    with pytest.raises(InvalidRequestError, match="must be the id of a model") as error:
        found(body)
    assert not isinstance(error.value, CostRefusedError)
    assert error.value.field == ("model" if field == "model" else f"{field}[1]")


@pytest.mark.parametrize("value", ["acme/alpha:free", {"0": ALPHA}, 5, True], ids=repr)
def test_a_list_of_names_that_is_none_is_an_invalid_request(value):
    with pytest.raises(InvalidRequestError, match="models must be a list"):
        named({"models": value})


def test_a_name_can_state_needs():
    assert named({"model": "openrouter/free:tools+vision"}).needs == ("tools", "vision")
    assert (
        named({"model": "free:tools,vision"}).needs
        == named({"model": "free: tools, vision"}).needs
        == ("tools", "vision")
    )
    assert named({"model": "free:"}).needs == ()
    assert ids({"model": "free:tools"}) is None


@pytest.mark.parametrize("name", ["auto:tools", "free:tools", "openrouter/auto:nitro+tools", "FREE:Tools:floor"])
def test_a_name_can_state_needs_and_sort(name):
    assert named({"model": name}) == ([("model", ids_of_draw(name))], ("tools",), "")


def ids_of_draw(name):
    return "openrouter/auto" if "auto" in name else "openrouter/free"


def test_names_can_stand_for_others():
    aliases = [("claude-*", "openrouter/free"), ("gpt-*", ALPHA), ("*", "acme/alpha")]
    asked = {name: named({"model": name}, aliases).names for name in ("claude-opus", "gpt-4", "gemini")}
    assert asked == {
        "claude-opus": [("model", "openrouter/free")],
        "gpt-4": [("model", ALPHA)],
        "gemini": [("model", "acme/alpha")],
    }


NAME = JSON | st.sampled_from([ALPHA, BETA, GONE, "acme/alpha", "free", "auto:nitro"])


@given(st.fixed_dictionaries({}, optional={"model": NAME, "models": st.lists(NAME), "fallbacks": st.lists(NAME)}))
def test_only_free_models_pass_and_whatever_else_comes_is_refused(body):
    try:
        models = ids(body)
    except FreeRouterError as error:
        assert isinstance(error, InvalidRequestError | UnknownModelError)  # noqa: PT017  # its kind is what matters here
        return
    assert set(models or ()) <= {ALPHA, BETA, "*"}
