"""``freerouter serve --workers`` as processes on real sockets: loaded, killed, restarted, stopped."""

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import freerouter
from freerouter.emulator import Emulator
from tests.server.processes import LONG, QUIET, Process, clean, command, refused, serving
from tests.server.stage import ask
from tests.stage import KEY, until

TWO = ("--workers", "2")
NEWS = {"FREEROUTER_SERVE_LOG_LEVEL": "info"}


@pytest.fixture
def slow():
    """An emulator that streams slowly."""
    emulator = Emulator(seed=1, per_minute=None, per_day=None, chunk_delay=0.05)
    with emulator.running() as url:
        yield {"FREEROUTER_UPSTREAM": url, "OPENROUTER_API_KEY": KEY, "FREEROUTER_REQUESTS_PER_MINUTE": "100000"}


def workers(server: Process) -> set[int]:
    """The process ids of the workers that there are."""
    parent = server.popen.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return {int(child) for child in children if b"spawn_main" in command_of(child)}


def command_of(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:  # it has ended in the meantime
        return b""


def asked(server: Process, **fields) -> httpx.Response:
    """Ask over a connection of its own."""
    return httpx.post(f"{server.base}/chat/completions", json=ask(**fields), timeout=20)


def refuses(server: Process) -> bool:
    url = httpx.URL(server.url)
    try:
        socket.create_connection((url.host, url.port), timeout=1).close()
    except OSError:
        return True
    return False


def counted(server: Process, name: str) -> float:
    said = httpx.get(f"{server.url}/metrics").text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", said, re.MULTILINE))


class Load:
    """Clients that ask without a pause, over connections that they keep and over new ones."""

    def __init__(self, server: Process) -> None:
        self.seen: list[object] = []
        self._server = server
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(keeps,)) for keeps in (True, True, False, False)]

    def _ask(self, keeps: bool) -> None:
        url = f"{self._server.base}/chat/completions"
        with httpx.Client(timeout=20) as http:
            while not self._over.is_set():
                try:
                    self.seen.append((http.post if keeps else httpx.post)(url, json=ask()).status_code)
                except httpx.HTTPError as error:
                    self.seen.append(repr(error))

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(LONG)

    def more(self, count: int) -> None:
        """Wait until so many more have been answered."""
        wanted = len(self.seen) + count
        until(lambda: len(self.seen) >= wanted, LONG)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_each_worker_answers_on_the_port_and_their_metrics_are_one(tmp_path):
    with serving(tmp_path, "--emulate", *TWO, **NEWS) as server:
        until(lambda: counted(server, "freerouter_limit_requests") == 512, LONG)
        for other in sorted(workers(server)):
            with stopped(other):
                assert {asked(server).status_code for _ in range(3)} == {200}
        assert counted(server, "freerouter_requests_total") == 6
        assert counted(server, "freerouter_total_seconds_count") == 6
        assert counted(server, "freerouter_build_info") == 1
        assert httpx.get(f"{server.url}/health").status_code == httpx.get(f"{server.url}/ready").status_code == 200
        os.kill(max(workers(server)), signal.SIGKILL)
        until(lambda: len(workers(server)) == 2, LONG)
        until(lambda: counted(server, "freerouter_requests_total") == 6, LONG)
        server.popen.send_signal(signal.SIGINT)
        assert server.popen.wait(LONG) == 0
        log = server.popen.stderr.read()
    routed = re.findall(r"INFO \S+ request worker=(\d) place=route", log)
    assert sorted(routed) == ["1", "1", "1", "2", "2", "2"]
    assert re.findall(r"ERROR - worker \d has ended: signal 9", log)
    assert log.count("is started in the place of one that has ended") == 1


def test_no_new_request_fails_when_a_worker_is_killed(tmp_path):
    with serving(tmp_path, "--emulate", *TWO) as server:
        before = workers(server)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
            answers = [asked(server).status_code for _ in range(5)]
            assert answers == [200] * 5
        until(lambda: len(workers(server)) == 2, LONG)
        assert not workers(server) & before
        server.popen.send_signal(signal.SIGTERM)
        assert server.popen.wait(LONG) == -signal.SIGTERM
        assert server.popen.stderr.read().count("has ended: signal 9") == 2


def test_starting_anew_under_load_loses_no_request(tmp_path, slow):
    with serving(tmp_path, *TWO, **slow) as server, Load(server) as load:
        load.more(20)
        for _ in range(2):
            before = workers(server)
            server.popen.send_signal(signal.SIGHUP)
            until(lambda before=before: not workers(server) & before, 3 * LONG)
            load.more(20)
        assert len(workers(server)) == 2
    assert set(load.seen) == {200}


