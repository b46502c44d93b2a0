"""The runs that wait, first come first served, and the one that trains. Knows nothing of models."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ftchat.engine.closing import close_unbegun
from ftchat.engine.reporter import Asked
from ftchat.errors import ConfigError
from ftchat.events import RunQueued
from ftchat.runs import Run, RunStore


class RunQueue:
    """Each run in it is held, so that no other process trains it."""

    def __init__(self, runs: RunStore):
        self._runs = runs
        self._waiting: deque[tuple[Run, ExitStack]] = deque()
        self.running: Run | None = None
        self.asked: Asked = ""  # of the one that trains

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def first(self) -> Run:
        return self._waiting[0][0]

    @property
    def waiting(self) -> tuple[str, ...]:
        return tuple(run.id for run, _ in self._waiting)

    def add(self, run_id: str, automatic: bool) -> None:
        """A new run, or one that is to go on."""
        run = self._runs.get(run_id)
        name, state = run.config.name, run.status().state
        if run.status().closed:
            raise ConfigError(f"run {name} has ended ({state}): there is nothing to resume", "run_ended", name=name)
        if run.id in (*self.waiting, self.running and self.running.id):
            raise ConfigError(f"run {name} is {state} already", "run_going", name=name)
        with ExitStack() as holding:
            holding.enter_context(run.hold())
            with run.writing():
                run.append(RunQueued(worker=os.getpid(), automatic=automatic))
            self._waiting.append((run, holding.pop_all()))

    def stop(self, run_id: str) -> None:
        """Ends the run that trains and keeps what it learned; takes back one that waits."""
        if self.running and self.running.id == run_id:
            self.asked = "stop"
        else:
            self._take_back(run_id, "stop")

    def pause(self, run_id: str) -> None:
        """Lets the run that trains, or one that waits, be resumed later."""
        if self.running and self.running.id == run_id:
            self.asked = "pause"
        else:
            self._take_back(run_id, "pause")

    @contextmanager
    def next(self) -> Iterator[Run]:
        """The first in the queue, which trains and is held inside."""
        run, holding = self._waiting.popleft()
        self.running, self.asked = run, ""
        try:
            with holding:
                yield run
        finally:
            self.running = None

    def _take_back(self, run_id: str, asked: Asked) -> None:
        for entry in [entry for entry in self._waiting if entry[0].id == run_id]:
            self._waiting.remove(entry)
            run, holding = entry
            close_unbegun(run, asked)
            holding.close()
