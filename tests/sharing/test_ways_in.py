"""Which ways in share, what they say of it, and what the settings say of it."""

import json
import logging
import sys

import httpx
import pytest

from freerouter import AllowanceExhaustedError, FreeRouter, Router, RoutingTransport, Settings, SettingsError
from freerouter.batch import Batch
from freerouter.network.alarm_file import AlarmFile
from freerouter.pipeline import joining
from freerouter.sharing.condition import OFF
from tests.server.stage import served
from tests.stage import BODY, CATALOG, KEY, until

REDIS = "rediss://someone:secret@redis.example:6380/0"


@pytest.fixture
def local(tmp_path, monkeypatch):
    """As it is without any setting: over the file, in a folder of this test."""
    monkeypatch.delenv("FREEROUTER_SHARED_STATE")
    return tmp_path / "cache"


def files(folder):
    return [path.name for path in folder.glob("shared-*.sqlite3")]


def test_a_router_alone_shares_nothing(local):
    assert Router(Settings(), CATALOG).news is None
    assert files(local) == []


def test_a_client_shares_over_the_file_by_default(local, upstream):
    with FreeRouter(KEY, upstream=upstream) as client:
        assert client._joined.status().store == "local"
        until(lambda: len(files(local)) == 1)
        assert client.router.news is not None
    assert client.router.news is None


def test_a_transport_shares_too(local, upstream):
    with httpx.Client(transport=RoutingTransport(api_key=KEY, upstream=upstream)) as client:
        assert client.post(f"{upstream}/chat/completions", json=BODY).status_code == 200
        assert len(files(local)) == 1


def test_a_batch_shares_too(local, upstream, tmp_path):
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": BODY}
    (tmp_path / "in.txt").write_text(json.dumps(line) + "\n")
    summary = Batch(
        tmp_path / "in.txt", tmp_path / "out.jsonl", settings=Settings(upstream=upstream, api_key=KEY)
    ).run()
    assert summary.answered == 1
    assert len(files(local)) == 1


def test_two_clients_of_one_router_are_connected_once(local, upstream):
    router = Router(Settings(upstream=upstream, api_key=KEY))
    with FreeRouter(router=router), FreeRouter(router=router) as second:
        assert second._joined.status() == OFF


def test_the_minute_is_kept_by_one_process_after_the_other(local, upstream):
    settings = Settings(upstream=upstream, api_key=KEY, requests_per_minute=3)
    for _ in range(3):
        with FreeRouter(settings=settings) as client:
            client.chat.send("Hello")
    with FreeRouter(settings=settings) as client, pytest.raises(AllowanceExhaustedError):
        client.chat.send("Hello")


def test_ready_says_what_is_shared(local, upstream):
    with served(upstream) as server:
        shared = server.http.get("/ready").json()["shared_state"]
        assert (shared["store"], shared["ok"]) == ("local", True)
        assert 'freerouter_shared_state_up{store="local"} 1.0' in server.http.get("/metrics").text


def test_ready_says_why_it_is_not_shared_and_is_ready_all_the_same(upstream):
    with served(upstream, shared_state="redis://:secret@127.0.0.1:9/0") as server:
        answer = server.http.get("/ready")
        assert answer.status_code == 200
        assert answer.json() == {
            "status": "ready",
            "shared_state": {"store": "redis", "ok": False, "trouble": "cannot be reached"},
        }
        assert 'freerouter_shared_state_up{store="redis"} 0.0' in server.http.get("/metrics").text


def test_without_it_nothing_is_said(upstream):
    with served(upstream) as server:
        assert server.http.get("/ready").json() == {"status": "ready"}
        assert 'freerouter_shared_state_up{store="off"} 0.0' in server.http.get("/metrics").text


def test_a_start_says_what_is_shared(local, upstream, caplog):
    caplog.set_level(logging.INFO, "freerouter")
    with FreeRouter(KEY, upstream=upstream):
        until(lambda: [text for text in caplog.messages if text.startswith("shared state: over the file ")])


