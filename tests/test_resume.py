"""Runs pause, wait, go on and end badly without losing what they learned."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from test_train import QUICK, finish, losses, start

from ftchat.data import DatasetStore, Source, read
from ftchat.engine.loading import STARTER_FOLDER
from ftchat.engine.resumable import ResumableTrainer
from ftchat.errors import ConfigError
from ftchat.events import CheckpointSaved, EvalLogged, ReplyDone, RunQueued, StepLogged
from ftchat.records import ChatRequest, Message, Pane, RunConfig, Sampling
from ftchat.runs import Run, RunStore
from ftchat.ui.launch import resume_runs
from ftchat.worker import ProcessWorker, Worker, open_worker

DROPOUT = {"max_steps": 24, "lora_dropout": 0.1}


def until_step(run: Run, step: int) -> None:
    deadline = time.monotonic() + 120
    while run.status().step < step:
        assert not run.status().closed and time.monotonic() < deadline, run.status()
        time.sleep(0.02)


def until_over(run: Run) -> None:
    deadline = time.monotonic() + 120
    while not run.status().over:
        assert time.monotonic() < deadline, run.status()
        time.sleep(0.02)


def weights(run: Run) -> bytes:
    return (run.adapter / "adapter_model.safetensors").read_bytes()


def test_a_paused_run_lets_the_next_one_go_first_and_then_goes_on_exactly(home: Path, worker: Worker) -> None:
    whole = start(home, worker, "whole", DROPOUT)
    finish(whole)
    paused, second = start(home, worker, "paused", DROPOUT), start(home, worker, "second", {"max_steps": 2})
    until_step(paused, 5)
    worker.pause_run(paused.id)
    assert finish(second).state == "finished"
    status = paused.status()
    assert status.state == "paused" and status.checkpoint == status.step >= 5 and not status.usable
    worker.start_run(paused.id)
    assert finish(paused).state == "finished"
    assert losses(paused) == losses(whole) and weights(paused) == weights(whole)
    assert 0 < paused.status().seconds < paused.status().last_at - paused.status().started_at


def test_a_place_in_the_queue_can_be_seen_and_given_up(home: Path, worker: Worker) -> None:
    first = start(home, worker, "first", {"max_steps": 100_000})
    others = [start(home, worker, name, {"max_steps": 2}) for name in ("second", "third", "fourth")]
    until_step(first, 1)
    runs = RunStore(home)
    assert [runs.ahead(run) for run in others] == [1, 2, 3]
    worker.stop_run(others[0].id)
    worker.pause_run(others[1].id)
    assert [run.status().state for run in others] == ["stopped", "paused", "queued"]
    assert runs.ahead(others[2]) == 1
    with pytest.raises(ConfigError, match="queued already"):
        worker.start_run(others[2].id)
    with pytest.raises(ConfigError, match="nothing to resume"):
        worker.start_run(others[0].id)
    worker.start_run(others[1].id)
    worker.stop_run(first.id)
    finish(first), finish(others[2])
    assert finish(others[1]).started_at > others[2].status().last_at


def test_a_resumed_run_that_is_taken_back_is_where_it_was(home: Path, worker: Worker) -> None:
    run = start(home, worker, "run", {"max_steps": 100_000})
    until_step(run, 3)
    worker.pause_run(run.id)
    until_over(run)
    other = start(home, worker, "other", {"max_steps": 100_000})
    worker.start_run(run.id)
    worker.stop_run(run.id)
    assert run.status().state == "paused" and run.status().step >= 3
    worker.stop_run(other.id)
    finish(other)


def test_a_signal_to_end_leaves_a_checkpoint_of_the_last_step(home: Path) -> None:
    worker = open_worker("process", home)
    assert isinstance(worker, ProcessWorker)
    run = start(home, worker, "long", {"max_steps": 100_000})
    until_step(run, 3)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGTERM)
    until_over(run)
    status = run.status()
    assert status.state == "interrupted" and status.checkpoint == status.step >= 3 and status.error is None
    worker.close()


def test_the_last_two_checkpoints_and_the_best_are_kept(home: Path, worker: Worker) -> None:
    store = DatasetStore(home)
    learned = store.put(read([Source.from_text("\n".join(f"Question {n}?\tAnswer {n}." for n in range(6)))]), "numbers")
    own = store.put(read([Source.from_text("Which one?\tThat one.\nWhy?\tBecause.")]), "own")
    settings = QUICK | {
        "max_steps": 30,
        "eval_steps": 3,
        "save_steps": 4,
        "learning_rate": 0.02,
        "early_stopping_patience": 0,
    }
    run = RunStore(home).create(RunConfig("numbers", learned.hash, settings=settings, held_out=own.hash))
    worker.start_run(run.id)
    assert finish(run).state == "finished"
    saved = [event for event in run.events() if isinstance(event, CheckpointSaved)]
    measured = {event.step: event.loss for event in run.events() if isinstance(event, EvalLogged) and event.step}
    best = min(measured, key=lambda step: measured[step])
    assert [event.step for event in saved if event.best][-1] == best
    assert {4, 8, 12, 16, 20, 24, 28} <= {event.step for event in saved}
    kept = {int(path.name.removeprefix("step-")) for path in run.checkpoints.iterdir()}
    assert kept == {saved[-1].step, saved[-2].step, best}


def test_runs_go_on_unasked_only_so_often_without_getting_further(home: Path, worker: Worker) -> None:
    runs = []
    for name, unasked, further in (("once", 1, False), ("often", 2, False), ("further", 2, True)):
        run = start(home, worker, name, {"max_steps": 2})
        worker.pause_run(run.id)  # before its first step, or after it
        until_over(run)
        for event in [RunQueued(automatic=True)] * unasked + [CheckpointSaved(step=0)] * further:
            run.append(event)  # as if it had taken the machine down each time
        assert run.status().state == "interrupted"
        runs.append(run)
    resume_runs(worker)
    assert [run.status().state for run in runs][1] == "interrupted"
    assert finish(runs[0]).state == finish(runs[2]).state == "finished"


def test_an_evaluation_that_broke_off_is_made_good(home: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes long is saved before, so that a kill in it costs the evaluation alone."""
    store = DatasetStore(home)
    learned = store.put(read([Source.from_text("\n".join(f"Question {n}?\tAnswer {n}." for n in range(6)))]), "numbers")
    own = store.put(read([Source.from_text("Which one?\tThat one.\nWhy?\tBecause.")]), "own")

    def begin(name: str) -> Run:
        settings = QUICK | {"max_steps": 9, "eval_steps": 3, "lora_dropout": 0.1}
        run = RunStore(home).create(RunConfig(name, learned.hash, settings=settings, held_out=own.hash))
        worker.start_run(run.id)
        return run

    whole = begin("whole")
    finish(whole)

    def breaks(trainer: ResumableTrainer, *arguments: object, **more: object) -> object:
        if trainer.state.global_step == 6:
            raise RuntimeError("the evaluation breaks off")
        found = evaluate(trainer, *arguments, **more)
        trainer._reporter._evaluation_seconds = 1000.0
        return found

    evaluate = ResumableTrainer.evaluate
    with monkeypatch.context() as patch:
        patch.setattr(ResumableTrainer, "evaluate", breaks)
        run = begin("cut")
        until_over(run)
    status = run.status()
    assert (status.state, status.checkpoint, status.eval_losses[-1][0]) == ("interrupted", 6, 3)
    assert "breaks off" in (status.bug or "")
    worker.start_run(run.id)
    assert finish(run).eval_losses == whole.status().eval_losses
    assert losses(run) == losses(whole) and weights(run) == weights(whole)


