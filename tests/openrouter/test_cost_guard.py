"""Never pay, first part: what is refused before it is sent, and in which words."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.errors import CostRefusedError, InvalidRequestError
from freerouter.openrouter.cost_guard import wants_native_files
from freerouter.openrouter.dialects import CHAT, DIALECTS, MESSAGES, RESPONSES
from tests.builders import JSON, check_cost


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
    "a tool in the old format with a type": (
        {"functions": [{"name": "f"}, {"type": "web_search"}]},
        "functions[1].type",
    ),
    "the web plugin": (plugin(id="web"), "plugins[1].id"),
    "the web plugin, switched on": (plugin(id="web", enabled=True), "plugins[1].id"),
    "the web plugin, switched on oddly": (plugin(id="web", enabled=0), "plugins[1].id"),
    "a plugin that is not known": (plugin(id="auto-pilot"), "plugins[1].id"),
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


IN_WORDS = [
    (CHAT, tool("web_search"), "tools[1].type 'web_search' could cost money: only function or custom tools are free"),
    (MESSAGES, tool("web_search"), "only custom or function or tool_reference tools are free"),
    (CHAT, plugin(id="web"), "plugin 'web' could cost money: free ones are armor, auto-router, context-compression, "),
]


@pytest.mark.parametrize(("dialect", "fields", "words"), IN_WORDS)
def test_what_is_free_is_told(dialect, fields, words):
    with pytest.raises(CostRefusedError) as error:
        check_cost(fields, dialect)
    assert words in error.value.message


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
    "functions in the old format": {"functions": [{"name": "f"}, {"name": "g"}]},
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
        (["file-parser"], False),
        ([{"id": "file-parser"}], False),
        ([{"id": "file-parser", "pdf": {"engine": "cloudflare-ai"}}], False),
        ([{"id": "other", "pdf": {"engine": "native"}}], False),
        ([{"id": "response-healing"}, {"id": "file-parser", "pdf": {"engine": "native"}}], True),
    ],
)
def test_the_native_engine_wants_a_model_that_takes_files(plugins, native):
    assert wants_native_files({"plugins": plugins}) is native


FIELD = st.sampled_from(["tools", "functions", "plugins", "service_tier", "preset"])
VALUE = JSON | st.lists(st.dictionaries(st.sampled_from(["id", "type", "pdf", "enabled", "tools"]), JSON), max_size=3)


@given(st.dictionaries(FIELD, VALUE))
def test_nothing_but_a_refusal_comes_of_any_request(body):
    with suppress(InvalidRequestError):
        check_cost(body, CHAT)
