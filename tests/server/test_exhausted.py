"""The end of the day: a status at which coding agents stop, with the message; the minute's limit stays a 429."""

import re

import httpx
import openai
import pytest

from freerouter import RoutingTransport, Settings, SettingsError
from freerouter.emulator import Fault, Faults
from tests.server.stage import served
from tests.stage import CATALOG, HELLO, KEY, router, striking

# What makes OpenCode 1.18.33 retry, whatever the status, if it is found in the body.
OPENCODE_RETRIES = re.compile(
    r"429|500|502|503|504|524|rate increased too quickly|rate[ _-]limit|too many requests|overloaded"
    r"|service[ _-]unavailable|internal[ _-]error|(?:internal )?server[ _-]error|resource[ _]exhausted|try again",
    re.IGNORECASE,
)


@pytest.mark.parametrize("stream", [False, True])
def test_an_exhausted_day_is_a_403_that_says_so(server, emulator, dialect, stream):
    emulator.faults = striking("daily_limit")
    for _ in range(2):
        response = server.ask(dialect, stream=stream)
        assert response.status_code == 403
        assert (response.headers["x-should-retry"], "retry-after" in response.headers) == ("false", False)
        error = response.json()["error"]
        assert "used up" in error["message"]
        assert error["metadata"]["resets_at"].endswith("+00:00")
        assert error["metadata"]["error_type"] == "quota_exceeded"
        assert error.get("code", 403) == 403
        assert not OPENCODE_RETRIES.search(response.text)
    assert len(emulator.completions) == 1


@pytest.mark.parametrize("earlier", ["rate_limited", "unavailable", "overloaded", "gateway_timeout"])
@pytest.mark.parametrize("stream", [False, True])
def test_what_came_before_is_not_in_it_either(server, emulator, dialect, stream, earlier):
    emulator.faults = Faults([Fault(earlier, count=2), Fault("daily_limit")])
    responses = [server.ask(dialect, stream=stream) for _ in range(2)]
    assert [response.status_code for response in responses] == [403, 403]
    assert responses[0].headers["x-freerouter-attempts"] == "3"
    assert not any(OPENCODE_RETRIES.search(response.text) for response in responses)
    assert responses[0].json() == responses[1].json()


@pytest.mark.parametrize("status", [402, 429])
def test_the_status_is_a_setting(upstream, emulator, dialect, status):
    emulator.faults = striking("daily_limit")
    with served(upstream, exhausted_status=status) as server:
        response = server.ask(dialect)
    assert (response.status_code, "retry-after" in response.headers) == (status, status == 429)
    metadata = response.json()["error"]["metadata"]
    assert metadata["error_type"] == ("rate_limit_exceeded" if status == 429 else "quota_exceeded")
    assert ("attempts" in metadata) == (status == 429)


@pytest.mark.parametrize("status", [200, 399, 500])
def test_it_is_a_4xx(status):
    with pytest.raises(SettingsError, match="exhausted_status"):
        Settings(exhausted_status=status)


def test_the_minutes_limit_stays_a_429(upstream):
    with served(upstream, requests_per_minute=1, max_wait=0) as server:
        assert server.ask().status_code == 200
        response = server.ask()
    assert response.status_code == 429
    assert 0 < int(response.headers["retry-after"]) <= 60


def test_an_sdk_shows_the_message_at_once(server, emulator):
    emulator.faults = striking("daily_limit")
    with (
        openai.OpenAI(base_url=f"{server.url}/api/v1", api_key="any") as client,
        pytest.raises(openai.PermissionDeniedError, match="used up"),
    ):
        client.chat.completions.create(model="openrouter/free", messages=HELLO)
    assert server.app.window.history.number == len(emulator.completions) == 1  # it did not ask again


def test_the_transport_keeps_429(upstream, emulator):
    emulator.faults = striking("daily_limit")
    decides = router(upstream=upstream, api_key=KEY)
    decides.update(CATALOG)
    with httpx.Client(transport=RoutingTransport(router=decides)) as http:
        response = http.post(f"{upstream}/chat/completions", json={"model": "openrouter/free", "messages": HELLO})
    assert response.status_code == 429
