"""Several tokens with names: what each sends is counted, and may be limited."""

import pytest

from freerouter.server import Access, tokens
from freerouter.server.errors import TokenLimitError
from freerouter.server.tokens import TokenLimits
from tests.server.stage import served
from tests.server.test_listings import metrics

ALICE, BOB = "a" * 16, "b" * 16
BOTH = tokens(f"alice={ALICE}", f"bob={BOB}")


def test_requests_and_failures_are_counted_by_name(upstream):
    with served(upstream, Access(BOTH)) as server:
        for key, fields in ((ALICE, {}), (ALICE, {"model": "openai/gpt-4o"}), (BOB, {})):
            server.ask(headers={"x-api-key": key}, **fields)
        assert server.ask(headers={"x-api-key": "c" * 16}).status_code == 401
        server.http.headers["x-api-key"] = BOB
        counted = metrics(server)
    assert counted['freerouter_token_requests_total{token="alice"}'] == 2
    assert counted['freerouter_token_failures_total{token="alice"}'] == 1
    assert counted['freerouter_token_requests_total{token="bob"}'] == 1
    assert 'freerouter_token_failures_total{token="bob"}' not in counted
    assert counted['freerouter_unrouted_total{place="unknown",status="401"}'] == 1


def test_one_at_its_limit_is_told_so_and_the_other_is_served(upstream, emulator):
    with served(upstream, Access(BOTH, token_limit=2)) as server:
        answers = [server.ask(headers={"x-api-key": key}) for key in (ALICE, ALICE, ALICE, BOB)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert 0 < int(answers[2].headers["retry-after"]) <= 60
    assert "the token alice may send 2 requests a minute" in answers[2].json()["error"]["message"]
    assert len(emulator.completions) == 3


def test_a_minute_later_there_is_room_again(clock):
    limits = TokenLimits(2, clock)
    limits.count("alice")
    clock.now += 40
    limits.count("alice")
    with pytest.raises(TokenLimitError) as error:
        limits.count("alice")
    assert error.value.retry_after == pytest.approx(20)
    clock.now += 20
    limits.count("alice")
    TokenLimits(None, clock).count("alice")


def test_nobody_is_limited_where_no_token_is_asked_for(clock):
    limits = TokenLimits(1, clock)
    for _ in range(3):
        limits.count("")
