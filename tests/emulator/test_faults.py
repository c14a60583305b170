import contextlib
import gzip
import json
import re
import time
from collections.abc import Callable

import httpx
import pytest

from freerouter.emulator import FAULTS, Emulator, Fault, Faults
from tests.emulator.conftest import KEY, NOON, Caller, calling
from tests.emulator.test_fault_places import PAGES, SHOWN
from tests.emulator.test_serving import until

MODEL = "nvidia/nemotron-3-nano-30b-a3b:free"
PAID = MODEL.removesuffix(":free")
RAW = {"x-raw": "1"}

ERRORS = {
    "daily_limit": (429, "Rate limit exceeded: free-models-per-day. Add 10 credits"),
    "daily_limit_high_balance": (429, "Rate limit exceeded: free-models-per-day-high-balance. "),
    "minute_limit": (429, "Rate limit exceeded: free-models-per-min. "),
    "reset_in_seconds": (429, "Rate limit exceeded: free-models-per-min. "),
    "reset_in_the_past": (429, "Rate limit exceeded: free-models-per-min. "),
    "reset_far_ahead": (429, "Rate limit exceeded: free-models-per-min. "),
    "reset_negative": (429, "Rate limit exceeded: free-models-per-min. "),
    "reset_absurd": (429, "Rate limit exceeded: free-models-per-min. "),
    "reset_is_text": (429, "Rate limit exceeded: free-models-per-min. "),
    "reset_is_a_date": (429, "Rate limit exceeded: free-models-per-min. "),
    "rate_limited": (429, "Provider returned error"),
    "capacity_exhausted": (429, f"{MODEL} is at capacity."),
    "no_endpoints": (404, f"No endpoints found for {MODEL}."),
    "no_endpoints_availability": (404, f"No endpoints found for {MODEL}."),
    "model_not_found": (400, f"Model {MODEL} not found."),
    "model_deprecated": (404, f"{MODEL} has been deprecated."),
    "model_unavailable_upstream": (404, f"{MODEL} is no longer available"),
    "free_variant_ended": (404, "This model is unavailable for free. The paid version is available now - use this"),
    "free_variant_ended_availability": (404, "This model is unavailable for free."),
    "lacks_tools": (404, "No endpoints found that support tool use"),
    "lacks_tool_choice": (404, "No endpoints found that support the provided 'tool_choice' value"),
    "lacks_image_input": (404, "No endpoints found that support image input"),
    "lacks_audio_input": (404, "No endpoints found that support input audio"),
    "lacks_output_modalities": (404, "No endpoints found that support the requested output modalities"),
    "lacks_parameters": (404, "No endpoints found that can handle the requested parameters"),
    "privacy_restricted": (404, "No endpoints found matching your data policy"),
    "privacy_restricted_availability": (404, "No endpoints found matching your data policy"),
    "harness_only": (403, f"{MODEL} is only available on agentic harnesses"),
    "moderation": (403, f"{MODEL} requires moderation on Nvidia."),
    "guardrail": (403, "Request blocked by guardrail"),
    "key_limit": (403, "Key limit exceeded"),
    "region_restricted": (403, f"{MODEL} is not available in your region."),
    "payment_required": (402, "Insufficient credits."),
    "unauthorized": (401, "Missing Authentication header"),
    "context_length_exceeded": (400, "This endpoint's maximum context length is"),
    "mandatory_reasoning": (400, "Reasoning is mandatory for this endpoint and cannot be disabled."),
    "upstream_rejects": (400, "Provider returned error"),
    "parameter_unsupported": (400, "response_format is not supported by this model"),
    "invalid_request": (400, "messages: Invalid input"),
    "payload_too_large": (413, "Request Entity Too Large"),
    "request_timeout": (408, "Provider returned error"),
    "internal_error": (500, "Internal Server Error"),
    "bad_gateway": (502, "Provider returned error"),
    "unavailable": (503, "No provider is available right now"),
    "temporarily_unavailable": (503, f"{MODEL} is temporarily unavailable."),
    "gateway_timeout": (504, "The provider did not answer in time"),
    "edge_timeout": (524, "A timeout occurred"),
    "overloaded": (529, "Provider is overloaded"),
}
ACCOUNT = {
    *(name for name in ERRORS if name.startswith(("daily_limit", "minute_limit", "reset_"))),
    *("unauthorized", "payment_required", "guardrail", "key_limit"),
}
HAVE_PLACES = ("user_not_found", "insufficient_balance", "payment_required", "key_limit", "guardrail")


