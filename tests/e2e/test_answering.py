"""Who answers in a real browser, and when nobody listens any more: another base, the Hub, a run in training."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import torch
from chats import finished
from duets import make_adapters
from hub_server import HubServer, hub_server
from playwright.sync_api import Error, Page, TimeoutError, expect
from servers import Server, serving
from transformers import LlamaConfig, LlamaForCausalLM

from ftchat.engine.loading import STARTER_FOLDER
from ftchat.engine.models import Resident
from ftchat.records import STARTER
from ftchat.runs import RunStore

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
LONG = "Tell me a long story about a fox, a boat and a lighthouse."
# Keeps every line that stood under a pane, however briefly.
WATCH = """() => { window.seen = []; new MutationObserver(() => document.querySelectorAll('.ft-pf').forEach(
    line => window.seen.at(-1) !== line.innerText && window.seen.push(line.innerText)
)).observe(document.querySelector('#ft-duet'), {subtree: true, childList: true, characterData: true}) }"""


def babbler(folder: Path) -> Path:
    """A base of random weights that takes a while to load, and talks until it is stopped."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=5120, hidden_size=640, intermediate_size=1792, num_hidden_layers=10, num_attention_heads=10,
        num_key_value_heads=10, max_position_embeddings=4096, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(STARTER_FOLDER / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with hub_server(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="module")
def server(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A page with a run on the starter and one on another base; the first one's adapter is on the Hub as well."""
    root = tmp_path_factory.mktemp("page")
    home, other = root / "home", str(babbler(root / "babbler"))
    (root / "adapters").mkdir()
    for base, name in ((STARTER, "one"), (other, "two")):
        made = make_adapters(Resident(base, "float32", torch.device("cpu")), root / "adapters", [name])[name]
        shutil.copytree(made, finished(RunStore(home), name, base).adapter)
        if name == "one":
            shutil.copytree(made, hub.folder("models", "somebody/captain"))
            (hub.folder("models", "somebody/captain") / "optimizer.pt").write_bytes(b"never to be fetched")
    environment = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(root / "hf"), "HF_TOKEN": ""}
    with serving(home, **environment) as running:
        yield running


def ask(page: Page, question: str) -> None:
    page.locator("#ft-prompt textarea").fill(question)
    page.locator("#ft-ask").click()


def choose(page: Page, name: str) -> None:
    page.locator("#ft-adapter input").click()
    page.get_by_role("option", name=name, exact=True).click()
    expect(page.locator("#ft-adapter input")).to_have_value(name)


def speak(page: Page) -> None:
    """Until both have begun an answer that is long enough to be broken off."""
    choose(page, "two")
    page.locator("#ft-length input[type=number]").fill("1024")
    ask(page, LONG)
    expect(page.locator("#ft-pane-tuned .ft-pf b")).to_be_visible()


def answer(page: Page, pane: str) -> str:
    return page.locator(f"#ft-pane-{pane} .ft-turn:last-child .ft-a").inner_text()


def ended(page: Page) -> None:
    for pane in ("base", "tuned"):
        expect(page.locator(f"#ft-pane-{pane} .ft-pf.done")).to_be_visible()
    expect(page.locator("#ft-ask")).to_be_visible()


def model_process(server: Server) -> psutil.Process:
    """The one of the server's processes that has the most in memory."""
    children = psutil.Process(server.process.pid).children(recursive=True)
    return max(children, key=lambda child: child.memory_info().rss)


def rests(process: psutil.Process) -> bool:
    """Whether it hardly computes for half a second."""
    before = sum(process.cpu_times()[:2])
    time.sleep(0.5)
    return sum(process.cpu_times()[:2]) - before < 0.1


def until(what: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline


def test_a_pane_says_that_another_base_is_loaded_and_the_old_one_makes_room(
    page: Page, server: Server, tmp_path: Path
) -> None:
    choose(page, "one")
    ask(page, "Hello!")
    ended(page)
    page.evaluate(WATCH)
    choose(page, "two")
    page.locator("#ft-length input[type=number]").fill("32")
    ask(page, "Hello again!")
    ended(page)
    page.screenshot(path=tmp_path / "another-base.png")
    said = [line for line in page.evaluate("window.seen") if "is being loaded" in line]
    assert said and "babbler" in said[0], page.evaluate("window.seen")


def test_a_reply_that_nobody_reads_any_more_ends(page: Page, server: Server) -> None:
    speak(page)
    process = model_process(server)
    assert not rests(process)
    page.close()
    until(lambda: rests(process), 20)


def test_a_reply_whose_tab_has_crashed_ends(page: Page, server: Server) -> None:
    speak(page)
    process = model_process(server)
    assert not rests(process)
    with suppress(Error):  # nobody answers from a tab that is no more
        page.goto("chrome://crash")
    until(lambda: rests(process), 20)


def test_one_pane_is_stopped_while_the_other_goes_on(page: Page, tmp_path: Path) -> None:
    speak(page)
    page.locator("#ft-pane-tuned [data-do=stop]").click()
    expect(page.locator("#ft-pane-tuned .ft-pf.done")).to_contain_text("stopped")
    base, tuned = (page.locator(f"#ft-pane-{pane} .ft-pf b").first for pane in ("base", "tuned"))
    until(lambda: int(base.inner_text()) > int(tuned.inner_text()), 60)
    page.screenshot(path=tmp_path / "stopped.png")
    with suppress(TimeoutError):  # on a busy machine it may have ended by now
        page.locator("#ft-stop").click(timeout=1000)
    ended(page)


def test_an_adapter_from_the_hub_answers_as_the_run_it_came_from(page: Page, hub: HubServer, tmp_path: Path) -> None:
    page.locator("#ft-elsewhere button").first.click()
    page.locator("#ft-brg-hub textarea, #ft-brg-hub input").first.fill("somebody/captain")
    page.locator("#ft-brg-fetch").click()
    expect(page.locator("#ft-adapter input")).to_have_value("captain")
    page.locator("#ft-add-pane").click()
    page.locator("#ft-pane-2 .ft-adapter input").click()
    page.get_by_role("option", name="one", exact=True).click()
    ask(page, "Tell me about the sea.")
    ended(page)
    expect(page.locator("#ft-pane-2 .ft-pf.done")).to_be_visible()
    page.screenshot(path=tmp_path / "hub.png")
    said = answer(page, "tuned")
    assert said == answer(page, "2")
    # The text and the counts below it are two parts of the page, which need not change in the same frame.
    expect(page.locator("#ft-pane-base .ft-turn:last-child .ft-a")).not_to_have_text(said)
    assert not hub.fetched("optimizer.pt") and hub.fetched("adapter_model.safetensors")
    page.locator("#ft-brg-hub textarea, #ft-brg-hub input").first.fill("somebody/nothing")
    page.locator("#ft-brg-fetch").click()
    expect(page.locator("#ft-brg-said [role=alert]")).to_contain_text("somebody/nothing")


def test_what_a_run_has_learned_so_far_answers_while_it_trains(page: Page, tmp_path: Path) -> None:
    rows = [
        f"What is the number of box {n}?\tBox {n} holds {n * 37 % 101} apples and {n % 7} pears." for n in range(90)
    ]
    page.get_by_role("tab", name="Data", exact=True).click()
    page.locator("#ft-paste textarea").fill("\n".join(rows))
    page.locator("#ft-read").click()
    expect(page.locator("#ft-stats")).to_contain_text("90")
    page.locator("#ft-train-now").click()
    run = page.locator("#ft-run")
    expect(run).to_have_attribute("data-state", "running")
    page.get_by_role("tab", name="Compare", exact=True).click()
    page.locator("#ft-adapter input").click()
    page.get_by_role("option", name=re.compile("so far")).click()
    ask(page, "What is the number of box 5?")
    ended(page)
    page.screenshot(path=tmp_path / "so-far.png")
    expect(page.locator("#ft-pane-tuned .ft-pf")).to_contain_text("taken at step")
    expect(page.locator("#ft-pane-tuned .ft-sworn").first).to_contain_text("‖ΔW‖")
    page.get_by_role("tab", name="Train", exact=True).click()
    expect(run).to_have_attribute("data-state", "running")
