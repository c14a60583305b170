"""What the page shows and what one can do with it."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.server.stage import served
from tests.stage import striking

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
# When there are more requests than so many, in milliseconds since 1970.
APPEARS = """(seen) => {
  const table = document.querySelector("#requests-table");
  window.appeared = new Promise((tell) => {
    const look = () => table.querySelectorAll("tr.request").length > seen && tell(Date.now());
    new MutationObserver(look).observe(table, { childList: true, subtree: true });
  });
}"""
# The document's width and height, and where its last element ends.
SIZES = """() => {
  const end = document.querySelector("footer").getBoundingClientRect().bottom + scrollY;
  return [document.documentElement.scrollWidth, document.documentElement.scrollHeight, end];
}"""
STEPS = ["Request Analysis", "Model Filtering", "Random Selection", "Request Forwarding", "Response Tracking"]


@pytest.fixture
def server(upstream):
    with served(upstream, requests_per_minute=20) as running:
        yield running


def request(page, place: int = 0):
    return page.locator("tr.request").nth(place)


def column(page, name: str) -> list[str]:
    return page.locator(f"#models tbody .col-{name}").all_inner_texts()


def test_a_request_appears_within_a_second(server, visit):
    page = visit(server.url)
    expect(page.locator("body")).to_have_attribute("data-connection", "live")
    expect(page.get_by_text("No request yet.")).to_be_visible()
    late = []
    while not late or (late[-1] >= 1 and len(late) < 5):  # on a machine that does much else, not each one is in time
        page.evaluate(APPEARS, len(late))
        model = server.ask(tools=[TOOL]).headers["x-freerouter-model"]
        answered = time.time()
        late.append(page.evaluate("appeared") / 1000 - answered)
    assert late[-1] < 1
    expect(request(page)).to_be_visible()
    expect(request(page).locator(".col-model b")).to_have_text(model.partition("/")[2].removesuffix(":free"))
    expect(request(page).locator(".col-needs")).to_contain_text("tools")
    expect(request(page).locator(".col-eligible")).to_have_text(re.compile(r"^\d+ of 18$"))
    expect(request(page).locator(".col-total")).to_have_text(re.compile(r"^\d+ ms$"))


def test_the_health_and_the_allowance_are_seen_at_a_glance(server, visit):
    server.ask()
    page = visit(server.url)
    expect(page.locator("#health")).to_contain_text("Working")
    expect(page.locator("#health")).to_contain_text("18 of 18 models ready")
    expect(page.locator("#health")).to_contain_text("127.0.0.1")
    expect(page.locator("#allowance")).to_contain_text("of 50 left")
    expect(page.locator("#allowance")).to_contain_text("1 of 20")
    expect(page.locator("#allowance")).to_contain_text("00:00, in ")
    expect(page.locator("#recent")).to_contain_text("100 %")
    expect(page.locator("#banner")).to_be_empty()


def test_a_cooldown_is_shown_until_it_is_over(server, visit, emulator):
    page = visit(server.url)
    emulator.faults = striking("rate_limited", count=1)
    server.ask()
    row = page.locator("#models tr.cooling")
    expect(row.locator(".col-state")).to_have_text(re.compile(r"^cooling \d+ s$"))
    expect(row.locator(".col-success")).to_contain_text("0 %")
    expect(page.locator("#health")).to_contain_text("17 of 18 models ready")
    expect(request(page).locator(".try")).to_have_count(2)
    expect(request(page).get_by_role("img")).to_have_attribute("aria-label", re.compile(r"^2 attempts: .*: 429 "))
    with server.app.router.lock:
        server.app.router.health.cooling.clear()
    expect(row).to_have_count(0)


def test_whether_a_model_trains_on_prompts(server, visit):
    page = visit(server.url)
    assert all("unknown" in text for text in column(page, "trains"))
    assert page.locator(".col-trains", has_text="unknown").count() == 18
    model = server.ask(provider={"data_collection": "deny"}).headers["x-freerouter-model"]
    expect(page.locator(f"tr[data-id='{model}'] .col-trains")).to_have_text("no")


def test_models_are_filtered_by_what_they_can_do(server, visit):
    page = visit(server.url)
    everything = len(column(page, "name")) or page.locator("#models tbody tr").count()
    for name in ("images", "tools"):
        page.locator("#needs").get_by_label(name).check()
    able = server.app.router.models(["image", "tools"])
    expect(page.locator("#models tbody tr")).to_have_count(len(able))
    expect(page.locator("#models-count")).to_have_text(f"{len(able)} of {everything} can do that")
    page.locator("#needs").get_by_label("images").uncheck()
    expect(page.locator("#models tbody tr")).to_have_count(len(server.app.router.models(["tools"])))


def test_models_are_sorted_by_a_column_with_the_keyboard(server, visit):
    page = visit(server.url)
    names = column(page, "name")
    assert names == sorted(names)
    heading = page.get_by_role("button", name="Context")
    heading.focus()
    page.keyboard.press("Enter")
    assert column(page, "context")[0] == "1M"
    expect(page.locator("th.col-context")).to_have_attribute("aria-sort", "descending")
    page.keyboard.press("Enter")
    assert column(page, "context")[0] == "33k"
    expect(page.locator("th.col-context")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("thead th.col-name")).not_to_have_attribute("aria-sort", "ascending")


def test_a_request_opens_to_its_trace_and_is_copied(server, visit, emulator):
    emulator.faults = striking("bad_gateway", count=1)
    answer = server.ask(seed=7, stream=True)
    page = visit(server.url)
    opener = request(page).get_by_role("button")
    opener.focus()
    page.keyboard.press("Enter")
    expect(opener).to_have_attribute("aria-expanded", "true")
    assert page.locator(".steps h3").all_inner_texts() == STEPS
    expect(page.locator(".steps")).to_contain_text(f"answered by {answer.headers['x-freerouter-model']}")
    page.get_by_role("button", name="Copy as text").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("freerouter 0.")
    for words in (*STEPS, answer.headers["x-freerouter-trace"], "prefers seed", ": 502 ", "streamed", "finished"):
        assert words in text
    page.keyboard.press("Shift+Tab")
    opener.press("Enter")
    expect(page.locator(".steps")).to_have_count(0)


def test_an_open_trace_stays_open_while_requests_come(server, visit):
    server.ask()
    page = visit(server.url)
    request(page).click()
    server.ask()
    expect(page.locator("tr.request")).to_have_count(2)
    expect(page.locator(".steps")).to_have_count(1)


def test_a_request_is_explained_without_sending_it(server, visit, emulator):
    page = visit(server.url)
    page.locator("#try-needs").get_by_label("tools").check()
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#try-result")).to_contain_text("models are eligible")
    expect(page.locator("#try-result .rows").first.locator("li")).to_have_count(
        len(server.app.router.models(["tools"]))
    )
    expect(page.locator("#try-result")).to_contain_text("not eligible")
    assert not emulator.completions


def test_a_preference_is_explained(server, visit):
    page = visit(server.url)
    expect(page.get_by_label("Prefer")).to_have_value("uniform")
    page.get_by_label("Prefer").select_option("large")
    page.get_by_role("button", name="Explain").click()
    first = page.locator("#try-result .rows").first.locator("li").first
    expect(first).to_contain_text(server.app.router.models()[-1].id)
    expect(first).to_contain_text("rank 1 of 18")
    page.get_by_role("button", name="Send").click()
    request(page).click()
    expect(page.locator(".steps")).to_contain_text("preference large")


def test_a_prompt_is_sent_and_its_answer_streams(server, visit, emulator):
    page = visit(server.url)
    page.get_by_label("Prompt").fill("Hello there")
    page.locator("#try-needs").get_by_label("tools").check()
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#try-result")).to_contain_text("Answered by")
    assert "Hello" in page.locator(".answer").inner_text()
    (sent,) = emulator.completions
    assert sent.json["messages"] == [{"role": "user", "content": "Hello there"}]
    assert sent.json["stream"] is True
    expect(request(page).locator(".col-needs")).to_contain_text("tools")


def test_a_failure_of_a_try_is_told(server, visit, emulator):
    emulator.faults = striking("bad_gateway")
    page = visit(server.url, fails=True)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#try-result .error")).to_contain_text("eligible models failed")
    expect(request(page).locator("td.col-model")).to_have_text("failed, 429")


def test_snippets_have_the_address_of_the_server(server, visit):
    page = visit(server.url)
    for name, words in {
        "curl": f"{server.url}/api/v1/chat/completions",
        "Python, openai": f'base_url="{server.url}/api/v1"',
        "JavaScript, openai": f'baseURL: "{server.url}/api/v1"',
        "Claude Code": f"ANTHROPIC_BASE_URL={server.url}/api",
        "Any other": f"base URL   {server.url}/api/v1",
    }.items():
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tabpanel")).to_contain_text(words)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="curl")).to_be_focused()


def test_dark_is_dark_and_light_is_light(server, visit):
    lightness = {}
    for scheme in ("light", "dark"):
        page = visit(server.url, color_scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        lightness[scheme] = sum(map(int, re.findall(r"\d+", colour)))
    assert lightness["dark"] < 100
    assert lightness["light"] > 600


@pytest.mark.parametrize("width", [360, 800, 1100])
def test_no_screen_needs_sideways_scrolling_or_ends_in_nothing(server, visit, emulator, width):
    emulator.faults = striking("rate_limited", probability=0.3)
    for _ in range(19):
        server.ask(tools=[TOOL])
    page = visit(server.url, viewport={"width": width, "height": 740})
    request(page).click()
    expect(page.locator(".steps")).to_be_visible()
    wide, high, end = page.evaluate(SIZES)
    assert wide == width
    assert high == pytest.approx(end, abs=2)


def test_a_phone_shows_what_matters_most(server, visit):
    server.ask()
    page = visit(server.url, viewport={"width": 360, "height": 740})
    for part in ("#models tbody .col-name", "#models tbody .col-state", "tr.request .col-model", "#prompt"):
        box = page.locator(part).first.bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 360, part


@pytest.mark.parametrize("shown", [False, True])
def test_a_message_is_shown_only_where_that_was_said(upstream, visit, shown):
    with served(upstream, serve_show_content=shown) as server:
        server.http.post(
            "/api/v1/chat/completions", json={"messages": [{"role": "user", "content": "canary " + "x" * 999}]}
        )
        page = visit(server.url)
        request(page).click()
        expect(page.locator(".steps")).to_be_visible()
        assert ("canary" in page.content()) == shown
        assert "x" * 400 not in page.content()


def test_models_that_may_train_on_prompts_can_be_left_out(server, visit, emulator):
    emulator.denies_training = True
    emulator.training = [model.id for model in server.app.router.models()[1:]]
    page = visit(server.url)
    page.get_by_label("without models that may train on it").check()
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#try-result")).to_contain_text("1 model is eligible.")
    expect(page.locator("#try-result")).to_contain_text("Whether 1 of them train on prompts is not known")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#try-result")).to_contain_text("Answered by")
    (sent,) = emulator.completions
    assert sent.json["provider"]["data_collection"] == "deny"


def test_a_setting_that_denies_training_cannot_be_loosened(upstream, visit):
    with served(upstream, train="deny") as server:
        box = visit(server.url).get_by_label("without models that may train on it")
        expect(box).to_be_checked()
        expect(box).to_be_disabled()


def test_a_trace_says_whether_a_conversation_stays_on_its_model(server, visit, emulator):
    first = server.ask(session_id="s").headers["x-freerouter-model"]
    server.ask(session_id="s")
    emulator.faults = striking("rate_limited", models=first)
    second = server.ask(session_id="s").headers["x-freerouter-model"]
    page = visit(server.url)
    request(page).click()
    expect(page.locator(".steps")).to_contain_text(f"the conversation moves from {first} to {second}: it failed (")
    request(page, 1).click()
    expect(page.locator(".steps").last).to_contain_text(f"the conversation stays on {first}")
    request(page, 2).click()
    expect(page.locator(".steps").last).not_to_contain_text("conversation")
