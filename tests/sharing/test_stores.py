"""What Redis, Valkey and the file have in common: each test runs with all of them."""

import re
import subprocess
import threading
import time
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freerouter.sharing import file_store, redis_store, slot_connections, slots
from freerouter.sharing.facts import Fact, Kind, ended, heard, replaces, tell
from freerouter.sharing.file_store import FileStore
from freerouter.sharing.redis_store import RedisStore
from freerouter.sharing.stores import StoreError
from tests import stage
from tests.sharing.servers import RedisServer, Wanted

PATIENT = 5.0


@pytest.fixture(params=["redis", "valkey", "file"])
def make(request, tmp_path):
    """Makes stores that share what they keep."""
    scope, made = uuid4().hex, []
    server = None if request.param == "file" else request.getfixturevalue(f"{request.param}_server")

    def make():
        name = uuid4().hex
        if server is None:
            store = FileStore(tmp_path / "shared.sqlite3", name, patience=PATIENT)
        else:
            store = RedisStore(server.url, scope, name, patience=PATIENT)
        store.connect()
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


def ask(slot, *, account="me", limit=3):
    return Wanted(account, slot, limit)


def cooled(model, since, until, *, over=False):
    return Fact(Kind.COOLED, (model,), 1, since, until, over)


def publish(store, *facts, now=0.0):
    store.publish([tell(fact, now) for fact in facts])


def facts_of(told):
    return {fact.about[0]: fact for fact in heard(told, 0.0)}


def news(store):
    """What arrives until there is something."""
    until = time.monotonic() + 5
    while not (found := store.news(0.1)):
        assert time.monotonic() < until
    return facts_of(found)


def test_a_minute_has_so_many_slots_whoever_takes_them(make):
    one, other = make(), make()
    granted = [(one if slot % 2 else other).take(ask(slot)).granted for slot in range(5)]
    assert granted == [True, True, True, False, False]
    assert other.take(ask(90, account="another")).granted


def test_a_refusal_says_when_each_slot_is_free(make):
    store = make()
    for slot in range(3):
        store.take(ask(slot))
    refused = store.take(ask(90))
    assert not refused.granted
    assert len(refused.taken) == 3
    assert all(slots.SLOT_SECONDS - 2 < rest <= slots.SLOT_SECONDS for rest in refused.taken)


def test_a_slot_that_is_asked_for_twice_is_taken_once(make):
    store = make()
    assert [store.take(ask(7)).granted for _ in range(5)] == [True] * 5
    assert len(store.take(ask(8)).taken) == 2


def test_a_slot_that_is_given_back_can_be_taken_again(make):
    store = make()
    for slot in range(3):
        store.take(ask(slot))
    store.mark("me", 1, 0.0, over=True)
    assert store.take(ask(90)).granted
    assert not store.take(ask(91)).granted


def test_what_was_sent_without_asking_counts_but_once(make):
    store = make()
    store.take(ask(20))  # the answer came too late
    store.mark("me", 20, 0.1, over=False)
    store.mark("me", 21, 10.0, over=False)
    store.mark("me", 22, 100.0, over=False)
    taken = store.take(ask(90)).taken
    assert sorted(taken) == pytest.approx([slots.SLOT_SECONDS - 10, slots.SLOT_SECONDS, slots.SLOT_SECONDS], abs=2)


def test_the_day_is_counted_down_by_all(make):
    one, other = make(), make()
    assert one.take(ask(0, limit=9)).day is None
    one.set_day("me", (50, 10), 100.0, 0.0)
    assert other.take(ask(0, limit=9)).day == (50, 9)
    assert one.take(ask(1, limit=9)).day == (50, 8)
    other.mark("me", 0, 0.0, over=True)
    assert one.take(ask(2, limit=9)).day == (50, 8)
    one.set_day("me", (50, 40), 100.0, 50.0)  # it was read before
    assert one.take(ask(3, limit=9)).day == (50, 7)


def test_what_is_told_again_of_a_day_makes_it_no_larger(make):
    one, other = make(), make()
    one.set_day("me", (50, 10), 100.0, 86_400.0, again=True)
    other.mark("me", 0, 1.0, over=False, again=True)  # which the other figures hold already
    other.set_day("me", (50, 12), 100.0, 86_400.0, again=True)
    assert one.take(ask(0, limit=9)).day == (50, 9)
    other.set_day("me", (50, 7), 100.0, 86_400.0, again=True)
    other.set_day("me", (1000, 3), 100.0, 86_400.0, again=True)
    assert one.take(ask(1, limit=9)).day == (50, 6)
    other.set_day("me", (1000, 900), 100.0, 0.0)  # it was read
    assert one.take(ask(2, limit=9)).day == (1000, 899)


