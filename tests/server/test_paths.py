"""Which path is what, below every base URL that clients are given."""

import httpx
import pytest

from freerouter import CostRefusedError, InvalidRequestError
from freerouter.openrouter.dialects import DIALECTS
from freerouter.server.errors import RefusedError
from freerouter.server.paths import below, error_dialect, passed, place, tidy
from tests.server.stage import JSON, ask, posted, raw, statuses
from tests.stage import PLAIN

PREFIXES = ["/api/v1", "/v1"]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("POST", "chat/completions", "route"),
        ("POST", "responses", "route"),
        ("POST", "messages", "route"),
        ("POST", "messages/count_tokens", "count_tokens"),
        ("GET", "models", "models"),
        ("HEAD", "models", "models"),
        ("GET", "models/user", "pass"),
        ("GET", "models/count", "pass"),
        ("GET", "models/acme/alpha:free", "model"),
        ("GET", "models/free", "model"),
        ("GET", "key", "pass"),
        ("GET", "auth/key", "pass"),
        ("GET", "credits", "pass"),
        ("GET", "generation", "pass"),
        ("GET", "providers", "pass"),
        ("GET", "models/acme/alpha:free/endpoints", "pass"),
        ("GET", "models/~acme/alpha-1.5_b:free/endpoints", "pass"),
        ("GET", "model/acme/alpha:free", "pass"),
    ],
)
def test_what_is_served_below_a_base_url(prefix, method, path, what):
    assert place(method, f"{prefix}/{path}") == what


@pytest.mark.parametrize("path", ["health", "ready", "metrics"])
def test_what_is_served_at_the_root(path):
    assert place("GET", f"/{path}") == path
    assert place("POST", "/explain") == "explain"


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("GET", "/", "page"),
        ("HEAD", "/", "page"),
        ("GET", "/window/main.js", "asset"),
        ("GET", "/events", "events"),
        ("GET", "/status", "status"),
        ("POST", "/login", "login"),
        ("POST", "/logout", "logout"),
        ("POST", "/try/chat", "route"),
        ("POST", "/try/explain", "explain"),
    ],
)
def test_what_is_served_for_the_window(method, path, what):
    assert place(method, path) == what


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("GET", "/login", RefusedError),
        ("GET", "/try/chat", RefusedError),
        ("POST", "/", RefusedError),
        ("POST", "/window/main.js", RefusedError),
        ("GET", "/api/v1", RefusedError),
        ("GET", "/api/v1/", RefusedError),
        ("GET", "/models", RefusedError),
        ("GET", "/api/v1/chat/completions", RefusedError),
        ("PUT", "/api/v1/models", RefusedError),
        ("DELETE", "/api/v1/keys/1", RefusedError),
        ("TRACE", "/health", RefusedError),
        ("GET", "/api/v1/model/../key", RefusedError),
        ("GET", "/api/v1/models/a/../endpoints", RefusedError),
        ("GET", "/api/v1/models/a/b?x/endpoints", RefusedError),
        ("GET", "/api/v1/models/a/b#x/endpoints", RefusedError),
        ("GET", "/api/v1/model/a/b/c", RefusedError),
        ("GET", "/api/v1/model//", RefusedError),
        ("POST", "/health", RefusedError),
        ("POST", "/api/v1/embeddings", CostRefusedError),
        ("POST", "/v1/images/generations", CostRefusedError),
        ("POST", "/api/v1/audio/speech", CostRefusedError),
        ("POST", "/api/v1/completions", InvalidRequestError),
    ],
)
def test_anything_else_is_refused(method, path, error):
    with pytest.raises(error) as caught:
        place(method, path)
    assert caught.type is error


def test_a_path_knows_its_dialect():
    assert error_dialect("/v1/messages").name == "messages"
    assert error_dialect("/v1/models").name == "chat"
    assert error_dialect("/v1/messages/count_tokens").name == "messages"
    assert error_dialect("/nowhere").name == "chat"
    assert error_dialect("/v1/models", {"anthropic-version": "2023-06-01"}).name == "messages"
    assert error_dialect("/v1/responses", {"anthropic-version": "2023-06-01"}).name == "responses"
    assert passed("/v1/auth/key") == passed("/api/v1/key") == "key"
    assert below("/api/v1/models/count") == "models/count"
    assert below("/health") is None


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_question_is_answered_below_every_base_url(server, emulator, dialect, prefix):
    answer = server.ask(dialect, prefix=prefix)
    assert answer.status_code == 200
    assert "Hello" in answer.text
    assert emulator.completions[-1].path.startswith("/api/v1/")


