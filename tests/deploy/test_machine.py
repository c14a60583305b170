"""deploy/freerouter.service, run by systemd itself: see tests/deploy/machine.py. It takes minutes: ``make image``."""

import re

import httpx
import pytest

from freerouter.emulator import Emulator
from tests.deploy.files import ROOT, free_port
from tests.deploy.machine import Machine, commands, property_of
from tests.server.processes import LONG
from tests.server.stage import ask
from tests.stage import until

pytestmark = pytest.mark.image

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
TOKEN = "d7c1b3a09f5e42188c60"


def fields(text):
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def test_the_commands_of_the_page_install_a_unit_that_starts_reloads_restarts_and_stops(tmp_path):
    machine = Machine(tmp_path)
    (settings,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    port = free_port()
    (machine.source / "key").write_text("sk-or-v1-made-up\n")
    (machine.source / "tokens").write_text(f"alice={TOKEN}\n")
    emulator = Emulator(seed=1, per_minute=None, per_day=None, chunk_delay=0.2)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {TOKEN}"}, timeout=20)
    with emulator.running() as upstream, client:
        here = f'{settings}serve_port = {port}\nupstream = "{upstream}"\n'
        (machine.source / "freerouter.toml").write_text(here)
        *installing, starting = commands(PAGE)
        for command in installing:
            machine.do(command)
        with machine.started() as running:
            until(lambda: running.inside("systemctl", "is-system-running").stdout in ("running\n", "degraded\n"), LONG)
            began = running.inside("sh", "-c", f"cd /source && {starting}")
            assert began.returncode == 0, began.stderr
            assert property_of(running, "ActiveState") == "active"
            _look(running, client)
            _reload(running, client)
            _kill(running, client)
            _stop(running, client)


def _look(running, client):
    """It answers, and is shut in as the unit says."""
    assert client.get("/ready").status_code == 200
    assert client.post("/api/v1/chat/completions", json=ask()).status_code == 200
    main = property_of(running, "MainPID")
    status = fields(running.inside("cat", f"/proc/{main}/status").stdout)
    assert "0" not in status["Uid"].split()
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    mounts = [line.split() for line in running.inside("cat", f"/proc/{main}/mountinfo").stdout.splitlines()]
    writable = {line[4] for line in mounts if line[5].startswith("rw")}
    assert {"/var/lib/freerouter", "/var/cache/freerouter", "/tmp"} <= writable
    assert {"/", "/home", "/root", "/etc", "/usr"} & writable == set()


def _reload(running, client):
    """New workers take over, while a stream goes on."""
    main = property_of(running, "MainPID")
    with client.stream("POST", "/api/v1/chat/completions", json=ask(stream=True)) as reply:
        lines = reply.iter_lines()
        next(lines)
        assert running.inside("systemctl", "reload", "freerouter").returncode == 0
        assert [line for line in lines if line][-1] == "data: [DONE]"
    until(lambda: "new workers have taken over" in _log(running), LONG)
    assert property_of(running, "MainPID") == main
    assert client.get("/ready").status_code == 200


def _kill(running, client):
    """It is started again."""
    running.inside("kill", "-9", property_of(running, "MainPID"))
    until(lambda: property_of(running, "NRestarts") == "1" and property_of(running, "ActiveState") == "active", LONG)
    assert client.get("/ready").status_code == 200


def _stop(running, client):
    """A stream may end first."""
    with client.stream("POST", "/api/v1/chat/completions", json=ask(stream=True)) as reply:
        lines = reply.iter_lines()
        next(lines)
        assert running.inside("systemctl", "stop", "--no-block", "freerouter").returncode == 0
        rest = [line for line in lines if line]
    assert len(rest) > 2
    assert rest[-1] == "data: [DONE]"
    until(lambda: property_of(running, "ActiveState") == "inactive", LONG)
    assert property_of(running, "Result") == "success"


def _log(running):
    return running.inside("journalctl", "--unit", "freerouter", "--no-pager").stdout
