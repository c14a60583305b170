"""What the server answers for the window: files, events, the state as JSON, and who may have them."""

import json
import pickle
import re
import time

import httpx
import pytest

from freerouter.openrouter.tokens import Bounds
from freerouter.server import Access, sessions, tokens
from freerouter.server.record import Record
from freerouter.server.window import feed
from freerouter.server.window.content import last_message
from freerouter.server.window.history import KEPT, History
from freerouter.server.window.window import _files
from tests.server.stage import ask, posted, raw, served, statuses
from tests.stage import KEY, SOON, striking, until

TOKEN = "let-me-in-0123456789"
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
CANARY = "canary-of-the-client"
BEHIND = ("/status", "/events")


# Its files.


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_browser_gets_the_page(server, method):
    page = server.http.request(method, "/", headers=HTML)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["content-security-policy"].startswith("default-src 'self'; ")
    for name, value in {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
    }.items():
        assert page.headers[name] == value


@pytest.mark.parametrize("accept", ["application/json", "application/json, text/event-stream"])
def test_a_client_of_the_api_is_told_where_it_is(server, accept):
    answer = server.http.get("/", headers={"accept": accept})
    assert answer.status_code == 404
    assert "base URLs end in /api/v1" in answer.json()["error"]["message"]


@pytest.mark.parametrize("accept", ["*/*", ""])
def test_a_program_that_takes_anything_gets_the_page(server, accept):
    assert server.http.get("/", headers={"accept": accept}).headers["content-type"].startswith("text/html")


def test_nothing_in_the_page_is_inline_or_from_elsewhere(server):
    page = server.http.get("/", headers=HTML).text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", page)
    linked = re.findall(r'(?:src|href)="([^"#]+)"', page)
    linked += [
        f"/window/{name}" for text in _files().values() for name in re.findall(r'from "\./(.*?)"', text.decode())
    ]
    assert len(set(linked)) == len(_files()) - 1
    for address in linked:
        answer = server.http.get(address)
        assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff")
    for name, text in _files().items():
        assert set(re.findall(r"https?://[\w.]+", text.decode())) <= {"http://www.w3.org"}, name
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", text.decode()), name


def test_a_file_that_is_not_there(server):
    for name in ("nothing.js", "", "../window.py", "%2e%2e/window.py", "index.html/", "%2e%2e"):
        assert server.http.get(f"/window/{name}").status_code == 404, name


# What it reads.


def test_the_state_and_the_last_requests(server, emulator):
    emulator.faults = striking("rate_limited", count=1)
    answer = server.ask(tools=[{"type": "function", "function": {"name": "weather"}}])
    told = server.http.get("/status").json()
    (request,) = told["requests"]
    assert (request["status"], request["dialect"], request["answered"]) == (200, "chat", True)
    assert request["trace"]["id"] == answer.headers["x-freerouter-trace"]
    assert request["trace"]["requirements"]["hard"].keys() == {"text", "tools"}
    assert [attempt["reason"] for attempt in request["trace"]["attempts"]] == ["rate_limited_upstream", "answered"]
    assert 0 < request["first_ms"] <= request["total_ms"]
    assert abs(request["at"] - time.time()) < 60
    first, second = (attempt["model"] for attempt in request["trace"]["attempts"])
    models = {model["id"]: model for model in told["models"]}
    assert models.keys() == {model.id for model in server.app.router.models()}
    assert 0 < models[first]["cooling_until"] - told["now"] <= 31
    assert (models[first]["attempts"], models[first]["answered"], models[first]["share"]) == (1, 0, 0.5)
    assert (models[second]["cooling_until"], models[second]["tries"][0][0]) == (None, 1)
    assert {model["trains"] for model in told["models"]} == {"unknown"}
    assert told["counts"] == {"requests": 1, "answered": 1, "failed": 0, "running": 0}
    assert told["outage"] is None
    assert told["shared_state"] == {"store": "off", "where": "", "ok": True}


