"""Who can be asked right now: who is chosen in each pane, the base below them, and the run that is on its way.

Knows runs on disk, not the page; cheap enough to be asked every second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftchat.adapters import AdapterStore
from ftchat.events import RunStatus
from ftchat.records import STARTER
from ftchat.runs import Run, RunStore
from ftchat.ui.voices import BASE_KEY, Option, Speaker, offered, options


@dataclass(frozen=True, slots=True)
class Standing:
    """`picks` are the keys of who is chosen in the panes beside the base's: None in the first of them where nobody can
    answer there yet, in another where it is closed. `followed` is the selected run once it is usable: the pane changes
    to it when that changes, so that a choice of the visitor's own is left alone otherwise."""

    base: str = STARTER
    picks: tuple[str | None, ...] = (None,)
    options: tuple[Option, ...] = ()
    followed: str | None = None
    waiting: Run | None = None

    @property
    def tuned(self) -> Option | None:
        """Who answers beside the base."""
        return self.option(self.picks[0])

    @property
    def progress(self) -> RunStatus | None:
        return self.waiting.status() if self.waiting else None

    @property
    def soon(self) -> Option | None:
        """What the run on its way has learned so far."""
        run = self.waiting.id if self.waiting else None
        return next((one for one in self.options if one.adapter == run and one.checkpoint == "now"), None)

    def option(self, key: str | None) -> Option | None:
        return next((one for one in self.options if one.key == key), None)

    def choices(self, pane: int) -> tuple[Option, ...]:
        """For a pane: the second one may change the base, the others choose among its adapters."""
        return self.options if pane == 1 else tuple(one for one in self.options if one.base == self.base)

    def speaker(self, pane: int, strength: float) -> Speaker | None:
        """Who answers in a pane; None where it is closed or nobody can."""
        key = BASE_KEY if pane == 0 else self.picks[pane - 1]
        if key == BASE_KEY:
            return Speaker(self.base)
        chosen = self.option(key)
        return Speaker(chosen.base, chosen.adapter, chosen.checkpoint, strength) if chosen else None

    def to_add(self) -> tuple[str, float]:
        """Whom one more pane begins with, and at which strength: somebody new, else the same adapter at half of it."""
        shown = {BASE_KEY, *self.picks}
        fresh = [one for one in self.choices(2) if one.key not in shown]
        first = next((one for one in fresh if one.checkpoint == "now"), None) or next(iter(fresh), None)
        if first is not None:
            return first.key, 1.0
        return (self.picks[0], 0.5) if self.picks[0] else (BASE_KEY, 1.0)


def standing(
    runs: RunStore, brought: AdapterStore, selected: str | None, picks: Sequence[str | None], followed: str | None
) -> Standing:
    """`selected` is the page's run, `picks` what the panes hold, `followed` that of the last time."""
    asked = {(key or "").partition("@")[0] for key in (selected, *picks)}
    newest = offered(runs, asked)
    waiting = next((run for run in newest if run.id == selected), None)
    if waiting is not None and waiting.status().over:
        waiting = None
    found = options(newest, waiting, brought)
    keys = {one.key for one in found}
    first, *others = picks
    ready = selected if selected in keys else None
    if ready is not None and ready != followed:
        first = ready
    if first not in keys:
        first = next((one.key for one in found if one.checkpoint is None), None)
    below = next((one for one in found if one.key == first), None)
    base = below.base if below else waiting.config.base if waiting else STARTER
    near = {BASE_KEY, *(one.key for one in found if one.base == base)}

    def kept(key: str) -> str:
        """A choice that is no more gives way to the run that it was of, or to who answers beside the base."""
        return next((one for one in (key, key.partition("@")[0], first) if one in near), None) or BASE_KEY

    rest = (kept(key) if key else None for key in others)
    learning = None if waiting and waiting.config.search_minutes else waiting  # a search ends without an adapter
    return Standing(base, (first, *rest), found, ready or followed, learning)
