"""The file of the models' times: atomic, shared by processes, and harmless when it is broken."""

import json
import logging

import pytest

from freerouter import FreeRouter, Settings
from freerouter.network.timings_file import TimingsFile
from tests.stage import PLAIN, at_rest

ROW = {"first": 1.0, "pace": None, "answered": 1.0, "failed": 0.0, "at": 5.0}


@pytest.fixture
def file():
    return TimingsFile(Settings())


def test_what_is_written_is_read(file):
    assert file.read() == {}
    file.write({"a": ROW})
    assert file.read() == {"a": ROW}


def test_of_each_model_the_latest_times_are_kept(file):
    file.write({"a": ROW | {"at": 9.0}, "b": ROW})
    file.write({"a": ROW, "b": ROW | {"at": 6.0}, "c": ROW})
    assert {model: row["at"] for model, row in file.read().items()} == {"a": 9.0, "b": 6.0, "c": 5.0}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": 5}', b"\xff", b'{"a": {"at": NaN}, "c": {"at": []}}'])
def test_a_broken_file_is_replaced(file, content):
    file.path.parent.mkdir(parents=True, exist_ok=True)
    file.path.write_bytes(content)
    assert "b" not in file.read()
    file.write({"b": ROW})
    assert file.read() == {"b": ROW}


def test_a_folder_that_cannot_be_written_is_logged(tmp_path, caplog):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    with caplog.at_level(logging.WARNING):
        TimingsFile(Settings(cache_dir=str(blocked))).write({"a": ROW})
    assert "could not be stored" in caplog.text


def test_times_survive_a_restart(settings, emulator):
    with FreeRouter(settings=settings) as router:
        with router.chat.stream("Hi", model=PLAIN) as stream:
            assert list(stream)
        router.chat.send("Hi", model="openai/gpt-oss-20b:free")
    stored = json.loads(TimingsFile(settings).path.read_bytes())
    assert stored.keys() == {PLAIN, "openai/gpt-oss-20b:free"}
    assert stored[PLAIN]["first"] > 0
    assert stored[PLAIN]["answered"] == pytest.approx(1.0, abs=0.01)
    with FreeRouter(settings=settings) as router:
        explained = router.explain({"messages": [{"role": "user", "content": "Hi"}]}, prefer="fast")
    why = {row["id"]: row["why"] for row in explained["eligible"]}
    assert " s for 200 tokens: rank " in why[PLAIN]
    assert why["z-ai/glm-4.5-air:free"].startswith("not measured yet: counts as the median")


def test_what_openrouter_states_is_read_for_the_models_in_use_and_spends_no_request(settings, emulator):
    with FreeRouter(settings=settings) as router:
        answered = {router.chat.send("Hi", prefer="fast").answered_by for _ in range(3)}
        at_rest()
        stated = set(router.router.timings._stated)
    read = [sent.path for sent in emulator.requests if sent.path.endswith("/endpoints")]
    assert sorted(read) == sorted(f"/api/v1/models/{model}/endpoints" for model in answered)
    assert len(emulator.completions) == 3
    assert stated == answered


def test_without_a_measured_preference_nothing_is_read(settings, emulator):
    with FreeRouter(settings=settings) as router:
        router.chat.send("Hi", prefer="large")
    at_rest()
    assert not [sent for sent in emulator.requests if sent.path.endswith("/endpoints")]
