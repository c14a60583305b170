"""docs/metrics.md lists what /metrics says, and its alert rules and the dashboard ask for nothing else."""

import json
import re
from pathlib import Path

import pytest

from freerouter.server import Access, tokens
from tests.server.stage import served
from tests.stage import striking

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "metrics.md").read_text(encoding="utf-8")
DASHBOARD = json.loads((DOCS / "grafana.json").read_text(encoding="utf-8"))
ROWS = re.findall(r"^\| `(freerouter_\w+)` \| (\w+) \| ([\w, ]*) \| (.+) \|$", PAGE, re.MULTILINE)
TOKEN = "a-token-of-a-client"


@pytest.fixture
def said(upstream, emulator) -> str:
    """The text of /metrics once a bit of everything has happened."""
    emulator.faults = striking("bad_gateway", count=1)
    with served(upstream, Access(tokens(TOKEN))) as server:
        server.http.headers["x-api-key"] = TOKEN
        server.ask(stream=True)
        server.ask(model="openai/gpt-4o")
        server.http.get("/nothing")
        return server.http.get("/metrics").text


def labels_of(said: str, name: str) -> set[str]:
    found = re.findall(rf"^{name}(?:_bucket)?\{{(.*)\}} ", said, re.MULTILINE)
    return {label for labels in found for label in re.findall(r'(\w+)="', labels)} - {"le"}


def test_the_table_is_what_metrics_says(said):
    helped = dict(re.findall(r"^# HELP (freerouter_\w+) (.*)$", said, re.MULTILINE))
    kinds = dict(re.findall(r"^# TYPE (freerouter_\w+) (\w+)$", said, re.MULTILINE))
    told = {name: (kinds[name], text) for name, text in helped.items() if not name.endswith("_created")}
    assert {name: (kind, text) for name, kind, _, text in ROWS} == told
    for name, _, labels, _ in ROWS:
        # The first failing routed request of a token is what makes its counter of failures.
        assert labels_of(said, name) == {label for label in labels.split(", ") if label}, name


def asked_for() -> list[tuple[str, str]]:
    rules = re.findall(r"expr: (?:>-\n)?((?:.|\n)*?)\n +(?:for|annotations):", PAGE)
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [("rule", rule) for rule in rules] + [("panel", panel) for panel in panels]


@pytest.mark.parametrize(("where", "expression"), asked_for())
def test_rules_and_panels_ask_for_what_there_is(where, expression):
    known = {name: labels.split(", ") for name, kind, labels, _ in ROWS}
    for name, _, selected in re.findall(r"(freerouter_\w+)(\{([^}]*)\})?", expression):
        base = name.removesuffix("_bucket")
        assert base in known, where
        assert set(re.findall(r"(\w+)[!=]", selected)) <= set(known[base])
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert set(grouped.split(", ")) <= {"le", *(label for labels in known.values() for label in labels)}


def test_there_are_rules_and_panels():
    kinds = [where for where, _ in asked_for()]
    assert (kinds.count("rule"), kinds.count("panel")) >= (6, 16)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
