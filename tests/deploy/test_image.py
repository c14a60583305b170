"""deploy/Dockerfile, built and started: see tests/deploy/image.py. It takes minutes: ``make image``."""

import os

import httpx
import pytest

from freerouter.emulator import Emulator
from tests.deploy.files import free_port
from tests.deploy.image import Image
from tests.server.processes import LONG
from tests.server.stage import ask
from tests.stage import KEY, until

pytestmark = pytest.mark.image

TOKEN = "a-token-of-16-characters"
BUILD_TOOLS = {"gcc", "cc", "c++", "g++", "clang", "ld", "as", "make", "cargo", "rustc", "pip", "pip3", "git", "curl"}


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.fail("building and starting an image without a daemon needs root")
    image = Image(tmp_path_factory.mktemp("image"))
    yield image
    image.remove()


@pytest.fixture
def emulator():
    """One whose streams take a while."""
    return Emulator(seed=1, per_minute=None, per_day=None, chunk_delay=0.2)


@pytest.fixture
def container(image, emulator, request):
    """The server, with an emulator as its upstream; gives the container and a client."""
    port = str(free_port())
    with emulator.running() as upstream:
        told = {"FREEROUTER_UPSTREAM": upstream, "OPENROUTER_API_KEY": KEY, "FREEROUTER_TOKEN": TOKEN}
        told |= {"FREEROUTER_SERVE_PORT": port}
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {TOKEN}"}, timeout=20
        )
        with client, image.started(request.node.name, **told) as container:
            until(lambda: _status(client, "/ready") == 200, LONG)
            yield container, client


def _status(client, path):
    try:
        return client.get(path).status_code
    except httpx.TransportError:
        return None


def test_no_tool_that_builds_or_installs_is_in_it(image):
    folders = ("usr/bin", "usr/sbin", "usr/local/bin", "opt/freerouter/bin")
    found = {path.name for folder in folders for path in (image.root / folder).iterdir()}
    assert "freerouter" in found
    assert found & BUILD_TOOLS == set()
    assert list((image.root / "opt").rglob("pip")) == []
    assert not (image.root / "source").exists()


def test_it_answers_as_an_unprivileged_user_on_a_read_only_root(container, image):
    running, client = container
    assert _status(client, "/health") == 200
    answer = client.post("/api/v1/chat/completions", json=ask())
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"]
    status = running.inside("cat", "/proc/1/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert set(fields["Uid"].split()) == set(fields["Gid"].split()) == {"10001"}
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert running.inside("touch", "/opt/freerouter/x").returncode != 0
    assert running.inside("ls", "/var/lib/freerouter/cache").stdout != ""


def test_its_health_check_tells_well_from_ill(container, image):
    running, _ = container
    kind, *check = image.says["Healthcheck"]["Test"]
    assert kind == "CMD"
    port = httpx.URL(str(container[1].base_url)).port
    here = [part.replace(":8788/", f":{port}/") for part in check]
    assert running.inside(*here).returncode == 0
    assert running.inside(*check).returncode == 1, "no server is at the port that it asks for"


def test_sigterm_lets_a_stream_end(container):
    running, client = container
    with client.stream("POST", "/api/v1/chat/completions", json=ask(stream=True)) as reply:
        lines = reply.iter_lines()
        next(lines)
        running.stop()
        until(lambda: _status(client, "/health") is None)
        assert running.popen.poll() is None
        rest = [line for line in lines if line]
    assert len(rest) > 2
    assert rest[-1] == "data: [DONE]"
    assert running.popen.wait(LONG) == 0
