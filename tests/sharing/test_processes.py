"""Four processes, one account: together they keep its limits, and what one learns all know."""

import pytest

from freerouter.emulator import Emulator, Fault, Faults
from tests.sharing.workers import all_do
from tests.stage import CATALOG, KEY, TODAY

AT_ONCE = 0.1  # seconds until all know what one has learnt
# The limits, and how fast news are; what else is tested here differs in nothing between Redis and Valkey.
ON_ALL = pytest.mark.parametrize("shared", ["redis", "valkey", "local"], indirect=True)


@pytest.fixture(params=["redis", "local"])
def shared(request, tmp_path):
    """The settings with which the processes share, over Redis, Valkey, and the file."""
    store = "auto" if request.param == "local" else request.getfixturevalue(f"{request.param}_server").url
    return {"shared_state": store, "cache_dir": str(tmp_path / "cache"), "api_key": KEY}


@ON_ALL
def test_together_they_are_never_refused_for_the_minute(workers, shared):
    emulator = Emulator(seed=1, per_minute=20, per_day=50)
    with emulator.running() as url:
        assert all_do(workers, "open", upstream=url, **shared) == [""] * 4
        found = [one for each in all_do(workers, "burst", threads=3, each=3) for one in each]
    assert [received.status for received in emulator.completions] == [200] * 20
    assert sum("model" in one for one in found) == 20
    assert [one["gate"] for one in found if "error" in one] == ["minute"] * 16


@ON_ALL
def test_hardly_a_send_goes_beyond_the_day(workers, shared):
    emulator = Emulator(seed=1, per_minute=None, per_day=50)
    with emulator.running() as url:
        all_do(workers, "open", upstream=url, requests_per_minute=1000, **shared)
        notes = [tuple(note) for each in all_do(workers, "until_refused", threads=2) for note in each]
    refused = [note for note in notes if note[2] == 429]
    came = min(end for _, end, _ in refused)
    assert len(notes) - len(refused) == 50
    assert max(sent for sent, _, _ in refused) < came + AT_ONCE


def test_a_used_up_day_is_known_to_those_who_have_not_met_it(workers, shared):
    emulator = Emulator(seed=1, per_minute=None, per_day=4)
    with emulator.running() as url:
        all_do(workers, "open", upstream=url, **shared)
        assert all("model" in found for found in all_do(workers, "send"))
        assert workers[0].do("send")["gate"] == "day"
        assert None not in all_do(workers[1:], "gate")
        assert [found["gate"] for found in all_do(workers, "send")] == ["day"] * 4
    assert len(emulator.completions) == 5


def test_those_in_flight_when_the_day_ends_are_all_that_go_beyond_it(workers, shared):
    emulator = Emulator(seed=1, per_minute=None, per_day=4)
    with emulator.running() as url:
        all_do(workers, "open", upstream=url, **shared)
        all_do(workers, "send")
        all_do(workers, "send")  # all in flight, or kept back by the first one's 429
        all_do(workers, "burst", threads=2, each=2)
    assert 5 <= len(emulator.completions) <= 8


@ON_ALL
def test_a_cooldown_is_known_to_all_at_once(workers, shared):
    emulator = Emulator(seed=1, per_minute=None, per_day=None)
    models = [model.id for model in CATALOG.free(TODAY)][:3]
    emulator.faults = Faults([Fault("rate_limited", model) for model in models])
    took = []
    with emulator.running() as url:
        all_do(workers, "open", upstream=url, **shared)
        for model in models:
            for worker in workers[1:]:
                worker.tell("watch", model=model)
            said = workers[0].do("send", model=model)
            seen = [worker.hear() for worker in workers[1:]]
            assert None not in seen
            took.append(max(seen) - said["at"])
    assert min(took) < AT_ONCE  # the best of three: this machine may be busy


@pytest.mark.parametrize("told", [{"session": "s"}, {}], ids=["by id", "by its text"])
def test_a_conversation_stays_on_its_model_in_any_process(workers, shared, told):
    messages, models, keys = [{"role": "user", "content": "Hello"}], [], 0
    emulator = Emulator(seed=1, per_minute=None, per_day=None)
    with emulator.running() as url:
        all_do(workers, "open", upstream=url, **shared)
        for turn in range(8):
            found = workers[turn % 4].do("send", messages=messages, **told)
            models.append(found["model"])
            messages += [{"role": "assistant", "content": found["text"]}, {"role": "user", "content": f"And {turn}?"}]
            keys += 2
            assert workers[(turn + 1) % 4].do("known", talks=1 if told else keys) is not None
    assert len(set(models)) == 1


def test_one_account_s_limits_are_not_another_s(workers, shared):
    emulator = Emulator(seed=1, per_minute=None, per_day=2)
    with emulator.running() as url:
        all_do(workers, "open", upstream=url, **shared)
        workers[3].do("open", upstream=url, **shared | {"api_key": KEY + "0"})
        assert [workers[0].do("send").get("gate") for _ in range(3)] == [None, None, "day"]
        assert None not in all_do(workers[1:3], "gate")
        assert workers[3].do("gate", seconds=0.2) is None
