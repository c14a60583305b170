"""Cost alarms of each account, in each way in: they survive a restart, and end once they are cleared."""

import os
from contextlib import contextmanager

import httpx
import pytest

from freerouter import CostRefusedError, FreeRouter, RoutingTransport, Settings
from freerouter.emulator import Emulator
from freerouter.memory.costs import ACCOUNT, AlarmNews
from freerouter.network.alarm_file import AlarmFile
from freerouter.network.alarms import Alarms
from freerouter.openrouter.headers import caller
from freerouter.server import Access
from tests.server.stage import served
from tests.stage import BODY, CATALOG, HELLO, KEY, NOWHERE, router, striking

MINE, YOURS = "sk-or-v1-mine-0123456789", "sk-or-v1-yours-0123456789"


@contextmanager
def library(settings):
    with FreeRouter(settings=settings) as client:

        def ask(key):
            try:
                client.chat.send(HELLO, extra_headers={"authorization": f"Bearer {key}"})
            except CostRefusedError as error:
                return error.status
            return 200

        yield ask


@contextmanager
def transport(settings):
    with httpx.Client(transport=RoutingTransport(settings=settings)) as http:
        url = f"{settings.upstream}/chat/completions"
        yield lambda key: http.post(url, json=BODY, headers={"authorization": f"Bearer {key}"}).status_code


@contextmanager
def server(settings):
    given = settings.model_dump(include={"upstream", "cache_dir"})
    with served(given.pop("upstream"), Access(client_keys="only"), catalog=CATALOG, **given) as running:
        yield lambda key: running.ask(headers={"authorization": f"Bearer {key}"}).status_code


@pytest.fixture
def emulator():
    return Emulator(seed=1, per_minute=None, per_day=None, faults=striking("cost_in_usage"))


@pytest.fixture
def settings(emulator, tmp_path):
    with emulator.running() as url:
        yield Settings(upstream=url, api_key=KEY, requests_per_minute=1_000_000, cache_dir=str(tmp_path), sticky="off")


@pytest.mark.parametrize("way", [library, transport, server])
def test_an_account_stays_blocked_after_a_restart_and_others_do_not(way, settings, emulator):
    with way(settings) as ask:
        assert [ask(MINE) for _ in range(3)] == [200, 200, 400]
    emulator.faults = None
    for _ in range(2):
        with way(settings) as ask:
            assert [ask(key) for key in (MINE, YOURS, KEY, MINE)] == [400, 200, 200, 400]


@pytest.mark.parametrize("way", [library, transport, server])
def test_a_running_process_lifts_what_has_been_cleared(way, settings, emulator):
    with way(settings) as ask:
        assert [ask(MINE) for _ in range(3)] == [200, 200, 400]
        emulator.faults = None
        AlarmFile(settings).clear()
        assert [ask(MINE), ask(YOURS)] == [200, 200]
    with way(settings) as ask:
        assert ask(MINE) == 200


def test_no_key_is_in_the_file_and_only_its_owner_reads_it(settings):
    with library(settings) as ask:
        for _ in range(2):
            ask(MINE)
    file = AlarmFile(settings)
    assert MINE.encode() not in file.path.read_bytes()
    assert [alarm.model == ACCOUNT for alarm in file.alarms()] == [False, True]
    if os.name == "posix":
        assert file.path.stat().st_mode & 0o777 == 0o600


class Stage:
    """Two processes with the same file, and the accounts of two keys."""

    def __init__(self, tmp_path) -> None:
        self.routers = [router(upstream=NOWHERE, api_key=KEY, cache_dir=str(tmp_path)) for _ in range(2)]
        self.alarms = [Alarms(each) for each in self.routers]
        self.file = AlarmFile(self.routers[0].settings)
        self.headers = {key: [("authorization", f"Bearer {key}")] for key in (MINE, YOURS, KEY)}

    def meet(self, key: str, process: int = 0) -> bool:
        """Whether the account is blocked when its request comes."""
        account = caller(self.headers[key]).account
        self.alarms[process].meet(account, self.headers[key])
        return account in self.routers[process].health.costs.accounts

    def strike(self, key: str, process: int = 0) -> None:
        """The account costs money."""
        account = caller(self.headers[key]).account
        self.routers[process].block({}, {account: 0.5})
        self.alarms[process].add(ACCOUNT, 0.5, account)