def test_alarms_that_are_cleared_are_forgotten_by_all(local, upstream, cli, monkeypatch):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    with FreeRouter(KEY, upstream=upstream) as client:
        router = client.router
        with router.lock:
            router.health.costs.models["a/b:free"] = 0.5
            router.news.alarmed("a/b:free", "", 0.5)
        until(lambda: client._joined.status().sent)
        AlarmFile(router.settings).add("a/b:free", 0.5)
        assert cli("alarms", "--clear")[0] == 0
        until(lambda: not router.health.costs.models)


def test_doctor_looks_at_it(local, cli, upstream, monkeypatch):
    monkeypatch.setenv("FREEROUTER_UPSTREAM", upstream)
    checks = {check["name"]: check for check in json.loads(cli("doctor", "--json")[1])["checks"]}
    assert checks["shared state"]["state"] == "ok"
    assert "over the file" in checks["shared state"]["found"]


# Settings.


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, None),
        ({"redis_url": REDIS}, REDIS),
        ({"shared_state": REDIS}, REDIS),
        ({"shared_state": "redis://other", "redis_url": REDIS}, "redis://other"),
        ({"shared_state": "off", "redis_url": REDIS}, None),
        ({"shared_state": "unix:///run/redis.sock"}, "unix:///run/redis.sock"),
        ({"redis_url": ""}, None),
        ({"shared_state": ""}, None),
        ({"shared_state": " ", "redis_url": REDIS}, REDIS),
        ({"redis_url": "redis://[::1]:6379?socket_keepalive=yes"}, "redis://[::1]:6379?socket_keepalive=yes"),
    ],
)
def test_where_redis_is(local, given, url):
    assert Settings(**given).redis == url


def test_the_environment_says_where_redis_is(local, monkeypatch):
    monkeypatch.setenv("FREEROUTER_REDIS_URL", REDIS)
    settings = Settings()
    assert settings.redis == REDIS
    assert "secret" not in repr(settings)
    monkeypatch.setenv("FREEROUTER_SHARED_STATE", "redis://other:secret@host")
    assert Settings().redis == "redis://other:secret@host"
    assert "secret" not in repr(Settings())


@pytest.mark.parametrize("name", ["shared_state", "redis_url"])
@pytest.mark.parametrize(
    "wrong",
    ["http://host", "host:6379", "secret", "REDIS://host", "redis://host:port", "redis://host:99999", "redis://h/name"],
)
def test_what_is_no_url_of_redis_is_refused_and_not_shown(name, wrong):
    with pytest.raises(SettingsError) as caught:
        Settings(**{name: wrong})
    assert name in str(caught.value)
    assert "redis://host:6379/0" in str(caught.value)
    assert wrong not in str(caught.value).replace("redis://host:6379/0", "")


def test_what_shared_state_can_be_is_said():
    with pytest.raises(SettingsError, match=r"shared_state.*must be auto, off or a URL of Redis"):
        Settings(shared_state="yes")
    with pytest.raises(SettingsError, match=r"redis_url.*must be a URL of Redis"):
        Settings(redis_url="auto")


@pytest.mark.parametrize("option", ["foo=1", "socket_timeout=long"])
def test_an_option_of_redis_that_is_wrong_is_an_error_of_the_settings(option):
    with pytest.raises(SettingsError, match="shared_state, redis_url"):
        joining.look(Settings(shared_state=f"redis://someone:secret@host?{option}"))


def test_config_does_not_show_the_password(local, cli, monkeypatch):
    monkeypatch.setenv("FREEROUTER_REDIS_URL", REDIS)
    monkeypatch.setenv("FREEROUTER_SHARED_STATE", REDIS)
    _, said, _ = cli("config")
    assert "secret" not in said
    assert "# redis_url is set" in said
    assert "# shared_state is set" in said


def test_without_the_extra_redis_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "freerouter.sharing.redis_store", None)
    with pytest.raises(SettingsError, match="freerouter-client\\[redis\\]"):
        joining.store_for(Settings(shared_state="redis://host"))
