"""The window in a real browser: Debian's Chromium, driven by Playwright; required in CI."""

import os
import shutil

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from freerouter.emulator import Emulator

# What Chromium says by itself of a status or of a server that is away.
OF_THE_NETWORK = "Failed to load resource"
# Milliseconds to wait for what must be seen, also on a slow machine that does much else.
PATIENCE = 20_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser():
    found = shutil.which("chromium")
    if found is None:
        assert os.environ.get("CI") != "true", "there is no Chromium"
        pytest.skip("there is no Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def emulator():
    return Emulator(seed=1, per_minute=None, per_day=50)


class Visit:
    """Opens pages, and hears what they complain of."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts = []
        self._complaints: list[str] = []
        self.expected = False

    def __call__(self, url: str, *, fails: bool = False, **options) -> Page:
        """A page in a browser of its own; ``fails`` says that the network will."""
        given = {"locale": "en-GB", "timezone_id": "UTC", "viewport": {"width": 1280, "height": 900}, **options}
        context = self._browser.new_context(**given)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        page.on("console", lambda message: self._hear(message, fails))
        page.goto(url)
        return page

    def _hear(self, message, fails: bool) -> None:
        if message.type in ("error", "warning") and not (fails and message.text.startswith(OF_THE_NETWORK)):
            self._complaints.append(message.text)

    def end(self) -> None:
        for context in self._contexts:
            context.close()
        assert not self._complaints


@pytest.fixture
def visit(browser):
    visit = Visit(browser)
    yield visit
    visit.end()
