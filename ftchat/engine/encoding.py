"""Examples become rows of tokens, so many at once that others get their turn between. Knows nothing of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ftchat.engine.closing import BrokenOff
from ftchat.engine.counting import Counting, driven
from ftchat.engine.models import Resident
from ftchat.engine.reporter import Asked
from ftchat.engine.template import Encoded
from ftchat.errors import DataError
from ftchat.records import Example

_AT_ONCE = 256  # examples before others get their turn


def encode_all(
    resident: Resident, examples: Sequence[Example], pulse: Callable[[], Asked] = lambda: ""
) -> list[Encoded]:
    """Every sequence that these examples give. What the template refuses gives none, and is counted by the checks. Of
    many it takes minutes: `pulse` lets chat go on, and BrokenOff ends it when that asks for something."""

    def go_on() -> None:
        if pulse():
            raise BrokenOff

    return driven(encoding(resident, examples), go_on)


def encoding(resident: Resident, examples: Sequence[Example]) -> Counting[list[Encoded]]:
    """The same, for who gives way himself."""
    rows: list[Encoded] = []
    for start in range(0, len(examples), _AT_ONCE):
        found = resident.template.encode_all(examples[start : start + _AT_ONCE])
        rows += within([row for one in found for row in one or ()], resident.context)
        yield
    return rows


def encode_learned(resident: Resident, examples: Sequence[Example], pulse: Callable[[], Asked]) -> list[Encoded]:
    """The same of what is to be trained on; DataError where that leaves nothing."""
    return at_least_one(encode_all(resident, examples, pulse), len(examples))


def at_least_one(rows: list[Encoded], examples: int) -> list[Encoded]:
    """The rows that so many examples gave; DataError where that is none."""
    if not rows:
        raise DataError(f"none of the {examples} examples can be trained on with this base: see the preview")
    return rows


def within(rows: Sequence[Encoded], limit: int) -> list[Encoded]:
    """The rows cut to the limit; those that would lose all that is learned are left out."""
    return [cut for row in rows if (cut := row.within(limit))]
