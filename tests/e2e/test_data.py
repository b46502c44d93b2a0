"""The Data tab in a real browser: mending with Undo, editing by keyboard, another base's tokens, a reload."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_models
from playwright.sync_api import Browser, Page, expect
from servers import Server

pytestmark = pytest.mark.e2e
PATIENCE = 120_000
ROWS = (
    "question,answer\nWho?,write to me@example.org\nWhat?,\nWhere?,Here\nWhere?,Here\nWhen?,Now\n"
    "Why?,Because\nHow?,Like this\n"
)


@pytest.fixture
def page(server: Server, browser: Browser) -> Iterator[Page]:
    page = browser.new_page(locale="en-US", viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(server.url)
    expect(page.locator("#ft-paste, #ft-stats h1").filter(visible=True).first).to_be_visible()
    yield page
    page.close()


def test_remedies_edits_and_undo(page: Page) -> None:
    file = {"name": "shop.csv", "mimeType": "text/csv", "buffer": ROWS.encode()}
    page.set_input_files("#ft-drop input[type=file]", [file])  # type: ignore[list-item]
    report, pairs = page.locator("#ft-report"), page.locator("#ft-pairs")
    expect(pairs).to_contain_text("me@example.org")
    page.locator('[data-kind="pii"][data-action="mask"]').click()
    expect(pairs).not_to_contain_text("me@example.org")
    expect(report.locator("s")).to_contain_text("Personal data")
    page.locator('[data-undo="0"]').click()
    expect(pairs).to_contain_text("me@example.org")

    cell = page.locator('[data-edit="completion"][data-at="0"]')
    cell.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.type("by hand")
    page.keyboard.press("Enter")
    expect(cell).to_have_text("by hand")
    expect(cell).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("not kept")
    page.keyboard.press("Escape")
    expect(cell).to_have_text("by hand")

    count = pairs.locator("tbody tr").count()
    pairs.locator("tbody input").nth(1).check()
    pairs.locator("[data-act=delete]").click()
    expect(pairs.locator("tbody tr")).to_have_count(count - 1)
    expect(report).to_contain_text("Rows deleted")


def test_ticked_rows_what_was_typed_and_the_keyboard_stay_in_another_language(page: Page) -> None:
    ticks, find = page.locator("#ft-pairs tbody input"), page.locator("#ft-find input, #ft-find textarea").first
    find.fill("Because")
    expect(page.locator("#ft-pairs tbody tr")).to_have_count(1)
    ticks.check()
    switch = page.locator("#ft-switches [data-lang]:visible")
    for title in ("As the model sees it", "模型看到的样子", "As the model sees it"):
        expect(page.locator("#ft-tokens")).to_contain_text(title)
        expect(ticks).to_be_checked()
        expect(find).to_have_value("Because")
        switch.focus()
        page.keyboard.press("Enter")
        expect(switch).to_be_focused()


def test_a_reload_comes_back_to_what_was_chosen(page: Page) -> None:
    expect(page.locator("#ft-stats h1")).to_have_text("shop")  # of the test before: the newest
    page.locator("#ft-change").click()
    page.locator('[data-template="poet"]').click()
    expect(page.locator("#ft-stats h1")).to_contain_text("poet")
    newest = page.locator("#ft-stats").inner_text()
    page.reload()
    expect(page.locator("#ft-stats h1")).to_contain_text("poet")
    assert page.evaluate("localStorage.getItem('ft-ids')").split(" ")[0][:6] in newest


def test_the_tokens_follow_the_base_that_is_chosen(page: Page, tmp_path: Path) -> None:
    panel = page.locator("#ft-tokens")
    expect(panel).to_contain_text("Tokens of Starter")
    learned = panel.locator(".learned")
    expect(learned.first).to_be_visible()
    first = panel.locator(".ft-toks").inner_text()
    folder = small_models.MAKERS[0](tmp_path / "another")
    page.get_by_role("tab", name="Train", exact=True).click()
    page.locator('[data-value="other"]').click()
    page.locator("#ft-other input, #ft-other textarea").fill(str(folder))
    page.keyboard.press("Enter")
    page.get_by_role("tab", name="Data", exact=True).click()
    expect(panel).to_contain_text(f"Tokens of {Path(folder).name}")
    expect(learned.first).to_be_visible()
    assert panel.locator(".ft-toks").inner_text() != first
    expect(page.locator("#ft-ready")).to_contain_text(Path(folder).name)
    expect(page.locator("#ft-lengths")).to_contain_text(Path(folder).name)


def test_an_open_page_asks_once_a_second(page: Page) -> None:
    page.locator('[data-template="poet"]').or_(page.locator("#ft-lengths .ft-hist")).filter(visible=True).wait_for()
    deadline = time.monotonic() + PATIENCE / 1000
    while True:  # what the page is still drawing may come late
        asked: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.wait_for_timeout(5000)
        if 0 < len(asked) <= 7 and all(re.search("/run/predict", url) for url in asked):
            break
        assert time.monotonic() < deadline, asked


def test_on_a_phone_a_pair_is_seen_whole_and_the_page_changes_its_language_at_once(
    server: Server, browser: Browser
) -> None:
    page = browser.new_page(locale="zh-CN", viewport={"width": 390, "height": 844})
    page.set_default_timeout(PATIENCE)
    page.goto(server.url)
    expect(page.locator("#ft-paste, #ft-stats h1").filter(visible=True).first).to_be_visible()
    if page.locator("#ft-change").is_visible():
        page.locator("#ft-change").click()
    page.locator('[data-template="support_zh"]').click()
    question, answer = (page.locator(f'[data-edit="{side}"][data-at="0"]') for side in ("prompt", "completion"))
    expect(question).to_have_text("我的包裹到哪儿了？")
    for cell in (question, answer):
        box = cell.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
    switch = page.locator("[data-lang]:visible")
    for label, names in (
        ("EN", "数据 训练 对比 记录"),
        ("中文", "Data Train Compare Runs"),
        ("EN", "数据 训练 对比 记录"),
    ):
        expect(switch).to_have_text(label)
        for name in names.split():
            expect(page.get_by_role("tab", name=name, exact=True)).to_be_visible()
        switch.click()
        expect(switch).not_to_have_text(label, timeout=1000)
    page.close()
