"""GET /openapi.json is held against what the server answers, to good requests and to made-up ones."""

import json
import re
from urllib.parse import quote

import httpx
import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freerouter.openrouter.dialects import DIALECTS
from freerouter.server import paths
from freerouter.server.openapi import description
from tests.server.stage import JSON, PATHS, ask

SPEC = json.loads(description())
OPERATIONS = [(path, method, how) for path, methods in SPEC["paths"].items() for method, how in methods.items()]
OFTEN = settings(deadline=None, suppress_health_check=list(HealthCheck))
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["messages", "input", "max_tokens", "model", "stream", "tools", "tool_choice", "provider"])
BODIES = st.binary(max_size=30) | st.dictionaries(FIELDS, ODD, max_size=5).map(lambda value: json.dumps(value).encode())
NAMES = st.from_regex(r"[A-Za-z0-9_.:~-]{1,20}", fullmatch=True)
QUERIES = st.dictionaries(
    st.sampled_from(["needs", "sort", "offset", "limit", "dialect"]), st.text(max_size=9), max_size=3
)


def check(how: dict, response: httpx.Response) -> None:
    """An answer is one that the description has, and is as it says."""
    status = str(response.status_code)
    told = how["responses"].get(status) or how["responses"][f"{status[0]}XX"]
    kind = response.headers["content-type"].partition(";")[0]
    assert kind in told["content"], kind
    schema = told["content"][kind]["schema"]
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
    assert checked == 12


@OFTEN
@given(data=st.data(), body=BODIES, query=QUERIES, author=NAMES, slug=NAMES)
def test_whatever_is_sent_is_answered_as_described(server, data, body, query, author, slug):
    path, method, how = data.draw(st.sampled_from(OPERATIONS))
    address = path.format(author=quote(author), slug=quote(slug))
    if address != path and paths.place("GET", address) != "model":
        return
    check(how, send(server, address, method, body if method == "post" else None, **query))


def test_every_place_of_the_server_is_described():
    found = {paths.place(method.upper(), re.sub(r"[{}]", "", path)) for path, method, _ in OPERATIONS}
    assert found == set(paths.Place.__args__)
    assert {f"/api/v1/{dialect.path}" for dialect in DIALECTS} <= SPEC["paths"].keys()


def test_references_lead_somewhere():
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(SPEC)))
    assert names == SPEC["components"]["schemas"].keys()