def struck_by(kind: str, **rule) -> Faults:
    return Faults([Fault(kind, **rule)])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("kind", "status", "message"), [(kind, *row) for kind, row in ERRORS.items()])
def test_errors(caller, emulator, kind, status, message, stream):
    emulator.faults = struck_by(kind)
    response = caller.chat(stream=stream)
    error = response.json()["error"]
    assert response.status_code == status
    assert error["message"].startswith(message)
    assert error.get("code", error.get("http_status")) == status
    received = emulator.requests[0]
    assert (received.status, received.fault, received.closed) == (status, kind, "finished")


def test_the_errors_of_the_account_are_marked():
    assert {name for name, kind in FAULTS.items() if kind.account} == ACCOUNT | {
        *(place for name in HAVE_PLACES for place in (name, f"{name}_in_200", f"stream_{name}_first")),
        *PAGES,
    }


def error_of(caller: Caller, emulator: Emulator, kind: str) -> dict:
    emulator.faults = struck_by(kind)
    return caller.chat().json()["error"]


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("daily_limit", "openrouter_free_tier_daily"),
        ("minute_limit", "openrouter_free_tier_per_minute"),
        ("rate_limited", "upstream_provider_shared_pool"),
        ("payment_required", "openrouter_credits"),
        ("key_limit", "openrouter_key_limit"),
    ],
)
def test_the_source_of_a_limit_is_named(caller, emulator, kind, source):
    assert error_of(caller, emulator, kind)["metadata"]["limit_source"] == source


@pytest.mark.parametrize(
    ("kind", "code", "retryable"),
    [
        ("no_endpoints_availability", "no_endpoints", False),
        ("model_not_found", "model_not_found", False),
        ("model_deprecated", "model_deprecated", False),
        ("model_unavailable_upstream", "model_unavailable_upstream", False),
        ("free_variant_ended_availability", "free_variant_ended", False),
        ("privacy_restricted_availability", "privacy_restricted", False),
        ("region_restricted", "region_restricted", False),
        ("capacity_exhausted", "capacity_exhausted", True),
        ("temporarily_unavailable", "temporarily_unavailable", True),
    ],
)
def test_the_availability_form_has_no_code_of_its_own(caller, emulator, kind, code, retryable):
    error = error_of(caller, emulator, kind)
    assert "code" not in error
    assert error["error_type"]
    assert (error["availability"]["code"], error["availability"]["retryable"]) == (code, retryable)
    assert error["availability"]["requested_models"] == [MODEL]


def test_details_that_lead_astray_or_help(caller, emulator):
    assert PAID in error_of(caller, emulator, "free_variant_ended")["message"]
    assert error_of(caller, emulator, "free_variant_ended_availability")["availability"]["fallback_models"] == [PAID]
    assert "temporarily rate-limited upstream" in error_of(caller, emulator, "rate_limited")["metadata"]["raw"]
    assert "is not supported by this model" in error_of(caller, emulator, "upstream_rejects")["metadata"]["raw"]
    assert error_of(caller, emulator, "moderation")["metadata"]["reasons"] == ["violence"]
    assert error_of(caller, emulator, "guardrail")["metadata"]["patterns"]


