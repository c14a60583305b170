"""Which models may train on prompts: learnt from the account's list, 404s and answers, and left out beforehand."""

import json

import httpx
import pytest

from freerouter import FreeRouter, RoutingTransport, Settings
from freerouter.durations import DAY, HOUR
from freerouter.emulator import Emulator
from freerouter.errors import AttemptsFailedError, NoEligibleModelError
from freerouter.memory.training import Training
from freerouter.network.probe import Probe
from freerouter.network.user_models_source import UserModelsSource
from tests.builders import body_of, row
from tests.server.stage import served
from tests.stage import HELLO, at_rest

CLEAN, TRAINS, ALSO = "acme/clean:free", "acme/trains:free", "acme/also:free"
OFFER = body_of(row(CLEAN), row(TRAINS), row(ALSO))


@pytest.fixture
def emulator():
    emulator = Emulator(seed=1, per_minute=None, per_day=None, catalog=OFFER)
    emulator.training = (TRAINS, ALSO)
    return emulator


def asked(emulator):
    return [sent.model for sent in emulator.completions]


def trains(router, **wishes):
    explained = router.explain({"messages": HELLO}, **wishes)
    reasons = {row["id"]: row["reasons"] for row in explained["ineligible"]}
    return {row["id"]: row["trains"] for row in explained["eligible"]}, reasons


def test_with_a_key_the_models_that_the_account_hides_are_left_out_before_anything_is_sent(settings, emulator):
    emulator.denies_training = True
    with FreeRouter(settings=settings) as router:
        eligible, reasons = trains(router, train="deny")
        assert not asked(emulator)
        for _ in range(5):
            assert router.chat.send("Hi", train="deny").answered_by == CLEAN
        after, _ = trains(router, train="deny")
    assert eligible == {CLEAN: "unknown"}
    assert after == {CLEAN: "no"}
    hidden = "may train on prompts: the account's own list of models lacks it"
    assert reasons == {TRAINS: [hidden], ALSO: [hidden]}
    assert asked(emulator) == [CLEAN] * 5
    assert [sent.path for sent in emulator.requests].count("/api/v1/models/user") == 1


def test_the_request_says_so_to_openrouter_too(settings, emulator):
    with FreeRouter(settings=settings) as router:
        router.chat.send("Hi", model=CLEAN, train="deny", provider={"sort": "price"})
    provider = emulator.completions[-1].json["provider"]
    assert (provider["data_collection"], provider["sort"]) == ("deny", "price")


def test_else_404s_teach_it_and_it_is_explained_as_unknown_before(settings, emulator):
    with FreeRouter(settings=settings) as router:
        before, _ = trains(router, train="deny")
        while set(asked(emulator)) != {CLEAN, TRAINS, ALSO}:
            assert router.chat.send("Hi", train="deny").answered_by == CLEAN
        sent = len(emulator.completions)
        for _ in range(10):
            assert router.chat.send("Hi", train="deny").answered_by == CLEAN
        after, reasons = trains(router, train="deny")
        allowed, _ = trains(router)
    assert before == dict.fromkeys((CLEAN, TRAINS, ALSO), "unknown")
    assert len(emulator.completions) == sent + 10
    assert after == {CLEAN: "no"}
    assert all("may train on prompts: it has refused a request that denies it" in why for why in reasons.values())
    assert allowed == {CLEAN: "no", TRAINS: "yes", ALSO: "yes"}


def test_when_all_models_train_the_error_says_what_was_denied(settings, emulator):
    emulator.training = (CLEAN, TRAINS, ALSO)
    with FreeRouter(settings=settings) as router:
        with pytest.raises(AttemptsFailedError, match="training on prompts is denied"):
            router.chat.send("Hi", train="deny")
        with pytest.raises(NoEligibleModelError, match="may train on prompts"):
            router.chat.send("Hi", train="deny")
        assert router.chat.send("Hi").answered_by
    assert len(emulator.completions) == 4


def test_other_provider_preferences_teach_nothing_of_training(settings, emulator):
    with FreeRouter(settings=settings) as router:
        for _ in range(12):
            router.chat.send("Hi", train="deny", provider={"zdr": True})
        known, _ = trains(router)
    assert "yes" not in known.values()


def test_a_request_that_denies_it_by_itself_means_the_same(settings, emulator):
    emulator.denies_training = True
    with FreeRouter(settings=settings) as router:
        trains(router, train="deny")
        for _ in range(6):
            router.chat.send("Hi", provider={"data_collection": "deny"})
    assert set(asked(emulator)) == {CLEAN}


def test_a_model_asked_for_by_name_is_not_asked_either(settings, emulator):
    emulator.denies_training = True
    with FreeRouter(settings=settings) as router, pytest.raises(NoEligibleModelError, match="may train on prompts"):
        router.chat.send("Hi", model=TRAINS, train="deny")
    assert not asked(emulator)


def test_the_setting_and_the_header_deny_it_too(settings, emulator, way):
    emulator.denies_training = True
    denied = Settings.adjusted(settings, train="deny")
    with FreeRouter(settings=denied) as router:
        assert router.chat.send("Hi", train="allow").answered_by == CLEAN
    with httpx.Client(transport=RoutingTransport(settings=settings)) as client:
        url, headers = f"{settings.upstream}/chat/completions", {"x-freerouter-train": "deny"}
        for _ in range(4):
            client.post(url, json={"messages": HELLO}, headers=headers)
    assert set(asked(emulator)) == {CLEAN}


def test_the_server_explains_it_beforehand(upstream, emulator):
    emulator.denies_training = True
    with served(upstream, catalog=None, train="deny") as server:
        explained = server.http.post("/explain", json={"messages": HELLO}).json()
    assert [row["id"] for row in explained["eligible"]] == [CLEAN]
    assert not asked(emulator)


def test_without_a_key_nothing_is_read(upstream, emulator):
    with FreeRouter(settings=Settings(upstream=upstream)) as router:
        eligible, _ = trains(router, train="deny")
    at_rest()
    assert eligible == dict.fromkeys((CLEAN, TRAINS, ALSO), "unknown")
    assert "/api/v1/models/user" not in {sent.path for sent in emulator.requests}


def test_what_is_known_is_the_accounts_and_ends(clock):
    training = Training(clock)
    training.listed("me", [TRAINS])
    training.refused(ALSO)
    assert training.barred("me").keys() == {TRAINS, ALSO}
    assert training.barred("you").keys() == {ALSO}
    assert (training.of("me", TRAINS), training.of("you", TRAINS)) == ("yes", "unknown")
    training.answered(TRAINS)
    assert training.of("me", TRAINS) == "no"
    clock.advance(HOUR)
    assert not training.knows("me")
    clock.advance(DAY)
    assert not training.barred("me")
    assert training.of("me", ALSO) == "unknown"


def test_a_list_that_goes_on_or_is_none_is_not_believed(settings, emulator):
    with FreeRouter(settings=settings) as router:
        router.models.list()
        account = "me"
        source = UserModelsSource("http://127.0.0.1:9", router.router.learn_allowed)
        page = json.loads(OFFER) | {"links": {"next": "/more"}}
        for body in (json.dumps(page).encode(), b"<html>", b'{"data": []}'):
            assert not source.learn(account, Probe(200, body))
        assert not source.learn(account, Probe(403, OFFER))
        assert not router.router.knows_training(account)
        assert source.learn(account, Probe(200, OFFER))
        assert router.router.knows_training(account)
