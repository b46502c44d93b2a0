"""The Runs tab: the list, runs side by side, and what is kept about one."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import gradio as gr
import pytest
from chats import Seen, finished
from pages import handler, picked
from test_ui_train import EVIL, closed, falling, history

from ftchat.events import RunFinished
from ftchat.records import RunConfig
from ftchat.runs import RunStore
from ftchat.ui import run_view, runs_tab
from ftchat.ui.runs_side import MOST, side_by_side


def test_runs_are_listed_with_a_way_to_their_chat_and_found_by_any_word(home: Path) -> None:
    store = RunStore(home)
    done = store.create(RunConfig(EVIL, "d" * 16))
    for event in (*history(falling(30)), closed(RunFinished, 30)):
        done.append(event)
    cut = store.create(RunConfig("keeper", "e" * 16, base="Qwen/Qwen3-0.6B"))
    for event in history(falling(5), total=60):
        cut.append(event)

    def found(query: str) -> str:
        return runs_tab.table(store.list(), {"d" * 16: "Larkfell"}, query, done.id, "en")

    drawn = found("")
    assert "<img" not in drawn
    assert drawn.count("<tr data-open=") == 2
    assert f'data-compare="{done.id}"' in drawn and f'data-compare="{cut.id}"' not in drawn
    assert f'data-open="{done.id}" aria-current="true"' in drawn
    assert re.findall(r'<span class="ft-mut">(train|held out)</span>', drawn) == ["train", "train"]
    for query in ("larkfell", "FINISHED", "larkfell finished"):
        assert f'data-open="{done.id}"' in found(query) and cut.id not in found(query)
    for query in ("keeper", "qwen3", "interrupted"):
        assert f'data-open="{cut.id}"' in found(query) and done.id not in found(query)
    assert "No run matches" in found(EVIL + "x") and "<img" not in found(EVIL + "x")


def test_runs_stand_side_by_side_with_what_differs(home: Path) -> None:
    store, held = RunStore(home), [(0, 3.2), (15, 1.0), (30, 0.8)]
    for name, rate in ((EVIL, 0.001), ("second", 0.02)):
        run = store.create(RunConfig(name, "d" * 16, settings={"learning_rate": rate, "r": 8}))
        for event in (*history(falling(30), held), closed(RunFinished, 30)):
            run.append(event)
    runs = store.list()
    drawn = side_by_side(runs, {"d" * 16: "Larkfell"}, "en")
    seen = Seen(drawn).text
    assert "img" not in Seen(drawn).tags and EVIL in seen
    assert "held-out loss" in seen and "lowest held-out loss" in seen and drawn.count('<path class="c0"') == 2
    assert "learning_rate" in seen and "0.001" in seen and "0.02" in seen
    assert "Learning rate learning_rate" in seen and "Rank" not in seen and "Larkfell" not in seen
    other = store.create(RunConfig("third", "e" * 16, settings={"learning_rate": 0.02}))
    for event in history(falling(9)):
        other.append(event)
    drawn = side_by_side([*runs, other], {"d" * 16: "Larkfell", "e" * 16: "Tales"}, "zh")
    assert "Larkfell" in drawn and "Tales" in drawn and "训练损失" in drawn
    assert "(rank) r" in Seen(drawn).text and "学习率 learning_rate" in Seen(drawn).text


def test_a_run_is_listed_and_told_of_with_the_loss_of_what_was_kept(home: Path) -> None:
    run = RunStore(home).create(RunConfig("turned up", "d" * 16))
    for event in history(falling(30), [(0, 3.2), (10, 1.25), (20, 1.5), (30, 2.75)]):
        run.append(event)
    status = run.status()
    assert status.held_loss == 2.75 and "2.75" in Seen(run_view.head(run.config, None, status, "en")).text
    run.append(dataclasses.replace(closed(RunFinished, 30), kept=10))
    for drawn in (runs_tab.table([run], {}, "", None, "en"), run_view.head(run.config, None, run.status(), "en")):
        assert "1.25" in Seen(drawn).text and "2.75" not in Seen(drawn).text


def test_the_runs_that_are_chosen_are_the_last_few(home: Path, page: gr.Blocks) -> None:
    runs = [finished(RunStore(home), f"run {number}") for number in range(MOST + 1)]
    go, marks = handler(page, "go"), ()
    for run in runs:
        *_, marks = go(marks, "en", picked(mark=run.id))
    assert marks == tuple(run.id for run in runs[1:])
    *_, marks = go(marks, "en", picked(mark=runs[2].id))
    assert runs[2].id not in marks and len(marks) == MOST - 1
    drawn = runs_tab.table(RunStore(home).list(), {}, "", None, "en", marks)
    assert drawn.count('aria-checked="true"') == MOST - 1


def test_a_run_is_renamed_noted_found_by_its_note_and_deleted(home: Path, page: gr.Blocks) -> None:
    store = RunStore(home)
    run, other = finished(store, "first"), finished(store, "other")
    write, remove = handler(page, "write"), handler(page, "remove")
    with pytest.raises(gr.Error, match="other"):
        write((run.id,), "other", "", 0, "en")
    assert write((run.id,), " better ", "learns the tone", 0, "en") == 1
    assert RunStore(home).get("better").id == run.id == store.get("better").id
    assert run.id in runs_tab.table(store.list(), {}, "tone", None, "en")
    assert other.id not in runs_tab.table(store.list(), {}, "tone", None, "en")
    assert remove((run.id,), run.id, 1, "en") == ((), None, 2)
    assert [left.id for left in store.list()] == [other.id] and not run.folder.exists()
