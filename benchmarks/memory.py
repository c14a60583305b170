"""What a catalog of a million models takes of memory, in a process of its own (Linux).

python -m benchmarks.memory MODELS
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import number
from benchmarks.table import Row, Section
from benchmarks.workloads import catalog_body, short_request
from freerouter.openrouter.catalog import Catalog
from freerouter.pipeline.analysis import analyze
from freerouter.pipeline.router import Router
from freerouter.settings import Settings

_MODELS = 1_000_000


def resident() -> float:
    """Megabytes."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def profile(models: int) -> dict[str, float]:
    """Megabytes that each step adds, once the one before has been cleared away."""
    router = Router(Settings())
    start = resident()
    body = catalog_body(models)
    with_body = resident()
    router.update(Catalog.parse(body))
    with_models = resident()
    index = router.index()
    with_index = resident()
    index.pool(analyze(short_request()).need)
    return {
        "body": with_body - start,
        "models": with_models - with_body,
        "index": with_index - with_models,
        "pool": resident() - with_index,
    }


def section(models: int = _MODELS) -> Section:
    command = [sys.executable, "-m", "benchmarks.memory", str(models)]
    steps = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    names = {"body": "the body, as bytes", "models": "its models", "index": "laid out for choosing", "pool": "one pool"}
    rows = [
        Row(f"{names[name]}, {models:,} models, MB", f"{megabytes:.0f} MB", "", megabytes)
        for name, megabytes in steps.items()
    ]
    each = number(steps["models"] * 1024 * 1024 / models)
    return Section("Memory of a large catalog", rows, f"A model takes {each} bytes, the rows that were kept included.")


if __name__ == "__main__":
    print(json.dumps(profile(int(sys.argv[1]))))
