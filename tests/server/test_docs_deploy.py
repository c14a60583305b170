"""docs/deploy.md and SECURITY.md say what the code does."""

import json
import re
from pathlib import Path

import pytest

from freerouter.server import Limits, tokens
from freerouter.server.record import Record
from freerouter.server.running import _KEEP_ALIVE
from freerouter.server.tokens import LEAST, lines
from freerouter.settings import Settings
from tests.server.stage import served

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_the_table_has_every_option():
    rows = re.findall(r"^\| `--([\w-]+)` \| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)
    fields = Settings.model_fields
    expected = {name for name in fields if name.startswith("serve_")} | {"model_map", "prefer"}
    assert {setting for _, setting, _ in rows} == expected
    for option, setting, text in rows:
        assert setting in (f"serve_{option.replace('-', '_')}", "model_map", "prefer")
        assert text == fields[setting].description


def test_the_figures_are_those_of_the_code():
    limits, settings = Limits(), Settings()
    for words in (
        f"`deadline` ({settings.deadline:g} seconds)",
        f"`stream_timeout` ({settings.stream_timeout:g} seconds)",
        f"connections for {_KEEP_ALIVE} seconds",
        f"A body may have {limits.body >> 20} MiB, all headers together {limits.headers >> 10} KiB",
        f"at least {LEAST} characters",
    ):
        assert words in " ".join(PAGE.split())
    assert f"client_max_body_size {limits.body >> 20}m" in PAGE
    assert int(re.search(r"proxy_read_timeout (\d+)s", PAGE)[1]) > settings.deadline
    assert f"`idle_timeout` ({settings.idle_timeout:g} seconds)" in " ".join(PAGE.split())
    assert f"at least {LEAST} characters" in " ".join(SECURITY.split())


def test_the_file_of_tokens_is_one():
    (text,) = re.findall(r"^# who may use.*?(?=^```)", PAGE, re.DOTALL | re.MULTILINE)
    assert [token.name for token in tokens(*lines(text))] == ["alice", "bob"]


def test_the_line_of_the_log_has_the_fields_that_there_are(server):
    (text,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    line = json.loads(text)
    assert line.keys() >= Record(place="route", dialect="chat", token="alice", first=1.0).as_dict().keys()


@pytest.mark.parametrize("name", ["x-accel-buffering", "cache-control"])
def test_streams_are_sent_with_what_keeps_a_proxy_from_buffering(server, name):
    said = re.search(rf"`{name}: ([\w-]+)`", PAGE, re.IGNORECASE)[1]
    assert server.ask(stream=True).headers[name] == said


def test_addresses_that_a_proxy_adds_are_not_believed(upstream):
    with served(upstream) as server:
        headers = {"x-forwarded-for": "127.0.0.1", "x-forwarded-host": "localhost", "host": "evil.test"}
        assert server.http.get("/api/v1/models", headers=headers).status_code == 403
