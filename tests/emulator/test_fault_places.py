"""Every error in every place that it can stand in (a status, a 200, the start of a stream), in all three dialects."""

import json
import re

import httpx
import pytest

from freerouter.emulator import FAULTS, Fault, Faults
from freerouter.emulator.faults.errors import ROWS
from freerouter.emulator.faults.own_words import OWN_ROWS
from freerouter.emulator.faults.relayed import RELAYED_ROWS
from freerouter.emulator.faults.row import Row
from tests.emulator.conftest import NOON, Caller

MODEL = "nvidia/nemotron-3-nano-30b-a3b:free"
DIALECTS = ("chat", "respond", "message")
SECTION_6 = {**ROWS, **OWN_ROWS, **RELAYED_ROWS}

WITH_STATUS = [*OWN_ROWS, *RELAYED_ROWS]
IN_200 = [name for name in SECTION_6 if name != "rate_limited" and f"{name}_in_200" in FAULTS]
FIRST = [name for name in IN_200 if f"stream_{name}_first" in FAULTS]
PAGES = {
    "page_challenge": (403, "Just a moment..."),
    "page_blocked": (403, "Sorry, you have been blocked"),
    "page_worker": (503, "Worker exceeded resource limits"),
    "page_outage": (502, "502 Bad Gateway"),
}
FLAT = {
    "flat_message": (400, lambda b: b["message"] == "System role not supported" and "error" not in b),
    "flat_relayed": (400, lambda b: b["metadata"]["provider_name"] and "error" not in b),
    "flat_detail": (400, lambda b: b.keys() == {"detail"}),
    "flat_issues": (400, lambda b: b["issues"][0]["path"] == ["messages", 0, "content"]),
    "flat_text": (502, lambda b: isinstance(b["error"], str)),
    "flat_limit_in_200": (200, lambda b: b == {"message": "Rate limit exceeded: x", "code": 429}),
    "flat_text_in_200": (200, lambda b: isinstance(b["error"], str)),
}
FIRST_FLAT = ("stream_flat_limit_first", "stream_flat_text_first")
COSTS = ("byok_cost", "cost_as_text", "cost_in_long_event", "context_as_success")
SHOWN = {
    *WITH_STATUS,
    *(f"{name}_in_200" for name in IN_200),
    *(f"stream_{name}_first" for name in FIRST),
    *PAGES,
    *FLAT,
    *FIRST_FLAT,
    *COSTS,
}


def ask(caller: Caller, emulator, kind: str, dialect: str, **fields) -> httpx.Response:
    emulator.faults = Faults([Fault(kind)])
    response = getattr(caller, dialect)(**fields)
    assert emulator.requests[0].fault == kind
    return response


def said(row: Row) -> str:
    return row.message.replace("{model}", MODEL).replace("{paid}", MODEL.removesuffix(":free")).replace(
        "{provider}", "Nvidia"
    )  # fmt: skip


def check_provider(row: Row, metadata: dict) -> None:
    """A provider's voice is told by its name and by whose key it was; OpenRouter's by neither."""
    assert metadata.keys() >= row.metadata.keys()
    if "is_byok" in row.metadata:
        assert (metadata["provider_name"], metadata["is_byok"]) == ("Nvidia", False)
        assert "raw" in metadata or metadata["previous_errors"][0]["provider"] == "Nvidia"
    assert "{" not in json.dumps(metadata.get("headers", "")).strip("{}")


def stable_type(row: Row, found: str) -> bool:
    return found == row.error_type if row.error_type else bool(found)


def check_error(row: Row, dialect: str, body: dict) -> None:
    """The error as a dialect without masks says it: chat, and whatever has a status."""
    error = body["error"]
    assert error["message"] == said(row)
    if dialect == "message":
        assert body["type"] == "error"
        assert stable_type(row, error["error_type"])
    elif row.code:
        assert (error["http_status"], error["availability"]["code"]) == (row.status, row.code)
    else:
        assert error["code"] == row.status
    if row.code:
        assert tuple(error["availability"].get("excluded_by", ())) == row.excluded_by
    else:
        check_provider(row, error.get("metadata", {}))


def check_masked(row: Row, response: dict) -> None:
    """Responses: the code says little, the type stands at the top."""
    codes = {400: "invalid_prompt", 429: "rate_limit_exceeded"}
    assert (response["object"], response["status"], response["output"]) == ("response", "failed", [])
    assert response["error"]["code"] == codes.get(row.status, "server_error")
    assert response["error"]["message"] == said(row)
    assert stable_type(row, response["error_type"])
    assert "error_type" not in response["error"]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", WITH_STATUS)
def test_an_error_with_its_status(caller, emulator, name, dialect):
    row = SECTION_6[name]
    response = ask(caller, emulator, name, dialect)
    assert response.status_code == row.status
    check_error(row, dialect, response.json())


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", IN_200)
def test_an_error_inside_a_200(caller, emulator, name, dialect):
    row = SECTION_6[name]
    response = ask(caller, emulator, f"{name}_in_200", dialect)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert "retry-after" not in response.headers
    check_masked(row, response.json()) if dialect == "respond" else check_error(row, dialect, response.json())


def only_event(response: httpx.Response) -> tuple[str, dict]:
    """The name and the data of the one event after a comment."""
    found = re.fullmatch(r": OPENROUTER PROCESSING\n\n(?:event: (\S+)\n)?data: ([^\n]+)\n\n", response.text)
    return found[1] or "", json.loads(found[2])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", FIRST)
