"""A run of each method learns with the settings that are chosen for it, goes on exactly, and leaves the base as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_methods import ALL
from test_resume import until_over, until_step, weights
from test_train import PAIRS, ask, finish, losses

from ftchat.data import DatasetStore, Source, read
from ftchat.records import RunConfig
from ftchat.runs import Run, RunStore
from ftchat.worker import Worker

STEPS = 16


def begin(home: Path, worker: Worker, name: str, method: str, **settings: float) -> Run:
    rows = "\n".join(f"{question}\t{answer}" for question, answer in PAIRS)
    dataset = DatasetStore(home).put(read([Source.from_text(rows)]), "captain")
    config = RunConfig(name, dataset.hash, method=method, settings={"max_steps": STEPS, "seed": 5} | settings)
    run = RunStore(home).create(config)
    worker.start_run(run.id)
    return run


@pytest.mark.parametrize("method", ALL)
def test_a_run_learns_and_goes_on_exactly_after_a_pause(home: Path, worker: Worker, method: str) -> None:
    whole, paused = begin(home, worker, "whole", method), begin(home, worker, "paused", method)
    until_step(paused, 5)
    worker.pause_run(paused.id)
    until_over(paused)
    status = finish(whole)
    assert status.state == "finished" and status.method == method
    checks = {check.name: check.ok for check in status.checks}
    assert checks["base_unchanged"] and checks["adapter_changed_the_model"], status.checks
    shown = losses(whole)
    assert sum(shown[-3:]) < 0.9 * sum(shown[:3]), shown
    assert any(
        tuned.text != base.text for base, tuned in (ask(worker, whole.id, question) for question, _ in PAIRS[:3])
    )
    if paused.status().state == "paused":  # a busy machine may have been too slow to stop it
        worker.start_run(paused.id)
        assert finish(paused).state == "finished"
    assert losses(paused) == shown and weights(paused) == weights(whole)


@pytest.mark.parametrize("method", ["pissa", "prefix", "full"])
def test_what_a_run_has_learned_so_far_answers(home: Path, worker: Worker, method: str) -> None:
    run = begin(home, worker, "long", method, max_steps=100_000)
    until_step(run, 6)
