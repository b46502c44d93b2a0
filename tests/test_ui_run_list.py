"""The list of runs is drawn by the page's pulse alone: no older list comes after a newer one, and no click is lost."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest
from chats import end, finished, step
from test_ui_frame import Beats

from ftchat.events import RunQueued, RunStarted
from ftchat.records import STARTER, RunConfig
from ftchat.runs import RunStore
from ftchat.ui import runs_tab

LIST = "ft-run-list"


def test_only_the_pulse_draws_the_list_of_runs(page: gr.Blocks) -> None:
    (rows,) = [block for block in page.blocks.values() if block.elem_id == LIST]
    writers = {fn.fn.__name__ for fn in page.fns.values() if fn.fn is not None and rows in fn.outputs}
    assert writers == {"beat", "translated"}
    (find,) = [block for block in page.blocks.values() if block.elem_id == "ft-find-run"]
    (pulse,) = [fn for fn in page.fns.values() if getattr(fn.fn, "__name__", "") == "beat"]
    assert (find._id, "change") in pulse.targets


def test_the_list_follows_what_is_asked_and_what_moves(page: gr.Blocks, home: Path) -> None:
    store, beat = RunStore(home), Beats(page)
    done = finished(store, "first")
    assert "first" in str(beat()[LIST]) and LIST not in beat()
    (find,) = [block for block in beat.has if block.elem_id == "ft-find-run"]
    beat.has[find] = "nothing like it"
    assert "nothing like it" in str(beat()[LIST])
    beat.has[find] = ""
    assert done.id in str(beat()[LIST])


def test_a_run_that_was_begun_shows_its_steps_and_its_end(page: gr.Blocks, home: Path) -> None:
    store, beat = RunStore(home), Beats(page)
    run = store.create(RunConfig("young", "data"))
    with run.hold():
        run.append(RunQueued())
        beat()
        run.append(RunStarted(total_steps=2, base=STARTER, method="lora"))
        run.append(step(1))
        assert "1 / 2" in str(beat()[LIST])
        run.append(step(2))
        end(run)
    assert "2 / 2" in str(beat()[LIST])
    beat()
    assert LIST not in beat()


def test_a_run_that_was_begun_elsewhere_is_found(page: gr.Blocks, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beat = Beats(page)
    beat()
    other = finished(RunStore(home), "from a shell")
    assert LIST not in beat()
    monkeypatch.setattr(runs_tab, "_FRESH", 0.0)
    assert other.id in str(beat()[LIST])


def test_of_two_quick_clicks_none_is_dropped(page: gr.Blocks) -> None:
    modes = {getattr(fn.fn, "__name__", ""): fn.trigger_mode for fn in page.fns.values()}
    assert modes["go"] == "multiple" and modes["look"] == "always_last"
    picks = [fn for fn in page.fns.values() if getattr(fn.fn, "__name__", "") == "_picked"]
    assert len(picks) == 2 and {fn.trigger_mode for fn in picks} == {"always_last"}


def test_a_damaged_run_says_what_is_wrong_and_the_others_are_listed(page: gr.Blocks, home: Path) -> None:
    store, beat = RunStore(home), Beats(page)
    whole, damaged, lost = (finished(store, name) for name in ("whole", "damaged", "lost"))
    (damaged.folder / "events.jsonl").write_text("5\n[]\n")
    for path in lost.folder.glob("config*.json"):
        path.write_text("[]")
    drawn = str(beat()[LIST])
    assert whole.id in drawn and f'data-open="{damaged.id}"' in drawn and f'data-open="{lost.id}"' not in drawn
    assert "holds nothing that can be read any more" in drawn and f"run {lost.id} cannot be read any more" in drawn
