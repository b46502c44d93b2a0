"""What questions the data suggests to ask: those of the chosen run's data, the ones that it held out first.

Knows the stores, not the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftchat.errors import DataError
from ftchat.records import Example
from ftchat.runs import Run
from ftchat.ui.studio import Studio

_WHOLE = 1000  # examples at most that are read for a few suggestions
_LOOKS, _LOOK = 6, 20  # places in a dataset that are looked at, and examples at each
_SUGGESTED = 6
_SHORT = 160  # characters of a question that fits a button


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


class Suggested:
    """By run, or by dataset where there is none."""

    def __init__(self, studio: Studio):
        self._studio = studio
        self._known: dict[str, list[Suggestion]] = {}

    def of(self, run_id: str | None, dataset: str | None) -> list[Suggestion]:
        """Of the chosen run's data, else of the data at hand. Neither ever changes, so each is read once."""
        run = self._studio.run(run_id)
        known, source = (run.id, run.config.dataset) if run else (dataset, dataset)
        if not known or not source:
            return []
        if known not in self._known:
            try:
                self._known[known] = self._read(source, run)
            except DataError:
                return []
        return self._known[known]

    def _read(self, source: str, run: Run | None) -> list[Suggestion]:
        """Which examples were held out shows only in the whole of them, so it is not looked for in a big dataset."""
        store, count = self._studio.datasets, self._studio.datasets.info(source).count
        if run is not None and run.resolved is not None and count <= _WHOLE:
            learned, held_out, _ = store.split_for(run.config)
            return suggestions(learned, held_out)
        starts = dict.fromkeys(count * place // _LOOKS for place in range(_LOOKS))
        pages = (store.page(source, start, _LOOK).rows for start in starts)
        return suggestions([example for page in pages for _, example in page], ())
