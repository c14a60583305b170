"""GET /openapi.json is held against what the server answers, to good requests and to made-up ones."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import freerouter
from freerouter.openrouter.dialects import DIALECTS
from freerouter.preferences import ASKED
from freerouter.server import Access, paths, tokens
from freerouter.server.openapi import description
from tests.server.stage import JSON, PATHS, ask, served

SPEC = json.loads(description())
OPERATIONS = [(path, method, how) for path, methods in SPEC["paths"].items() for method, how in methods.items()]
ONE_MODEL = next(operation for operation in OPERATIONS if "{slug}" in operation[0])
OFTEN = settings(deadline=None, suppress_health_check=list(HealthCheck))
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["messages", "input", "max_tokens", "model", "stream", "tools", "tool_choice", "provider"])
BODIES = st.binary(max_size=30) | st.dictionaries(FIELDS, ODD, max_size=5).map(lambda value: json.dumps(value).encode())
NAMES = st.from_regex(r"[A-Za-z0-9_.:~-]{1,20}", fullmatch=True).filter(lambda name: name not in (".", ".."))
QUERIES = st.dictionaries(
    st.sampled_from(["needs", "sort", "offset", "limit", "dialect"]), st.text(max_size=9), max_size=3
)


def check(how: dict, response: httpx.Response) -> None:
    """An answer is one that the description has, and is as it says."""
    status = str(response.status_code)
    told = how["responses"].get(status) or how["responses"][f"{status[0]}XX"]
    kind = response.headers["content-type"].partition(";")[0]
    assert kind in told["content"], kind
    schema = told["content"][kind].get("schema", {"type": "string"})
    value = response.json() if kind == "application/json" else response.text
    jsonschema.validate(value, schema | {"components": SPEC["components"]}, jsonschema.Draft202012Validator)


def send(server, path: str, method: str, body: bytes | None = None, **query: str) -> httpx.Response:
    return server.http.request(method, path, content=body, headers=JSON if body is not None else None, params=query)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_of_a_model_is_as_described(server, name, stream):
    path = f"/api/v1/{PATHS[name]}"
    response = server.ask(name, stream=stream)
    assert response.status_code == 200
    check(SPEC["paths"][path]["post"], response)


@pytest.mark.parametrize("given", [None, [], [1], "Hello", {}, [{"role": "user", "content": "Hello"}], "absent"])
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_a_conversation_is_described_as_it_is_read(server, dialect, given):
    path = f"/api/v1/{dialect.path}"
    body = {"max_tokens": 500} | ({} if given == "absent" else {dialect.conversation: given})
    schema = {"$ref": f"#/components/schemas/{dialect.name}_request", "components": SPEC["components"]}
    valid = jsonschema.Draft202012Validator(schema).is_valid(body)
    assert server.http.post(path, json=body).status_code == (200 if valid else 400)


@pytest.mark.parametrize("stream", [True, False, None, "yes", 1, [], {}])
def test_whatever_is_explained_fits_the_description(server, stream):
    body = ask(stream=stream)
    schema = {"$ref": "#/components/schemas/explain_request", "components": SPEC["components"]}
    assert server.http.post("/explain", json=body).status_code == 200
    assert jsonschema.Draft202012Validator(schema).is_valid(body)


@pytest.mark.parametrize("name", ["offset", "limit"])
def test_a_page_has_the_bounds_that_are_described(server, name):
    (schema,) = [p["schema"] for p in SPEC["paths"]["/api/v1/models"]["get"]["parameters"] if p["name"] == name]
    least, most = schema["minimum"], schema["maximum"]
    for number, status in ((least - 1, 400), (least, 200), (most, 200), (most + 1, 400)):
        response = server.http.get("/api/v1/models", params={name: number})
        assert response.status_code == status
        assert status == 200 or f"{name} must be a whole number from {least} to {most}" in response.text


@pytest.mark.parametrize("path", [path for path, method, _ in OPERATIONS if method == "get"])
def test_a_method_that_is_not_described_is_not_served(server, path):
    response = server.http.post(path.format(author="openrouter", slug="free"), content=b"a=b")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_what_the_server_says_itself_is_as_described(server):
    model = server.ask().headers["x-freerouter-model"]
    author, slug = model.split("/")
    checked = 0
    for path, method, how in OPERATIONS:
        body = json.dumps(ask("messages")).encode() if method == "post" else None
        response = send(server, path.format(author=author, slug=slug), method, body)
        if path != "/api/v1/responses":
            assert response.status_code == 200, path
        check(how, response)
        checked += 1
    assert checked == 13


@OFTEN
@given(operation=st.sampled_from(OPERATIONS), body=BODIES, query=QUERIES, author=NAMES, slug=NAMES)
@example(operation=ONE_MODEL, body=b"", query={}, author="0", slug=":")
@example(operation=ONE_MODEL, body=b"", query={}, author="...", slug="0.")
def test_whatever_is_sent_is_answered_as_described(server, operation, body, query, author, slug):
    path, method, how = operation
    address = path.format(author=quote(author), slug=quote(slug))
    check(how, send(server, address, method, body if method == "post" else None, **query))


def test_every_place_of_the_server_is_described():
    found = {paths.place(method.upper(), re.sub(r"[{}]", "", path)) for path, method, _ in OPERATIONS}
    assert found == set(paths.Place.__args__)
    assert {f"/api/v1/{dialect.path}" for dialect in DIALECTS} <= SPEC["paths"].keys()


def test_references_lead_somewhere():
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(SPEC)))
    assert names == SPEC["components"]["schemas"].keys()


# Headers.

# Not ours: what HTTP itself frames an answer with, what browsers are told, and what is read of OpenRouter's answers.
FRAMING = {"content-type", "content-length", "connection", "date", "transfer-encoding", "cache-control", "keep-alive"}
BROWSERS = {"x-content-type-options", "x-frame-options", "x-accel-buffering"}
OPENROUTERS = {"x-ratelimit-limit", "x-ratelimit-reset", "x-generation-id"}
# How a client shows who it is; described under "securitySchemes".
CREDENTIALS = {"authorization", "x-api-key"}
# What the rules of HTTP and of browsers say about a request, wherever it goes.
OF_HTTP = {"accept", "content-encoding", "content-length", "content-type", "cookie", "expect", "host", "origin", "via"}
OF_HTTP |= {"sec-fetch-site", "access-control-request-headers", "access-control-request-private-network"}
SENT = SPEC["components"]["headers"].keys()
READ = {
    parameter["name"]
    for _, _, how in OPERATIONS
    for parameter in how.get("parameters", ())
    if parameter["in"] == "header"
}
FOLDER = Path(freerouter.__file__).parent
SOURCES = [path for name in ("server", "pipeline", "openrouter") for path in (FOLDER / name).rglob("*.py")]


def constants(path: Path) -> set[str]:
    """The texts in a module that can be names of headers of ours."""
    found = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
    return {text for text in found if isinstance(text, str) and re.fullmatch(r"x-[a-z]+(-[a-z]+)*", text)}


def looked_up(path: Path) -> Iterator[str]:
    """The names of headers that a module of the server looks up in a request."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="get", value=ast.Attribute(attr="by_name") | ast.Name(id="headers")),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name
            case ast.Compare(left=ast.Constant(value=str(name)), comparators=[ast.Attribute(attr="by_name")]):
                yield name


