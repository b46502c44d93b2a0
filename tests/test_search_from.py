"""A search that starts from an earlier run's adapter: its trials are what runs that go on from it would be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from pages import handler
from searches import SHORT, config, finish, start
from test_cli import refused
from test_continuing import put
from test_ui_train import UNTOUCHED

from ftchat.continuing import continued
from ftchat.data import DatasetStore
from ftchat.events.search import ended
from ftchat.runs import RunStore
from ftchat.ui.page import build_page
from ftchat.worker import Worker

NUMBERS = [(f"Question {n}?", f"The answer to it is {n}.") for n in range(30)]


@pytest.mark.slow  # how many trials fit is told only where nothing else runs
@pytest.mark.parametrize("method", ["lora", "adalora"])
def test_its_trials_are_judged_as_runs_that_go_on(home: Path, worker: Worker, method: str) -> None:
    asked = config(home, "first", 0.0, {"max_steps": 12, "seed": 5, "r": 8}, method)
    first = start(home, worker, asked)
    learned = finish(first).eval_losses[-1][1]
    next_ = continued(config(home, "next", 0.4), first, 0.0, DatasetStore(home))
    searched = start(home, worker, next_)
    run = start(home, worker, dataclasses.replace(next_, name="plain", search_minutes=0.0))
    RunStore(home).delete(first)  # they have copies of what they start from
    status, plain = finish(searched), finish(run)
    trials = ended(status.trials)
    assert status.state == "finished" and {trial.r for trial in trials} == {8}
    assert len({trial.learning_rate for trial in trials}) > 1
    assert trials[0].curve[0] == plain.eval_losses[0] and trials[0].curve[0][1] == pytest.approx(learned, rel=1e-4)
    assert trials[0].loss == plain.eval_losses[-1][1]
    checks = {check.name: check.ok for check in status.checks}
    assert checks["base_unchanged"]


def test_the_shell_and_the_page_ask_for_one(home: Path, worker: Worker, tmp_path: Path) -> None:
    first = start(home, worker, config(home, "first", 0.0, {**SHORT, "r": 8}))
    finish(first)
    data = tmp_path / "numbers.tsv"
    data.write_text("prompt\tcompletion\n" + "\n".join("\t".join(pair) for pair in NUMBERS))
    assert "nothing to search for" in refused("search", data, "--from", "first", "--set", "learning_rate=0.001")
    assert "r of run first is 8" in refused("search", data, "--from", "first", "--set", "r=16")
    assert "no run 'nobody'" in refused("search", data, "--from", "nobody")
    page = build_page(home, worker)
    begin = handler(page, "begin_search")
    run_id, _ = begin(put(home, NUMBERS), None, "0.2", "en", first.id, 0.25, *UNTOUCHED)
    run = RunStore(home).get(run_id)
    assert run.config.search_minutes == 0.2 and run.config.origin is not None and run.config.origin.run == first.id
    assert finish(run).state in ("finished", "failed")
