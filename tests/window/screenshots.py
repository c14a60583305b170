"""Takes the pictures of the window that are in docs/: ``make screenshots``."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from freerouter.emulator import Emulator, Fault, Faults
from tests.server.stage import Served, served

FOLDER = Path(__file__).parents[2] / "docs" / "window"
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
PICTURE = [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]
KINDS: list[dict[str, Any]] = [
    {},
    {"tools": [TOOL]},
    {"messages": [{"role": "user", "content": PICTURE}]},
    {"response_format": {"type": "json_object"}},
    {"tools": [TOOL], "tool_choice": "required"},
]
REQUESTS = 70


def use(server: Served) -> None:
    """Send requests of several kinds."""
    kinds = Random(4).choices(KINDS, weights=[5, 3, 2, 1, 1], k=REQUESTS)
    with ThreadPoolExecutor(4) as pool:
        for answer in [pool.submit(server.ask, stream=place % 3 > 0, **kind) for place, kind in enumerate(kinds)]:
            answer.result()


def opened(browser: Browser, url: str, scheme: str, width: int, height: int) -> Page:
    """The page, once it shows the requests."""
    size = {"width": width, "height": height}
    page = browser.new_page(viewport=size, color_scheme=scheme, locale="en-GB", reduced_motion="reduce")
    page.goto(url)
    page.locator("tr.request").first.wait_for()
    return page


def main() -> None:
    """Write the pictures."""
    faults = Faults([Fault("rate_limited", "nvidia/*", 0.35), Fault("bad_gateway", "google/*", 0.3)], seed=3)
    emulator = Emulator(seed=1, per_minute=None, per_day=1000, faults=faults, chunk_delay=0.06)
    FOLDER.mkdir(exist_ok=True)
    with emulator.running() as upstream, served(upstream) as server, sync_playwright() as playwright:
        use(server)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened(browser, server.url, "light", 1280, 1040).screenshot(path=FOLDER / "light.png")
        opened(browser, server.url, "light", 360, 780).screenshot(path=FOLDER / "phone.png")
        page = opened(browser, server.url, "dark", 1280, 1040)
        page.locator("tr.request", has=page.locator(".try.bad")).first.click()
        page.evaluate("document.querySelector('#requests').scrollIntoView()")
        page.screenshot(path=FOLDER / "dark.png")
        browser.close()


if __name__ == "__main__":
    main()