@pytest.mark.parametrize(
    ("kind", "reset"),
    [
        ("daily_limit", str(int((NOON + 12 * 3600) * 1000))),
        ("minute_limit", str(int((NOON + 60) * 1000))),
        ("reset_in_seconds", str(int(NOON + 30))),
        ("reset_in_the_past", str(int((NOON - 86_400) * 1000))),
        ("reset_far_ahead", str(int((NOON + 3650 * 86_400) * 1000))),
        ("reset_negative", "-1"),
        ("reset_absurd", "1" + "0" * 18),
        ("reset_is_text", "soon"),
        ("reset_is_a_date", "Fri, 31 Dec 2027 23:59:59 GMT"),
    ],
)
def test_resets_stand_in_the_headers_and_in_the_body(caller, emulator, kind, reset):
    emulator.faults = struck_by(kind)
    response = caller.chat()
    assert response.headers["x-ratelimit-reset"] == reset
    assert response.json()["error"]["metadata"]["headers"]["X-RateLimit-Reset"] == reset


@pytest.mark.parametrize("kind", ["rate_limited", "unavailable", "capacity_exhausted", "temporarily_unavailable"])
def test_what_says_when_to_come_back(caller, emulator, kind):
    emulator.faults = struck_by(kind)
    assert int(caller.chat().headers["retry-after"]) > 0


def parsed(check: Callable[[dict], bool]) -> Callable[[httpx.Response], bool]:
    return lambda response: check(response.json())


BODIES = {
    "error_in_200": parsed(lambda b: b["error"]["code"] == 502 and "choices" not in b),
    "rate_limited_in_200": parsed(lambda b: b["error"]["code"] == 429),
    "finish_error": parsed(
        lambda b: b["choices"][0]["finish_reason"] == "error" and b["choices"][0]["error"]["code"] == 502
    ),
    "null_content": parsed(lambda b: b["choices"][0]["message"]["content"] is None),
    "empty_content": parsed(
        lambda b: b["choices"][0]["message"]["content"] == "" and b["usage"]["completion_tokens"] == 0
    ),
    "null_choices": parsed(lambda b: b["choices"] is None),
    "empty_choices": parsed(lambda b: b["choices"] == []),
    "cost_in_usage": parsed(lambda b: b["usage"]["cost"] == 0.01 and b["choices"][0]["message"]["content"]),
    "html_in_200": lambda r: r.text.startswith("<!DOCTYPE html>") and r.headers["content-type"].startswith("text/html"),
    "html_in_502": lambda r: r.status_code == 502 and r.text.startswith("<!DOCTYPE html>"),
    "wrong_content_type": lambda r: r.headers["content-type"].startswith("text/plain"),
    "truncated_json": lambda r: r.text.startswith('{"id"') and not r.text.endswith("}"),
}


@pytest.mark.parametrize(("kind", "check"), BODIES.items())
def test_bodies(caller, emulator, kind, check):
    emulator.faults = struck_by(kind)
    response = caller.chat()
    assert check(response)
    assert response.status_code == (502 if kind == "html_in_502" else 200)


def test_broken_gzip_cannot_be_read(caller, emulator):
    emulator.faults = struck_by("broken_gzip")
    with pytest.raises(httpx.DecodingError):
        caller.chat()


def test_truncated_gzip_has_the_length_that_it_announces(caller, emulator):
    emulator.faults = struck_by("truncated_gzip")
    with caller.http.stream("POST", "chat/completions", json=body()) as response:
        data = b"".join(response.iter_raw())
    assert len(data) == int(response.headers["content-length"])
    with pytest.raises(EOFError):
        gzip.decompress(data)


def body(**fields) -> dict:
    return {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]} | fields


def test_a_short_body_ends_before_its_length(caller, emulator):
    emulator.faults = struck_by("short_body")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        caller.chat()
    assert emulator.requests[0].closed == "finished"


def streamed(caller: Caller) -> tuple[str, str]:
    """Read a stream; return it, and the name of the exception that ended it."""
    pieces: list[bytes] = []
    try:
        with caller.http.stream("POST", "chat/completions", json=body(stream=True)) as response:
            pieces.extend(response.iter_raw())
    except httpx.TransportError as error:
        return b"".join(pieces).decode(), type(error).__name__
    return b"".join(pieces).decode(), ""


