"""Another language on the page: one request draws it all, and leaves what was typed, chosen and opened."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import gradio as gr
from chats import finished
from pages import handler, last, pairs

from ftchat.data import DatasetStore
from ftchat.records import STARTER
from ftchat.runs import RunStore
from ftchat.ui.page import build_page
from ftchat.worker import Worker

TYPED = (gr.Textbox, gr.Dropdown, gr.Slider, gr.Number, gr.Checkbox, gr.File, gr.Accordion)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Speech:
    """What a page gets when its language changes, by element id; `has` are the values that its components hold."""

    def __init__(self, page: gr.Blocks):
        (self.fn,) = [fn for fn in page.fns.values() if getattr(fn.fn, "__name__", "") == "translated"]
        self.has = {block: block.value for block in self.fn.inputs}
        self.dataset, self.run, self.base = (self._state(name) for name in ("dataset", "run", "base"))

    def _state(self, name: str) -> Any:
        """The states of the shell, by the order in which the page makes them."""
        states = sorted((block for block in self.has if isinstance(block, gr.State)), key=lambda block: block._id)
        named = [block for block in states if block.value in (None, STARTER)]
        return {"dataset": named[0], "run": named[1], "base": next(b for b in named if b.value == STARTER)}[name]

    def __call__(self, lang: str) -> list[tuple[Any, Any]]:
        self.has |= {block: lang for block in self.has if block.elem_id == "ft-lang"}
        drawn = self.fn.fn(*(self.has[block] for block in self.fn.inputs))
        news = [pair for pair in zip(self.fn.outputs, drawn, strict=True) if pair[1] != gr.skip()]
        self.has |= {block: value(update) for block, update in news if block in self.has and value(update) is not None}
        return news


def fields(update: Any) -> dict[str, Any]:
    """What of a component is set."""
    if isinstance(update, gr.blocks.Block):
        return update.constructor_args
    return update if isinstance(update, dict) else {"value": update}


def value(update: Any) -> Any:
    """What a component is to hold then; None where that stays."""
    return fields(update).get("value")


def bring(page: gr.Blocks, text: str) -> str:
    return last(handler(page, "from_paste")(text, None, "en"))[0]


def test_another_language_is_one_request(page: gr.Blocks) -> None:
    (lang,) = [block for block in page.blocks.values() if block.elem_id == "ft-lang"]
    asking = [fn for fn in page.fns.values() if (lang._id, "change") in fn.targets and fn.fn is not None]
    assert [fn.fn.__name__ for fn in asking] == ["translated"]


def test_it_says_all_in_the_other_language_and_sets_nothing_that_was_typed_or_opened(
    page: gr.Blocks, home: Path
) -> None:
    speech, chosen = Speech(page), bring(page, pairs(3) + pairs(1))
    run = finished(RunStore(home), "first")
    speech.has |= {speech.dataset: chosen, speech.run: run.id}
    drawn = {block.elem_id: value(update) for block, update in speech("zh") if isinstance(block, gr.HTML)}
    assert {"ft-templates", "ft-stats", "ft-report", "ft-pairs", "ft-bases", "ft-presets", "ft-run-list"} <= set(drawn)
    for name, text in drawn.items():
        assert not text or CHINESE.search(text), name
    for block, update in speech("en"):
        if isinstance(block, TYPED) and block.visible != "hidden":
            assert not {"value", "open"} & set(fields(update)), block.elem_id


def test_what_the_model_has_said_is_not_asked_for_again(home: Path, worker: Worker) -> None:
    page = build_page(home, worker)
    speech, chosen = Speech(page), bring(page, pairs(3))
    speech.has |= {speech.dataset: chosen}
    assert "Waiting" in shown(speech("en"), "ft-tokens")
    asks_again = hidden(speech("zh"))
    handler(page, "look")(chosen, STARTER, "en", 0)
    handler(page, "count")(chosen, STARTER, "en")
    assert worker.machine()["bases"] and handler(page, "fitted")("en", STARTER)
    assert "个 token，学习其中" in shown(speech("zh"), "ft-tokens") and "ft-hist" in shown(speech("zh"), "ft-lengths")
    assert asks_again and not hidden(speech("zh"))


def test_a_part_that_cannot_be_drawn_keeps_no_other_from_it(page: gr.Blocks, home: Path) -> None:
    speech, chosen = Speech(page), bring(page, pairs(3))
    speech.has |= {speech.dataset: chosen}
    (DatasetStore(home).folder / chosen / "examples.jsonl").unlink()
    drawn = {block.elem_id for block, _ in speech("zh")}
    assert "ft-pairs" not in drawn and {"ft-templates", "ft-stats", "ft-run-list"} <= drawn


def test_the_columns_that_were_picked_stay_and_their_first_row_is_said_anew(page: gr.Blocks) -> None:
    rows = "".join(json.dumps({"prompt": f"a{n}", "completion": f"b{n}", "more": f"c{n}"}) + "\n" for n in range(3))
    speech, chosen = Speech(page), bring(page, rows)
    picks = {f"ft-col-{field}": "–" for field in ("input", "system")}
    picks |= {"ft-col-prompt": "more", "ft-col-completion": "prompt"}
    named = {block.elem_id: block for block in speech.has}
    speech.has |= {named[name]: value for name, value in picks.items()} | {speech.dataset: chosen}
    assert "ft-first-row" not in {block.elem_id for block, _ in speech("zh")}
    speech.has[named["ft-first-row"]] = handler(page, "show")(chosen, "en", "more", "prompt", "–", "–")
    assert "c0" in shown(speech("zh"), "ft-first-row") and CHINESE.search(shown(speech("zh"), "ft-first-row"))


def shown(drawn: list[tuple[Any, Any]], name: str) -> str:
    (value,) = [value for block, value in drawn if block.elem_id == name]
    return str(value)


def hidden(drawn: list[tuple[Any, Any]]) -> list[Any]:
    """What is to be asked of the model next: numbers that only a listener sees."""
    return [value for block, value in drawn if isinstance(block, gr.Textbox) and re.search(r"\d{15}", str(value))]