def test_an_error_as_the_first_event_of_a_stream(caller, emulator, name, dialect):
    row = SECTION_6[name]
    response = ask(caller, emulator, f"stream_{name}_first", dialect, stream=True)
    event, data = only_event(response)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
    assert event == {"chat": "", "respond": "response.failed", "message": "error"}[dialect]
    if dialect == "respond":
        assert data["type"] == event
        check_masked(row, data["response"])
    else:
        check_error(row, dialect, data)


@pytest.mark.parametrize(
    ("kind", "limit", "reset"), [("model_minute_limit", "8", NOON + 40), ("model_day_limit", "200", NOON + 12 * 3600)]
)
def test_one_models_limit_has_the_headers_of_the_accounts(caller, emulator, kind, limit, reset):
    response = ask(caller, emulator, kind, "chat")
    metadata = response.json()["error"]["metadata"]
    headers = {"X-RateLimit-Limit": limit, "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(reset * 1000))}
    assert metadata == {"headers": headers, "provider_name": None}
    assert {name: response.headers[name] for name in headers} == headers
    assert MODEL in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("provider_waits_in_words", "Please try again in 7m30s."),
        ("provider_retry_info", '"retryDelay": "37s"'),
        ("provider_echoes_context", "maximum context length is 10 tokens"),
        ("provider_echoes_support", "is not supported by this model"),
    ],
)
def test_what_a_provider_said_stands_in_raw(caller, emulator, kind, words):
    assert words in ask(caller, emulator, kind, "chat").json()["error"]["metadata"]["raw"]


def test_a_dead_model_always_says_one_second(caller, emulator):
    emulator.faults = Faults([Fault("provider_busy_a_second")])
    assert [caller.chat().headers["retry-after"] for _ in range(3)] == ["1"] * 3


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", PAGES)
def test_pages(caller, emulator, kind, dialect):
    response = ask(caller, emulator, kind, dialect)
    status, title = PAGES[kind]
    assert (response.status_code, response.headers["server"]) == (status, "cloudflare")
    assert response.headers["content-type"] == "text/html; charset=UTF-8"
    assert response.text.startswith("<")
    assert title in response.text


def test_an_outage_strikes_all_models_for_a_time(caller, emulator, clock):
    emulator.faults = Faults([Fault("page_outage", window=(0, 30))])
    assert [caller.chat(model).status_code for model in (MODEL, "qwen/qwen3-coder:free")] == [502, 502]
    clock.now += 30
    assert caller.chat().status_code == 200


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", FLAT)
def test_errors_without_a_wrapper(caller, emulator, kind, dialect):
    status, check = FLAT[kind]
    response = ask(caller, emulator, kind, dialect)
    assert response.status_code == status
    assert check(response.json())


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", FIRST_FLAT)
def test_errors_without_a_wrapper_at_the_start_of_a_stream(caller, emulator, kind, dialect):
    event, data = only_event(ask(caller, emulator, kind, dialect, stream=True))
    whole = FLAT[kind.removeprefix("stream_").replace("_first", "_in_200")][1]
    assert event == ""
    assert whole(data)


def last_usage(response: httpx.Response, dialect: str) -> dict:
    """The usage of a whole answer, or of the last event that has one."""
    if not response.headers["content-type"].startswith("text/event-stream"):
        return response.json()["usage"]
    events = [json.loads(line) for line in re.findall(r"data: (\{.+)", response.text)]
    found = [event.get("response", event) if dialect == "respond" else event for event in events]
    return [event["usage"] for event in found if event.get("usage")][-1]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_costs_that_are_easily_overlooked(caller, emulator, dialect, stream):
    byok = last_usage(ask(caller, emulator, "byok_cost", dialect, stream=stream), dialect)
    assert (byok["cost"], byok["is_byok"], byok["cost_details"]) == (0, True, {"upstream_inference_cost": 0.01})
    emulator.forget()
    assert last_usage(ask(caller, emulator, "cost_as_text", dialect, stream=stream), dialect)["cost"] == "0.01"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_cost_at_the_end_of_a_long_event(caller, emulator, dialect):
    response = ask(caller, emulator, "cost_in_long_event", dialect, stream=True)
    longest = max(response.text.split("\n\n"), key=len)
    assert len(longest) > 100_000
    assert re.search(r'"cost":0.01\b', longest)
    assert last_usage(response, dialect)["cost"] == 0.01


@pytest.mark.parametrize("stream", [False, True])
def test_a_context_overflow_looks_like_success_in_responses(caller, emulator, stream):
    response = ask(caller, emulator, "context_as_success", "respond", stream=stream)
    body = json.loads(response.text.split("data: ")[-2])["response"] if stream else response.json()
    assert (response.status_code, body["status"], body["output"]) == (200, "incomplete", [])
    assert body["incomplete_details"] == {"reason": "max_output_tokens"}
    assert (body["error"], body["error_type"]) == (None, "context_length_exceeded")
    assert body["usage"]["output_tokens"] == 0


@pytest.mark.parametrize("dialect", ["chat", "message"])
def test_a_context_overflow_is_a_400_elsewhere(caller, emulator, dialect):
    assert ask(caller, emulator, "context_as_success", dialect).status_code == 400