def test_the_gate_and_an_outage_have_their_end(server, emulator):
    emulator.faults = striking("html_in_502")
    assert server.ask().status_code == 429
    outage = server.http.get("/status").json()["outage"]
    assert outage["reason"]
    assert 0 < outage["until"] - time.time() < 61
    emulator.faults = striking("daily_limit")
    server.app.router.endpoint.outage.alive()
    server.ask()
    allowance = server.http.get("/status").json()["allowance"]
    assert (allowance["gate"], allowance["left"]) == ("day", 0)
    assert allowance["opens_at"] > time.time()
    assert allowance["resets_at"] % 86_400 == 0


def test_models_are_ranked_by_the_usual_preference(upstream):
    for prefer, ranked_by in ((None, "quality"), ("large", "large")):
        with served(upstream, **({"prefer": prefer} if prefer else {})) as server:
            told = server.http.get("/status").json()
            assert (told["prefer"], told["ranked_by"]) == (prefer or "uniform", ranked_by)
            assert told["prefer"] in told["prefers"]
    ranks = {model["id"]: (model["rank"], model["why"]) for model in told["models"]}
    largest = server.app.router.models()[-1]
    assert ranks[largest.id] == (1, f"context {largest.context:,}: rank 1 of {len(ranks)}")


@pytest.mark.parametrize(("query", "many"), [("", 3), ("?requests=2", 2), ("?requests=0", 0), ("?requests=9999", 3)])
def test_as_many_requests_as_are_wanted(server, query, many):
    for _ in range(3):
        server.ask()
    assert len(server.http.get(f"/status{query}").json()["requests"]) == many


@pytest.mark.parametrize("query", ["requests=-1", "requests=x", "requests=" + "9" * 99])
def test_a_number_that_is_none(server, query):
    assert server.http.get(f"/status?{query}").status_code == 400


def events(response: httpx.Response):
    """The events of a stream, as pairs of name and data."""
    name = ""
    for line in response.iter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def test_a_page_is_told_of_requests_and_of_the_state(server):
    server.ask()
    with server.http.stream("GET", "/events") as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.headers["cache-control"] == "no-store"
        told = events(stream)
        name, snapshot = next(told)
        assert (name, len(snapshot["requests"])) == ("snapshot", 1)
        trace = server.ask(stream=True).headers["x-freerouter-trace"]
        name, request = next(told)
        assert (name, request["trace"]["id"]) == ("request", trace)
        name, state = next(told)
        assert (name, state["counts"]["requests"]) == ("state", 2)
        assert state.keys() == snapshot.keys() - {"now", "requests"}


def test_a_page_is_told_of_a_request_when_it_is_over_not_at_the_next_look(server, monkeypatch):
    monkeypatch.setattr(feed, "_LOOK", 60)  # longer than the client waits
    with server.http.stream("GET", "/events") as stream:
        told = events(stream)
        next(told)
        server.ask()
        assert next(told)[0] == "request"


def test_only_so_many_pages_are_served(server, monkeypatch):
    monkeypatch.setattr(feed, "PAGES", 1)
    with server.http.stream("GET", "/events") as stream:
        told = events(stream)  # the stream ends with its reader
        next(told)
        assert server.http.get("/events").status_code == 429
    until(lambda: not server.app.window._feed._pages)
    with server.http.stream("GET", "/events") as stream:
        assert next(events(stream))[0] == "snapshot"


def test_a_page_that_is_far_behind_gets_a_snapshot(server):
    window = server.app.window
    page = feed._Page(window.history, window._snapshot)
    page.snapshot()
    for _ in range(feed._BEHIND):
        server.app.window.tell(Record(place="route", dialect="chat"))
    assert page.news(0, silent=True).count(b"event: request\n") == feed._BEHIND
    for _ in range(feed._BEHIND + 1):
        server.app.window.tell(Record(place="route", dialect="chat"))
    assert page.news(0, silent=True).startswith(b"event: snapshot\n")
    assert page.news(0, silent=False) == b""
    assert page.news(0, silent=True) == b": alive\n\n"


