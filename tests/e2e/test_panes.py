"""Several panes in a real browser: they stream at once, each can be stopped, asked again and removed, and what is brought
answers.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from chats import finished
from duets import make_adapters
from playwright.sync_api import Page, expect
from servers import Server, serving

from ftchat.engine.models import Resident
from ftchat.records import STARTER
from ftchat.runs import RunStore

pytestmark = pytest.mark.e2e
LONG = "Tell me a long story about a fox, a boat and a lighthouse."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A page with two runs that ended."""
    home = tmp_path_factory.mktemp("page") / "home"
    resident = Resident(STARTER, "float32", torch.device("cpu"))
    folders = make_adapters(resident, tmp_path_factory.mktemp("adapters"), ["two", "one"])
    for name, folder in folders.items():
        shutil.copytree(folder, finished(RunStore(home), name).adapter)
    with serving(home) as running:
        yield running


def ask(page: Page, question: str) -> None:
    page.locator("#ft-prompt textarea").fill(question)
    page.locator("#ft-ask").click()


def ended(page: Page, *panes: str) -> None:
    for pane in panes:
        expect(page.locator(f"#ft-pane-{pane} .ft-pf.done")).to_be_visible()
    expect(page.locator("#ft-ask")).to_be_visible()


def answer(page: Page, pane: str) -> str:
    return page.locator(f"#ft-pane-{pane} .ft-turn:last-child .ft-a").inner_text()


def add(page: Page, pane: str) -> None:
    page.locator("#ft-add-pane").click()
    expect(page.locator(f"#ft-pane-{pane}")).to_be_visible()


def choose(page: Page, pane: str, name: str) -> None:
    page.locator(f"#ft-pane-{pane} .ft-adapter input").click()
    page.get_by_role("option", name=name, exact=True).click()
    expect(page.locator(f"#ft-pane-{pane} .ft-adapter input")).to_have_value(name)


def test_two_panes_by_default_then_three_stream_at_once(page: Page) -> None:
    assert page.locator("#ft-duet > .ft-pane:visible").count() == 2
    add(page, "2")
    together = False
    for _ in range(3):  # answers may be so short that they are over before they are looked at
        ask(page, LONG)
        expect(page.locator("#ft-stop")).to_be_visible()
        while page.locator("#ft-stop").is_visible() and not together:
            texts = page.locator("#ft-duet > .ft-pane:not(.ft-off) .ft-turn:last-child .ft-a").all_inner_texts()
            together = len(texts) == 3 and all(len(text) > 5 for text in texts)
        if together:
            break
    assert together, "one pane waits for another"
    ended(page, "base", "tuned", "2")
    for pane in ("tuned", "2"):
        expect(page.locator(f"#ft-pane-{pane} .ft-sworn").first).to_contain_text("‖ΔW‖")


def test_at_strength_nothing_a_pane_says_what_the_base_says(page: Page) -> None:
    add(page, "2")
    page.locator("#ft-pane-2 .ft-tune").click()
    slider = page.locator("#ft-pane-2 .ft-strength input[type=number]")
    slider.fill("0")
    slider.press("Tab")
    expect(page.locator("#ft-pane-2 .ft-tune")).to_contain_text("×0")
    ask(page, "Tell me about the sea.")
    ended(page, "base", "tuned", "2")
    assert answer(page, "2") == answer(page, "base") != answer(page, "tuned")
    expect(page.locator("#ft-pane-2 .ft-sworn").first).to_contain_text("strength 0")


def test_a_pane_that_is_removed_while_it_speaks_frees_its_row_and_the_others_go_on(page: Page, server: Server) -> None:
    add(page, "2")
    ask(page, LONG)
    page.locator("#ft-pane-2 [data-do=close]").click()
    expect(page.locator("#ft-pane-2")).to_be_hidden()
    ended(page, "base", "tuned")
    assert answer(page, "base") and answer(page, "tuned")
    add(page, "2")
    page.locator("#ft-pane-2 .ft-btn[data-do=again]").click()
    ended(page, "2")
    before = [answer(page, pane) for pane in ("base", "tuned")]
    page.locator("#ft-pane-tuned [data-do=again]").click()
    ended(page, "tuned")
    assert [answer(page, pane) for pane in ("base", "tuned")] == before


def test_an_adapter_that_is_brought_answers_as_the_run_it_was_taken_from(
    page: Page, server: Server, tmp_path: Path
) -> None:
    run = next(run for run in RunStore(server.home).list() if run.config.name == "one")
    archive = tmp_path / "visitor.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in run.adapter.iterdir():
            file.write(path, f"adapter/{path.name}")
    add(page, "2")
    choose(page, "2", "one")
    page.locator("#ft-elsewhere button").first.click()
    page.set_input_files("#ft-brg-drop input[type=file]", archive)
    expect(page.locator("#ft-adapter input")).to_have_value("visitor")
    ask(page, "Tell me about the sea.")
    ended(page, "base", "tuned", "2")
    assert answer(page, "tuned") == answer(page, "2") != answer(page, "base")
    page.set_input_files("#ft-brg-drop input[type=file]", run.adapter / "adapter_config.json")
    expect(page.locator("#ft-brg-said")).to_contain_text("two files")
    page.locator("[data-delete]").click()
    expect(page.locator("#ft-brought")).not_to_contain_text("visitor")
    expect(page.locator("#ft-adapter input")).not_to_have_value("visitor")


def test_one_click_in_the_list_of_runs_puts_its_adapter_beside_the_base(page: Page) -> None:
    choose(page, "tuned", "two")
    for name in ("one", "two", "one"):
        page.get_by_role("tab", name="Runs", exact=True).click()
        page.get_by_role("button", name=f"Compare base and {name}").click()
        expect(page.locator("#ft-adapter input")).to_have_value(name)
        choose(page, "tuned", {"one": "two", "two": "one"}[name])
