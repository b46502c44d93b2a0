"""A slow server and a quick visitor, in a real browser: what answers an earlier question does not have the last word."""

from __future__ import annotations

import pytest
from pages import pairs
from playwright.sync_api import Browser, Route, expect
from servers import Server

from ftchat.data import DatasetStore, Source, read
from ftchat.ui.texts import t

pytestmark = pytest.mark.e2e
PATIENCE = 120_000


def test_a_language_that_is_switched_before_the_page_was_answered_stays(server: Server, browser: Browser) -> None:
    DatasetStore(server.home).put(read([Source.from_text(pairs(5))]), "known from before")
    page = browser.new_page(locale="en-US", viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    opening: list[Route] = []
    # What waits its turn first is the page's own opening.
    page.route("**/queue/join*", lambda route: opening.append(route), times=1)
    page.goto(server.url)
    while not opening:
        page.wait_for_timeout(50)
    page.locator("[data-lang]:visible").click()
    expect(page.locator("#ft-bring h1")).to_have_text(t("ft_teach", "zh"))
    opening[0].continue_()
    expect(page.locator("#ft-stats")).to_contain_text(t("ft_rows_read", "zh"))
    expect(page.get_by_role("tab", name=t("ft_data", "zh"), exact=True)).to_be_visible()
    page.close()


def test_a_remedy_that_fails_does_not_say_for_ever_that_it_is_at_work(server: Server, browser: Browser) -> None:
    dataset = DatasetStore(server.home).put(read([Source.from_text(pairs(5) + pairs(2))]), "twice")
    page = browser.new_page(locale="en-US", viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(server.url)
    remedy, working = page.locator('[data-kind="duplicate"][data-action="drop"]'), page.locator("#ft-mending p")
    expect(remedy).to_be_visible()
    (server.home / "owners" / "local" / "datasets" / dataset.hash / "examples.jsonl").unlink()
    remedy.click()
    expect(working).to_be_visible()
    expect(page.locator(".toast-wrap")).to_contain_text("damaged")
    expect(working).to_have_count(0)
    page.close()