def test_a_server_that_stops_does_not_wait_for_pages(upstream):
    with served(upstream) as server, server.http.stream("GET", "/events") as stream:
        told = events(stream)
        next(told)
        server.app.let_pages_go()
        begun = time.perf_counter()
        assert [name for name, _ in told if name != "state"] == []
        assert time.perf_counter() - begun < SOON


# What is kept.


def test_nothing_of_a_message_or_of_an_error_is_kept(server, emulator):
    emulator.faults = striking("bad_gateway", count=2)
    said = {"messages": [{"role": "user", "content": CANARY}]}
    for _ in range(2):
        server.http.post("/api/v1/chat/completions", json=said)
    until(lambda: len(server.app.window.history.last()) == 2)
    kept = server.app.window.history.last()
    for entry in kept:
        assert CANARY.encode() not in pickle.dumps(entry)
        assert type(entry.trace.requirements.tokens) is Bounds  # what is not counted yet holds the prompt
        assert not any(attempt.outcome.message or attempt.outcome.body for attempt in entry.trace.attempts)
    for path in ("/status", "/metrics"):
        text = server.http.get(path).text
        assert CANARY not in text
        assert KEY not in text


def test_only_the_last_requests_are_kept():
    history = History(lambda: 1000.0)
    for number in range(KEPT + 5):
        history.add(Record(place="route", status=number))
        history.add(Record(place="models", status=1))
    assert [entry.record.status for entry in history.last()] == list(range(KEPT + 4, 4, -1))
    assert (history.number, history.answered) == (KEPT + 5, 0)
    assert [entry.record.status for entry in history.since(KEPT + 3)] == [KEPT + 3, KEPT + 4]


def test_the_beginning_of_the_last_message_is_shown_where_that_is_said(upstream, dialect):
    with served(upstream, serve_show_content=True) as server:
        server.ask(dialect)
        assert server.http.get("/status").json()["requests"][0]["content"] == "Hello"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"messages": [{"content": "first"}, {"content": "x" * 500}]}, "x" * 400),
        ({"messages": [{"content": [{"type": "text", "text": "a"}, {"type": "image_url"}, {"text": "b"}]}]}, "a b"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]}, "a"),
        ({"input": "a"}, "a"),
        ({"messages": [{"content": {"text": "a"}}]}, "a"),
        ({"messages": [{"content": 7}]}, ""),
        ({"messages": []}, ""),
        ({"messages": "a"}, "a"),
        ({}, ""),
        ({"messages": [{"content": "x" * 2**20}]}, ""),
    ],
)
def test_what_is_shown_of_a_message(body, shown):
    assert last_message(json.dumps(body).encode()) == shown


def test_a_body_that_is_none_has_nothing_to_show():
    assert last_message(b"{") == ""


# Who may have it.


@pytest.fixture
def guarded(upstream):
    with served(upstream, Access(tokens(f"alice={TOKEN}"))) as server:
        yield server


def log_in(server, token: str = TOKEN, **headers: str) -> httpx.Response:
    return server.http.post("/login", json={"token": token}, headers={"origin": server.url, **headers})


