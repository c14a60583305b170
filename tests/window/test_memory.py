"""A page that is open for long does not grow."""

import json
from typing import Any

from playwright.sync_api import expect

from tests.server.stage import served


def event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def measured(page) -> tuple[int, int]:
    """The elements and the bytes that are alive."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    figures = {row["name"]: row["value"] for row in session.send("Performance.getMetrics")["metrics"]}
    return figures["Nodes"], figures["JSHeapUsedSize"]


def test_memory_is_flat_after_ten_thousand_requests(upstream, visit):
    """The page is given the events that the server would send, when it connects; between, it does not reach it."""
    with served(upstream) as server:
        server.ask()
        told = server.http.get("/status").json()
        batches = [range(1, 2_001)]

        def events(route):
            # The page may just be asking why there were no events: the next ones are not the answer to that.
            if not batches or route.request.headers["accept"] != "text/event-stream":
                route.abort()
                return
            news = [event("request", told["requests"][0] | {"number": number}) for number in batches.pop()]
            snapshot = event("snapshot", told | {"requests": []})
            route.fulfill(content_type="text/event-stream", body=snapshot + "".join(news))

        page = visit("about:blank", fails=True)
        page.route("**/events", events)
        page.goto(server.url)
        early = after(page, 2_000)
        batches.append(range(2_001, 10_001))
        page.evaluate("dispatchEvent(new Event('online'))")
        late = after(page, 10_000)
    assert late[0] <= early[0] * 1.1
    assert late[1] <= early[1] * 1.25


def after(page, number: int) -> tuple[int, int]:
    """What is measured once the page has shown so many requests."""
    expect(page.locator(f"tr[data-number='{number}']")).to_be_attached(timeout=60_000)
    assert page.locator("tr.request").count() == 200
    return measured(page)
