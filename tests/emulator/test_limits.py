import pytest

from freerouter.emulator import Emulator
from freerouter.emulator.limits import Limits
from tests.emulator.conftest import NOON, calling


def test_the_minute_is_full_after_so_many_and_opens_again():
    limits = Limits(per_minute=2, per_day=None)
    assert [limits.take(NOON + 59) is None for _ in range(3)] == [True, True, False]
    assert limits.take(NOON + 60) is None


def test_the_day_is_full_after_so_many_and_opens_at_midnight_utc():
    limits = Limits(per_minute=None, per_day=2)
    assert [limits.take(NOON) is None for _ in range(3)] == [True, True, False]
    assert limits.take(NOON + 12 * 3600 - 1) is not None
    assert limits.take(NOON + 12 * 3600) is None


def test_without_bounds_everything_passes():
    limits = Limits(None, None)
    assert all(limits.take(NOON) is None for _ in range(200))


@pytest.mark.parametrize(
    ("bounds", "message", "source", "limit", "reset"),
    [
        (
            {"per_minute": 1, "per_day": None},
            "Rate limit exceeded: free-models-per-min. ",
            "openrouter_free_tier_per_minute",
            "1",
            NOON + 60,
        ),
        (
            {"per_minute": None, "per_day": 1},
            "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
            "openrouter_free_tier_daily",
            "1",
            NOON + 12 * 3600,
        ),
    ],
)
def test_the_429_is_as_documented(clock, bounds, message, source, limit, reset):
    with calling(Emulator(clock=clock, **bounds)) as caller:
        assert caller.chat().status_code == 200
        response = caller.chat(stream=True)
    error = response.json()["error"]
    expected = {"X-RateLimit-Limit": limit, "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(reset * 1000))}
    assert response.status_code == 429
    assert error["message"] == message
    assert error["metadata"] == {
        "headers": expected,
        "error_type": "rate_limit_exceeded",
        "limit_source": source,
    }
    assert {name: response.headers[name] for name in expected} == expected


def test_a_high_balance_has_its_own_words():
    limits = Limits(None, 1000)
    for _ in range(1000):
        limits.take(NOON)
    refusal = limits.take(NOON)
    assert refusal is not None
    assert refusal.message == "Rate limit exceeded: free-models-per-day-high-balance. "


def test_failed_attempts_count_and_paid_ones_do_not(clock):
    emulator = Emulator(per_minute=None, per_day=2, clock=clock)
    with calling(emulator) as caller:
        statuses = [
            caller.chat("openai/gpt-oss-20b:free", reasoning={"enabled": False}).status_code,
            caller.chat("openai/gpt-oss-20b").status_code,
            caller.chat("openrouter/free").status_code,
            caller.chat().status_code,
            caller.chat("openai/gpt-oss-20b").status_code,
        ]
        emulator.forget()
        assert caller.chat().status_code == 200
    assert statuses == [400, 200, 200, 429, 200]
