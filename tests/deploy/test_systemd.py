"""deploy/freerouter.service: systemd takes it, it gives nothing away, and its commands do what it says."""

import re
import shlex
import signal
import socket
import subprocess

import pytest

from freerouter.server import running
from tests.deploy.files import BIN, ROOT, text, tool
from tests.server.processes import LONG, clean

UNIT = text("freerouter.service")
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def value(name: str) -> str:
    return re.search(rf"^{name}=(.*)$", UNIT, re.MULTILINE)[1]


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that is here."""
    path = tmp_path / "freerouter.service"
    path.write_text(UNIT.replace("/opt/freerouter/bin", str(BIN)))
    return path


def analyze(*arguments: object) -> str:
    command = [tool("systemd-analyze"), *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def test_systemd_takes_it(unit):
    assert analyze("verify", "--man=no", unit) == ""


def test_its_exposure_is_low(unit):
    assert "OK" in analyze("security", "--offline=true", "--threshold=15", unit)


def test_it_waits_for_the_drain():
    assert int(value("TimeoutStopSec")) > running._DRAIN + running._LAST_WORDS
    assert value("KillMode") == "mixed", "the workers are stopped by their parent"


def test_its_commands_start_reload_and_stop_with_the_settings_of_the_page(tmp_path):
    (settings,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    folder = tmp_path / "freerouter"
    folder.mkdir()
    (folder / "freerouter.toml").write_text(settings.replace("/etc/freerouter", str(folder)))
    (folder / "key").write_text("sk-or-v1-made-up\n")
    (folder / "tokens").write_text("alice=d7c1b3a09f5e42188c60\n")
    environment = dict(pair.split("=", 1) for pair in shlex.split(value("Environment")))
    assert environment["XDG_CONFIG_HOME"] == "/etc"
    environment |= {"XDG_CONFIG_HOME": str(tmp_path), "FREEROUTER_CACHE_DIR": str(tmp_path / "cache")}
    environment |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "FREEROUTER_SERVE_EMULATE": "true"}
    start = shlex.split(value("ExecStart").replace("/opt/freerouter/bin", str(BIN)))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(environment["NOTIFY_SOCKET"])
        notified.settimeout(2 * LONG)
        main = subprocess.Popen(
            [*start, "--port", "0"], env=clean(tmp_path, **environment), stderr=subprocess.PIPE, text=True
        )
        with main:
            try:
                assert notified.recv(100) == b"READY=1"
                subprocess.run(shlex.split(value("ExecReload").replace("$MAINPID", str(main.pid))), check=True)
                assert notified.recv(100).startswith(b"RELOADING=1\n")
                assert notified.recv(100) == b"READY=1"
                main.send_signal(signal.SIGTERM)
                assert main.wait(LONG) == -signal.SIGTERM  # which systemd takes for a clean end
                assert "new workers have taken over" in main.stderr.read()
            finally:
                main.kill()
