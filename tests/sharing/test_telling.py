"""A store that has lost what it held is told it again: by whom, when, and what of it."""

import contextlib
import random
from math import inf

import pytest

from freerouter import FreeRouter, Settings
from freerouter.network.alarm_file import AlarmFile
from freerouter.replies.verdicts import Gate
from freerouter.sharing import replication, telling
from freerouter.sharing.facts import Fact, Kind, hear
from freerouter.sharing.stores import Life, StoreError
from freerouter.sharing.telling import PIECE, Retelling, lacking, send
from tests.stage import KEY, until


class Memory:
    """A store in this process: it notes what it is told."""

    def __init__(self, *lives):
        self.lives = list(lives)
        self.asked, self.told = [], []

    def check(self, life=""):
        self.asked.append(life)
        return self.lives.pop(0)

    def publish(self, told, *, again=False):
        self.told += [(hear(one, 0.0).key, again) for one in told]

    def mark(self, account, number, age, *, over, again=False):
        self.told.append((("sent", account, number, over), again))

    def set_day(self, account, day, seconds, age, *, again=False):
        self.told.append((("day", account, *day), again))


def cooled(model, since=0.0, until=100.0, *, over=False):
    return Fact(Kind.COOLED, (model,), 1, since, until, over)


def retelling(*facts):
    held = list(facts)

    def pieces(size):
        yield from (held[start : start + size] for start in range(0, len(held), size))

    return Retelling(pieces, lambda: 0.0, random.Random(1))


def begins(of):
    """The second at which it is time; None when that is not before a minute has passed."""
    return next((second for second in range(61) if of.begins(second)), None)


def test_who_notices_first_tells_at_once():
    store, told = Memory(Life("a", is_first=False), Life("b", is_first=True)), retelling(cooled("m"))
    told.check(store, 0.0, anew=True)
    told.check(store, 0.0)
    assert store.asked == ["", "a"]
    assert begins(told) == 0


@pytest.mark.parametrize("anew", [True, False], ids=["connected anew", "it stays connected"])
@pytest.mark.parametrize("life", ["a", "b"])
def test_others_look_later_each_at_a_time_of_its_own(anew, life):
    def seconds(seed):
        told = Retelling(lambda _: iter(()), lambda: 0.0, random.Random(seed))
        store = Memory(Life("a", is_first=False), Life(life, is_first=False))
        told.check(store, -inf, anew=True)
        told.begins(inf)
        told.check(store, 0.0, anew=anew)
        return begins(told)

    found = {seconds(seed) for seed in range(30)}
    if life == "a" and not anew:
        assert found == {None}
    else:
        assert len(found) > 5
        assert (min(found), max(found)) >= (10, 15)
        assert max(found) <= 21


def test_it_is_time_once():
    told = retelling()
    told.check(Memory(Life("a", is_first=True)), 5.0, anew=True)
    assert [told.begins(second) for second in (4.0, 5.0, 6.0)] == [False, True, False]


def test_what_is_lacking_is_told_in_pieces():
    facts = [cooled(str(number)) for number in range(PIECE + 50)]
    store, told = Memory(), retelling(*facts)
    told.begin(facts[:20])
    assert [told.go_on(store) for _ in range(3)] == [PIECE - 20, 50, 0]
    assert store.told == [(fact.key, True) for fact in facts[20:]]


def test_a_store_that_is_lost_meanwhile_is_told_from_the_beginning():
    facts = [cooled(str(number)) for number in range(PIECE + 50)]
    store, told = Memory(Life("a", is_first=True)), retelling(*facts)
    told.begin([])
    told.go_on(store)
    told.check(store, 0.0, anew=True)
    assert told.go_on(store) == 0
    assert told.begins(0.0)
    told.begin([])
    assert told.go_on(store) == PIECE


STORED = cooled("m", 10.0, 100.0)
OVER = cooled("m", 20.0, 620.0, over=True)


@pytest.mark.parametrize(
    ("fact", "stored", "is_told"),
    [
        (STORED, None, True),
        (STORED, STORED, False),
        (STORED._replace(until=100.5), STORED, False),
        (STORED._replace(until=102.0), STORED, True),
        (STORED._replace(until=90.0), STORED, False),
        (STORED, OVER, False),
        (OVER, STORED, True),
        (OVER, OVER, False),
        (cooled("m", 30.0, 60.0), OVER, True),
    ],
)
def test_nothing_that_the_store_holds_newer_is_told_again(fact, stored, is_told):
    for lost in (True, False):
        assert lacking([fact], {} if stored is None else {stored.key: stored}, lost=lost) == [fact] * is_told


