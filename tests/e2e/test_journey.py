"""The main job in a real browser: data, train, compare, on the embedded model; and it looks at what it sees."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect
from servers import Server
from test_train import PAIRS

pytestmark = pytest.mark.e2e
PATIENCE = 120_000  # milliseconds; generous, since the cores may be shared
WIDTHS = (1440, 1024, 390)


@pytest.fixture
def page(server: Server, browser: Browser) -> Iterator[Page]:
    page = browser.new_page(locale="en-US", viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(server.url)
    yield page
    page.close()


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def fits(page: Page) -> None:
    """Nothing sticks out sideways at any width."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1440, "height": 900})


def pane(page: Page, side: str, part: str = "talk") -> Locator:
    """The talk, or the foot, of the base's or the tuned model's pane."""
    return page.locator(f"#ft-pane-{side} .block.ft-{part}")


def answers(page: Page) -> tuple[str, str]:
    """What the two panes show, base first."""
    return pane(page, "base").inner_text(), pane(page, "tuned").inner_text()


def test_a_template_shows_its_rows_and_its_tokens(page: Page) -> None:
    page.locator('[data-template="support_en"]').click()
    expect(page.locator("#ft-stats")).to_contain_text("40")
    learned = page.locator("#ft-tokens .learned")
    expect(learned.first).to_be_visible()
    assert learned.count() > 10
    expect(page.locator("#ft-pairs")).to_contain_text("jacket")
    fits(page)
    page.locator("#ft-change").click()
    expect(page.locator("#ft-paste")).to_be_visible()


def test_the_form_says_what_a_run_would_take_and_is_ready_for_the_next(page: Page) -> None:
    tab(page, "Train")  # with the template of the test before
    takes, chosen = page.locator("#ft-takes"), page.locator("#ft-set-learning_rate input")
    expect(takes).to_contain_text("MB")
    page.locator("#ft-adv > button").click()
    expect(chosen).to_have_attribute("placeholder", re.compile(r"\d"))
    before = takes.inner_text()
    page.locator("#ft-set-r input").fill("64")
    page.locator("#ft-set-r input").blur()
    expect(takes).not_to_have_text(before)
    expect(takes).to_contain_text("MB")
    # A name is of one run; the settings stay for the next.
    page.locator("#ft-set-max_steps input").fill("1")
    page.locator("#ft-name input").fill("of one step")
    page.locator("#ft-start").click()
    expect(page.locator("#ft-run")).to_have_attribute("data-state", "finished")
    expect(page.locator("#ft-form")).to_be_hidden()
    page.locator("#ft-new-run").click()
    expect(page.locator("#ft-form")).to_be_visible()
    expect(page.locator("#ft-name input")).to_have_value("")
    expect(page.locator("#ft-set-r input")).to_have_value("64")
    # Another method has other settings.
    page.locator("#ft-method input").click()
    page.get_by_role("option", name="Prefix tuning").click()
    expect(page.locator("#ft-set-num_virtual_tokens")).to_be_visible()
    expect(page.locator("#ft-set-r")).to_be_hidden()


def test_from_pasted_pairs_to_two_answers(page: Page, tmp_path: Path) -> None:
    expect(page.locator("#ft-tokens .learned").first).to_be_visible()  # of the test before
    page.locator("#ft-change").click()
    rows = [f"{question}\t{answer}" for question, answer in PAIRS] + ["a question without an answer\t"]
    page.locator("#ft-paste textarea").fill("\n".join(rows))
    page.locator("#ft-read").click()
    expect(page.locator("#ft-report")).to_contain_text("7")  # the line that was not read
    page.locator("#ft-train-now").click()

    run = page.locator("#ft-run")
    expect(run).to_have_attribute("data-state", re.compile("running|finished"))
    expect(page.locator("#ft-loss svg").first).to_be_visible()
    page.reload()
    tab(page, "Train")
    expect(run).to_have_attribute("data-state", "finished")
    fits(page)

    tab(page, "Compare")
    question, answer = PAIRS[0]
    page.locator("#ft-params button").first.click()
    page.locator("#ft-temperature input[type=number]").fill("0")
    page.locator("#ft-prompt textarea").fill(question)
    page.locator("#ft-ask").click()
    expect(pane(page, "tuned")).to_contain_text(answer)
    expect(pane(page, "tuned", "foot")).to_contain_text("ended")
    base, tuned = answers(page)
    assert question in base and question in tuned and answer not in base
    fits(page)

    page.locator("#ft-retry").click()
    page.wait_for_timeout(300)
    expect(pane(page, "tuned")).to_contain_text(answer)
    assert answers(page)[1].count(question) == 1
    page.locator("#ft-clear").click()
    expect(pane(page, "tuned")).not_to_contain_text(question)
    page.screenshot(path=tmp_path / "compare.png")


# When which pane's answer grew: a test that looks from outside is slower than a short answer.
LISTEN = """() => {
    window.grew = "";
    for (const side of ["base", "tuned"]) {
        const pane = document.querySelector(`#ft-pane-${side}`);
        const length = () => pane.querySelector(".block.ft-talk").innerText.length;
        let before = length();
        new MutationObserver(() => {
            if (length() > before) window.grew += side[0];
            before = length();
        }).observe(pane, {childList: true, subtree: true, characterData: true});
    }
}"""


def test_both_panes_stream_at_once_and_stop_works(page: Page) -> None:
    tab(page, "Compare")
    page.evaluate(LISTEN)
    heard = []
    for _ in range(3):
        page.evaluate("window.grew = ''")
        page.locator("#ft-prompt textarea").fill("Tell me a short story about a fox and a boat.")
        page.locator("#ft-ask").click()
        expect(page.locator("#ft-stop")).to_be_visible()
        with contextlib.suppress(TimeoutError):  # a short answer may be over before the click
            page.locator("#ft-stop").click(timeout=1000, delay=500)
        expect(pane(page, "base", "foot")).to_contain_text(re.compile("stopped|ended|limit"))
        expect(page.locator("#ft-ask")).to_be_visible()
        heard.append(page.evaluate("window.grew"))
    # The question comes to both first; one answer after the other would be two more turns.
    assert any(re.search("(b+t+){3}|(t+b+){3}", turns) for turns in heard), f"one pane waits for the other: {heard}"


def test_a_second_visitor_sees_the_run_but_not_the_chat(page: Page) -> None:
    tab(page, "Train")
    expect(page.locator("#ft-run")).to_have_attribute("data-state", "finished")
    tab(page, "Compare")
    assert "a fox and a boat" not in "".join(answers(page))