def test_starting_anew_reads_the_settings_anew_and_streams_are_finished(tmp_path, slow):
    (tmp_path / "freerouter").mkdir()
    file = tmp_path / "freerouter" / "freerouter.toml"
    file.write_text("serve_token = ['first-token-of-all']\n")
    with serving(tmp_path, *TWO, **slow) as server:
        first, second = ({"authorization": f"Bearer {token}"} for token in ("first-token-of-all", "the-second-token"))
        url = f"{server.base}/chat/completions"
        with httpx.stream("POST", url, json=ask(stream=True), headers=first, timeout=20) as reply:
            chunks = reply.iter_bytes()
            received = next(chunks)
            file.write_text("serve_token = ['the-second-token']\nserve_workers = 1\n")
            server.popen.send_signal(signal.SIGHUP)
            received += b"".join(chunks)
        assert received.endswith(b"data: [DONE]\n\n")
        until(lambda: httpx.post(url, json=ask(), headers=second, timeout=20).status_code == 200, LONG)
        until(lambda: httpx.post(url, json=ask(), headers=first, timeout=20).status_code == 401, LONG)


@pytest.mark.parametrize(
    ("settings", "words"),
    [("serve_worker = 2\n", "unknown setting 'serve_worker'"), ("serve_key_file = 'none'\n", "cannot be read")],
)
def test_settings_that_are_wrong_keep_the_workers(tmp_path, settings, words):
    (tmp_path / "freerouter").mkdir()
    with serving(tmp_path, "--emulate", *TWO) as server:
        before = workers(server)
        (tmp_path / "freerouter" / "freerouter.toml").write_text(settings)
        server.popen.send_signal(signal.SIGHUP)
        line = server.popen.stderr.readline()
        assert " ERROR - not restarted, the workers go on as before: " in line
        assert words in line
        assert (asked(server).status_code, workers(server)) == (200, before)


def test_an_address_that_has_changed_waits_for_the_next_start(tmp_path):
    (tmp_path / "freerouter").mkdir()
    with serving(tmp_path, "--emulate", *TWO) as server:
        (tmp_path / "freerouter" / "freerouter.toml").write_text("serve_host = '127.0.0.2'\n")
        server.popen.send_signal(signal.SIGHUP)
        assert "serve_host stays as it is until the whole server is restarted" in server.popen.stderr.readline()


def test_ctrl_c_is_the_parents_from_the_first_moment_of_each_worker(tmp_path, slow):
    """A terminal sends it to all; a worker that is about to begin, or has just ended, would print a traceback."""
    with serving(tmp_path, *TWO, **slow) as server:
        assert [held_back(pid) for pid in workers(server)] == [{signal.SIGHUP, signal.SIGINT}] * 2


def held_back(pid: int) -> set[signal.Signals]:
    mask = int(re.search(r"SigBlk:\s*(\w+)", Path(f"/proc/{pid}/status").read_text()).group(1), 16)
    return {number for number in signal.Signals if mask >> (number - 1) & 1}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)])
def test_stopping_lets_all_streams_end(tmp_path, slow, number, status):
    with serving(tmp_path, *TWO, **slow) as server:
        ended: list[bytes] = []
        begun = threading.Barrier(7, timeout=LONG)

        def stream() -> None:
            url = f"{server.base}/chat/completions"
            with httpx.stream("POST", url, json=ask(stream=True), timeout=20) as reply:
                chunks = reply.iter_bytes()
                received = next(chunks)
                begun.wait()
                ended.append(received + b"".join(chunks))

        threads = [threading.Thread(target=stream) for _ in range(6)]
        for thread in threads:
            thread.start()
        begun.wait()
        # As a terminal and systemd do: the signal goes to all processes.
        for pid in (server.popen.pid, *workers(server)):
            os.kill(pid, number)
        until(lambda: refuses(server), LONG)
        for thread in threads:
            thread.join(LONG)
        assert [body.endswith(b"data: [DONE]\n\n") for body in ended] == [True] * 6
        assert server.popen.wait(LONG) == status
        assert server.popen.stderr.read() == ""


