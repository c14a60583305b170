"""What a caller may say about the choice: the words, where they are read, and the errors about them."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter import Settings, SettingsError
from freerouter.errors import InvalidRequestError
from freerouter.openrouter.headers import sender
from freerouter.openrouter.model_names import named
from freerouter.preferences import NO_WISHES, Preference, Wishes, restrictions, wishes, wishes_in

READ = {
    "a preference": ({"prefer": "coding"}, Wishes(prefer="coding")),
    "in capitals": ({"prefer": " Coding "}, Wishes(prefer="coding")),
    "the best": ({"prefer": "best"}, Wishes(prefer="quality")),
    "sharpness": ({"sharpness": 3}, Wishes(sharpness=3.0)),
    "sharpness as text": ({"sharpness": "inf"}, Wishes(sharpness=math.inf)),
    "patterns": ({"include": ["a/*", "b/*"]}, Wishes(include=("a/*", "b/*"))),
    "patterns as text": ({"exclude": "a/*, b/* c/*"}, Wishes(exclude=("a/*", "b/*", "c/*"))),
    "authors": ({"authors": ("a",)}, Wishes(authors=("a",))),
    "tokens": ({"min_context": 8_000}, Wishes(min_context=8_000)),
    "tokens as text": ({"min_context": " 8000"}, Wishes(min_context=8_000)),
    "training": ({"train": "deny"}, Wishes(train="deny")),
    "nothing": ({"prefer": None, "include": None}, NO_WISHES),
}


@pytest.mark.parametrize(("given", "read"), READ.values(), ids=READ)
def test_what_is_said_is_read(given, read):
    assert wishes(given) == read


@pytest.mark.parametrize(("given", "read"), READ.values(), ids=READ)
def test_headers_say_the_same(given, read):
    texts = {name: ",".join(value) if isinstance(value, list | tuple) else value for name, value in given.items()}
    headers = [
        (f"x-freerouter-{name.replace('_', '-')}", str(text)) for name, text in texts.items() if text is not None
    ]
    assert wishes_in([("accept", "*/*"), ("x-freerouter-accept", "true"), *headers]) == read


REFUSED = {
    "a typing error": ({"prefer": "codng"}, "prefer", "'codng' is unknown: did you mean coding?"),
    "an unknown word": ({"prefer": "zzz"}, "prefer", "it can be uniform, quality, coding, agentic, fast, large, rel"),
    "no word": ({"prefer": 5}, "prefer", "'5' is unknown"),
    "negative sharpness": ({"sharpness": -1}, "sharpness", "must be a number from 0"),
    "sharpness that is no number": ({"sharpness": "nan"}, "sharpness", "must be a number from 0"),
    "sharpness in words": ({"sharpness": "high"}, "sharpness", "must be a number from 0"),
    "sharpness that is too large": ({"sharpness": 10**400}, "sharpness", "must be a number from 0"),
    "a pattern that is no text": ({"include": [5]}, "include", "must hold names or patterns"),
    "an object": ({"authors": {"a": 1}}, "authors", "must be a list"),
    "too many": ({"exclude": ["a"] * 65}, "exclude", "has 65 entries"),
    "a long one": ({"exclude": "a" * 300}, "exclude", "up to 256 characters"),
    "negative tokens": ({"min_context": -5}, "min_context", "must be a number of tokens"),
    "half a token": ({"min_context": "1.5"}, "min_context", "must be a number of tokens"),
    "training": ({"train": "denied"}, "train", "did you mean deny?"),
}


@pytest.mark.parametrize(("given", "field", "words"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused_with_its_field(given, field, words):
    with pytest.raises(InvalidRequestError) as caught:
        wishes(given)
    assert caught.value.field == field
    assert str(caught.value).startswith(field)
    assert words in str(caught.value)


def test_an_error_names_the_header():
    with pytest.raises(InvalidRequestError, match=r"^x-freerouter-min-context must be a number of tokens"):
        wishes_in([("x-freerouter-min-context", "much")])


@pytest.mark.parametrize(
    ("slip", "meant"), [("prefers", "prefer"), ("min-contxt", "min-context"), ("author", "authors")]
)
def test_a_slip_in_the_name_of_a_header_is_an_error(slip, meant):
    error = f"^x-freerouter-{slip} is unknown: did you mean x-freerouter-{meant}"
    with pytest.raises(InvalidRequestError, match=error):
        wishes_in([("x-freerouter-train", "deny"), (f"x-freerouter-{slip}", "x")])


@pytest.mark.parametrize("name", ["accept", "trace", "attempts", "model", "estimate", "anything"])
def test_other_headers_of_ours_say_nothing(name):
    assert wishes_in([(f"x-freerouter-{name}", "x")]) == NO_WISHES


@given(st.text(max_size=30))
def test_any_header_is_read_or_refused(text):
    for name in ("prefer", "sharpness", "include", "min-context", "train"):
        with suppress(InvalidRequestError):
            assert isinstance(wishes_in([(f"x-freerouter-{name}", text)]), Wishes)


def test_our_own_headers_are_read_and_do_not_go_to_openrouter():
    sent, _, _, said = sender([("x-freerouter-prefer", "fast"), ("x-freerouter-authors", "a"), ("x-title", "t")], None)
    assert said == Wishes(prefer="fast", authors=("a",))
    assert not any(name.startswith("x-freerouter") for name, _ in sent)


def test_the_nearer_source_wins_and_what_leaves_out_adds_up():
    near = Wishes(prefer="fast", exclude=("a/*",), min_context=5)
    far = Wishes(prefer="large", sharpness=3.0, include=("b/*",), exclude=("c/*",), min_context=9, train="deny")
    assert near.over(far) == Wishes("fast", 3.0, ("b/*",), ("a/*", "c/*"), (), 9, "deny")
    assert near.over(NO_WISHES) is near
    assert NO_WISHES.over(far) == far
    assert Wishes(train="allow").over(far).train == "deny"


def auto(**fields):
    return {"plugins": [{"id": "response-healing"}, {"id": "auto-router", **fields}]}


def test_the_auto_routers_restrictions_are_understood():
    found = restrictions(auto(allowed_models=["a/*", "b/x"], excluded_models=["a/y:free"]))
    assert found == Wishes(include=("a/*", "b/x:free"), exclude=("a/y:free",))
    assert restrictions(auto(enabled=False, allowed_models=["a/*"])) == NO_WISHES
    assert restrictions({"plugins": None}) == NO_WISHES
    assert restrictions(auto()) == NO_WISHES


def test_restrictions_that_are_no_list_are_refused_with_their_place():
    with pytest.raises(InvalidRequestError, match=r"plugins\[1\]\.excluded_models must hold"):
        restrictions(auto(excluded_models=[5]))


NAMES = {
    "free:best": ((), "quality"),
    "free:coding": ((), "coding"),
    "auto:agentic": ((), "agentic"),
    "openrouter/free:fast": ((), "fast"),
    "FREE:Large": ((), "large"),
    "free:coding+tools": (("tools",), "coding"),
    "free:tools+coding": (("tools",), "coding"),
    "free:vision:coding+tools": (("vision", "tools"), "coding"),
    "free:uniform": ((), "uniform"),
    "free:nitro+reliable": ((), "reliable"),
    "free:quality+best": ((), "quality"),
}


@pytest.mark.parametrize(("name", "found"), NAMES.items(), ids=NAMES)
def test_a_models_name_can_say_the_preference_beside_needs(name, found):
    assert named({"model": name})[1:] == found


@pytest.mark.parametrize(
    ("name", "words"), [("free:coding+fast", "coding and fast"), ("free:codng+tools", "did you mean coding")]
)
def test_two_preferences_or_a_typing_error_in_a_name_are_refused(name, words):
    with pytest.raises(InvalidRequestError, match=words) as caught:
        named({"model": name})
    assert caught.value.field == "model"


def test_settings_are_read_with_the_same_words(monkeypatch):
    monkeypatch.setenv("FREEROUTER_PREFER", "Best")
    monkeypatch.setenv("FREEROUTER_SHARPNESS", "inf")
    assert (Settings().prefer, Settings().sharpness) == ("quality", math.inf)
    with pytest.raises(SettingsError, match=r"'prefer': .*did you mean coding"):
        Settings(prefer="codin")
    with pytest.raises(SettingsError, match=r"'sharpness': must be a number from 0"):
        Settings(sharpness="nan")


def test_a_preference_without_effect_is_uniform():
    assert Preference().is_uniform
    assert Preference("coding", 0).is_uniform
    assert not Preference("coding").is_uniform
    assert Preference("coding", math.inf).as_dict() == {"prefer": "coding", "sharpness": "inf"}
