"""make bench: everything, beside floors and peers in the same run; writes RESULTS.md and the plots."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import deciding, imports, memory, plots, processes, quality, servers, transports
from benchmarks.table import Section, markdown

_HERE = Path(__file__).parent
_PEERS = ("litellm", "openai", "openrouter", "httpx", "aiohttp", "uvicorn", "pydantic-core", "numpy")

_HEAD = """# Results

Written by `make bench`; not to be edited. Figures are ratios within one run: each thing was measured in rounds, taking
turns with what it is held against, and the median of the rounds is given with their middle half. Smaller is better, but
where the word is "at least". `make bench-quick` measures the most important ones in under a minute.

{where}

{summary}

![Time of a draw against the size of the catalog](plots/draws.png)

![Throughput and latency against connections](plots/servers.png)

![How often each model is drawn](plots/distribution.png)
"""


def main() -> None:
    absent = processes.missing()
    if absent:
        sys.exit(f"make bench needs {' and '.join(absent)}: apt-get install nginx-light wrk")
    begun = time.monotonic()
    sections = [*_pure(), *_waiting()]
    (_HERE / "RESULTS.md").write_text(_report(sections, time.monotonic() - begun))
    quality.write()
    print(f"written: benchmarks/RESULTS.md, after {time.monotonic() - begun:.0f} s")


def _say(sections: list[Section]) -> list[Section]:
    for section in sections:
        print(f"\n## {section.title}\n\n{markdown(section.rows)}", flush=True)
    return sections


def _pure() -> list[Section]:
    # A million models in the same process would slow the rest down, by Python's collection of garbage.
    small = [deciding.decisions(deciding.router_of(350), 350), deciding.catalogs(), deciding.judgements()]
    done = _say([*small, imports.section(), memory.section()])
    routers = {size: deciding.router_of(size) for size in deciding.SIZES}
    drawn, curves = deciding.draws(routers)
    plots.draws(curves)
    plots.distribution(deciding.distribution(routers[30]))
    return _say([drawn, deciding.pools(routers)]) + done


def _waiting() -> list[Section]:
    done = _say([transports.section()])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        servers.write_models(folder)
        sections, loads = servers.throughput(folder)
        plots.servers(servers.curves(loads))
        return done + _say([*sections, servers.workers(folder), servers.streamed(folder)])


def _report(sections: list[Section], seconds: float) -> str:
    parts = [_HEAD.format(where=_where(seconds), summary=_summary(sections))]
    for section in sections:
        words = f"\n{section.words}\n" if section.words else ""
        parts.append(f"\n## {section.title}\n{words}\n{markdown(section.rows)}\n")
    return "".join(parts) + "\n" + (_HERE / "limits.md").read_text()


def _where(seconds: float) -> str:
    peers = ", ".join(f"{name} {version(name)}" for name in _PEERS)
    load = os.getloadavg()[2]
    return (
        f"Run on {datetime.now(UTC):%Y-%m-%d} in {seconds / 60:.0f} minutes: Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, load average {load:.1f} over the last quarter of an hour (the benchmarks themselves "
        f"make one of 1 to 2; more means that others had the machine, too). With {peers}."
    )


def _summary(sections: list[Section]) -> str:
    rows = [row for section in sections for row in section.rows if row.target is not None]
    missed = [row.what for row in rows if not row.met]
    words = f"**{len(rows) - len(missed)} of {len(rows)} targets met.**"
    return f"{words} Missed: {'; '.join(missed)}. Why, is said at the end." if missed else words


if __name__ == "__main__":
    main()
