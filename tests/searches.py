"""Searches for tests: begun on small data, waited for, and their histories invented."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from ftchat.data import DatasetStore, Source, read
from ftchat.events import RunStatus
from ftchat.records import RunConfig, Setting
from ftchat.runs import Run, RunStore
from ftchat.worker import Worker

ROWS = "\n".join(f"Question {n}?\tThe answer to it is {n}." for n in range(30))
SHORT: Mapping[str, Setting] = {"max_steps": 4, "seed": 5}  # steps of a trial


def config(
    home: Path, name: str, minutes: float, settings: Mapping[str, Setting] = SHORT, method: str = "auto"
) -> RunConfig:
    dataset = DatasetStore(home).put(read([Source.from_text(ROWS)]), "numbers")
    return RunConfig(name, dataset.hash, method=method, settings=settings, search_minutes=minutes)


def start(home: Path, worker: Worker, asked: RunConfig) -> Run:
    run = RunStore(home).create(asked)
    worker.start_run(run.id)
    return run


def finish(run: Run, seconds: float = 240) -> RunStatus:
    deadline = time.monotonic() + seconds
    while not (status := run.status()).over:
        assert time.monotonic() < deadline, "the search does not end"
        time.sleep(0.05)
    assert status.bug is None, status.bug
    return status
