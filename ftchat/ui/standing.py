"""Who can be asked right now: the adapters to choose from, the base below them, and the run that is on its way.

Knows runs on disk, not the page; cheap enough to be asked every second. Also what questions the data suggests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftchat.events import RunStatus
from ftchat.records import STARTER, Example
from ftchat.runs import Run, RunStore

_OFFERED = 50  # the newest runs; of older ones only those that are asked for are looked at every second
_SUGGESTED = 6
_SHORT = 160  # characters of a question that fits a button


@dataclass(frozen=True, slots=True)
class Standing:
    """`usable` holds (id, name), newest first. `followed` is the selected run once it is usable: the pane changes to
    it when that changes, so that a choice of the visitor's own is left alone otherwise."""

    base: str
    run: str | None
    usable: tuple[tuple[str, str], ...]
    followed: str | None
    waiting: Run | None

    @property
    def name(self) -> str:
        return dict(self.usable).get(self.run or "", "")

    @property
    def progress(self) -> RunStatus | None:
        return self.waiting.status() if self.waiting else None


def standing(runs: RunStore, selected: str | None, picked: str | None, followed: str | None) -> Standing:
    """`selected` is the page's run, `picked` the pane's adapter, `followed` that of the last time."""
    asked = (selected, picked)
    newest = {run.id: run for place, run in enumerate(runs.list()) if place < _OFFERED or run.id in asked}
    usable = {run.id: run for run in newest.values() if run.status().usable}
    ready = selected if selected in usable else None
    if ready is not None and ready != followed:
        picked = ready
    if picked not in usable:
        picked = next(iter(usable), None)
    waiting = newest.get(selected or "")
    if waiting is not None and waiting.status().over:
        waiting = None
    below = usable.get(picked or "") or waiting
    names = tuple((run.id, run.config.name) for run in usable.values())
    return Standing(below.config.base if below else STARTER, picked, names, ready or followed, waiting)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question of the data, with the system prompt that goes with it; `held_out` if the run never saw it."""

    question: str
    system: str
    held_out: bool


def suggestions(learned: Sequence[Example], held_out: Sequence[Example]) -> list[Suggestion]:
    """A few short first questions, spread over the data: those that a run held out come first."""
    found = _spread(held_out, True, _SUGGESTED // 2)
    return found + _spread(learned, False, _SUGGESTED - len(found))


def _spread(examples: Sequence[Example], held_out: bool, most: int) -> list[Suggestion]:
    found: dict[str, Suggestion] = {}
    for example in examples:
        *before, last = example.context
        system = " ".join(message.content for message in before if message.role == "system")
        first = last.role == "user" and all(message.role == "system" for message in before)
        if first and 0 < len(last.content.strip()) <= _SHORT:
            found.setdefault(last.content, Suggestion(last.content, system, held_out))
    return list(found.values())[:: max(1, len(found) // most)][:most]
