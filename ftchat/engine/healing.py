"""When memory is full: fewer rows at a time, and the run goes on. Knows nothing of how a step is taken.

What was changed is in the history, so that it holds after a break as well.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from ftchat.engine.memory import memory_kills
from ftchat.errors import OutOfMemory
from ftchat.events import DryStepBegun, DryStepPassed, RunHealed
from ftchat.records import ResolvedConfig
from ftchat.runs import Run

_TRIES = 3  # of a dry step whose process died, where nobody says why it did


@dataclass(frozen=True, slots=True)
class MemoryFull:
    """So it was after `step`, with this config."""

    resolved: ResolvedConfig
    step: int


def healed(run: Run, resolved: ResolvedConfig) -> ResolvedConfig:
    """The config as it is after all that the run's history says of full memory."""
    last = run.status().healed
    if last is None:
        return resolved
    return dataclasses.replace(
        resolved,
        per_device_train_batch_size=last.batch,
        gradient_accumulation_steps=last.accumulation,
        gradient_checkpointing=last.checkpointing,
    )


def heal(run: Run, full: MemoryFull, way_out: str) -> None:
    """Half as many rows at a time, as many to a step, and activations computed again. OutOfMemory with the way out
    where there is nothing left to make smaller."""
    now = full.resolved
    batch = now.per_device_train_batch_size
    if batch == 1 and now.gradient_checkpointing:
        raise OutOfMemory(f"memory is full even with one row at a time: {way_out}")
    fewer = max(1, batch // 2)
    accumulation = math.ceil(batch * now.gradient_accumulation_steps / fewer)
    run.append(RunHealed(step=full.step, batch=fewer, accumulation=accumulation, checkpointing=True))
    if run.resolved is not None:
        run.freeze(healed(run, now))


def died_of_memory(run: Run) -> bool:
    """Whether the run's process was killed in its dry step for want of memory: the system counts such kills, or it
    has happened again and again."""
    tries: list[DryStepBegun] = []
    for event in run.events():
        if isinstance(event, DryStepBegun):
            tries.append(event)
        elif isinstance(event, DryStepPassed | RunHealed):
            tries = []
    return bool(tries) and (memory_kills() > tries[-1].kills or len(tries) >= _TRIES)
