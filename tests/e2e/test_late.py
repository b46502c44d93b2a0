"""A slow server and a quick visitor, in a real browser: what answers an earlier question does not have the last word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from servers import Server

pytestmark = pytest.mark.e2e
PATIENCE = 120_000


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(locale="en-US", viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


@pytest.mark.parametrize("late", [["", "", ""], ["en", None]], ids=["opening the page", "which bases fit"])
def test_a_language_that_is_switched_while_the_server_is_slow_stays(
    page: Page, server: Server, late: list[Any]
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        """Lets all through but what is first asked with these values."""
        asked = (route.request.post_data_json or {})["data"]
        like = len(asked) == len(late) and all(one in (other, "en") for one, other in zip(asked, late, strict=True))
        if like and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/queue/join*", hold)
    page.goto(server.url)
    switch, bases = page.locator("[data-lang]:visible"), page.locator("#ft-bases")
    expect(switch).to_have_text("中文", timeout=PATIENCE)
    while not held:
        page.wait_for_timeout(50)
    page.get_by_role("tab", name="Train", exact=True).click()
    switch.click()
    expect(bases).to_contain_text("基座模型", timeout=PATIENCE)
    held[0].continue_()
    expect(bases).to_contain_text("放得下", timeout=PATIENCE)  # the worker has said so
    page.wait_for_timeout(1000)
    expect(bases).to_contain_text("基座模型", timeout=PATIENCE)
    page.get_by_role("tab", name="数据", exact=True).click()
    expect(page.locator("#ft-bring h1")).to_have_text("用例子教会模型", timeout=PATIENCE)