@pytest.mark.parametrize(
    ("lives", "is_told"), [(("a", "b"), True), (("a", "a"), False), (("a",), False), (("a", "b", "b"), True)], ids=str
)
def test_counts_are_told_again_only_when_all_was_lost(lives, is_told):
    store = Memory(*(Life(life, is_first=False) for life in lives))
    told = retelling(Fact(Kind.DAY, ("me",), [50, 1], 0.0, 10.0), Fact(Kind.SENT, ("me", "1"), None, 0.0, 10.0))
    for _ in lives:
        told.check(store, 0.0, anew=True)
    told.begin([])
    assert told.go_on(store) == 2 * is_told


def test_what_is_counted_is_told_by_its_own_calls_and_what_has_ended_is_not():
    store = Memory()
    facts = [
        Fact(Kind.DAY, ("me",), [50, 1], 0.0, 10.0),
        Fact(Kind.SENT, ("me", "1"), None, 0.0, 10.0),
        Fact(Kind.SENT, ("me", "2"), None, -60.0, 0.0),
        cooled("m"),
        cooled("n", -10.0, 0.0),
    ]
    send(store, facts, 0.0, again=True)
    assert store.told == [(("day", "me", 50, 1), True), (("sent", "me", 1, False), True), (("cooled", "m"), True)]


# With real stores.


@pytest.fixture
def quick(monkeypatch):
    """Stores are looked at more often than usual, so that no test waits for long."""
    monkeypatch.setattr(replication, "_CHECK", 0.05)
    monkeypatch.setattr(replication, "_TURN", 0.02)
    monkeypatch.setattr(telling, "_LATER", (0.3, 0.5))


def flush(server):
    with server.client() as client:
        client.flushall()


def restart(server):
    server.kill()
    server.start()


def empty_by_hand(server):
    with server.client() as client:
        client.delete(*client.keys("*"))


@contextlib.contextmanager
def opened(settings, number=1):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(FreeRouter(settings=settings)) for _ in range(number)]


def teach(client, account="someone"):
    """What is told of each kind."""
    router = client.router
    with router.lock:
        router.endpoint.allowances.close(account, Gate.DAY, 500.0)
        router.news.shut(account)
        router.health.costs.block("m/costs:free", "", 0.5, router.clock())
        router.news.alarmed("m/costs:free", "", 0.5)
    router.learn_allowance("me", 8, 50)


def knows(client, account="someone"):
    router = client.router
    return router.gate(account) is not None and "m/costs:free" in router.health.costs.models


def snapshot(client):
    return client._joined._replication._store.snapshot()


def tells_again(settings, lose):
    """One process learns, another hears it; the store loses all: a third one that starts then knows it."""
    with opened(settings, 2) as (one, other):
        teach(one)
        until(lambda: knows(other), 10)
        one.close()  # its first owner is gone
        lose()
        until(lambda: other._joined.status().sent and len(snapshot_or_none(other)) >= 2, 10)
        with opened(settings) as (late,):
            until(lambda: knows(late), 10)


def snapshot_or_none(client):
    try:
        return snapshot(client)
    except StoreError:
        return []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("lose", [flush, restart, empty_by_hand])
def test_who_starts_after_redis_has_lost_all_knows_it(own_redis, upstream, lose):
    settings = Settings(upstream=upstream, api_key=KEY, shared_state=own_redis.url)
    tells_again(settings, lambda: lose(own_redis))


def remove(folder):
    for path in folder.glob("shared-*.sqlite3*"):
        path.unlink()


def replace(folder):
    (path,) = folder.glob("shared-*.sqlite3")
    other = folder / "other"
    other.touch()
    other.replace(path)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("lose", [remove, replace])
def test_who_starts_after_the_file_was_lost_knows_what_was_in_it(tmp_path, upstream, lose):
    settings = Settings(upstream=upstream, api_key=KEY, shared_state="auto", cache_dir=str(tmp_path))
    tells_again(settings, lambda: lose(tmp_path))