@pytest.fixture
def scene(tmp_path):
    return Stage(tmp_path)


def test_an_alarm_without_an_account_is_the_settings_own(scene):
    scene.file.add(ACCOUNT, 0.5)
    fresh = Alarms(scene.routers[1], scene.file)
    scene.alarms[1] = fresh
    assert [scene.meet(key, 1) for key in (MINE, KEY)] == [False, True]


@pytest.mark.parametrize("mark", ["unknown", "", ":", "a", "a:b", "\ud800:b", "a" * 100 + ":b", "\u00e9:b"])
def test_a_mark_that_is_none_blocks_no_other_account(scene, mark):
    scene.file.add(ACCOUNT, 0.5, mark)
    scene.alarms[0] = Alarms(scene.routers[0], scene.file)
    assert not scene.meet(MINE)


def test_what_another_process_adds_lifts_nothing(scene):
    assert not scene.meet(MINE)
    assert not scene.meet(YOURS, 1)
    scene.strike(MINE)
    scene.strike(YOURS, 1)
    scene.alarms[1].add("a/b:free", 0.1, "")
    assert [scene.meet(key) for key in (MINE, YOURS)] == [True, True]
    assert [scene.meet(key, 1) for key in (MINE, YOURS)] == [True, True]
    assert all("a/b:free" in each.health.costs.models for each in scene.routers)


def test_what_was_cleared_is_lifted_although_new_alarms_came_since(scene):
    assert not scene.meet(MINE)
    scene.strike(MINE)
    scene.alarms[0].add("a/old:free", 0.1, "")
    scene.routers[0].block({"a/old:free": 0.1}, {})
    scene.file.clear()
    scene.routers[0].block({"a/new:free": 0.1}, {})
    scene.alarms[0].add("a/new:free", 0.1, "")
    assert not scene.meet(MINE)
    assert scene.routers[0].health.costs.models == {"a/new:free": 0.1}


def test_a_file_that_cannot_be_written_lifts_nothing(scene, tmp_path):
    assert not scene.meet(MINE)
    (tmp_path / "file").write_text("")
    scene.file.path = scene.alarms[0]._file.path = tmp_path / "file" / "alarms"
    scene.strike(MINE)
    assert scene.meet(MINE)


def test_what_another_machine_tells_is_blocked_after_a_restart_and_lifted_by_its_word(scene):
    account, at = caller(scene.headers[MINE]).account, 1_790_000_000.0
    told = [AlarmNews("a/b:free", "", 0.5, at, removed=False), AlarmNews(ACCOUNT, account, 0.5, at, removed=False)]
    scene.alarms[0].note(told)
    scene.alarms[0] = Alarms(scene.routers[0], scene.file)
    assert [scene.meet(MINE), scene.meet(YOURS)] == [True, False]
    assert "a/b:free" in scene.routers[0].health.costs.models
    scene.alarms[1].note([each._replace(removed=True, at=at + 5) for each in told])
    scene.meet(YOURS)  # its next request
    assert not scene.routers[0].has_alarms()


def test_many_accounts_do_not_fill_the_memory(scene):
    for number in range(2_500):
        scene.alarms[0].meet(str(number), [("authorization", f"Bearer {number}")])
    assert len(scene.alarms[0]._met) <= 1_000
    scene.alarms[0].add(ACCOUNT, 0.5, "0")  # it is not met any more
    assert not scene.meet(KEY, 1)
