"""What workers tell each other: every one of them knows of all requests, and counts those of each token."""

import pickle

import pytest

from freerouter import Router, Settings
from freerouter.errors import SettingsError
from freerouter.server import Access, App, tokens
from freerouter.server.errors import TokenLimitError
from freerouter.server.record import Record
from freerouter.server.workers.siblings import Siblings
from tests.builders import Clock
from tests.stage import CATALOG, KEY


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pair(clock):
    """Two workers that may send two requests a minute for each token."""
    access = Access(tokens("alice=a-token-of-hers-1"), token_limit=2)
    apps = [App(Router(Settings(api_key=KEY), CATALOG), access) for _ in range(2)]
    return [(app, Siblings(number, app, clock)) for number, app in enumerate(apps, 1)]


def served(app, status=200) -> None:
    app.window.tell(Record(place="route", status=status, dialect="chat", token="alice"))


def test_each_knows_of_all_requests_once(pair):
    (one, first), (two, second) = pair
    served(one)
    served(one, 429)
    served(two, 503)
    for _ in range(2):
        second.hear(first.news())
        first.hear(second.news())
    assert [entry.record.status for entry in one.window.history.last()] == [503, 429, 200]
    assert [entry.record.status for entry in two.window.history.last()] == [429, 200, 503]
    assert [entry.number for entry in two.window.history.last()] == [3, 2, 1]
    assert one.window.history.answered == two.window.history.answered == 0


def test_one_that_is_new_begins_with_what_the_others_know(pair):
    (one, first), (two, second) = pair
    served(one)
    served(one)
    second.learn(first.past())
    served(two)
    assert [entry.number for entry in two.window.history.last()] == [3, 2, 1]
    second.learn(first.past())
    assert two.window.history.number == 3, "what it knows by then is not replaced"


def test_the_limit_of_a_token_is_that_of_all_workers(pair):
    (one, first), (two, second) = pair
    one.tokens.count("alice")
    second.hear(first.news())
    two.tokens.count("alice")
    with pytest.raises(TokenLimitError):
        two.tokens.count("alice")
    first.hear(second.news())
    with pytest.raises(TokenLimitError):
        one.tokens.count("alice")


def test_what_is_running_is_that_of_all_that_are_heard_of(pair, clock, monkeypatch):
    (one, first), (_, second) = pair
    monkeypatch.setattr(App, "running", 3)
    first.hear(second.news())
    assert one.elsewhere == 3
    clock.now += 3.1
    first.news()
    assert one.elsewhere == 0


@pytest.mark.parametrize("payload", [b"", b"\x80", pickle.dumps("hello"), pickle.dumps(SettingsError)])
def test_what_another_version_says_is_left_alone(pair, payload):
    (one, first), _ = pair
    first.hear(payload)
    first.learn(payload)
    assert one.window.history.last() == []
