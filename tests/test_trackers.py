"""Trackers get a run's numbers where they are asked for, and are no danger to it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from test_early_stopping import begin
from test_resume import until_over, until_step
from test_train import PAIRS, finish, losses

from ftchat.cli import main
from ftchat.runs import Run, RunStore
from ftchat.settings import TRACKERS
from ftchat.worker import Worker


def scalars(run: Run, name: str) -> list[tuple[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run.folder / "tensorboard")).Reload()
    return [(event.step, pytest.approx(event.value, rel=1e-5)) for event in found.Scalars(name)]


def test_tensorboard_shows_each_step_once_also_of_a_run_that_was_paused(home: Path, worker: Worker) -> None:
    pytest.importorskip("tensorboard")
    run = begin(home, worker, "followed", report_to="tensorboard", max_steps=12, early_stopping_patience=0)
    until_step(run, 4)
    worker.pause_run(run.id)
    until_over(run)
    worker.start_run(run.id)
    finish(run)
    status = run.status()
    assert list(status.losses) == scalars(run, "train/loss") and len(losses(run)) == 12
    assert list(status.eval_losses) == scalars(run, "eval/loss")


def test_a_tracker_that_fails_does_not_end_the_run(home: Path, worker: Worker) -> None:
    pytest.importorskip("tensorboard")
    run = begin(home, worker, "unheard", report_to="tensorboard", max_steps=4)
    (run.folder / "tensorboard").write_text("in the way")
    status = finish(run)
    assert status.state == "finished" and len(status.losses) == 4


def test_a_tracker_whose_package_is_missing_is_refused_with_what_to_install(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "captain.tsv"
    data.write_text("prompt\tcompletion\n" + "\n".join("\t".join(pair) for pair in PAIRS))
    missing = [name for name in TRACKERS[1:] if importlib.util.find_spec(name) is None]
    for name in missing:
        assert main(["train", str(data), "--tracker", name]) == 2
        assert main(["train", str(data), "--set", f"report_to={name}"]) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 2 and all(f"pip install {name}" in line for line in lines)
    assert main(["train", str(data), "--tracker", "tensorbord"]) == 2
    assert "did you mean tensorboard" in capsys.readouterr().err
    assert RunStore(home).list() == []
