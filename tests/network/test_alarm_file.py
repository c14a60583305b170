"""Cost alarms on disk: what is kept, what cannot be read or written, and that a restart does not lift them."""

import pytest

from freerouter import FreeRouter, Settings
from freerouter.emulator import Emulator
from freerouter.network.alarm_file import Alarm, AlarmFile
from tests.stage import HELLO, KEY, NOWHERE, in_threads, striking

NOON = 1_790_000_000.0


def alarm_file(upstream: str = NOWHERE, wall: float = NOON, **settings) -> AlarmFile:
    return AlarmFile(Settings(upstream=upstream, **settings), lambda: wall)


def test_alarms_are_kept_for_each_upstream_until_they_are_cleared():
    alarm_file().add("a/one:free", 0.5)
    alarm_file().add("a/two:free", 1)
    alarm_file(wall=NOON + 1).add("a/one:free", 0.25)
    assert alarm_file().read() == {"a/one:free": 0.25, "a/two:free": 1.0}
    assert alarm_file().alarms()[0][:3] == ("a/one:free", 0.5, "2026-09-21T14:13:20Z")
    assert alarm_file("http://127.0.0.1:10").read() == {}
    alarm_file().clear()
    alarm_file().clear()
    assert alarm_file().read() == {}


def test_alarms_that_come_at_the_same_time_are_all_kept():
    in_threads([lambda n=n: alarm_file().add(f"a/{n}:free", 1) for n in range(16)])
    assert len(alarm_file().read()) == 16


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"7",
        b"null",
        b'{"model": "a"}',
        b'{"model": "a", "cost": "x", "at": "1"}',
        b'{"model": "a", "cost": 1%s, "at": "1"}' % (b"0" * 400),
        b"[" * 5_000,
    ],
    ids=lambda line: repr(line[:50]),
)
def test_a_line_that_makes_no_sense_is_left_out_and_logged(line, caplog):
    file = alarm_file()
    file.add("a/one:free", 1)
    file.path.write_bytes(line + b"\n" + file.path.read_bytes())
    assert file.read() == {"a/one:free": 1.0}
    assert "1 lines of" in caplog.text


def test_a_folder_that_is_none_fails_nothing_and_is_logged(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    file = alarm_file(cache_dir=str(tmp_path / "file"))
    assert file.read() == {}
    file.add("a/one:free", 1)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


def test_a_restart_does_not_lift_an_alarm():
    emulator = Emulator(seed=1, per_minute=None, per_day=None, faults=striking("cost_in_usage"))
    with emulator.running() as url:
        settings = Settings(upstream=url, api_key=KEY, requests_per_minute=1_000_000)

        def ask():
            with FreeRouter(settings=settings) as client:
                return client.chat.send(HELLO).trace.model

        asked = [ask() for _ in range(4)]
    assert len(set(asked)) == 4
    assert list(AlarmFile(settings).read()) == asked


EARLY, LATE = "2026-09-21T14:13:20Z", "2026-09-21T14:13:21Z"
TOLD, REMOVED = Alarm("a", 0.5, EARLY), Alarm("a", 0.0, EARLY, removed=True)


@pytest.mark.parametrize(
    ("told", "stand"),
    [
        ([TOLD], [TOLD]),
        ([TOLD, TOLD._replace(at=LATE)], [TOLD]),
        ([REMOVED], []),
        ([TOLD, REMOVED], []),
        ([TOLD._replace(at=LATE), REMOVED], [TOLD._replace(at=LATE)]),
        ([TOLD, REMOVED._replace(at=LATE), TOLD], []),
        ([TOLD, REMOVED, TOLD._replace(at=LATE)], [TOLD._replace(at=LATE)]),
        ([TOLD, TOLD._replace(model="b"), REMOVED], [TOLD._replace(model="b")]),
        ([TOLD._replace(account="x"), TOLD._replace(account="y"), REMOVED._replace(account="x")],
         [TOLD._replace(account="y")]),
    ],
)  # fmt: skip
def test_what_others_tell_is_noted_once_and_removed_by_their_word(told, stand):
    for alarm in told:
        alarm_file().note([alarm])
        alarm_file().note([alarm])
    assert alarm_file().alarms() == stand


def test_what_several_processes_hear_at_once_is_noted_once():
    in_threads([lambda: alarm_file().note([TOLD]) for _ in range(16)])
    assert alarm_file().lines() == [TOLD]


def test_that_an_unknown_alarm_was_removed_makes_no_file():
    alarm_file().note([REMOVED])
    assert alarm_file().version() is None


@pytest.mark.parametrize(("at", "seconds"), [("1970-01-01T00:01:00Z", 60.0), ("yesterday", 0.0)])
def test_the_time_of_an_alarm(at, seconds):
    assert Alarm("a", 0.5, at).seconds == seconds


def test_a_process_that_was_stopped_while_it_noted_holds_up_no_other(monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr("freerouter.network.alarm_file._PAUSE", 0.0)
    file = alarm_file()
    file.add("a/one:free", 0.5)
    with file.path.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        alarm_file().add("a/two:free", 0.5)
        alarm_file().note([TOLD])
    assert [alarm.model for alarm in file.alarms()] == ["a/one:free", "a/two:free", "a"]
