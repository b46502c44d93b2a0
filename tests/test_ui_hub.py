"""The page and a base that is still on the Hub: what it says of it, and what Start does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from hub_server import HubServer
from pages import handler, pairs

from ftchat.data import DatasetStore, Source, read
from ftchat.events import Downloading, ReplyLoading, RunQueued, RunStarted, RunStopped, fold
from ftchat.records import STARTER, RunConfig, Sampling
from ftchat.runs import RunStore
from ftchat.ui import panes, run_view
from ftchat.ui.duet import BASE, Chat
from ftchat.ui.form_view import FIELDS
from ftchat.ui.page import build_page
from ftchat.ui.voices import Speaker
from ftchat.worker import Worker

NOW = Downloading(
    base="me/<chat>", file="model.safetensors", done=1_250_000_000, total=5_000_000_000, rate=25 * 2.0**20
)
CONFIG = RunConfig("mine", "0" * 16, "me/<chat>")


def test_a_run_shows_how_far_its_base_is_and_how_long_it_will_take() -> None:
    events = [RunQueued(), NOW]
    stage = run_view.stage(CONFIG, None, fold(events), "en")
    assert "Downloading &lt;chat&gt;: 1.2 GB of 5.0 GB." in stage and "25 MB a second, 2:24 left" in stage
    assert 'aria-valuenow="25"' in stage and "<chat>" not in stage
    assert "Stop and keep" in run_view.aside(CONFIG, None, fold(events), "data", "", "en")
    assert "1.2 GB / 5.0 GB" in run_view.stage(CONFIG, None, fold(events), "zh")
    still = Downloading(base="me/chat", file="model.safetensors", done=1, total=2, rate=0.0)
    assert "Nothing is coming at the moment" in run_view.stage(CONFIG, None, fold([*events, still]), "en")
    begun = fold([*events, RunStarted(total_steps=9, base="me/chat", method="lora")])
    assert "Downloading" not in run_view.stage(CONFIG, None, begun, "en")
    ended = RunStopped(steps=0, train_loss=0.0, seconds=0.0, tokens_per_second=0.0, peak_memory=0)
    assert "Stopped before the first step" in run_view.stage(CONFIG, None, fold([*events, ended]), "en")


def test_a_pane_shows_how_far_its_base_is() -> None:
    chat = Chat("one")
    request = chat.ask("Hello!", {BASE: Speaker("me/<chat>")}, Sampling())
    chat.take()
    chat.fold(ReplyLoading(request=request.id, base="me/<chat>", download=NOW))
    foot = panes.foot(chat, BASE, "en")
    assert "&lt;chat&gt; is being downloaded: 1.2 GB of 5.0 GB, 25 MB a second" in foot
    chat.fold(ReplyLoading(request=request.id, base="me/<chat>"))
    assert "is being loaded" in panes.foot(chat, BASE, "en")


@pytest.fixture
def begin(hub: HubServer, home: Path, worker: Worker) -> Iterator:
    page = build_page(home, worker)
    dataset = DatasetStore(home).put(read([Source.from_text(pairs(4))]), "four").hash

    def start(base: str) -> str:
        form = ("other", base, "quick", "auto", "", *[""] * len(FIELDS), "")
        return handler(page, "begin")(dataset, None, "en", "", 0.0, *form)[0]

    yield start


def test_start_hands_a_base_on_the_hub_to_its_run(begin, hub: HubServer, home: Path, worker: Worker) -> None:
    hub.put("me/chat")
    hub.rate = 4e6
    run = RunStore(home).get(begin("me/chat"))
    until = time.monotonic() + 30
    while run.status().download is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert run.status().state == "queued"
    worker.stop_run(run.id)
    assert run.status().state == "stopped" and worker.describe(STARTER)


def test_start_on_one_that_cannot_be_had_leaves_no_run(begin, hub: HubServer, home: Path) -> None:
    hub.put("me/gated")
    hub.gated = {"me/gated"}
    for base, words in (("me/nothing", "no model of that name"), ("me/gated", "accept its terms at")):
        with pytest.raises(gr.Error, match=words):
            begin(base)
    assert RunStore(home).list() == []


def test_to_name_a_base_fetches_nothing(hub: HubServer, home: Path, worker: Worker) -> None:
    hub.put("me/chat")
    name_base = handler(build_page(home, worker), "name_base")
    assert name_base("other", "me/chat", "en") == gr.skip() and not hub.log
    list(worker.fetch("me/chat"))
    assert name_base("other", "me/chat", "en") == "me/chat"
