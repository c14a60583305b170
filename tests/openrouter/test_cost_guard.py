"""Never pay, first part: what is refused before it is sent, in which words, and which names mean what."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.errors import CostRefusedError, FreeRouterError, InvalidRequestError
from freerouter.openrouter.cost_guard import wants_native_files
from freerouter.openrouter.dialects import CHAT, DIALECTS, RESPONSES
from freerouter.openrouter.model_names import free_models, wanted
from tests.builders import JSON, TODAY, catalog_of, check_cost, row


def tool(kind):
    return {"tools": [{"type": "function"}, {"type": kind}]}


def plugin(**fields):
    return {"plugins": [{"id": "response-healing"}, fields]}


COSTLY = {
    "web search": (tool("openrouter:web_search"), "tools[1].type"),
    "web search as OpenAI spells it": (tool("web_search_preview"), "tools[1].type"),
    "web search as Anthropic spells it": (tool("web_search_20250305"), "tools[1].type"),
    "image generation": (tool("openrouter:image_generation"), "tools[1].type"),
    "fusion": (tool("openrouter:fusion"), "tools[1].type"),
    "a server tool that nobody knows yet": (tool("openrouter:advisor"), "tools[1].type"),
    "a tool without a type": ({"tools": [{"function": {}}]}, "tools[0].type"),
    "a tool whose type is a list": ({"tools": [{"type": ["function"]}]}, "tools[0].type"),
    "a function in capitals": ({"tools": [{"type": "FUNCTION"}]}, "tools[0].type"),
    "the web plugin": (plugin(id="web"), "plugins[1].id"),
    "the web plugin, switched on": (plugin(id="web", enabled=True), "plugins[1].id"),
    "the web plugin, switched on oddly": (plugin(id="web", enabled=0), "plugins[1].id"),
    "a plugin that nobody knows yet": (plugin(id="auto-router"), "plugins[1].id"),
    "a plugin without an id": (plugin(max_results=5), "plugins[1].id"),
    "a plugin whose id is a list": (plugin(id=["web"]), "plugins[1].id"),
    "mistral-ocr": (plugin(id="file-parser", pdf={"engine": "mistral-ocr"}), "plugins[1].pdf.engine"),
    "an engine that nobody knows yet": (plugin(id="file-parser", pdf={"engine": "x"}), "plugins[1].pdf.engine"),
    "an engine that is a list": (plugin(id="file-parser", pdf={"engine": []}), "plugins[1].pdf.engine"),
    "web search options": ({"web_search_options": {}}, "web_search_options"),
    "a preset": ({"preset": "mine"}, "preset"),
    "flex": ({"service_tier": "flex"}, "service_tier"),
    "priority": ({"service_tier": "priority"}, "service_tier"),
    "a tier that is an object": ({"service_tier": {}}, "service_tier"),
}


@pytest.mark.parametrize(("fields", "field"), COSTLY.values(), ids=COSTLY)
def test_what_could_cost_is_refused_with_the_field_and_the_remedy(fields, field):
    with pytest.raises(CostRefusedError) as error:
        check_cost(fields, CHAT)
    assert error.value.field == error.value.metadata["field"] == field
    assert (error.value.status, error.value.error_type) == (400, "payment_required")
    assert "cost" in error.value.message
    assert any(
        remedy in error.value.message for remedy in ("leave it out", "are free", "free ones are", "use cloudflare-ai")
    )


NONSENSE = {
    "tools by name": ({"tools": {"x": {}}}, "tools"),
    "a tool of text": ({"tools": ["x"]}, "tools[0]"),
    "plugins in a word": ({"plugins": "web"}, "plugins"),
    "a plugin of text": ({"plugins": ["web"]}, "plugins[0]"),
    "pdf in a word": (plugin(id="file-parser", pdf="mistral-ocr"), "plugins[1].pdf"),
}


@pytest.mark.parametrize(("fields", "field"), NONSENSE.values(), ids=NONSENSE)
def test_what_makes_no_sense_is_refused_with_the_field(fields, field):
    with pytest.raises(InvalidRequestError) as error:
        check_cost(fields, CHAT)
    assert error.value.field == field


HARMLESS = {
    "nothing": {},
    "functions": {"tools": [{"type": "function", "function": {"name": "web_search"}}]},
    "custom tools": {"tools": [{"type": "custom", "custom": {"name": "x"}}]},
    "null everywhere": dict.fromkeys(["tools", "plugins", "service_tier", "web_search_options", "preset"]),
    "empty lists": {"tools": [], "plugins": []},
    "free plugins": {"plugins": [{"id": "response-healing"}, {"id": "context-compression"}, {"id": "file-parser"}]},
    "free engine": plugin(id="file-parser", pdf={"engine": "cloudflare-ai"}),
    "native engine": plugin(id="file-parser", pdf={"engine": "native"}),
    "no engine": plugin(id="file-parser", pdf={"engine": None}),
    "the web plugin, switched off": plugin(id="web", enabled=False),
    "tier auto": {"service_tier": "auto"},
    "tier default": {"service_tier": "default"},
    "tier standard": {"service_tier": "standard"},
    "tier standard_only": {"service_tier": "standard_only"},
    "an older name of the free engine": plugin(id="file-parser", pdf={"engine": "pdf-text"}),
    "plugins that watch": {"plugins": [{"id": "armor"}, {"id": "moderation"}]},
    "everything else": {"transforms": ["middle-out"], "provider": {"sort": "price"}, "usage": {"include": True}},
}  # fmt: skip


@pytest.mark.parametrize("fields", HARMLESS.values(), ids=HARMLESS)
def test_what_costs_nothing_passes(fields):
    assert check_cost(fields, CHAT) is None


FREE_TOOLS = {
    **{f"{kind} in {d.name}": (d, {"type": kind}) for d in DIALECTS for kind in (
        "openrouter:datetime", "openrouter:apply_patch", "apply_patch")},
    **{f"web_fetch in {d.name}": (d, {"type": "openrouter:web_fetch", "parameters": {"engine": "openrouter"}})
       for d in DIALECTS},
    **{kind: (RESPONSES, {"type": kind}) for kind in ("shell", "local_shell", "computer")},
    "a local shell": (RESPONSES, {"type": "shell", "environment": {"type": "local"}}),
    "a search for tools at the client": (RESPONSES, {"type": "tool_search", "execution": "client"}),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "tool"), FREE_TOOLS.values(), ids=FREE_TOOLS)
def test_tools_that_look_costly_and_are_free_pass(dialect, tool):
    assert check_cost({"tools": [tool]}, dialect) is None


LOOK_FREE = {
    "web_fetch by the default engine": (CHAT, {"type": "openrouter:web_fetch"}),
    "web_fetch by another's engine": (CHAT, {"type": "openrouter:web_fetch", "parameters": {"engine": "exa"}}),
    "web_fetch by two engines": (
        CHAT, {"type": "openrouter:web_fetch", "engine": "openrouter", "parameters": {"engine": "exa"}}),
    "web_fetch by an engine in a list": (CHAT, {"type": "openrouter:web_fetch", "parameters": {"engine": ["x"]}}),
    "a shell in a container": (RESPONSES, {"type": "shell", "environment": {"type": "container_auto"}}),
    "OpenRouter's shell": (RESPONSES, {"type": "openrouter:shell"}),
    "a search for tools at the server": (RESPONSES, {"type": "tool_search"}),
    "a client's tool of another dialect": (CHAT, {"type": "bash_20250124"}),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "tool"), LOOK_FREE.values(), ids=LOOK_FREE)
def test_tools_that_look_free_and_could_cost_are_refused(dialect, tool):
    with pytest.raises(CostRefusedError):
        check_cost({"tools": [tool]}, dialect)


def test_a_namespace_is_as_free_as_the_tools_in_it():
    function, search = {"type": "function", "name": "f"}, {"type": "web_search"}
    assert (
        check_cost({"tools": [{"type": "namespace", "tools": [function]}, {"type": "local_shell"}]}, RESPONSES) is None
    )
    with pytest.raises(CostRefusedError) as caught:
        check_cost({"tools": [function, {"type": "namespace", "tools": [function, search]}]}, RESPONSES)
    assert caught.value.field == "tools[1].tools[1].type"
    with pytest.raises(InvalidRequestError):
        check_cost({"tools": [{"type": "namespace", "tools": "all"}]}, RESPONSES)
    with pytest.raises(CostRefusedError):
        check_cost({"tools": [{"type": "namespace", "tools": [function]}]}, CHAT)


@pytest.mark.parametrize(
    ("plugins", "native"),
    [
        (None, False),
        ([{"id": "file-parser"}], False),
        ([{"id": "file-parser", "pdf": {"engine": "cloudflare-ai"}}], False),
        ([{"id": "other", "pdf": {"engine": "native"}}], False),
        ([{"id": "response-healing"}, {"id": "file-parser", "pdf": {"engine": "native"}}], True),
    ],
)
def test_the_native_engine_wants_a_model_that_takes_files(plugins, native):
    assert wants_native_files({"plugins": plugins}) is native


CATALOG = catalog_of(
    row("acme/alpha:free"),
    row("acme/alpha", price={"prompt": "0.1"}),
    row("acme/beta:free", canonical_slug="acme/beta-20260101"),
    row("acme/gone:free", expiration_date="2026-01-01"),
    row("other/guard:free"),
    row("google/lyria-3-clip-preview", outputs=("text", "audio")),
    row("openrouter/free"),
)
ALPHA, BETA = "acme/alpha:free", "acme/beta:free"


def named(body):
    """The ids that a body asks for, each once; * is a draw, and None nothing but a draw."""
    order = free_models(wanted(body).names, CATALOG, TODAY)
    return None if order == DRAW else [*(model.id for model in order.models), *(["*"] if order.draws else [])]


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
    "empty lists": ({"models": [], "fallbacks": None}, None),
}


@pytest.mark.parametrize(("body", "expected"), NAMES.values(), ids=NAMES)
def test_names_and_what_they_mean(body, expected):
    assert named(body) == expected


PAID = {
    "paid": ({"model": "acme/alpha"}, "model", "id does not end in :free; price of prompt is 0.1"),
    "unknown": ({"model": "acme/omega:free"}, "model", "is not in the list of models"),
    "unknown with a variant": ({"model": f"{ALPHA}:online"}, "model", "is not in the list of models"),
    "the paid row's dated slug": ({"model": "acme/alpha-20260101"}, "model", "id does not end in :free"),
    "a slug without its variant": ({"model": "acme/beta-20260101"}, "model", "is not in the list of models"),
    "expired": ({"model": "acme/gone:free"}, "model", "expired 2026-01-01"),
    "lyria": ({"model": "google/lyria-3-clip-preview"}, "model", "output is audio+text, not text alone"),
    "a preset": ({"model": "@preset/mine"}, "model", "is not in the list of models"),
    "the router's web search": ({"model": "openrouter/free:online"}, "model", "it searches the web"),
    "the same, as LiteLLM leaves it": ({"models": ["free:tools+online"]}, "models[0]", "it searches the web"),
    "in capitals": ({"model": "Free"}, "model", "is not in the list of models"),
    "second in a list": ({"models": [ALPHA, "acme/alpha"]}, "models[1]", "id does not end in :free"),
    "after a draw": ({"models": ["openrouter/free", "acme/alpha"]}, "models[1]", "id does not end in :free"),
    "a list beside a draw": ({"model": "free", "models": ["acme/alpha"]}, "models[0]", "id does not end in :free"),
    "a fallback": ({"model": ALPHA, "fallbacks": ["acme/alpha"]}, "fallbacks[0]", "id does not end in :free"),
    "a fallback of Anthropic's form": ({"fallbacks": [{"model": "acme/alpha"}]}, "fallbacks[0]", "not end in :free"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "field", "why"), PAID.values(), ids=PAID)
def test_names_that_are_not_free_are_refused_with_the_reason(body, field, why):
    with pytest.raises(CostRefusedError) as error:
        named(body)
    assert error.value.field == field
    assert why in error.value.message
    assert "ask for openrouter/free" in error.value.message


def test_the_nearest_free_models_are_named():
    with pytest.raises(CostRefusedError, match=r"or a free one such as acme/beta:free, acme/alpha:free"):
        named({"model": "acme/betas"})
    with pytest.raises(CostRefusedError, match=r"ask for openrouter/free$"):
        named({"model": "???"})


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
        named(body)
    assert not isinstance(error.value, CostRefusedError)
    assert error.value.field == ("model" if field == "model" else f"{field}[1]")


@pytest.mark.parametrize("value", ["acme/alpha:free", {"0": ALPHA}, 5, True], ids=repr)
def test_a_list_of_names_that_is_none_is_an_invalid_request(value):
    with pytest.raises(InvalidRequestError, match="models must be a list"):
        named({"models": value})


def test_a_name_can_state_needs():
    assert wanted({"model": "openrouter/free:tools+vision"}).needs == ("tools", "vision")
    assert wanted({"model": "free:"}).needs == ()
    assert named({"model": "free:tools"}) is None


def test_names_can_stand_for_others():
    aliases = [("claude-*", "openrouter/free"), ("gpt-*", ALPHA), ("*", "acme/alpha")]
    asked = {name: wanted({"model": name}, aliases).names for name in ("claude-opus", "gpt-4", "gemini")}
    assert asked == {
        "claude-opus": [("model", "openrouter/free")],
        "gpt-4": [("model", ALPHA)],
        "gemini": [("model", "acme/alpha")],
    }


FIELD = st.sampled_from(["model", "models", "fallbacks", "tools", "plugins", "service_tier", "preset"])
VALUE = JSON | st.lists(st.dictionaries(st.sampled_from(["id", "type", "pdf", "enabled", "model"]), JSON), max_size=3)


@given(st.dictionaries(FIELD, VALUE | st.sampled_from([ALPHA, BETA, "free"])))
def test_nothing_but_a_refusal_comes_of_any_request_and_only_free_models_pass(body):
    try:
        check_cost(body, CHAT)
        models = named(json.loads(json.dumps(body)))
    except FreeRouterError as error:
        assert isinstance(error, InvalidRequestError)  # noqa: PT017  # its kind is what matters here
        return
    assert set(models or ()) <= {ALPHA, BETA, "other/guard:free", "*"}
