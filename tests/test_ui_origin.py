"""Going on from an earlier run, on the page: it is offered, chosen, started, and told of afterwards."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import gradio as gr
import pytest
from chats import Seen, finished
from pages import LANGUAGES, handler, picked
from test_continuing import first_of, put
from test_train import finish
from test_ui_train import UNTOUCHED, falling, history

from ftchat.events import RunStarted, fold
from ftchat.runs import RunStore
from ftchat.ui import run_view, runs_tab
from ftchat.ui.page import build_page
from ftchat.ui.runs_side import side_by_side
from ftchat.ui.verdict import verdict
from ftchat.worker import Worker

NEWS = [(f"What is number {n}?", f"It is {n * n}, captain!") for n in range(4)]


def test_a_run_is_chosen_started_and_told_of(home: Path, worker: Worker) -> None:
    first = first_of(home, worker, name="<b>first", max_steps=2)
    page, data = build_page(home, worker), put(home, NEWS)
    offer, choose, look, begin, act = (
        handler(page, name) for name in ("offer_origins", "choose_origin", "look_ahead", "begin", "act")
    )
    assert offer("", "en").choices[1:] == [("<b>first · Starter", first.id)]
    _, choosing, dropdown = act(first.id, "en", picked(onward="1"))
    assert choosing and dropdown.value == first.id
    base, slider, bases, other = choose(first.id, "en")
    assert base == "starter" and not slider.elem_classes and bases.elem_classes == other.elem_classes != []
    assert choose("", "en")[1].elem_classes
    ahead = look(data, None, "starter", first.id, 0.5, *UNTOUCHED)
    _, _, note, *_ = handler(page, "draw_ahead")(ahead, "en")
    assert "4 of the 8 pairs" in note
    assert "<b>" not in str(note)
    answers = [*UNTOUCHED]
    answers[7], answers[3] = "", "dora"
    with pytest.raises(gr.Error, match="trained with lora"):
        begin(data, None, "en", first.id, 0.5, *answers)
    answers[3], answers[11] = "auto", "2"  # steps
    run_id, _ = begin(data, None, "en", first.id, 0.5, *answers)
    run = RunStore(home).get(run_id)
    status = finish(run)
    assert run.config.origin is not None and run.config.origin.run == first.id and run.config.base == "starter"
    drawn = run_view.aside(run.config, run.resolved, status, "news", "", "en")
    assert "4 of 8 pairs" in Seen(drawn).text and "<b>first" in Seen(drawn).text and 'id="ft-onward"' in drawn
    listed = runs_tab.table([run, first], {}, "goes on from", None, "en")
    assert "goes on from <b>first, 4 of 8 pairs replayed" in Seen(listed).text and "b" not in Seen(listed).tags
    assert f'data-open="{first.id}"' not in listed
    told = Seen(side_by_side([run, first], {}, "en")).text
    assert "Went on from" in told and "<b>first" in told


def test_nothing_is_offered_where_there_is_nothing_to_go_on_from(home: Path, page: gr.Blocks) -> None:
    offer = handler(page, "offer_origins")
    for lang in LANGUAGES:
        empty = offer("", lang)
        assert len(empty.choices) == 1 and empty.value == "" and empty.elem_classes
    finished(RunStore(home), "without an adapter")
    assert len(offer("gone", "en").choices) == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_word_about_the_base_where_another_adapter_was_the_start(lang: str) -> None:
    rises = falling(30), [(0, 0.5), (15, 0.9), (30, 1.2)]
    nothing = [0.5] * 30, [(0, 0.5), (15, 0.5), (30, 0.5)]
    for losses, measured in (rises, nothing):
        fresh = history(losses, measured, 60)
        went_on = [
            dataclasses.replace(event, origin="first") if isinstance(event, RunStarted) else event for event in fresh
        ]
        base, before = (fold(events) for events in (fresh, went_on))
        assert verdict(base, lang).head != verdict(before, lang).head
        for word in ("base", "基座"):
            assert word not in verdict(before, lang).head + Seen(run_view.loss_plot(before, lang)).text
        assert Seen(run_view.loss_plot(before, lang)).text != Seen(run_view.loss_plot(base, lang)).text
