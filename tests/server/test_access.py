"""Who may use the server, with whose key."""

import logging
import re
import socket
from urllib.parse import urlsplit

import pytest

from freerouter import Settings, SettingsError
from freerouter.server import Access, tokens
from freerouter.server.errors import RefusedError
from freerouter.server.listening import check_loop, listen, url_of
from freerouter.server.security import check_content
from tests.server.stage import JSON, ask, served
from tests.stage import KEY, striking

TOKEN = "let-me-in-0123456789"
THEIRS = "sk-or-v1-theirs-0123456789"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_this_machine_needs_no_token(host):
    Access().check_address(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.test", ""])
def test_any_other_address_needs_one(host):
    for given in ((), tokens(""), tokens(" ")):
        with pytest.raises(SettingsError, match="--token"):
            Access(given).check_address(host)
    with pytest.raises(SettingsError, match="alice can be guessed"):
        Access(tokens(TOKEN, "alice=" + "x" * 15)).check_address(host)
    Access(tokens(TOKEN, "alice=" + "x" * 16)).check_address(host)
    Access(tokens("short")).check_address("127.0.0.1")


def refusal(access: Access, method: str = "POST", path: str = "/api/v1/chat/completions", **headers: str) -> int | None:
    """The status with which a request is refused; None when it is let in."""
    given = {"host": "127.0.0.1:8788", **JSON} | {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        access.check(method, path, given)
        if method == "POST":
            check_content(given)
    except RefusedError as error:
        return error.status
    return None


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", None),
        ("LOCALHOST:8788", None),
        ("127.0.0.1", None),
        ("[::1]:8788", None),
        ("app.localhost", None),
        ("lab.example", None),
        ("Lab.Example:8788", None),
        ("evil.test", 403),
        ("127.0.0.1.evil.test", 403),
        ("localhost.evil.test", 403),
        ("192.168.1.2", 403),
        ("", 403),
        ("10.9.8.7:8788", None),
        ("[fd00::7]:8788", None),
        ("11.9.8.7", 403),
        ("[fe00::7]", 403),
        ("10.9.8.7.evil.test", 403),
        ("[evil", 403),
        ("xn--lab.example", 403),
    ],
)
def test_the_host_must_be_a_name_of_ours(host, status):
    access = Access(hosts=("lab.example", "10.0.0.0/8", "fd00::/8"))
    assert refusal(access, host=host) == status
    assert refusal(access, "GET", "/metrics", host=host) == status
    assert refusal(Access(tokens(TOKEN), hosts=("*",)), "GET", host=host) == 401


def test_probes_call_by_any_name():
    for host in ("10.1.2.3:8788", "evil.test", ""):
        for path in ("/health", "/ready"):
            assert refusal(Access(), "GET", path, host=host) is None
        assert refusal(Access(tokens(TOKEN)), "GET", "/metrics", host=host) == 401
        assert refusal(Access(tokens(TOKEN)), "GET", "/metrics", host=host, x_api_key=TOKEN) is None


@pytest.mark.parametrize(
    ("access", "complaint"),
    [
        (Access(origins=("*",)), "--cors '*'"),
        (Access(hosts=("*",)), "--host-name '*'"),
        (Access(tokens(TOKEN), hosts=("10.0.0.0/99",)), "--host-name 10.0.0.0/99"),
        (Access(tokens(TOKEN), hosts=("http://lab.example",)), "--host-name http://lab.example"),
    ],
)
def test_what_lets_everybody_in_or_means_nothing_is_refused_at_start(access, complaint):
    with pytest.raises(SettingsError, match=re.escape(complaint)):
        access.check_address("127.0.0.1")
    Access(tokens(TOKEN), hosts=("*", "10.0.0.0/8"), origins=("*",)).check_address("0.0.0.0")


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost:3000", None), ("http://localhost:3001", 403), ("https://evil.test", 403), ("null", 403)],
)
def test_web_pages_must_be_named(origin, status):
    assert refusal(Access(origins=("http://localhost:3000",)), origin=origin) == status
    assert refusal(Access(origins=("http://localhost:3000",)), "OPTIONS", origin=origin) == status
    assert refusal(Access(), origin=origin) == 403
    assert refusal(Access(tokens(TOKEN), origins=("*",)), origin=origin, x_api_key=TOKEN) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": f"Bearer {TOKEN}"}, None),
        ({"authorization": f"bearer {TOKEN} "}, None),
        ({"x_api_key": TOKEN}, None),
        ({"authorization": "Bearer other", "x_api_key": TOKEN}, None),
        ({}, 401),
        ({"authorization": TOKEN}, 401),
        ({"authorization": "Basic " + TOKEN}, 401),
        ({"authorization": f"Bearer {TOKEN}x"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"x_api_key": "ü"}, 401),
    ],
)
def test_the_token_must_be_right(headers, status):
    assert refusal(Access(tokens(TOKEN)), **headers) == status
    assert refusal(Access(tokens(TOKEN)), "GET", "/api/v1/models", **headers) == status
    assert refusal(Access(tokens(TOKEN)), "GET", "/metrics", **headers) == status


