"""What a waiting run needs may vanish before its turn: that run ends in a sentence, and no other is troubled."""

from __future__ import annotations

import shutil
from pathlib import Path

from test_resume import until_over, until_step
from test_train import finish, start

from ftchat.data import DatasetStore, Source, read
from ftchat.records import RunConfig
from ftchat.runs import RunStore
from ftchat.worker import Worker


def test_the_data_and_the_folder_of_runs_that_wait_may_vanish(home: Path, worker: Worker) -> None:
    first = start(home, worker, "first", {"max_steps": 40})
    other = DatasetStore(home).put(read([Source.from_text("Who?\tI.\nWhere?\tHere.")]), "other")
    no_data = RunStore(home).create(RunConfig("no data", other.hash, preset="quick", settings={"max_steps": 2}))
    worker.start_run(no_data.id)
    no_folder = start(home, worker, "no folder", {"max_steps": 2})
    last = start(home, worker, "last", {"max_steps": 2})
    until_step(first, 2)
    shutil.rmtree(DatasetStore(home).folder / other.hash)
    shutil.rmtree(no_folder.folder)
    assert finish(first).state == "finished"
    until_over(no_data)
    assert no_data.status().state == "failed" and "read the file again" in (no_data.status().error or "")
    assert finish(last).state == "finished"
    assert worker.state().base
    assert sorted(run.config.name for run in RunStore(home).list()) == ["first", "last", "no data"]
