"""deploy/Dockerfile: hadolint takes it, what it installs runs, and its health check asks what the server answers.

The image is built and started in tests/deploy/test_image.py, which takes minutes.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.deploy.files import DEPLOY, ROOT, free_port, text, tool
from tests.server.processes import LONG, clean
from tests.stage import until

# One instruction a line.
LINES = re.sub(r"\\\n\s*", "", text("Dockerfile")).splitlines()
BUILD, FINAL = ("\n".join(LINES).split("\nFROM ", 2)[1:]) if LINES[0].startswith("#") else ("", "")


def instruction(name: str, stage: str = FINAL) -> list[str]:
    return re.findall(rf"^{name} (.*)$", stage, re.MULTILINE)


def test_hadolint_takes_it():
    run = subprocess.run([tool("hadolint"), DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_it_is_neither_root_nor_able_to_install():
    assert instruction("USER") == ["10001:10001"]
    assert [run for run in instruction("RUN") if "pip install" in run] == []
    assert instruction("RUN")[0].startswith("python -m pip uninstall --yes pip ")
    assert "apt-get" not in text("Dockerfile")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """What the first stage makes, of the files that it copies."""
    folder = tmp_path_factory.mktemp("image")
    source, program = folder / "source", folder / "freerouter"
    source.mkdir()
    for line in instruction("COPY", BUILD):
        *names, _ = line.split()
        for name in names:
            assert f"!{name}" in text("Dockerfile.dockerignore").splitlines()
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, source / name)
    (command,) = instruction("RUN", BUILD)
    command = command.replace("/opt/freerouter", str(program)).replace("python -m", f"{sys.executable} -m")
    command = command.replace("--no-cache-dir", "--quiet --disable-pip-version-check")
    subprocess.run(command, shell=True, cwd=source, env=clean(folder), check=True, timeout=300)
    return program


def test_what_it_installs_serves_and_is_found_healthy(installed, tmp_path):
    environment = dict(pair.split("=", 1) for pair in shlex.split(" ".join(instruction("ENV"))))
    environment["PATH"] = environment["PATH"].replace("/opt/freerouter", str(installed)).replace("$PATH", "/usr/bin")
    environment["FREEROUTER_CACHE_DIR"] = str(tmp_path / "cache")
    port = str(free_port())  # the image's own may be taken here
    token = {"FREEROUTER_TOKEN": "a-token-of-16-characters", "FREEROUTER_UPSTREAM": "http://127.0.0.1:9/api/v1"}
    token |= {"FREEROUTER_SERVE_PORT": port}
    (program,), arguments = map(json.loads, instruction("ENTRYPOINT") + instruction("CMD"))
    command = [str(installed / "bin" / program), *arguments]
    (check,) = re.findall(r"CMD (\[.*\])", instruction("HEALTHCHECK")[0])
    with subprocess.Popen(command, env=clean(tmp_path, **environment, **token), stderr=subprocess.PIPE) as server:
        try:
            until(lambda: _answers(f"http://127.0.0.1:{port}/health"), LONG)
            assert instruction("EXPOSE") == ["8788"]
            _, *rest = json.loads(check.replace(":8788/", f":{port}/"))
            healthy = subprocess.run([installed / "bin" / "python", *rest], check=False, timeout=LONG)
            assert healthy.returncode == 0
        finally:
            server.terminate()
    sick = subprocess.run([installed / "bin" / "python", *rest], check=False, timeout=LONG, stderr=subprocess.DEVNULL)
    assert sick.returncode == 1
    assert not (installed / "bin" / "pip").exists()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False
