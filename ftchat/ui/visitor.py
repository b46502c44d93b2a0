"""What one visitor's page has selected, as its components send it. Knows no component."""

from __future__ import annotations

from typing import Any, NamedTuple

from ftchat.ui.duet import PANES
from ftchat.ui.standing import Standing
from ftchat.ui.voices import STRONGEST, Speaker

SELECTED = 4 + 2 * (PANES - 1)  # values that a Visitor is made of


class Visitor(NamedTuple):
    """What a visitor's page has selected; the last three for each pane beside the base's.

    `picks` are the adapters wanted in the panes, `sent` those that the page showed when it asked.
    """

    lang: str
    run: str | None
    dataset: str | None
    followed: str | None
    picks: tuple[str | None, ...]
    strengths: tuple[float, ...]
    sent: tuple[str | None, ...]

    @classmethod
    def of(cls, *values: Any) -> Visitor:
        """From the inputs as they come from the page."""
        lang, run, dataset, followed, *panes = values
        picks, strengths = tuple(panes[: PANES - 1]), tuple(_strength(one) for one in panes[PANES - 1 :])
        return cls(lang, run, dataset, followed, picks, strengths, sent=picks)

    def strength(self, pane: int) -> float:
        return self.strengths[pane - 1] if pane else 1.0

    def picking(self, pane: int, key: str | None) -> Visitor:
        """With another choice in one pane."""
        return self._replace(picks=(*self.picks[: pane - 1], key, *self.picks[pane:]))

    def speakers(self, now: Standing) -> dict[int, Speaker]:
        """Who answers, by pane."""
        return {pane: speaker for pane in range(PANES) if (speaker := now.speaker(pane, self.strength(pane)))}


def _strength(value: Any) -> float:
    """A slider's value, whatever a browser sends for it."""
    return round(min(STRONGEST, max(0.0, value)), 2) if isinstance(value, int | float) and value == value else 1.0