SLIPS = {
    "/api/v1//chat/completions": "/api/v1/chat/completions",
    "//api//v1/chat//completions": "/api/v1/chat/completions",
    "/v1/chat/completions/": "/v1/chat/completions",
    "/v1/v1/chat/completions": "/v1/chat/completions",
    "/api/v1/v1/messages": "/api/v1/messages",
    "/api/api/v1/messages": "/api/v1/messages",
    "/api/v1/api/v1/responses": "/api/v1/responses",
    "/api/v1/chat/completions/chat/completions": "/api/v1/chat/completions",
    "/api/v1/messages/v1/messages": "/api/v1/messages",
    "/api/v1/messages/v1/messages/count_tokens": "/api/v1/messages/count_tokens",
    "/api/v1/chat/completions/models": "/api/v1/models",
    "/api/v1/models/": "/api/v1/models",
}
ROUTED = tuple(dialect.path for dialect in DIALECTS)
NO_SLIPS = [
    "/",
    "//",
    "/v1",
    "/v1/",
    "/api/v1/",
    "/health/",
    "//metrics",
    "/chat/completions",
    "//evil.test/api/v1/models",
]
NO_SLIPS += ["/api/v1/models/acme/v1/endpoints", "/api/v1/model/v1/models", "/api/v1/messages/count_tokens"]
NO_SLIPS += ["/api/v1/responses/resp_1", "/api/v1/embeddings", "/v1/models/openrouter/free"]


@pytest.mark.parametrize(("path", "meant"), SLIPS.items())
def test_a_slip_in_the_base_url_is_mended(path, meant):
    assert tidy(path) == meant
    assert tidy(meant) == meant


@pytest.mark.parametrize("path", NO_SLIPS)
def test_what_may_be_meant_as_it_is_stays(path):
    assert tidy(path) == path


@pytest.mark.parametrize("path", [path for path, meant in SLIPS.items() if meant.endswith(ROUTED)])
def test_a_slip_is_served(server, emulator, path):
    meant = error_dialect(SLIPS[path]).name
    received = raw(server.address, posted(ask(meant), path=path))
    assert statuses(received) == [200]
    assert b"could cost" not in received
    assert len(emulator.completions) == 1


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("TRACE", "/metrics", "GET, HEAD, OPTIONS"),
        ("POST", "/api/v1/models", "GET, HEAD, OPTIONS"),
        ("PUT", "/v1/key", "GET, HEAD, OPTIONS"),
        ("GET", "/api/v1/chat/completions", "POST, OPTIONS"),
        ("DELETE", "/v1/messages", "POST, OPTIONS"),
        ("GET", "/explain", "POST, OPTIONS"),
    ],
)
def test_another_method_is_told_which_one_to_use(server, method, path, allowed):
    response = server.http.request(method, path, headers=JSON)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    assert allowed in response.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/api/v1/models", f"/v1/models/{PLAIN}", "/v1/key"])
def test_where_there_is_get_there_is_head(server, path):
    got, head = server.http.get(path), server.http.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"") == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


def refused(response: httpx.Response, status: int) -> str:
    """The message of an error in OpenRouter's shape."""
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, status)
    assert response.headers["x-should-retry"] == "false"
    return error["message"]


def test_what_is_not_served_is_answered_in_openrouters_shape(server, emulator):
    assert "base URLs end in /api/v1" in refused(server.http.get("/nothing"), 404)
    assert "base URLs end in /api/v1" in refused(server.http.post("/api/v1/", json=ask()), 404)
    assert "chat/completions" in refused(server.http.post("/api/v1/completions", json={"prompt": "Hi"}), 400)
    assert "could cost money" in refused(server.http.post("/api/v1/embeddings", json={"input": "Hi"}), 400)
    assert "PATCH" in refused(server.http.patch("/api/v1/models", json={}), 405)
    assert not [request for request in emulator.requests if request.method != "GET"]


@pytest.mark.parametrize(
    "path",
    [
        "models/count",
        "key",
        "auth/key",
        "credits",
        "providers",
        "models/user",
        f"models/{PLAIN}/endpoints",
        f"model/{PLAIN}",
    ],
)
def test_what_costs_nothing_is_handed_on(server, emulator, upstream, path):
    got = server.http.get(f"/api/v1/{path}")
    direct = httpx.get(f"{upstream}/{passed(f'/v1/{path}')}", headers={"authorization": "Bearer key"})
    assert (got.status_code, got.headers["content-type"]) == (200, "application/json")
    assert got.json().keys() == direct.json().keys()


def test_a_query_is_handed_on(server, emulator):
    generation = server.ask().json()["id"]
    assert server.http.get("/api/v1/generation", params={"id": generation}).json()["data"]["id"] == generation
    assert server.http.get("/api/v1/generation?id=nothing").status_code == 404


def test_a_head_request_has_no_body(server):
    answer = server.http.head("/api/v1/models")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 1000


def test_content_that_is_no_json_is_not_read(server, emulator):
    for headers in ({"content-type": "text/plain"}, {"content-type": ""}, JSON | {"content-encoding": "gzip"}):
        assert server.http.post("/api/v1/chat/completions", content=b"{}", headers=headers).status_code == 415
    assert not emulator.completions
