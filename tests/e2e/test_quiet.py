"""The page in a real browser: it asks nobody but its own server, and the walls let all of it work."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from servers import Server

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(("locale", "scheme"), [("en-US", "light"), ("zh-CN", "dark")])
def test_it_asks_nobody_else_and_complains_of_nothing(
    server: Server, browser: Browser, tmp_path: Path, locale: str, scheme: str
) -> None:
    page = browser.new_page(locale=locale, color_scheme=scheme)  # type: ignore[arg-type]
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server.url)
    tabs = page.get_by_role("tab")
    tabs.first.wait_for()
    for number in range(tabs.count()):
        tabs.nth(number).click()
        page.wait_for_timeout(700)
    page.screenshot(path=tmp_path / f"{locale}.png")
    page.close()
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith((server.url + "/", "data:", "blob:"))] == []
    assert complaints == []


def test_markup_that_slips_in_runs_nothing_and_reports_to_nobody(server: Server, browser: Browser) -> None:
    page = browser.new_page()
    answered: list[str] = []
    page.on("response", lambda response: answered.append(response.url))
    page.goto(server.url)
    page.get_by_role("tab").first.wait_for()
    page.evaluate(
        """() => {
            const slipped = document.createElement('div');
            slipped.innerHTML = `<img src="https://example.com/beacon.png" onerror="window.bad = 1">
                <a href="javascript:window.bad = 2" id="slipped">x</a><iframe src="https://example.com/frame"></iframe>
                <svg onload="window.bad = 3"></svg>`;
            document.body.append(slipped);
            const script = document.createElement('script');
            script.textContent = 'window.bad = 4';
            document.body.append(script);
            document.getElementById('slipped').click();
        }"""
    )
    page.wait_for_timeout(500)
    assert page.evaluate("window.bad") is None
    assert not [url for url in answered if "example.com" in url]
    page.close()