def test_whether_it_is_alive_needs_no_token():
    assert refusal(Access(tokens(TOKEN)), "GET", "/health") is None
    assert refusal(Access(tokens(TOKEN)), "GET", "/ready") is None


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", None),
        ("Application/JSON; charset=utf-8", None),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=application/json", 415),
        ("", 415),
    ],
)
def test_a_form_of_a_web_page_cannot_post(kind, status):
    assert refusal(Access(), content_type=kind) == status


def test_nothing_of_it_is_shown():
    assert TOKEN not in repr(Access(tokens(TOKEN)))


# Over the wire.


@pytest.mark.parametrize("stream", [False, True])
def test_a_named_page_can_read_the_answer(upstream, stream):
    page = {"origin": "http://localhost:3000"}
    with served(upstream, Access(origins=(page["origin"],))) as server:
        asked = page | {"access-control-request-method": "POST", "access-control-request-headers": "x-stainless-os"}
        before = server.http.options("/api/v1/chat/completions", headers=asked)
        assert (before.status_code, before.content) == (204, b"")
        assert before.headers["access-control-allow-headers"] == "x-stainless-os"
        assert before.headers["access-control-max-age"] == "7200"
        assert before.headers["access-control-allow-methods"] == "GET, HEAD, POST"
        assert "access-control-allow-private-network" not in before.headers
        answers = [server.ask(headers=page, stream=stream), server.ask(headers=page, model="openai/gpt-4o")]
        answers += [server.http.get("/api/v1/models", headers=page), server.http.get("/api/v1/key", headers=page)]
        for answer in (before, *answers):
            assert answer.headers.get_list("access-control-allow-origin") == [page["origin"]]
            assert answer.headers["vary"] == "origin"
        assert [answer.status_code for answer in answers] == [200, 400, 200, 200]


def test_any_page_can_where_all_are_let_in_with_the_token(upstream):
    page = {"origin": "https://anything.test"}
    with served(upstream, Access(tokens(TOKEN), origins=("*",))) as server:
        asked = page | {"access-control-request-method": "POST", "access-control-request-private-network": "true"}
        before = server.http.options("/api/v1/chat/completions", headers=asked)
        assert (before.status_code, before.headers["access-control-allow-private-network"]) == (204, "true")
        answers = [server.ask(headers=page), server.ask(headers=page | {"x-api-key": TOKEN})]
        assert [answer.status_code for answer in answers] == [401, 200]
        for answer in (before, *answers):
            assert answer.headers["access-control-allow-origin"] == page["origin"]


def test_any_other_page_can_neither_read_nor_spend(upstream, emulator):
    page = {"origin": "https://evil.test"}
    with served(upstream, Access(origins=("http://localhost:3000",))) as server:
        for answer in (server.ask(headers=page), server.http.options("/api/v1/models", headers=page)):
            assert answer.status_code == 403
            assert not any(name.startswith("access-control") for name in answer.headers)
            assert "'https://evil.test'" in answer.json()["error"]["message"]
            assert "--cors" in answer.json()["error"]["message"]
    assert not emulator.completions


def test_a_name_that_leads_here_by_rebinding_is_refused(server, emulator):
    response = server.ask(headers={"host": "evil.test"})
    assert (response.status_code, response.json()["error"]["code"]) == (403, 403)
    assert "--host-name" in response.json()["error"]["message"]
    assert not emulator.completions


@pytest.mark.parametrize("name", ["authorization", "x-api-key"])
def test_our_key_goes_upstream_and_no_token_does(upstream, emulator, name, dialect):
    shown = TOKEN if name == "x-api-key" else f"Bearer {TOKEN}"
    with served(upstream, Access(tokens(TOKEN))) as server:
        unknown = server.ask(dialect)
        assert (unknown.status_code, unknown.headers["www-authenticate"]) == (401, 'Bearer realm="freerouter"')
        assert server.ask(dialect, headers={name: shown}).status_code == 200
        assert server.http.get("/api/v1/key", headers={name: shown}).status_code == 200
    for request in emulator.requests:
        assert TOKEN not in str(request.headers)
    assert {request.headers["authorization"] for request in emulator.completions} == {f"Bearer {KEY}"}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"authorization": f"Bearer {THEIRS}"}, THEIRS),
        ({"x-api-key": THEIRS}, THEIRS),
        ({"authorization": "Bearer none", "x-api-key": THEIRS}, THEIRS),
        ({"authorization": "Bearer sk-ant-0123456789"}, KEY),
        ({"x-api-key": "dummy"}, KEY),
        ({}, KEY),
    ],
)
def test_a_clients_own_key_goes_upstream_when_it_is_one_of_openrouters(upstream, emulator, given, sent):
    with served(upstream, Access(client_keys="fallback")) as server:
        assert server.ask(headers=given).status_code == 200
    assert emulator.completions[-1].headers["authorization"] == f"Bearer {sent}"
    assert "x-api-key" not in emulator.completions[-1].headers


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "there is no API key"),
        ({"authorization": f"Bearer {TOKEN}"}, "there is no API key"),
        ({"authorization": "Bearer sk-ant-0123456789"}, "is not one of OpenRouter's"),
        ({"x-api-key": THEIRS[1:]}, "is not one of OpenRouter's"),
        ({"authorization": THEIRS}, "there is no API key"),
    ],
)
def test_a_client_without_a_key_of_its_own_is_told_so_and_spends_nothing(upstream, emulator, dialect, given, complaint):
    given = {"x-api-key": TOKEN} | given if "x-api-key" not in given else {"authorization": f"Bearer {TOKEN}"} | given
    with served(upstream, Access(tokens(TOKEN), client_keys="only")) as server:
        for response in (server.ask(dialect, headers=given), server.http.get("/api/v1/key", headers=given)):
            assert response.status_code == 401
            assert response.headers["www-authenticate"].startswith("Bearer")
            assert complaint in response.json()["error"]["message"]
            assert "sk-or-" in response.json()["error"]["message"]
        assert (server.ask(dialect, headers=given).json().get("type") == "error") == (dialect == "messages")
        assert server.http.get("/api/v1/models", headers=given).status_code == 200, "the list needs no key"
        assert not emulator.completions
        assert server.ask(dialect, headers={"x-api-key": TOKEN, "authorization": f"Bearer {THEIRS}"}).status_code == 200
    assert emulator.completions[-1].headers["authorization"] == f"Bearer {THEIRS}"


