"""The Compare tab: what may be asked, and asking for real."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from chats import Seen, finished

from ftchat.data import DatasetStore, Source, read
from ftchat.errors import ConfigError
from ftchat.events import RunQueued
from ftchat.records import RunConfig, Sampling
from ftchat.runs import RunStore
from ftchat.ui import compare_tab
from ftchat.ui.asking import MOST_CHARACTERS, check_sampling, check_text, compare_endpoint
from ftchat.ui.duet import BASE
from ftchat.ui.pulse import Pulse
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import t
from ftchat.worker import Worker


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ((2.5, 64, 0), "temperature"),
        ((float("nan"), 64, 0), "temperature"),
        ((None, 64, 0), "temperature"),
        ((0.5, 0, 0), "answer"),
        ((0.5, 10**9, 0), "answer"),
        ((0.5, 12.5, 0), "answer"),
        ((0.5, 64, None), "seed"),
        ((0.5, 64, -1), "seed"),
        ((0.5, 64, 2**40), "seed"),
    ],
)
def test_settings_out_of_range_are_refused_in_words(settings: tuple[Any, Any, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        check_sampling(*settings, "en")


def test_texts_are_trimmed_and_bounded() -> None:
    assert check_sampling(0, 64.0, 7.0, "en") == Sampling(0.0, 64, 7)
    assert check_text(None, "en") == "" and check_text("  hi \n", "en") == "hi"
    with pytest.raises(ConfigError, match="8001"):
        check_text("x" * (MOST_CHARACTERS + 1), "zh")


@pytest.fixture
def studio(home: Path, worker: Worker) -> Studio:
    return Studio(home, worker, DatasetStore(home), RunStore(home))


def test_the_endpoint_asks_the_base_where_no_run_can_answer(studio: Studio) -> None:
    answer = compare_endpoint(studio)("Who are you?", max_new_tokens=24)
    assert answer["tuned"] is None
    assert answer["base"]["text"] and answer["base"]["tokens"] <= 24
    assert answer["base"]["adapter"] is None and answer["base"]["adapter_norm"] == 0
    assert compare_endpoint(studio)("Who are you?", max_new_tokens=24)["base"]["text"] == answer["base"]["text"]


@pytest.mark.parametrize(
    ("prompt", "run", "words"), [(" ", "", "empty"), ("hi", "nobody", "nobody"), ("hi", "young", "queued")]
)
def test_the_endpoint_refuses_in_a_sentence(studio: Studio, prompt: str, run: str, words: str) -> None:
    young = studio.runs.create(RunConfig("young", "data"))
    with young.hold(), pytest.raises(gr.Error, match=words):
        young.append(RunQueued())
        compare_endpoint(studio)(prompt, run)


def selected(run: str | None = None, dataset: str | None = None, lang: str = "en", **panes: Any) -> tuple[Any, ...]:
    """What a page sends of what is selected on it."""
    picks, strengths = panes.get("picks", (None, None, None)), panes.get("strengths", (1.0, 1.0, 1.0))
    return (lang, run, dataset, None, *picks, *strengths)


class Visitor:
    """Drives the tab's own handlers, as one visitor's page does."""

    def __init__(self, tab: compare_tab.CompareTab, run: str | None = None):
        self.tab, self.key = tab, ""
        self.who = selected(run)
        self.shown: dict[Any, Any] = {}

    def take(self, update: dict[Any, Any]) -> None:
        self.shown |= update
        self.key = self.shown[self.tab.key]

    def ask(self, question: str, again: bool = False, system: str = "") -> int:
        """One question from the click to the end; gives the number of pictures in between."""

        async def whole() -> int:
            who = self.who
            begin = self.tab.begin_again if again else self.tab.begin
            self.take(await begin(question, self.key, *who, 0.0, 12, 7, False, system))
            pictures = 0
            async for update in self.tab.stream(self.key, *who):
                self.take(update)
                pictures += 1
            self.take(await self.tab.finish(self.key, *who))
            return pictures

        return asyncio.run(whole())

    def text(self, component: Any) -> str:
        return Seen(self.shown[component]).text


@pytest.fixture
def tab(studio: Studio) -> compare_tab.CompareTab:
    with gr.Blocks(), gr.Tabs() as tabs, gr.Tab("Compare"):
        lang, training, chosen = gr.Textbox(), gr.Textbox(), gr.Textbox()
        nothing = [gr.State() for _ in range(5)]
        return compare_tab.build(studio, Shell(lang, *nothing, training, tabs, Pulse(), chosen))


def test_a_question_streams_and_ends_with_its_proof(tab: compare_tab.CompareTab) -> None:
    visitor, other = Visitor(tab), Visitor(tab)
    assert visitor.ask("Who are you?") >= 1
    assert tab.chats.open(visitor.key).last.answers[BASE].text in visitor.text(tab.panes[0].talk)
    assert "tokens" in visitor.text(tab.panes[0].foot) and t("ft_cmp_unchanged", "en") in visitor.text(
        tab.panes[0].proof
    )
    other.ask("What is the capital of France?")
    assert "Who are you?" not in other.text(tab.panes[0].talk) and other.key != visitor.key
    first = tab.chats.open(visitor.key).last.answers[BASE].text
    visitor.ask("a draft", again=True)
    turns = tab.chats.open(visitor.key).turns
    assert [turn.question for turn in turns] == ["Who are you?"] and turns[0].answers[BASE].text == first
    visitor.take(asyncio.run(tab.forget(visitor.key, *selected())))
    assert "Who are you?" not in visitor.text(tab.panes[0].talk)


def test_a_model_that_cannot_answer_says_so_in_the_pane_and_the_question_comes_back(
    tab: compare_tab.CompareTab, studio: Studio
) -> None:
    run = finished(studio.runs, "lost", base="/nowhere/at-all")
    visitor = Visitor(tab, run.id)
    visitor.ask("Hello?")
    assert tab.chats.open(visitor.key).failed
    assert "/nowhere/at-all" in visitor.text(tab.panes[1].talk) and visitor.shown[tab.prompt] == "Hello?"


def test_bad_settings_are_told_in_the_pane(tab: compare_tab.CompareTab) -> None:
    async def begin() -> Any:
        return await tab.begin("Hi", "", *selected(), 0.5, 64, None, False, "")

    update = asyncio.run(begin())
    assert t("ft_cmp_bad_seed", "en") in Seen(update[tab.panes[0].talk]).text and update[tab.prompt] == "Hi"
    assert update[tab.asked] is None


def test_the_chips_are_of_the_data_at_hand(tab: compare_tab.CompareTab, studio: Studio) -> None:
    pairs = b'{"prompt": "Where is my parcel?", "completion": "On its way."}\n{"prompt": "Hi", "completion": "Hello"}\n'
    data = studio.datasets.put(read([Source("two.jsonl", pairs)]), "two")
    assert "Where is my parcel?" in tab.redraw("", *selected(dataset=data.hash))[tab.chips]
    run = finished(studio.runs, "two", dataset=data.hash)
    assert "Where is my parcel?" in tab.redraw("", *selected(run.id, lang="zh"))[tab.chips]


def test_a_picture_that_comes_late_takes_back_no_choice(tab: compare_tab.CompareTab, studio: Studio) -> None:
    finished(studio.runs, "one")
    picker = tab.panes[2].picker
    shown = {picker: None}

    def take(update: dict[Any, Any]) -> None:
        given = update[picker].constructor_args
        shown.update({picker: given["value"]} if "value" in given else {})

    late = tab.redraw("", *selected())  # asked before the click, answered after it
    take(asyncio.run(tab.add_pane(late[tab.key], *selected())))
    take(late)
    assert shown[picker] is not None
    outline = tab.refresh(late[tab.key], *selected())[0]
    assert tab.refresh(late[tab.key], *selected(picks=(None, shown[picker], None)))[0] != outline, "and it is mended"


def test_the_end_of_an_answer_opens_no_pane_that_was_closed_meanwhile(tab: compare_tab.CompareTab) -> None:
    visitor = Visitor(tab)
    visitor.ask("Who are you?")
    frames = {part for pane in tab.panes for part in (pane.column, pane.picker)}
    assert not frames & visitor.shown.keys()
    assert frames - {None} <= tab.redraw(visitor.key, *selected()).keys()
