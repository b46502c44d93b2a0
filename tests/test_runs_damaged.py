"""One run whose folder is damaged, foreign or not to be written to takes no other with it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from test_runs import config

from ftchat.errors import ConfigError
from ftchat.events import RunQueued
from ftchat.runs import Run, RunStore
from ftchat.worker import Worker

OTHERS = ["", "null", "3", "[]", "{}", '{"name": "a"}', '{"name": "a", "dataset": "d", "of_tomorrow": 1}']


def copies(run: Run, name: str) -> list[Path]:
    return [run.folder / f"{name}.json", run.folder / f"{name}.copy.json"]


@pytest.mark.parametrize("written", OTHERS)
def test_settings_that_are_not_a_runs_hide_that_run_alone(written: str, home: Path) -> None:
    store = RunStore(home)
    kept, lost = store.create(config("kept")), store.create(config("lost"))
    for path in copies(lost, "config"):
        path.write_text(written)
    fresh = RunStore(home)
    assert [run.config.name for run in fresh.list()] == ["kept"] and fresh.get("kept").id == kept.id
    with pytest.raises(ConfigError, match="no run 'lost'"):
        fresh.get("lost")


@pytest.mark.parametrize("written", OTHERS)
def test_the_second_copy_stands_in_for_the_first(written: str, home: Path) -> None:
    run = RunStore(home).create(config("a"))
    copies(run, "config")[0].write_text(written)
    for path in copies(run, "resolved"):
        path.write_text(written)
    (again,) = RunStore(home).list()
    assert again.config == config("a") and again.resolved is None


def read_only(run: Run) -> None:
    """As good as that, also for root: nobody can open the lock."""
    (run.folder / "lock").unlink(missing_ok=True)
    (run.folder / "lock").mkdir()


def test_a_run_that_cannot_be_written_to_is_seen_and_says_so_when_it_is_to_go_on(home: Path, worker: Worker) -> None:
    run = RunStore(home).create(config("a"))
    run.append(RunQueued())
    read_only(run)
    (seen,) = RunStore(home).list()
    assert seen.status().state == "interrupted"
    with pytest.raises(ConfigError, match="make its folder writable"):
        worker.start_run(run.id)


@pytest.mark.parametrize(
    "moved", [lambda run, to: run.folder.rename(to), lambda run, to: shutil.copytree(run.folder, to)]
)
def test_a_folder_that_was_renamed_or_copied_is_a_run(moved: Callable[[Run, Path], object], home: Path) -> None:
    run = RunStore(home).create(config("a"))
    moved(run, run.folder.with_name("my best run"))
    assert RunStore(home).get("my best run").config == config("a")


def test_what_is_no_run_is_passed_over(home: Path) -> None:
    store = RunStore(home)
    run = store.create(config("a"))
    (store.folder / "notes.txt").write_text("mine")
    (store.folder / "folder").mkdir()
    (run.checkpoints / "step-old").mkdir(parents=True)
    (run.checkpoints / "step-old" / "manifest.json").write_text("{}")
    (seen,) = RunStore(home).list()
    assert seen.steps == ()


def test_errors_of_who_holds_a_run_are_their_own(home: Path) -> None:
    run = RunStore(home).create(config("a"))
    with pytest.raises(OSError, match="disk"), run.hold():
        raise OSError("disk")
    assert not run.held()