def test_a_clients_own_key_is_not_asked_for_unless_it_was_said(server, emulator):
    assert server.ask(headers={"authorization": f"Bearer {THEIRS}"}).status_code == 200
    assert emulator.completions[-1].headers["authorization"] == f"Bearer {KEY}"


def test_each_key_has_an_allowance_of_its_own(upstream, emulator):
    with served(upstream, Access(client_keys="fallback")) as server:
        emulator.faults = striking("daily_limit", count=1)
        assert [server.ask().status_code for _ in range(2)] == [403, 403]
        assert server.ask(headers={"authorization": f"Bearer {THEIRS}"}).status_code == 200
    assert len(emulator.completions) == 2


@pytest.mark.parametrize(
    "fault", ["unauthorized", "bad_gateway", "resets", "html_in_502", "stream_cut_midway", "daily_limit", None]
)
def test_no_key_is_ever_shown(upstream, emulator, fault, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with served(upstream, Access(tokens(TOKEN), client_keys="fallback")) as server:
        emulator.faults = striking(fault) if fault else None
        headers = {"authorization": f"Bearer {TOKEN}", "x-api-key": THEIRS}
        shown = [server.ask(headers=headers, stream=stream) for stream in (False, True)]
        shown.append(server.ask(headers={"authorization": f"Bearer {THEIRS}"}))
        shown += [server.http.get(path, headers=headers) for path in ("/metrics", "/ready", "/api/v1/models")]
        shown.append(server.http.post("/explain", json=ask(), headers=headers))
    text = "".join(response.text + str(response.headers) for response in shown)
    text += caplog.text + "".join(capfd.readouterr())
    for secret in (KEY, THEIRS, TOKEN):
        assert secret not in text


# Loops.


def test_a_request_that_comes_round_is_refused(emulator):
    """Two servers of one process, each of which could be the other's upstream."""
    with emulator.running() as upstream, served(upstream) as first, served(f"{first.url}/api/v1") as second:
        response = second.ask()
        assert response.status_code == 400
        assert "leads back to this server" in response.json()["error"]["message"]
    assert not emulator.completions


def test_the_way_that_a_request_came_is_told(server, emulator):
    assert server.ask(headers={"via": "1.1 elsewhere"}).status_code == 200
    assert emulator.completions[-1].headers["via"].startswith("1.1 elsewhere, 1.1 freerouter-")


@pytest.mark.parametrize(
    ("upstream", "host", "port", "same"),
    [
        ("http://127.0.0.1:8788/api/v1", "127.0.0.1", 8788, True),
        ("http://localhost:8788/api/v1", "127.0.0.1", 8788, True),
        ("http://[::1]:8788/v1", "localhost", 8788, True),
        ("http://127.0.0.1:8788/api/v1", "0.0.0.0", 8788, True),
        ("https://lab.example/api/v1", "0.0.0.0", 443, True),
        ("http://127.0.0.1:8789/api/v1", "127.0.0.1", 8788, False),
        ("https://openrouter.ai/api/v1", "0.0.0.0", 443, False),
    ],
)
def test_an_upstream_that_is_the_server_itself(upstream, host, port, same):
    settings, access = Settings(upstream=upstream), Access(tokens(TOKEN), hosts=("lab.example",))
    if same:
        with pytest.raises(SettingsError, match="this server itself"):
            check_loop(settings, access, host, port)
    else:
        check_loop(settings, access, host, port)


@pytest.mark.parametrize(
    ("host", "called"), [("0.0.0.0", "127.0.0.1"), ("", "127.0.0.1"), ("::", "::1"), ("::1", "::1")]
)
def test_the_address_that_is_told_can_be_called(host, called):
    with listen(host, 0) as listener:
        url = urlsplit(url_of(listener))
        assert url.hostname == called
        socket.create_connection((url.hostname, url.port), timeout=5).close()
