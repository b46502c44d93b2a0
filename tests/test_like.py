"""A run can be done again, from what its folder holds, to the same adapter."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from test_resume import until_step, weights
from test_train import PAIRS, finish, losses, start

from ftchat.cli import main
from ftchat.errors import ConfigError
from ftchat.records import RunConfig
from ftchat.runs import RunStore
from ftchat.settings import versions
from ftchat.worker import Worker


def test_a_run_is_done_again_to_the_same_adapter(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "captain.tsv"
    data.write_text("prompt\tcompletion\n" + "\n".join("\t".join(pair) for pair in PAIRS))
    settings = ["--set", "max_steps=6", "--set", "lora_dropout=0.1"]
    assert main(["train", str(data), "--name", "first", "--preset", "quick", *settings]) == 0
    data.unlink()
    assert main(["train", "--like", "first", "--name", "second"]) == 0
    runs = RunStore(home)
    first, second = runs.get("first"), runs.get("second")
    assert weights(first) == weights(second) and losses(first) == losses(second)
    assert first.resolved == second.resolved and first.resolved is not None
    assert first.resolved.versions == versions() and {"torch", "python", "ftchat"} <= versions().keys()
    assert "warning" not in capsys.readouterr().err


def test_a_run_that_was_stopped_is_done_again_as_far_as_it_went(home: Path, worker: Worker) -> None:
    run = start(home, worker, "stopped", {"max_steps": 100_000, "lora_dropout": 0.1})
    until_step(run, 3)
    worker.stop_run(run.id)
    finish(run)
    again = RunStore(home).create_like(run, "again")
    worker.start_run(again.id)
    status = finish(again)
    assert (status.state, status.early, status.step) == ("finished", "again", run.status().step)
    assert weights(again) == weights(run)


def test_what_cannot_be_done_again_is_said(home: Path, worker: Worker, capsys: pytest.CaptureFixture[str]) -> None:
    runs = RunStore(home)
    with pytest.raises(ConfigError, match="never began"):
        runs.create_like(runs.create(RunConfig("waiting", "0" * 16)), "again")
    run = start(home, worker, "captain", {"max_steps": 1})
    finish(run)
    shutil.rmtree(home / "owners" / "local" / "datasets")
    assert main(["train", "--like", "captain"]) == 2
    assert main(["train", "--like", "captain", "--set", "r=4"]) == 2
    assert main(["train", "--like", "nobody"]) == 2
    gone, given, unknown = capsys.readouterr().err.strip().splitlines()
    assert "not kept any more" in gone and "leave out --set" in given and "no run 'nobody'" in unknown
    assert [run.config.name for run in runs.list()].count("captain-2") == 0
