"""Training ends when the held-out loss has turned up, and what is kept is the adapter from before it did."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file
from test_resume import until_over, until_step, weights
from test_train import finish, losses

from ftchat.data import DatasetStore, Source, read
from ftchat.engine import checkpoints
from ftchat.events import RunFinished
from ftchat.records import RunConfig, Setting
from ftchat.runs import Run, RunStore
from ftchat.worker import Worker

ASKED: dict[str, Setting] = {"max_steps": 60, "eval_steps": 3, "learning_rate": 0.02, "early_stopping_patience": 2}
OVERFITTING = "\n".join(f"What is thing {n} called?\tIt is called {word}." for n, word in enumerate(["red"] * 8))
HELD_OUT = "What is thing 20 called?\tIt is called blue, by everybody.\nWhat is thing 30 called?\tNobody can tell."


def begin(home: Path, worker: Worker, name: str, **settings: Setting) -> Run:
    store = DatasetStore(home)
    learned, own = (
        store.put(read([Source.from_text(text)]), title) for text, title in ((OVERFITTING, "red"), (HELD_OUT, "blue"))
    )
    run = RunStore(home).create(RunConfig(name, learned.hash, settings=ASKED | settings, held_out=own.hash))
    worker.start_run(run.id)
    return run


def test_a_rising_held_out_loss_ends_the_run_and_the_best_adapter_is_kept(home: Path, worker: Worker) -> None:
    run = begin(home, worker, "overfitting")
    status = finish(run)
    measured = {step: loss for step, loss in status.eval_losses if step}
    best = min(measured, key=lambda step: measured[step])
    assert (status.state, status.early, status.kept) == ("finished", "overfit", best)
    assert status.step == best + 2 * 3 < 60
    kept = checkpoints.of_step(run.checkpoints, best)
    assert kept is not None and kept.loss == measured[best]
    saved, adapter = (load_file(folder / "adapter_model.safetensors") for folder in (kept.folder, run.adapter))
    assert saved.keys() == adapter.keys() and all((saved[name] == adapter[name]).all() for name in saved)


@pytest.mark.slow
def test_patience_goes_on_where_a_pause_cut_it(home: Path, worker: Worker) -> None:
    whole = begin(home, worker, "whole")
    finish(whole)
    for step in (whole.status().kept, whole.status().step - 2):
        paused = begin(home, worker, f"paused at {step}")
        until_step(paused, step)
        worker.pause_run(paused.id)
        until_over(paused)
        if paused.status().resumable:
            worker.start_run(paused.id)
            finish(paused)
        assert paused.status().eval_losses == whole.status().eval_losses
        assert losses(paused)[-1] == losses(whole)[-1] and weights(paused) == weights(whole)
        assert isinstance(paused.events()[-1], RunFinished) and paused.status().kept == whole.status().kept


def test_without_patience_every_step_is_taken(home: Path, worker: Worker) -> None:
    status = finish(begin(home, worker, "patient", early_stopping_patience=0, max_steps=24))
    assert (status.step, status.early, status.kept) == (24, "", 0)


@pytest.mark.parametrize("batch", [1, 4])
def test_the_held_out_loss_is_a_mean_over_tokens_whatever_the_batches(home: Path, worker: Worker, batch: int) -> None:
    def base_loss(name: str, batch: int) -> float:
        run = begin(home, worker, name, max_steps=1, per_device_train_batch_size=batch)
        return finish(run).eval_losses[0][1]

    assert base_loss("one", batch) == pytest.approx(base_loss("two", 2), rel=1e-4)
