"""What the page says when something is wrong, who may see it, and how it comes back."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from freerouter import Router, Settings
from freerouter.server import Access, App, tokens
from tests.server.stage import ask, running, served
from tests.stage import CATALOG, KEY, NOWHERE, striking, until

TOKEN = "let-me-in-0123456789"
ACCESS = Access(tokens(f"alice={TOKEN}"))


@pytest.fixture
def server(upstream):
    with served(upstream) as running:
        yield running


def banner(page):
    return page.locator("#banner")


def log_in(page, token: str = TOKEN) -> None:
    page.get_by_role("textbox", name="Token").fill(token)
    page.get_by_role("button", name="Log in").click()


def test_an_empty_pool(upstream, visit):
    with served(upstream, include=("nobody/*",)) as server:
        page = visit(server.url)
        expect(banner(page)).to_contain_text("No eligible model. The settings include, exclude")
        expect(page.locator("#models")).to_contain_text("There is no free model to draw from.")


def test_no_list_of_models(visit):
    with served(NOWHERE, catalog=None) as server:
        expect(banner(visit(server.url))).to_contain_text("No list of models yet.")


def test_a_shut_gate(server, visit, emulator):
    emulator.faults = striking("daily_limit")
    server.ask()
    page = visit(server.url)
    expect(banner(page)).to_have_text(re.compile(r"Allowance used up\. .*The gate opens at \d\d:\d\d, in "))
    expect(page.locator("#health")).to_contain_text("Allowance used up")


def test_a_minute_that_is_used_up(upstream, visit):
    with served(upstream, requests_per_minute=1) as server:
        server.ask()
        page = visit(server.url)
        expect(banner(page)).to_have_text(re.compile(r"Minute used up\. .* goes in \d+ s\."))
        expect(page.locator("#allowance")).to_contain_text("1 of 1")


def test_processes_that_are_not_heard(upstream, visit):
    with served(upstream, shared_state="redis://127.0.0.1:9/0") as server:
        page = visit(server.url)
        expect(banner(page)).to_contain_text(
            "Limits not shared. Other processes are not heard: Redis cannot be reached."
        )
        expect(page.locator("#health")).to_contain_text("Shared over")


def test_all_models_cooling_down(server, visit):
    router = server.app.router
    with router.lock:
        router.health.cooling.update({model.id: router.clock() + 60 for model in router.index().models})
    page = visit(server.url)
    expect(banner(page)).to_contain_text("All models cool down.")
    expect(page.locator("#models tr.cooling")).to_have_count(18)


def test_an_outage_and_its_end(server, visit, emulator):
    emulator.faults = striking("html_in_502")
    server.ask()
    page = visit(server.url)
    expect(banner(page)).to_contain_text("Outage. OpenRouter does not answer")
    emulator.faults = None
    with server.app.router.lock:
        server.app.router.endpoint.outage.alive()
    expect(banner(page)).to_be_empty()


def test_the_first_paint(server, browser):
    """Before anything is known, the page stands as it will, and says that it connects."""
    context = browser.new_context()
    page = context.new_page()
    page.route("**/status*", lambda route: None)
    page.goto(server.url)
    assert page.locator("body").get_attribute("data-connection") == "first"
    expect(page.locator("#connection")).to_have_text("Connecting")
    for name in ("Health", "Allowance", "Models", "Requests", "Try it"):
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    context.close()


def test_a_wrong_token_is_told_and_the_right_one_lets_in(upstream, visit, emulator):
    with served(upstream, ACCESS) as server:
        page = visit(server.url, fails=True)
        expect(page.get_by_role("textbox", name="Token")).to_be_focused()
        expect(page.locator("#content")).to_be_hidden()
        log_in(page, "wrong")
        expect(page.get_by_role("alert")).to_contain_text("This token is wrong")
        log_in(page)
        expect(page.locator("#connection")).to_have_text("Live")
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        assert TOKEN not in cookie["value"]
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#try-result")).to_contain_text("Answered by")
        expect(page.locator("#snippets")).to_contain_text("YOUR_TOKEN")
        page.reload()
        expect(page.locator("tr.request")).to_have_count(1)
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("textbox", name="Token")).to_be_visible()
        page.reload()
        expect(page.get_by_role("textbox", name="Token")).to_be_visible()
        assert not page.context.cookies()


def test_a_lost_connection_comes_back_by_itself(upstream, visit):
    """After a restart, with the session and what is on the page."""
    with running(_app(upstream)) as url:
        page = visit(url, fails=True)
        log_in(page)
        expect(page.locator("#connection")).to_have_text("Live")
        page.get_by_label("Prompt").fill("What I wrote")
    expect(page.locator("#connection")).to_have_text("Connection lost, trying again")
    with running(_app(upstream), httpx.URL(url).port):
        expect(page.locator("#connection")).to_have_text("Live")
        httpx.post(f"{url}/api/v1/chat/completions", json=ask(), headers={"x-api-key": TOKEN})
        expect(page.locator("tr.request")).to_have_count(1)
        expect(page.get_by_label("Prompt")).to_have_value("What I wrote")


def _app(upstream: str) -> App:
    return App(Router(Settings(upstream=upstream, api_key=KEY, seed=1), CATALOG), ACCESS)


def test_there_is_one_attempt_to_connect_at_a_time(server, visit):
    """Whatever brings the person back, and however often: two connections would show each request twice."""
    page = visit("about:blank", fails=True)
    heard = []
    page.route("**/events", lambda route: route.abort())
    page.goto(server.url)
    expect(page.locator("#connection")).to_have_text("Connection lost, trying again")
    page.unroute("**/events")
    page.on("response", lambda answer: answer.request.resource_type == "eventsource" and heard.append(answer))
    page.evaluate("for (let i = 0; i < 5; i += 1) dispatchEvent(new Event('online'))")
    expect(page.locator("#connection")).to_have_text("Live")
    server.ask()
    expect(page.locator("tr.request")).to_have_count(1)
    assert len(heard) == 1


def test_a_page_that_the_server_refuses_shows_its_words_and_waits(server, visit, monkeypatch):
    monkeypatch.setattr("freerouter.server.window.feed.PAGES", 1)
    open_page = visit(server.url)
    expect(open_page.locator("#connection")).to_have_text("Live")
    page = visit("about:blank", fails=True)
    page.clock.install()
    asked = []
    page.on(
        "request", lambda request: request.url.endswith(("/events", "/status?requests=0")) and asked.append(request)
    )
    page.goto(server.url)
    expect(banner(page)).to_have_text("The server refuses this page. It says: 1 pages are open already: close one.")
    expect(page.locator("#connection")).to_have_text("Refused")
    page.clock.run_for(30_000)
    assert len(asked) == 3  # the state, the events, and why there are none
    open_page.close()
    until(lambda: not server.app.window._feed._pages)
    page.clock.run_for(31_000)
    expect(page.locator("#connection")).to_have_text("Live")
    expect(banner(page)).to_be_empty()
    assert len(asked) == 5


def test_a_page_of_a_host_that_is_not_allowed_shows_the_servers_words(server, visit):
    page = visit("about:blank", fails=True)
    page.route(
        "**/status*", lambda route: route.fulfill(status=403, json={"error": {"message": "the host is not yours"}})
    )
    page.goto(server.url)
    expect(banner(page)).to_contain_text("It says: the host is not yours.")
