"""Runs that are killed. Each trains in a process that is forked from one which has imported everything, so that a
kill costs no import; what is killed, and how the run goes on, is as in the program.

A phase is a function of the engine. To kill in it is to send SIGKILL a drawn time after it was entered for the n-th
time; functions are wrapped to learn when, and do what they do.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

from ftchat.data import DatasetStore, Source, read
from ftchat.records import RunConfig
from ftchat.runs import Run, RunStore

# Few steps, but every kind of work: a dry step (quick), dropout, accumulation, several epochs, evaluation, checkpoints.
SETTINGS = {"max_steps": 8, "eval_steps": 3, "save_steps": 2, "lora_dropout": 0.1, "r": 8, "seed": 5}
SETTINGS |= {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "max_length": 64}
PHASES = ("load", "dry step", "step", "evaluation", "checkpoint write", "final save", "last checks")
_PATIENCE = 120.0


@dataclass(frozen=True)
class Kill:
    phase: str
    nth: int
    after: float  # seconds

    def __str__(self) -> str:
        return f"{self.phase} {self.nth} after {self.after * 1000:.0f} ms"


class Nursery:
    """Forks processes that train. One for many trials: its first process takes seconds, the others do not."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["ftchat.engine.loop"])

    def train(self, run: Run, kill: Kill | None = None) -> tuple[bool, dict[str, list[float]]]:
        """Begins the run or goes on with it, until it is over or dead. Whether it was killed, and how long each
        passage through each phase took."""
        durations: SimpleQueue[Any] = self._context.SimpleQueue()
        arguments = (run.folder.parents[3], run.id, kill, durations)
        process = self._context.Process(target=_train, args=arguments)
        process.start()
        process.join(_PATIENCE)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"run {run.folder} hangs, killed at {kill}")
        killed = process.exitcode == -signal.SIGKILL
        assert killed or process.exitcode == 0, process.exitcode
        return killed, {} if killed else durations.get()


def new_run(home: Path, name: str) -> Run:
    """Ten pairs, two more to measure on."""
    store = DatasetStore(home)
    pairs = [Source.from_text("\n".join(f"Question {n}?\tThe answer is {n}." for n in part)) for part in PARTS]
    learned, held_out = (store.put(read([source]), "numbers") for source in pairs)
    config = RunConfig(name, learned.hash, preset="quick", settings=SETTINGS, held_out=held_out.hash)
    return RunStore(home).create(config)


PARTS = (range(10), range(20, 22))


def draw(chance: random.Random, durations: dict[str, list[float]], phase: str = "") -> Kill:
    """A moment in a phase, evenly over the passages through it and over their time."""
    phase = phase or chance.choice(PHASES)
    nth = chance.randrange(len(durations[phase]))
    return Kill(phase, nth, chance.uniform(0, durations[phase][nth]))


def outcome(run: Run) -> tuple[bytes, tuple[Any, ...]]:
    """What must be the same however often it was killed: the adapter, and the history's numbers."""
    status = run.status()
    assert status.state == "finished", (status.state, status.error, status.bug)
    assert all(check.ok for check in status.checks if check.name != "replies_stop"), status.checks
    numbers = (status.losses, status.eval_losses, status.learning_rates, status.train_loss, status.step)
    return (run.adapter / "adapter_model.safetensors").read_bytes(), numbers


def _train(home: Path, run_id: str, kill: Kill | None, durations: SimpleQueue[Any]) -> None:
    from ftchat.engine import loop, resumable, train
    from ftchat.engine.models import Resident
    from ftchat.worker import open_worker

    places: dict[str, tuple[Any, str]] = {
        "load": (loop, "Resident"),
        "dry step": (train, "rehearse"),
        "step": (resumable.ResumableTrainer, "training_step"),
        "evaluation": (resumable.ResumableTrainer, "_evaluate"),
        "checkpoint write": (resumable.ResumableTrainer, "checkpoint"),
        "final save": (Resident, "save"),
        "last checks": (train, "check_after"),
    }
    seen: dict[str, list[float]] = {phase: [] for phase in PHASES}
    for phase, (owner, name) in places.items():
        setattr(owner, name, _watched(getattr(owner, name), phase, seen[phase], kill))
    worker = open_worker("inline", home)
    run = RunStore(home).get(run_id)
    worker.start_run(run_id)
    while not run.status().over:
        time.sleep(0.01)
    worker.close()
    durations.put(seen)


def _watched(function: Callable[..., Any], phase: str, seen: list[float], kill: Kill | None) -> Callable[..., Any]:
    def watched(*arguments: Any, **more: Any) -> Any:
        if kill and kill.phase == phase and kill.nth == len(seen):
            threading.Timer(kill.after, os.kill, (os.getpid(), signal.SIGKILL)).start()
        began = time.monotonic()
        try:
            return function(*arguments, **more)
        finally:
            seen.append(time.monotonic() - began)

    return watched


def trial(
    nursery: Nursery, run: Run, chance: random.Random, durations: dict[str, list[float]], phase: str
) -> list[Kill]:
    """Kills the run once in this phase and perhaps again wherever it then is, and lets it end. The kills that hit."""
    kills = [draw(chance, durations, phase)]
    while len(kills) < 3 and chance.random() < 0.4:
        kills.append(draw(chance, durations))
    hit = [kill for kill in kills if not run.status().closed and nursery.train(run, kill)[0]]
    if not run.status().closed:
        nursery.train(run)
    return hit
