"""Find rate and rank in a real browser: begun from the form, watched, and put into the form."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, expect
from servers import Server

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PATIENCE = 120_000  # milliseconds; generous, since the cores may be shared


def test_what_is_found_goes_into_the_form(server: Server, browser: Browser) -> None:
    page = browser.new_page(locale="en-US", viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(server.url)
    page.locator('[data-template="classify"]').click()
    expect(page.locator("#ft-tokens .learned").first).to_be_visible()
    page.get_by_role("tab", name="Train", exact=True).click()
    page.locator("#ft-adv > button").click()

    def field(name: str) -> Locator:
        return page.locator(f"#ft-{name} input, #ft-{name} textarea")

    field("set-max_steps").fill("4")
    field("minutes").fill("never")
    page.locator("#ft-find-rate").click()
    expect(page.get_by_text("minutes must be a number")).to_be_visible()
    field("minutes").fill("0.5")
    page.locator("#ft-find-rate").click()
    expect(page.locator(".ft-rates .mk").nth(1)).to_be_visible()
    assert page.locator("#ft-stop-run").is_visible()
    expect(page.locator("#ft-use")).to_be_visible()
    said = re.search(r"learning rate ([\d.e-]+) and rank (\d+)", page.locator("#ft-say").inner_text())
    assert said is not None
    page.locator("#ft-use").click()
    expect(field("set-learning_rate")).to_have_value(said[1])
    expect(field("set-r")).to_have_value(said[2])
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