@pytest.mark.usefixtures("quick")
def test_who_has_connected_while_it_was_empty_learns_it_too(own_redis, upstream):
    settings = Settings(upstream=upstream, api_key=KEY, shared_state=own_redis.url)
    with opened(settings) as (one,):
        teach(one)
        until(lambda: snapshot(one))
        flush(own_redis)
        with opened(settings) as (late,):
            until(lambda: knows(late), 10)


@pytest.mark.usefixtures("quick")
def test_what_has_ended_stays_so_though_the_store_has_forgotten_it(own_redis, upstream):
    settings = Settings(upstream=upstream, api_key=KEY, shared_state=own_redis.url)
    with opened(settings, 2) as (one, other):
        teach(one)
        until(lambda: knows(other), 10)
        (gate,) = [told for told in snapshot(one) if b'"gate"' in told.payload]
        other.router.endpoint.allowances.of("someone").shut_at -= 120  # long enough ago for OpenRouter's own figure
        other.router.learn_allowance("someone", 0, 50)
        until(lambda: one.router.gate("someone") is None, 10)
        flush(own_redis)
        until(lambda: any(told.over for told in snapshot(one)), 10)
        other._joined._replication._store.publish([gate._replace(name='["gate","someone"]', age=60.0)])
        assert all(told.over for told in snapshot(one) if b'"gate"' in told.payload)


@pytest.fixture
def machines(own_redis, upstream, tmp_path, monkeypatch):
    """The settings of two machines: each has a folder of its own. Commands run on the first one."""
    shared = {"upstream": upstream, "shared_state": own_redis.url}
    for name, value in (shared | {"cache_dir": str(tmp_path / "one")}).items():
        monkeypatch.setenv(f"FREEROUTER_{name.upper()}", value)
    return [Settings(**shared, api_key=KEY, cache_dir=str(tmp_path / name)) for name in ("one", "other")]


def alarmed(client):
    router = client.router
    with router.lock:
        router.health.costs.block("m/costs:free", "", 0.5, router.clock())
        router.news.alarmed("m/costs:free", "", 0.5)
    router.on_alarm("m/costs:free", 0.5, "")


@pytest.mark.usefixtures("quick")
def test_an_alarm_of_another_machine_survives_a_restart_of_everything(machines, own_redis):
    one, other = machines
    with FreeRouter(settings=one) as first, FreeRouter(settings=other):
        alarmed(first)
        until(lambda: AlarmFile(other).alarms(), 10)
    restart(own_redis)
    with FreeRouter(settings=other) as late:
        assert late.router.health.costs.models == {"m/costs:free": 0.5}
        until(lambda: snapshot(late), 10)  # and so does who has no file
        assert [alarm.model for alarm in AlarmFile(other).lines()] == ["m/costs:free"]


@pytest.mark.usefixtures("quick")
def test_an_alarm_that_is_heard_is_told_by_nobody_else(machines):
    one, other = machines
    with FreeRouter(settings=one) as first, FreeRouter(settings=other) as second:
        alarmed(first)
        until(lambda: AlarmFile(other).alarms(), 10)
        until(lambda: second._joined._replication._retelling._begins == inf, 10)
        assert second._joined.status().sent == 0


@pytest.mark.usefixtures("quick")
def test_alarms_that_one_machine_has_cleared_are_lifted_on_all(machines, cli):
    one, other = machines
    with FreeRouter(settings=one) as first, FreeRouter(settings=other) as second:
        alarmed(first)
        until(lambda: AlarmFile(other).alarms(), 10)
        assert cli("alarms", "--clear")[0] == 0
        until(lambda: not AlarmFile(other).alarms(), 10)
        until(lambda: not first.router.has_alarms() and not second.router.has_alarms(), 10)
    with FreeRouter(settings=other) as late:
        assert not late.router.has_alarms()


@pytest.mark.usefixtures("quick")
def test_a_machine_that_was_off_when_alarms_were_cleared_lifts_them_when_it_starts(machines, cli):
    one, other = machines
    with FreeRouter(settings=one) as first, FreeRouter(settings=other):
        alarmed(first)
        until(lambda: AlarmFile(other).alarms(), 10)
    assert cli("alarms", "--clear")[0] == 0
    with FreeRouter(settings=other) as late:
        until(lambda: not late.router.has_alarms(), 10)
        until(lambda: not AlarmFile(other).alarms(), 10)