def test_a_second_signal_ends_streams_with_an_error_event(tmp_path):
    with (
        Emulator(seed=1, per_minute=None, per_day=None, chunk_delay=5).running() as upstream,
        serving(tmp_path, *TWO, FREEROUTER_UPSTREAM=upstream, OPENROUTER_API_KEY=KEY) as server,
        httpx.stream("POST", f"{server.base}/chat/completions", json=ask(stream=True), timeout=20) as reply,
    ):
        chunks = reply.iter_bytes()
        received = next(chunks)
        server.popen.send_signal(signal.SIGTERM)
        until(lambda: refuses(server), LONG)
        server.popen.send_signal(signal.SIGTERM)
        assert b"the server is stopping" in received + b"".join(chunks)
        assert server.popen.wait(LONG) == -signal.SIGTERM


def test_workers_do_not_outlive_their_parent(tmp_path):
    with serving(tmp_path, "--emulate", *TWO) as server:
        left = workers(server)
        server.popen.kill()
        server.popen.stderr.read()  # until nobody has it
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left), LONG)


def test_workers_that_cannot_start_are_said_in_a_line(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import os, sys\nif '--multiprocessing-fork' in sys.argv: os._exit(3)\n")
    path = f"{tmp_path}:{Path(freerouter.__file__).parents[1]}"
    status, said = refused(tmp_path, "--emulate", "--port", "0", *TWO, PYTHONPATH=path)
    assert status == 1
    assert said.splitlines()[-1] == "freerouter: the workers could not start"
    assert re.search(r"worker \d has ended: exit status 3", said)
    assert "Traceback" not in said


def test_new_workers_that_cannot_start_leave_the_former_ones(tmp_path):
    flag = tmp_path / "broken"
    (tmp_path / "sitecustomize.py").write_text(
        f"import os, sys\nif '--multiprocessing-fork' in sys.argv and os.path.exists({str(flag)!r}): os._exit(3)\n"
    )
    path = f"{tmp_path}:{Path(freerouter.__file__).parents[1]}"
    with serving(tmp_path, "--emulate", *TWO, PYTHONPATH=path) as server:
        until(lambda: counted(server, "freerouter_limit_requests") == 512, LONG)
        before = workers(server)
        flag.touch()
        server.popen.send_signal(signal.SIGHUP)
        assert any("the new workers could not start: the former ones go on" in line for line in server.popen.stderr)
        until(lambda: workers(server) == before, LONG)
        assert asked(server).status_code == 200


def test_one_worker_is_the_process_itself(tmp_path):
    with serving(tmp_path, "--emulate", "--workers", "1") as server:
        pid = server.popen.pid
        assert asked(server).status_code == 200
        assert Path(f"/proc/{pid}/task/{pid}/children").read_text() == ""


@pytest.mark.parametrize("count", [1, 2])
def test_systemd_is_told_when_requests_can_be_answered(tmp_path, count):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(address)
        notified.settimeout(2 * LONG)
        with serving(tmp_path, "--emulate", "--workers", str(count), NOTIFY_SOCKET=address) as server:
            assert notified.recv(100) == b"READY=1"
            assert httpx.get(f"{server.url}/ready").status_code == 200
            if count > 1:
                server.popen.send_signal(signal.SIGHUP)
                assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", notified.recv(100))
                assert notified.recv(100) == b"READY=1"


def test_the_window_shows_the_requests_of_all_workers_also_of_those_that_are_gone(tmp_path):
    def shown() -> list[tuple[int, int]]:
        """What each worker says of the requests: how many there were, and how many it lists."""
        said = []
        for other in sorted(workers(server)):
            with stopped(other):
                status = httpx.get(f"{server.url}/status").json()
            said.append((status["counts"]["requests"], len(status["requests"])))
        return said

    with serving(tmp_path, "--emulate", *TWO, **NEWS) as server:
        until(lambda: counted(server, "freerouter_limit_requests") == 512, LONG)
        for other in sorted(workers(server)):
            with stopped(other):
                assert asked(server).status_code == 200
        until(lambda: shown() == [(2, 2), (2, 2)], LONG)
        before = workers(server)
        server.popen.send_signal(signal.SIGHUP)
        until(lambda: len(workers(server)) == 2 and not workers(server) & before, 3 * LONG)
        assert shown() == [(2, 2), (2, 2)]


def test_the_end_of_the_terminal_stops_it(tmp_path):
    ours, terminal = os.openpty()
    with subprocess.Popen(
        command("--emulate", "--port", "0", *TWO), env=clean(tmp_path, **QUIET), cwd=tmp_path, stderr=terminal
    ) as popen:
        try:
            os.close(terminal)
            said = b""
            while b"Ctrl-C" not in said:
                said += os.read(ours, 1000)
            os.close(ours)
            popen.send_signal(signal.SIGHUP)
            assert popen.wait(LONG) == -signal.SIGHUP
        finally:
            popen.kill()
