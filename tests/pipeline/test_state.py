"""State: the catalog in use, its index for a day, and the alarms that are kept."""

from random import Random

import pytest

from freerouter import Router, Settings
from freerouter.durations import DAY
from freerouter.errors import CatalogError
from freerouter.replies.outcome import Outcome
from freerouter.replies.verdicts import Lasting, Scope, Verdict
from tests.builders import Clock, asker_of, catalog_of, row
from tests.walks import ANSWER, HELLO, NOON, always, models, stage, walk


def test_the_random_numbers_are_those_given_or_of_the_seed():
    rng = Random(5)
    assert Router(rng=rng).rng is rng
    assert Router(Settings(seed=5)).rng.random() == Random(5).random()


def test_requests_are_sent_to_the_upstream_of_the_settings():
    assert Router(Settings(upstream="http://127.0.0.1:9/api/v1")).endpoint.url == "http://127.0.0.1:9/api/v1"


def test_which_model_a_conversation_uses_is_remembered():
    actor = stage(models(9))
    sent = [walk(actor.router, always(ANSWER), HELLO | {"session_id": "mine"}).sent for _ in range(9)]
    assert sent == sent[:1] * 9


def test_the_aliases_are_those_of_the_settings():
    assert Router(Settings(model_map=("gpt-*=m/0:free",))).aliases == (("gpt-*", "m/0:free"),)


def test_the_age_of_a_catalog_counts_from_when_it_came_into_use():
    actor = stage(models(1))
    actor.advance(5)
    assert actor.router.catalog_age() == 5
    actor.router.update(actor.router.catalog)
    assert actor.router.catalog_age() == 5
    newer = models(2)
    actor.router.update(newer)
    assert (actor.router.catalog, actor.router.catalog_age()) == (newer, 0)


def test_a_newer_catalog_ends_lessons_about_models_that_are_gone():
    actor = stage(models(1))
    gone = Outcome(Verdict.TRY_ANOTHER, Scope.MODEL, "gone", 404, lasting=Lasting.GONE)
    actor.router.health.lessons.learn("m/0:free", gone, asker_of())
    actor.advance(200)
    actor.router.update(models(1))
    assert actor.router.health.lessons.barred(asker_of()) == {}


def test_the_index_is_made_anew_for_a_catalog_and_for_a_day():
    actor = stage(models(1))
    first = actor.router.index()
    assert actor.router.index() is first
    actor.advance(DAY)
    of_tomorrow = actor.router.index()
    assert (of_tomorrow.today - first.today).days == 1
    assert of_tomorrow.catalog is first.catalog
    assert actor.router.index() is of_tomorrow
    newer = models(2)
    actor.router.update(newer)
    assert actor.router.index().catalog is newer
    assert actor.router.index() is actor.router.index()


def test_the_index_is_of_the_day_by_the_wall_clock_in_utc():
    assert stage(models(1)).router.index().today.isoformat() == "2026-09-01"


def test_without_a_catalog_there_is_no_index():
    with pytest.raises(CatalogError, match=r"^the list of models has not been read yet$"):
        Router(wall=Clock(NOON)).index()


FREE, PAID = row("a/one:free"), row("a/one:free", price={"prompt": "1"})


@pytest.mark.parametrize(
    ("rows", "is_free"), [([FREE], True), ([PAID], False), ([row("a/two:free")], False)], ids=["yes", "paid", "gone"]
)
def test_whether_a_model_is_still_free_in_the_newest_catalog(rows, is_free):
    actor = stage(catalog_of(FREE))
    model = actor.router.catalog.models[0]
    actor.router.update(catalog_of(*rows))
    assert actor.router.is_still_free(model) is is_free


@pytest.mark.parametrize(("count", "enough"), [(1, 2), (2, 2), (3, 3), (5, 5), (6, 5), (20, 5)])
def test_so_many_models_must_fail_alike_for_an_outage(count, enough):
    assert stage(models(count)).router.models_for_outage() == enough


@pytest.mark.parametrize(("models_", "accounts"), [({"m/0:free": 0.25}, {}), ({}, {"me": 0.5})])
def test_what_has_cost_money_is_blocked_until_it_is_lifted(models_, accounts):
    router = Router(catalog=models(2))
    assert not router.has_alarms()
    router.block(models_, accounts)
    assert (router.health.costs.models, router.health.costs.accounts) == (models_, accounts)
    assert router.has_alarms()
    router.lift_alarms()
    assert not router.has_alarms()
