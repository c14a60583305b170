"""axe-core finds nothing serious, whatever the page shows."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from freerouter.server import Access, tokens
from tests.server.stage import served
from tests.stage import striking

AXE = Path(__file__).parents[1] / "clients" / "node" / "node_modules" / "axe-core" / "axe.min.js"
RULES = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }"
SERIOUS = ("serious", "critical")


@pytest.fixture(autouse=True, scope="module")
def installed():
    """Required in CI."""
    if not AXE.is_file():
        assert os.environ.get("CI") != "true", "make test has not installed axe-core"
        pytest.skip("there is no axe-core")


def found(page) -> list[str]:
    """What is serious, with the elements."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = page.evaluate(f"axe.run(document, {RULES})")["violations"]
    return [
        f"{rule['id']}: {node['html']} {node['any'] and node['any'][0]['message']}"
        for rule in violations
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_the_page_with_all_that_it_can_show(upstream, visit, emulator, scheme, width):
    emulator.faults = striking("rate_limited", probability=0.4)
    with served(upstream, authors=("nvidia",)) as server:  # few rows: contrasts take long to measure
        for _ in range(4):
            server.ask()
        page = visit(server.url, color_scheme=scheme, viewport={"width": width, "height": 900})
        page.locator("tr.request").first.click()
        page.locator("#needs input").first.check(force=True)
        page.get_by_role("button", name="Explain").click()
        page.locator("#try-result summary").click()
        expect(page.locator(".steps")).to_be_visible()
        assert found(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_login(upstream, visit, scheme):
    with served(upstream, Access(tokens("let-me-in-0123456789"))) as server:
        page = visit(server.url, fails=True, color_scheme=scheme)
        page.get_by_role("textbox", name="Token").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("wrong")
        assert found(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_banner(upstream, visit, emulator, scheme):
    emulator.faults = striking("daily_limit")
    with served(upstream) as server:
        server.ask()
        page = visit(server.url, color_scheme=scheme)
        expect(page.locator("#banner")).to_contain_text("Allowance used up")
        assert found(page) == []