def test_the_life_of_a_store_has_one_name_and_one_process_that_is_the_first_to_miss_the_former(make):
    one, other, third = make(), make(), make()
    life = one.check()
    assert [other.check(), other.check(life.name), other.check("")] == [life] * 3
    assert not life.is_first
    empty(one)
    assert not third.check().is_first  # it has nothing to tell
    found = [store.check(life.name) for store in (other, one)]
    assert [each.is_first for each in found] == [True, False]
    assert found[0].name == found[1].name != life.name
    assert other.check(found[0].name).is_first is False


def test_conversations_that_are_told_again_are_there_for_who_looks(make):
    one, other = make(), make()
    other.snapshot()
    one.publish([tell(talk("1", 100), 0.0), tell(cooled("a", 0, 100), 0.0)], again=True)
    assert "a" in news(other)
    assert facts_of(make().snapshot()).keys() == {"me", "a"}


def test_a_closed_gate_refuses_and_is_told(make):
    one, other = make(), make()
    publish(one, Fact(Kind.GATE, ("me",), ["day", 50], 0.0, 500.0))
    refused = other.take(ask(0))
    assert not refused.granted
    gate, *_ = heard(refused.news, 0.0)
    assert (gate.kind, gate.about, gate.value) == (Kind.GATE, ("me",), ["day", 50])
    assert 495 < gate.until <= 500
    assert other.take(ask(0, account="another")).granted
    publish(one, ended(Kind.GATE, ("me",), 1.0), now=1.0)
    assert other.take(ask(0)).granted


def test_facts_are_told_to_others_and_kept_for_those_who_come_later(make):
    one, other = make(), make()
    other.snapshot()
    publish(one, cooled("a", -5, 100), cooled("b", 0, 200))
    for found in (news(other), facts_of(make().snapshot())):
        assert found.keys() == {"a", "b"}
        assert found["a"].until == pytest.approx(100, abs=2)
        assert found["a"].since == pytest.approx(-5, abs=2)


def test_a_store_does_not_hear_itself(make):
    one, other = make(), make()
    for store in (one, other):
        store.snapshot()
    publish(one, cooled("a", 0, 100))
    assert news(other)
    assert one.news(0.1) == []


def test_what_has_ended_is_not_kept(make):
    store = make()
    publish(store, cooled("a", 0, 0.05), cooled("b", 0, 100))
    time.sleep(0.06)  # of the store's own clock
    assert facts_of(store.snapshot()).keys() == {"b"}


@pytest.fixture
def store(make):
    return make()