COMMENTS = r"(: OPENROUTER PROCESSING\n\n)+"
ROLE = r'data: \{[^\n]*"delta":\{"role":"assistant","content":""\},"finish_reason":null[^\n]*\n\n'
TOKENS = r'(data: \{[^\n]*"(content|reasoning)":"[^"][^\n]*"finish_reason":null[^\n]*\n\n)+'
ERROR = r'data: \{[^\n]*"finish_reason":"error"[^\n]*"error":\{"code":%d[^\n]*\n\n'
STREAMS = {
    "stream_error_first": (COMMENTS + ERROR % 502, ""),
    "stream_rate_limited_first": (COMMENTS + ERROR % 429, ""),
    "stream_error_after_role": (COMMENTS + ROLE + ERROR % 502, ""),
    "stream_ends_first": (COMMENTS, ""),
    "stream_ends_after_role": (COMMENTS + ROLE, ""),
    "stream_done_first": (COMMENTS + r"data: \[DONE\]\n\n", ""),
    "stream_cut_first": (COMMENTS, "RemoteProtocolError"),
    "stream_error_midway": (COMMENTS + ROLE + TOKENS + ERROR % 502, ""),
    "stream_ends_midway": (COMMENTS + ROLE + TOKENS, ""),
    "stream_cut_midway": (COMMENTS + ROLE + TOKENS, "RemoteProtocolError"),
    "stream_reset_midway": (COMMENTS + ROLE + TOKENS, "ReadError"),
}


@pytest.mark.parametrize(("kind", "text", "ending"), [(kind, *row) for kind, row in STREAMS.items()])
def test_streams(caller, emulator, kind, text, ending):
    emulator.faults = struck_by(kind)
    received, ended = streamed(caller)
    assert re.fullmatch(text, received)
    assert ended == ending
    until(lambda: emulator.requests[0].closed == "finished")
    assert emulator.requests[0].status == 200


def test_an_empty_stream_has_a_finish_and_no_token(caller, emulator):
    emulator.faults = struck_by("empty_content")
    text, _ = streamed(caller)
    assert '"finish_reason":"stop"' in text
    assert '"completion_tokens":0' in text
    assert not re.search(TOKENS, text)


HANGS = {
    "never_answers": (False, True),
    "silent_after_headers": (False, True),
    "trickles": (False, True),
    "stream_comments_forever": (True,),
    "stream_silent_after_comments": (True,),
    "stream_stalls": (True,),
}


@pytest.mark.parametrize(("kind", "stream"), [(kind, s) for kind, streams in HANGS.items() for s in streams])
def test_what_hangs_ends_when_the_client_goes(emulator, kind, stream):
    emulator.faults = struck_by(kind)
    with emulator.running() as url, httpx.Client(base_url=url, headers=KEY, verify=False, timeout=0.2) as http:
        request = http.build_request("POST", "chat/completions", json=body(stream=stream))
        with contextlib.suppress(httpx.ReadTimeout):
            http.send(request, stream=True).close()
        until(lambda: emulator.requests[0].closed == "client gone")
        until(lambda: emulator.open_connections == 0)
    assert emulator.requests[0].status == (0 if kind == "never_answers" else 200)


@pytest.mark.parametrize("kind", ["silent_after_headers", "stream_comments_forever", "stream_stalls", "trickles"])
def test_what_hangs_ends_when_the_emulator_stops(emulator, kind):
    emulator.faults = struck_by(kind)
    with httpx.Client(headers=KEY, verify=False) as http:
        with emulator.running() as url:
            request = http.build_request("POST", f"{url}/chat/completions", json=body(stream=True))
            response = http.send(request, stream=True)
            start = time.perf_counter()
        assert time.perf_counter() - start < 5
        response.close()
    assert emulator.requests[0].closed == "stopped"