def test_not_more_than_a_moments_work_is_at_risk(home: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftchat.engine.reporter.SAVE_AFTER", 1.0)
    run = start(home, worker, "run", {"max_steps": 60})
    finish(run)
    history = run.events()
    steps = [event.time for event in history if isinstance(event, StepLogged)]
    saved = [event.time for event in history if isinstance(event, CheckpointSaved)]
    assert saved
    for step, before in zip(steps[1:], steps, strict=False):
        assert step - max(time for time in [steps[0], *saved] if time <= step) < 2 + 3 * (step - before)


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """As good as a full disk, for this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_interrupts_a_run_that_then_goes_on(home: Path, worker: Worker) -> None:
    whole = start(home, worker, "whole", {"max_steps": 12, "save_steps": 3})
    finish(whole)
    run = start(home, worker, "full", {"max_steps": 12, "save_steps": 3})
    until_step(run, 4)
    with no_file_longer_than(100_000):
        until_over(run)
    status = run.status()
    assert status.state == "interrupted" and "no room" in (status.error or "") and status.checkpoint >= 3
    assert not list(run.checkpoints.glob(".*"))
    worker.start_run(run.id)
    assert finish(run).state == "finished"
    assert weights(run) == weights(whole)


def test_a_base_that_vanishes_fails_a_new_run_but_not_one_that_has_it(
    home: Path, worker: Worker, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(STARTER_FOLDER, tmp_path / "base"))
    run = start(home, worker, "has it", {"max_steps": 20, "save_steps": 5}, base=str(folder))
    until_step(run, 2)
    waiting = start(home, worker, "has it not", {"max_steps": 2, "seed": 6}, base=str(folder))
    shutil.rmtree(folder)
    assert finish(run).state == "finished"
    worker.stop_run(waiting.id)
    gone = start(home, open_worker("inline", home), "gone", {"max_steps": 2}, base=str(folder))
    until_over(gone)
    assert gone.status().state == "failed" and str(folder) in (gone.status().error or "")


def test_an_interrupted_run_whose_base_is_gone_waits_for_it(home: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(STARTER_FOLDER, tmp_path / "base"))
    worker = open_worker("inline", home)
    run = start(home, worker, "run", {"max_steps": 100_000}, base=str(folder))
    until_step(run, 2)
    worker.close()
    folder.rename(tmp_path / "elsewhere")
    worker = open_worker("inline", home)
    worker.start_run(run.id)
    until_over(run)
    assert run.status().state == "interrupted" and str(folder) in (run.status().error or "")
    (tmp_path / "elsewhere").rename(folder)
    worker.start_run(run.id)
    until_step(run, run.status().checkpoint + 1)
    worker.stop_run(run.id)
    assert finish(run).state == "stopped" and run.status().usable
    worker.close()


def test_one_row_is_enough(home: Path, worker: Worker) -> None:
    dataset = DatasetStore(home).put(read([Source.from_text("Who are you?\tI am the one, captain!")]), "one")
    for preset in ("quick", "balanced"):
        run = RunStore(home).create(RunConfig(preset, dataset.hash, preset=preset, settings={"max_steps": 3}))
        worker.start_run(run.id)
        assert finish(run).state == "finished"


def test_a_loss_that_stays_far_above_guessing_ends_a_run_and_keeps_what_was_before(
    home: Path, worker: Worker, tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(STARTER_FOLDER, tmp_path / "broken"))
    tensors = load_file(broken / "model.safetensors")
    tensors["model.norm.weight"] *= 1e4
    save_file(tensors, broken / "model.safetensors", {"format": "pt"})
    run = start(home, worker, "wild", {"max_steps": 30, "save_steps": 4}, base=str(broken))
    status = finish(run)
    assert (status.state, status.step, status.kept) == ("failed", 10, 8) and status.usable
    assert "exploded" in (status.error or "") and "up to step 8 is kept" in (status.error or "")
    panes = (Pane(run.id, (Message("user", "Hello!"),)),)
    replies = list(worker.chat(ChatRequest("one", str(broken), panes, Sampling(0.0, 4))))
    assert isinstance(replies[-1], ReplyDone) and replies[-1].adapter == run.id
