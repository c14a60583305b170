"""GET /openapi.json is held against what the server answers, to good requests and to made-up ones."""

import json
import re
from urllib.parse import quote

import httpx
import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from freerouter.openrouter.dialects import DIALECTS
from freerouter.server import paths
from freerouter.server.openapi import description
from tests.server.stage import JSON, PATHS, ask

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
