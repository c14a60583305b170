"""An image of deploy/Dockerfile, built and run without a daemon, by buildah and runc, on a base of Debian packages."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.deploy.files import DEPLOY, ROOT, tool

# What stands in for the image of this name, which only a registry has: the same Python on a later Debian, with a pip
# that is not Debian's.
BASE = "docker.io/library/python:3.13-slim-bookworm"
_SUITE = "trixie"
_PACKAGES = "python3.13,python3.13-venv,ca-certificates,netbase"
_BASE = """
FROM scratch
ADD rootfs.tar /
COPY pip.whl /tmp/pip-{version}-py3-none-any.whl
RUN ln -s /usr/bin/python3.13 /usr/local/bin/python && rm -f /usr/lib/python3.13/EXTERNALLY-MANAGED \\
    && python /tmp/pip-{version}-py3-none-any.whl/pip install --no-index --no-deps /tmp/pip-*.whl && rm /tmp/pip-*.whl
"""
# How this machine reaches its package index.
INDEX = ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
_SECONDS = 600


def run(*command: object, **options: Any) -> str:
    made = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=_SECONDS, check=False, **options
    )
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
    return made.stdout


class Image:
    """The image, in a store of its own below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._buildah = [tool("buildah"), "--root", folder / "store", "--runroot", folder / "run"]
        self._make_base()
        mounted = [part for path in INDEX if Path(path).exists() for part in ("--volume", f"{path}:{path}:ro")]
        ignored = ("--ignorefile", DEPLOY / "Dockerfile.dockerignore")
        self._build(*mounted, *ignored, "--file", DEPLOY / "Dockerfile", "--tag", "freerouter", ROOT)
        self._made = self.buildah("from", "--pull-never", "freerouter").strip()
        self.root = Path(self.buildah("mount", self._made).strip())
        self.says = json.loads(self.buildah("inspect", "--type", "image", "freerouter"))["Docker"]["config"]

    def buildah(self, *arguments: object) -> str:
        return run(*self._buildah, *arguments, env=os.environ | {"BUILDAH_ISOLATION": "chroot"})

    def _build(self, *arguments: object) -> None:
        self.buildah("bud", "--pull-never", "--format", "docker", *arguments)

    def _make_base(self) -> None:
        context = self._folder / "base"
        context.mkdir()
        arguments = ("--variant=minbase", f"--include={_PACKAGES}", "--quiet")
        run(tool("mmdebstrap"), *arguments, _SUITE, context / "rootfs.tar")
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", context, "pip")
        (wheel,) = context.glob("pip-*.whl")
        (context / "Dockerfile").write_text(_BASE.format(version=wheel.name.split("-")[1]))
        wheel.rename(context / "pip.whl")
        self._build("--tag", BASE, context)

    def remove(self) -> None:
        self.buildah("rm", "--all")
        self.buildah("rmi", "--all", "--force")

    @contextmanager
    def started(self, name: str, **environment: str) -> Iterator["Container"]:
        """A container as compose.yaml has it: read-only, without any capability, on the network of this machine."""
        bundle = self._folder / name
        bundle.mkdir()
        run(tool("runc"), "spec", "--bundle", bundle)
        told = json.loads((bundle / "config.json").read_text())
        (bundle / "config.json").write_text(json.dumps(_adjusted(told, self, environment)))
        container = Container(name, self._folder / "containers", bundle)
        try:
            yield container
        finally:
            container.end()


def _adjusted(told: dict[str, Any], image: Image, environment: dict[str, str]) -> dict[str, Any]:
    user, group = map(int, image.says["User"].split(":"))
    told["root"] = {"path": str(image.root), "readonly": True}
    told["process"] |= {
        "terminal": False,
        "user": {"uid": user, "gid": group},
        "cwd": image.says["WorkingDir"],
        "args": [*image.says["Entrypoint"], *image.says["Cmd"]],
        "env": [*image.says["Env"], *(f"{name}={value}" for name, value in environment.items())],
        "capabilities": {},
        "noNewPrivileges": True,
    }
    told["linux"]["namespaces"] = [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]
    for place, options in (("/tmp", []), (image.says["WorkingDir"], [f"uid={user}", f"gid={group}", "mode=0700"])):
        told["mounts"].append(
            {"destination": place, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", *options]}
        )
    return told


class Container:
    """One that runs, by runc."""

    def __init__(self, name: str, folder: Path, bundle: Path) -> None:
        self._name = name
        self._runc = [tool("runc"), "--root", str(folder)]
        self.popen = subprocess.Popen([*self._runc, "run", "--bundle", str(bundle), name], stderr=subprocess.PIPE)

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """What a command says and ends with in it."""
        return subprocess.run(
            [*self._runc, "exec", self._name, *command], capture_output=True, text=True, timeout=60, check=False
        )

    def stop(self) -> None:
        """As ``docker stop`` begins."""
        run(*self._runc, "kill", self._name, "TERM")

    def end(self) -> None:
        if self.popen.poll() is None:
            run(*self._runc, "kill", self._name, "KILL")
        self.popen.communicate(timeout=60)