def test_the_page_is_for_everybody_and_what_it_shows_is_not(guarded):
    assert guarded.http.get("/", headers=HTML).status_code == 200
    assert guarded.http.get("/window/main.js").status_code == 200
    for path in BEHIND:
        assert guarded.http.get(path).status_code == 401
        assert guarded.http.head(path, headers={"x-api-key": TOKEN}).status_code == 200
    for path in ("/try/chat", "/try/explain"):
        assert guarded.http.post(path, json=ask()).status_code == 401
        assert guarded.http.post(path, json=ask(), headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_a_cookie_is_for_the_page_alone(guarded, emulator):
    assert log_in(guarded).status_code == 200
    (cookie,) = guarded.http.cookies.jar
    assert (cookie.path, cookie.has_nonstandard_attr("HttpOnly"), TOKEN in cookie.value) == ("/", True, False)
    assert guarded.http.get("/status").status_code == 200
    origin = {"origin": guarded.url}
    assert guarded.http.post("/try/chat", json=ask(), headers=origin).status_code == 200
    assert guarded.http.get("/status").json()["requests"][0]["token"] == "alice"
    for path in ("/api/v1/models", "/api/v1/key", "/metrics"):
        assert guarded.http.get(path).status_code == 401
    for path in ("/api/v1/chat/completions", "/explain"):
        assert guarded.http.post(path, json=ask()).status_code == 401
        assert guarded.http.post(path, json=ask(), headers=origin).status_code == 403
    assert len(emulator.completions) == 1
    assert "cookie" not in emulator.completions[0].headers
    assert guarded.http.post("/logout", json={}, headers=origin).status_code == 200
    assert guarded.http.get("/status").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:3000"},
        {"origin": "null"},
        {},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://localhost:3000", "sec-fetch-site": "same-site"},
        {"origin": "https://evil.test", "sec-fetch-site": "cross-site"},
    ],
)
def test_another_page_cannot_use_the_cookie(guarded, emulator, headers):
    log_in(guarded)
    answer = guarded.http.post("/try/chat", json=ask(), headers=headers)
    assert answer.status_code in (401, 403)
    if "sec-fetch-site" in headers:
        assert guarded.http.get("/status", headers=headers).status_code in (401, 403)
    assert not emulator.completions


def test_another_page_can_neither_log_in_nor_look(server):
    for origin in ("http://localhost:3000", "https://evil.test", "null"):
        assert log_in(server, origin=origin).status_code == 403
        for path in BEHIND:
            assert server.http.get(path, headers={"origin": origin}).status_code == 403
    assert server.http.get("/status", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert server.http.get("/", headers={"host": "evil.test", **HTML}).status_code == 403
    assert server.http.post("/login", data={"token": TOKEN}).status_code == 415


@pytest.mark.parametrize(
    ("body", "status"),
    [({"token": "wrong"}, 401), ({"token": ""}, 401), ({"token": 7}, 400), ([], 400), ({"token": "x" * 5000}, 413)],
)
def test_a_login_that_fails(guarded, body, status):
    answer = guarded.http.post("/login", json=body)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


def test_a_login_says_how_long_it_is(guarded):
    chunked = posted(b"5\r\nhello\r\n0\r\n\r\n", "transfer-encoding: chunked", path="/login")
    assert statuses(raw(guarded.address, chunked))[0] == 413


@pytest.mark.parametrize(("scheme", "secure"), [("https", True), ("http", False)])
def test_behind_tls_the_cookie_is_for_tls_alone(guarded, scheme, secure):
    answer = log_in(guarded, origin=guarded.url.replace("http", scheme))
    assert ("; Secure" in answer.headers["set-cookie"]) == secure


def test_a_session_is_for_its_token_and_its_time():
    alice, bob = tokens("alice=0123456789abcdef", "bob=fedcba9876543210")
    value = sessions.issue(alice, 1000.5)
    assert sessions.holder([bob, alice], value, 2000) == "alice"
    assert sessions.holder([bob], value, 2000) == ""
    assert sessions.holder([alice], value, 1000 + sessions.SECONDS) == ""
    later = f"9{value}"
    for forged in (later, value[:-1], "", ".", "x.y", f"{value}\u00fc", "9" * 99 + ".x", "²." + value):
        assert sessions.holder([alice, bob], forged, 2000) == "", forged


@pytest.mark.parametrize(
    ("cookies", "host", "value"),
    [
        ("freerouter-8788=a", "localhost:8788", "a"),
        ("other=1; freerouter-8788=a", "[::1]:8788", "a"),
        ("freerouter-8788=a", "localhost:8789", ""),
        ("freerouter=a", "llm.example.org", "a"),
        ("freerouter-8788", "localhost:8788", ""),
        ("=;;=\x01", "localhost:8788", ""),
        ("", "", ""),
    ],
)
def test_each_server_of_a_host_has_a_cookie_of_its_own(cookies, host, value):
    assert sessions.value_in(cookies, host) == value
