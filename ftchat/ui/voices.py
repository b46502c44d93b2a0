"""Who may answer in a pane: the base, a run, one of its checkpoints, what it has learned so far, a brought adapter.

Knows the stores, not components. A pane's choice travels through the page as a key: `base`, an id, or `id@step`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from ftchat.adapters import AdapterStore
from ftchat.records import Message, Pane
from ftchat.runs import Run, RunStore

BASE_KEY = "base"
STRONGEST = 1.5
_OFFERED = 50  # the newest runs; of older ones only those that are asked for are looked at every second
_LOOKED_INTO = 10  # runs whose checkpoints are offered too

Checkpoint = int | Literal["now"] | None


@dataclass(frozen=True, slots=True)
class Speaker:
    """A model as a pane hears it. Two that differ in anything share no history."""

    base: str
    adapter: str | None = None  # the id of a run, or of an adapter that was brought
    checkpoint: Checkpoint = None
    strength: float = 1.0

    def pane(self, messages: tuple[Message, ...]) -> Pane:
        return Pane(self.adapter, messages, self.strength, self.checkpoint)


@dataclass(frozen=True, slots=True)
class Option:
    """One of the adapters to choose from, by its name."""

    name: str
    base: str
    adapter: str
    checkpoint: Checkpoint = None

    @property
    def key(self) -> str:
        return self.adapter if self.checkpoint is None else f"{self.adapter}@{self.checkpoint}"


def options(runs: list[Run], training: Run | None, brought: AdapterStore) -> tuple[Option, ...]:
    """Newest first: each run that can answer and its checkpoints, then what was brought."""
    found: list[Option] = []
    for place, run in enumerate(runs):
        name, base = run.config.name, run.config.base
        if run.status().usable:
            found.append(Option(name, base, run.id))
        if run is training and run.status().step and run.status().state == "running":
            found.append(Option(name, base, run.id, "now"))
        if place < _LOOKED_INTO:
            found += [Option(name, base, run.id, step) for step in reversed(run.steps)]
    return (*found, *(Option(adapter.name, adapter.base, adapter.id) for adapter in brought.list()))


def offered(runs: RunStore, asked: Collection[str]) -> list[Run]:
    """The newest runs, and those of these ids."""
    every = runs.list()
    return [*islice(every, _OFFERED), *(run for run in every[_OFFERED:] if run.id in asked)]
