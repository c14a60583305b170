"""A Debian with systemd as its first process, in a container of runc, for the commands of docs/deploy.md."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.files import ROOT, tool
from tests.deploy.image import INDEX, Container, run

_SUITE = "bookworm"
# procps has /bin/kill, which the unit reloads with; only the barest Debian is without.
_PACKAGES = "systemd-sysv,dbus,procps,python3,python3-venv,ca-certificates"
_COPIED = ("pyproject.toml", "README.md", "LICENSE", "freerouter", "deploy")
# What would look after the hardware, and after consoles.
_MASKED = "systemd-sysctl systemd-modules-load systemd-logind systemd-timesyncd console-getty getty@tty1"
_CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL MKNOD SETFCAP SETGID SETUID SETPCAP SYS_ADMIN SYS_CHROOT "
    "SYS_PTRACE"
)


def commands(page: str) -> list[str]:
    """What the page says to do, as root."""
    (block,) = [found for found in re.findall(r"```console\n(.*?)```", page, re.DOTALL) if "useradd" in found]
    return [line.removeprefix("# ") for line in block.splitlines()]


class Machine:
    """Its root file system, below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root = folder / "root"
        arguments = ("--variant=minbase", f"--include={_PACKAGES}", "--quiet")
        run(tool("mmdebstrap"), *arguments, _SUITE, self.root)
        for path in ("/etc/resolv.conf", *INDEX):
            if Path(path).exists():
                shutil.copy(path, f"{self.root}{path}")
        self.source = self.root / "source"
        self.source.mkdir()
        for name in _COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.source / name)
        self.do(f"systemctl mask {_MASKED}")

    def do(self, command: str) -> None:
        """Run a command on it before it is started."""
        run(tool("chroot"), self.root, "sh", "-c", f"cd /source && {command}")

    @contextmanager
    def started(self) -> Iterator[Container]:
        bundle = self._folder / "bundle"
        bundle.mkdir()
        run(tool("runc"), "spec", "--bundle", bundle)
        told = json.loads((bundle / "config.json").read_text())
        allowed = [f"CAP_{name}" for name in _CAPABILITIES.split()]
        told["root"] = {"path": str(self.root), "readonly": False}
        told["process"] = {
            "user": {"uid": 0, "gid": 0},
            "cwd": "/",
            "args": ["/lib/systemd/systemd", "--unit=multi-user.target"],
            "env": ["container=oci", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), allowed),
        }
        told["linux"]["namespaces"] = [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "cgroup")]
        told["linux"]["resources"] = {}
        for mount in told["mounts"]:
            if mount["type"] == "cgroup":
                mount["options"].remove("ro")
        for place in ("/run", "/tmp"):
            options = ["nosuid", "nodev"]
            told["mounts"].append({"destination": place, "type": "tmpfs", "source": "tmpfs", "options": options})
        (bundle / "config.json").write_text(json.dumps(told))
        container = Container("machine", self._folder / "containers", bundle)
        try:
            yield container
        finally:
            container.end()


def property_of(container: Container, name: str) -> str:
    return container.inside(*shlex.split(f"systemctl show --value --property {name} freerouter")).stdout.strip()