@pytest.mark.parametrize("kind", ["resets", "closes"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_connection_may_go_without_a_word(caller, emulator, kind, stream):
    emulator.faults = struck_by(kind)
    with pytest.raises(httpx.ReadError if kind == "resets" else httpx.RemoteProtocolError):
        caller.chat(stream=stream)
    assert (emulator.requests[0].status, emulator.requests[0].closed) == (0, "finished")


def test_a_kept_connection_turns_out_to_be_closed(caller, emulator):
    emulator.faults = struck_by("stale_keep_alive")
    assert caller.chat().status_code == 200
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        caller.chat()
    assert caller.chat().status_code == 200
    assert [r.fault for r in emulator.requests] == [None, "stale_keep_alive", None]


def test_every_kind_is_shown_above():
    shown = ERRORS.keys() | BODIES.keys() | STREAMS.keys() | HANGS.keys()
    shown |= {"broken_gzip", "truncated_gzip", "short_body", "resets", "closes", "stale_keep_alive"}
    assert shown | SHOWN == FAULTS.keys()


def test_every_kind_says_what_it_is_and_whom_it_can_strike():
    for name, kind in FAULTS.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]+", name)
        assert kind.summary
        assert not kind.summary.endswith(".")
        assert kind.stream or kind.json


@pytest.mark.parametrize("stream", [False, True])
def test_kinds_strike_only_what_they_can(caller, emulator, stream):
    emulator.faults = Faults(Fault(name) for name, kind in FAULTS.items() if not (kind.stream if stream else kind.json))
    assert caller.chat(stream=stream).status_code == 200
    assert emulator.requests[0].fault is None


@pytest.mark.parametrize("path", ["chat/completions", "responses", "messages"])
def test_all_faults_are_quiet_and_stop_promptly(capfd, path):
    with httpx.Client(headers=KEY, verify=False, timeout=0.005) as http:
        for name, kind in FAULTS.items():
            with Emulator(faults=struck_by(name), per_minute=None).running() as url:
                wanted = body(stream=kind.stream, input="Hello")
                request = http.build_request("POST", f"{url}/{path}", json=wanted)
                try:
                    http.send(request, stream=True).close()
                except httpx.TransportError:
                    continue
    assert capfd.readouterr() == ("", "")


def test_a_fault_that_is_none_of_the_account_lets_a_fallback_answer(caller, emulator):
    emulator.faults = struck_by("bad_gateway", models=MODEL)
    response = caller.chat(models=["qwen/qwen3-coder:free"], headers={"x-openrouter-metadata": "enabled"})
    assert response.json()["openrouter_metadata"]["attempt"] == 2
    assert emulator.requests[0].fault is None


def test_a_fault_of_the_account_is_final(caller, emulator):
    emulator.faults = struck_by("daily_limit", models=MODEL)
    assert caller.chat(models=["qwen/qwen3-coder:free"]).status_code == 429


def test_a_request_that_is_struck_counts_and_is_billed_like_any_other(clock):
    emulator = Emulator(per_minute=1, clock=clock, faults=struck_by("internal_error"))
    with calling(emulator) as caller:
        assert [caller.chat().status_code for _ in range(2)] == [500, 429]
        caller.chat(PAID)
    assert [charge.model for charge in emulator.bill] == [PAID]


def test_a_refusal_comes_before_a_fault(caller, emulator):
    emulator.faults = struck_by("internal_error")
    assert caller.chat("no/such").status_code == 400
    assert caller.chat("openai/gpt-oss-20b:free", reasoning={"enabled": False}).status_code == 400


def test_metadata_stands_beside_the_error_of_a_fault(caller, emulator):
    emulator.faults = struck_by("bad_gateway")
    answer = caller.chat(headers={"x-openrouter-metadata": "enabled"}).json()
    assert answer["openrouter_metadata"]["requested"] == MODEL
    assert json.dumps(answer["error"]["metadata"])
