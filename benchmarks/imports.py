"""How long it takes until the package can be used, and what is loaded for its version; each in a new process."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from benchmarks.measuring import number, ratio, shown
from benchmarks.table import Row, Section, Target, at_most

_ROUNDS = 7
_FLOOR = "import httpx, pydantic, numpy"
_USED = "import freerouter; freerouter.FreeRouter; freerouter.RoutingTransport; freerouter.Settings()"
_VERSION = """
import io, json, sys
sys.argv, out, sys.stdout = ["freerouter", "--version"], sys.stdout, io.StringIO()
from freerouter.__main__ import main
main()
json.dump(sorted({"httpx", "numpy"} & sys.modules.keys()), out)
"""
_NOTHING_HEAVY = Target("0", lambda value: value == 0)


def run(code: str) -> float:
    """Seconds of a Python that does nothing else."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return time.perf_counter() - start


def section() -> Section:
    codes = {"nothing": "pass", "floor": _FLOOR, "ours": _USED, "version": "import freerouter.__main__"}
    taken: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(_ROUNDS):
        for name, code in codes.items():
            taken[name].append(run(code))
    litellm = run("import os; os.environ['LITELLM_LOCAL_MODEL_COST_MAP'] = 'True'; import litellm")
    # What it takes to start Python is nobody's merit.
    net = {
        name: [seconds - nothing for seconds, nothing in zip(rounds, taken["nothing"], strict=True)]
        for name, rounds in taken.items()
    }
    heavy = json.loads(
        subprocess.run([sys.executable, "-c", _VERSION], check=True, capture_output=True, text=True).stdout
    )
    held = f"`{_FLOOR}`: {shown(net['floor'])}; `import litellm`: {shown(litellm)}"
    return Section(
        "Starting",
        [
            Row(
                "import, and the classes used", shown(net["ours"]), held, ratio(net["ours"], net["floor"]), at_most(1.2)
            ),
            Row(
                "`freerouter --version`: how many of httpx and numpy it loads",
                shown(net["version"]),
                f"Python alone: {shown(taken['nothing'])}",
                float(len(heavy)),
                _NOTHING_HEAVY,
            ),
        ],
        f"Seconds beyond those of a Python that does nothing ({number(min(taken['nothing']) * 1000)} ms).",
    )
