"""Plain curl, as in the examples of OpenRouter's documentation."""

import json
import os
import shutil
import subprocess

import pytest

from tests.clients.stage import CITY, FREE, HELLO, PAID, PNG, TOOL, is_city

BODY = {"model": FREE, "messages": HELLO}


@pytest.fixture
def curl(server):
    """Ask with curl; gives the status and the body."""
    found = shutil.which("curl")
    if found is None:
        assert os.environ.get("CI") != "true", "there is no curl"
        pytest.skip("there is no curl")

    def ask(path: str, body: dict | None = None, *options: str) -> tuple[int, str]:
        data = [] if body is None else ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        key = ["-H", "Authorization: Bearer any"]
        command = [found, "-sS", "--noproxy", "*", "--max-time", "20", "-w", "\n%{http_code}", *key, *data, *options]
        run = subprocess.run([*command, server.url + path], capture_output=True, text=True, timeout=30, check=True)
        text, _, status = run.stdout.rpartition("\n")
        return int(status), text

    return ask


def content(text: str) -> str:
    return json.loads(text)["choices"][0]["message"]["content"]


def test_a_question(curl, talk):
    status, text = curl("/api/v1/chat/completions", BODY | {"temperature": 0.5})
    assert (status, "Hello" in content(text)) == (200, True)
    assert talk.meant == [{"messages": HELLO, "temperature": 0.5}]


def test_a_stream(curl, talk):
    status, text = curl("/api/v1/chat/completions", BODY | {"stream": True}, "-N")
    assert (status, text.rstrip().endswith("data: [DONE]")) == (200, True)
    assert talk.meant == [{"messages": HELLO, "stream": True}]


def test_a_tool_loop_stays_on_its_model(curl, talk):
    messages = [{"role": "user", "content": "How is the weather, curl?"}]
    _, text = curl("/v1/chat/completions", {"messages": messages, "tools": [TOOL]})
    said = json.loads(text)["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "It rains."}
    body = {"messages": [*messages, said, result], "tools": [TOOL]}
    _, text = curl("/v1/chat/completions", body)
    assert "It rains." in content(text)
    assert len(set(talk.models)) == 1
    assert talk.meant[1] == body


def test_a_picture(curl, talk, tmp_path):
    parts = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    (tmp_path / "body.json").write_text(json.dumps({"messages": [{"role": "user", "content": parts}]}))
    kind = ["-H", "Content-Type: application/json"]
    status, text = curl("/api/v1/chat/completions", None, *kind, "--data-binary", f"@{tmp_path / 'body.json'}")
    assert (status, "an image" in content(text)) == (200, True)
    assert talk.meant == [{"messages": [{"role": "user", "content": parts}]}]


def test_a_schema(curl, talk):
    schema = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": CITY}}
    status, text = curl("/api/v1/chat/completions", BODY | {"response_format": schema})
    assert (status, is_city(content(text))) == (200, True)
    assert talk.meant == [{"messages": HELLO, "response_format": schema}]


def test_a_paid_model(curl, talk):
    status, text = curl("/api/v1/chat/completions", BODY | {"model": PAID})
    assert (status, json.loads(text)["error"]["code"]) == (400, 400)
    assert talk.received == []


def test_the_models(curl):
    status, text = curl("/api/v1/models?supported_parameters=tools")
    ids = [row["id"] for row in json.loads(text)["data"]]
    assert (status, ids[0]) == (200, FREE)


def test_a_form_is_refused_with_the_remedy(curl, talk):
    """What curl sends when the content type is forgotten."""
    status, text = curl("/api/v1/chat/completions", None, "-d", json.dumps(BODY))
    assert (status, "application/json" in text) == (415, True)
    assert talk.received == []


def test_a_large_body_for_which_curl_asks_first(curl, talk):
    long = [{"role": "user", "content": "x" * 100_000}]
    status, _ = curl("/api/v1/chat/completions", {"messages": long}, "-H", "Expect: 100-continue")
    assert status == 200
    assert talk.meant == [{"messages": long}]
