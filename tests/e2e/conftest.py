"""The real page behind the real server, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from servers import Server, serving

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

PATIENCE = 120_000  # milliseconds; generous, since the cores may be shared
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("page") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def page(server: Server, browser: Browser) -> Iterator[Page]:
    """The Compare tab, at temperature 0."""
    page = browser.new_page(locale="en-US", viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(server.url)
    page.get_by_role("tab", name="Compare", exact=True).click()
    expect(page.locator("#ft-adapter")).to_be_visible()
    page.locator("#ft-params button").first.click()
    page.locator("#ft-temperature input[type=number]").fill("0")
    yield page
    page.close()