# Tens of seconds: what passes meanwhile does not matter.
TIMES = st.tuples(st.integers(-40, 0), st.integers(1, 40), st.booleans())
HISTORIES = st.lists(TIMES, min_size=1, max_size=5, unique_by=(lambda times: times[0], lambda times: times[1]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(HISTORIES)
def test_of_the_facts_of_one_key_the_same_holds_as_without_a_store(store, times):
    model, held = uuid4().hex, None
    for since, until, over in times:
        fact = cooled(model, since * 10, until * 10, over=over)
        publish(store, fact)
        held = fact if replaces(fact, held) else held
    found = facts_of(store.snapshot())[model]
    assert (round(found.since, -1), round(found.until, -1), found.over) == (held.since, held.until, held.over)


def talk(key, until):
    return Fact(Kind.TALK, ("me", key), ["m", False], 0, until)


@pytest.fixture
def few(monkeypatch):
    """A store has room for few facts."""
    for module in (redis_store, file_store):
        monkeypatch.setattr(module, "MOST_TALKS", 5)
        monkeypatch.setattr(module, "MOST_OTHERS", 10)


@pytest.mark.usefixtures("few")
def test_facts_are_bounded_and_those_that_end_first_go(make):
    store = make()
    publish(store, *(cooled(str(number), 0, 100 + number) for number in range(15)))
    assert facts_of(store.snapshot()).keys() == {str(number) for number in range(5, 15)}


SORTED = st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=40, unique_by=lambda pair: pair[1])


@pytest.mark.usefixtures("few")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(SORTED)
def test_conversations_push_no_other_fact_out(make, told):
    store = make()
    empty(store)
    publish(store, *[talk(str(rest), 100 + rest) if is_talk else cooled(str(rest), 0, 100 + rest)
                     for is_talk, rest in told])  # fmt: skip
    for kind, is_talk, most in ((Kind.TALK, True, 5), (Kind.COOLED, False, 10)):
        kept = sorted(rest for each, rest in told if each is is_talk)[-most:]
        assert sorted(int(fact.about[-1]) for fact in heard(store.snapshot(), 0.0) if fact.kind is kind) == kept
    store.close()


def empty(store):
    """As others empty it."""
    if isinstance(store, RedisStore):
        for key in store._slow.scan_iter(f"{store._prefix}*"):
            store._slow.delete(key)
    else:
        with store._file.writing() as connection:
            for table in ("fact", "slot", "day", "life"):
                connection.execute(f"delete from {table}")


def test_slots_are_taken_in_one_step(make):
    stores = [make() for _ in range(4)]
    granted = []

    def take(store):
        granted.extend(store.take(ask(number, limit=20)).granted for number in range(10))

    threads = [threading.Thread(target=take, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert granted.count(True) == 20


def test_many_requests_at_once_open_few_connections(redis_server):
    store = RedisStore(redis_server.url.replace("/0", "/7"), uuid4().hex, "me", patience=PATIENT)
    store.connect()
    granted = []
    threads = [
        threading.Thread(target=lambda number: granted.append(store.take(ask(number)).granted), args=(number,))
        for number in range(32)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with redis_server.client() as client:
        opened = [each for each in client.client_list(_type="normal") if each["db"] == "7"]
    assert len(granted) == 32
    assert len(opened) == 1 + slot_connections.AT_ONCE
    store.close()


def test_every_key_in_redis_ends_and_none_holds_the_account(redis_server):
    store = RedisStore(redis_server.url, "a test of keys", "me", patience=PATIENT)
    store.connect()
    store.set_day("hash", (50, 10), 100.0, 0.0)
    store.take(ask(0, account="hash"))
    publish(store, cooled("a/b:free", 0, 100))
    with redis_server.client() as client:
        keys = list(client.scan_iter(f"{store._prefix}*"))
        assert len(keys) == 5
        assert all(0 < client.ttl(key) <= 101 for key in keys)
    assert all(key.startswith(b"freerouter:{") for key in keys)
    store.close()


def test_options_of_the_url_do_not_change_how_long_a_request_waits(redis_server):
    url = f"{redis_server.url}?socket_timeout=60&decode_responses=true"
    one, other = RedisStore(url, uuid4().hex, "one"), RedisStore(url, uuid4().hex, "other", patience=PATIENT)
    assert one._slow.connection_pool.connection_kwargs["socket_timeout"] == redis_store._TIMEOUT
    other.connect()
    assert other.take(Wanted("me", 0, 1)).granted
    other.publish(told := [tell(ended(Kind.COOLED, ("m",), 0.0), 1.0)])
    assert [(each.payload, each.over) for each in other.snapshot()] == [(told[0].payload, True)]
    one.close()
    other.close()


@pytest.fixture
def encrypted(tmp_path):
    """A Redis that speaks TLS alone, with a certificate of its own."""
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    named = "-addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    subprocess.run([*made.split(), *named.split()], cwd=tmp_path, check=True, capture_output=True)
    options = "--tls-cert-file cert.pem --tls-key-file key.pem --tls-ca-cert-file cert.pem --tls-auth-clients no"
    server = RedisServer(tmp_path, "redis", *options.split(), tls=tmp_path / "cert.pem")
    yield server
    server.kill()


def test_tls_with_a_certificate_that_is_trusted(encrypted):
    store = RedisStore(encrypted.url, "scope", "me", patience=PATIENT)
    store.connect()
    assert store.take(ask(0)).granted
    store.close()


def test_tls_with_one_that_is_not(encrypted):
    store = RedisStore(encrypted.url.partition("?")[0], "scope", "me", patience=PATIENT)
    with pytest.raises(StoreError, match="cannot be reached"):
        store.connect()
    store.close()


def test_without_password():
    assert (
        redis_store.without_password("rediss://me:secret@redis.example:6380/1?x=y") == "rediss://redis.example:6380/1"
    )
    assert redis_store.without_password("redis://:secret@[::1]:1/0") == "redis://[::1]:1/0"
    assert redis_store.without_password("unix:///run/redis.sock") == "unix:///run/redis.sock"


# The connections for slots.


@pytest.fixture(params=["plain", "encrypted"])
def own(request):
    return request.getfixturevalue("own_redis" if request.param == "plain" else "encrypted")


def at_once(store, numbers):
    return stage.in_threads([partial(store.take, ask(number, limit=100)) for number in numbers])


def connections(server):
    """How many have been opened since the start; this one is counted, too."""
    with server.client() as client:
        return client.info("stats")["total_connections_received"]


def test_no_slot_opens_a_connection_and_none_waits_for_one(own):
    store = RedisStore(own.url, uuid4().hex, "me", patience=PATIENT)
    store.connect()
    before = connections(own)
    assert store.take(ask(0)).granted
    assert all(slot.granted for slot in at_once(store, range(1, 20)))
    assert connections(own) == before + 1
    store.close()


def test_the_first_slots_over_tls_are_answered_in_time(encrypted):
    # The best of some, since this machine may be busy; a handshake would be late each time.
    assert any(all(first_slots(encrypted.url)) for _ in range(20))


def first_slots(url):
    """Whether the first slot, and then four at once, are granted in time."""
    store = RedisStore(url, uuid4().hex, "me", patience=slots.PATIENCE)
    store.connect()
    first = in_time(store, 0)
    others = stage.in_threads([partial(in_time, store, number) for number in range(1, 5)])
    store.close()
    return [first, *others]


def in_time(store, number):
    """Whether a slot was granted; a late answer is an error of the store, which must not end a thread."""
    try:
        return store.take(ask(number, limit=100)).granted
    except StoreError:
        return False


def test_connections_that_were_lost_are_opened_again_before_a_slot_needs_them(own):
    store = RedisStore(own.url, uuid4().hex, "me", patience=PATIENT)
    store.connect()
    with own.client() as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    store.news(0.01)
    before = connections(own)
    assert len(at_once(store, range(8))) == 8
    assert connections(own) == before + 1
    store.close()


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(own):
    store = RedisStore(own.url, uuid4().hex, "me", patience=0.05)
    store.connect()
    own.pause()
    for number in range(slot_connections.AT_ONCE + 1):
        with pytest.raises(StoreError, match="does not answer in time"):
            store.take(ask(number))
    own.go_on()
    store.news(0.01)
    found = RedisStore(own.url, uuid4().hex, "other", patience=PATIENT)
    found.connect()
    assert len(found.take(ask(0, account="another")).taken) == 1
    stage.until(lambda: _taken(store) == 1, 5)
    store.close()
    found.close()


def test_a_store_that_is_closed_while_slots_are_taken_raises_its_own_error_and_leaves_no_connection(own_redis):
    store, raised, closed = RedisStore(own_redis.url, uuid4().hex, "me", patience=0.05), [], threading.Event()
    store.connect()

    def take(numbers):
        while not closed.is_set() or len(raised) < 3:
            try:
                store.take(ask(next(numbers), limit=10_000))
            except Exception as error:  # noqa: BLE001  # whichever it is, is looked at below
                raised.append(type(error))

    threads = [threading.Thread(target=take, args=(count(10_000 * number),)) for number in range(3)]
    for thread in threads:
        thread.start()
    stage.until(lambda: _taken(store), 5)
    store.close()
    closed.set()
    for thread in threads:
        thread.join()
    assert set(raised) == {StoreError}
    with own_redis.client() as client:
        assert len(client.client_list()) == 1


def test_a_file_that_was_closed_is_not_opened_again(tmp_path):
    store = FileStore(tmp_path / "shared.sqlite3", "me")
    store.connect()
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.connect()


def _taken(store):
    with suppress(StoreError):
        return len(store.take(ask(0, account="another")).taken)


def rights_in_the_docs():
    """The two sets of rights that docs/sharing.md gives a user of Redis."""
    text = (Path(__file__).parents[2] / "docs" / "sharing.md").read_text()
    return [rights.split() for rights in re.findall(r"`(~freerouter[^`]*)`", text)]


@pytest.mark.parametrize("number", [0, 1])
def test_the_rights_that_the_docs_name_are_enough(own_redis, number):
    with own_redis.client() as client:
        client.execute_command("ACL", "SETUSER", "us", "reset", "on", ">secret", *rights_in_the_docs()[number])
    store = RedisStore(own_redis.url.replace("//", "//us:secret@"), uuid4().hex, "me", patience=PATIENT)
    store.connect()
    store.set_day("me", (50, 10), 100.0, 0.0)
    store.mark("me", 0, 0.0, over=False)
    publish(store, cooled("a", 0, 100))
    assert store.take(ask(1)).granted
    assert facts_of(store.snapshot()).keys() == {"a"}
    assert store.news(0.0) == []
    store.probe()
    store.close()