def test_every_header_in_the_code_is_described():
    named = set().union(*map(constants, SOURCES), ASKED) - BROWSERS - OPENROUTERS - CREDENTIALS
    assert named >= {"x-freerouter-model", "x-freerouter-attempts", "x-freerouter-trace", "x-session-id"}
    assert named - {"x-openrouter-", "x-freerouter-", "x-app"} <= SENT | READ


def test_every_header_that_is_looked_up_is_described():
    names = {name for path in (FOLDER / "server").rglob("*.py") for name in looked_up(path)}
    assert {"anthropic-version", "x-api-key", "origin"} <= names
    assert names <= READ | OF_HTTP | CREDENTIALS


def test_every_header_that_is_read_is_that_of_a_field():
    assert set(ASKED) == {name for name in READ if name.startswith("x-freerouter-")}


ESTIMATE = "/api/v1/messages/count_tokens"
ANSWERS = {
    "an answer": (lambda server: server.ask(), "/api/v1/chat/completions"),
    "a stream": (lambda server: server.ask(stream=True), "/api/v1/chat/completions"),
    "an error": (lambda server: server.ask(model="acme/gone:free"), "/api/v1/chat/completions"),
    "no valid request": (lambda server: server.ask("messages", max_tokens="x"), "/api/v1/messages"),
    "an estimate": (lambda server: send(server, ESTIMATE, "post", json.dumps(ask("messages")).encode()), ESTIMATE),
    "a method that is not served": (lambda server: server.http.delete("/ready"), "/ready"),
    "models": (lambda server: server.http.get("/api/v1/models"), "/api/v1/models"),
    "the key": (lambda server: server.http.get("/api/v1/key"), "/api/v1/key"),
}


@pytest.mark.parametrize(("act", "path"), ANSWERS.values(), ids=ANSWERS)
def test_every_header_that_is_sent_is_described(server, act, path):
    response = act(server)
    (how,) = SPEC["paths"][path].values()
    status = str(response.status_code)
    told = how["responses"].get(status) or how["responses"][f"{status[0]}XX"]
    ours = response.headers.keys() - FRAMING - BROWSERS - OPENROUTERS
    assert ours <= told.get("headers", {}).keys()
    for name in ours:
        schema = SPEC["components"]["headers"][name]["schema"]
        value = json.loads(response.headers[name]) if schema.get("type") == "integer" else response.headers[name]
        jsonschema.validate(value, schema)


def test_a_client_without_a_token_is_told_how_to_send_one(upstream):
    with served(upstream, Access(tokens("secret"))) as server:
        response = server.ask()
    assert response.status_code == 401
    assert response.headers.keys() - FRAMING <= SPEC["components"]["headers"].keys()


@pytest.mark.parametrize("name", sorted(READ))
def test_a_header_that_is_described_is_read_as_it_says(server, name):
    (schema,) = {
        json.dumps(parameter["schema"])
        for _, _, how in OPERATIONS
        for parameter in how.get("parameters", ())
        if parameter["name"] == name
    }
    valid = jsonschema.Draft202012Validator(json.loads(schema))
    for text in ("coding", "deny", "true", "7", "inf", "nonsense", "-1"):
        value = json.loads(text) if text in ("7", "-1") else text
        refused = server.ask(headers={name: text}).status_code == 400
        assert refused is not (valid.is_valid(value) or valid.is_valid(text)), text
