"""The first rows of a table -> the names of its columns. Knows nothing of how the table was written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from ftchat.data.guesses import speaks_of
from ftchat.data.names import is_header
from ftchat.data.rows import Remark, shown, unique

TITLE_ROWS = 10  # a header is looked for in so many rows; titles and blanks may stand above it
_NUMBER = re.compile(r"\s*[-+]?[\d.,]*\d\s*")
_DIGITS = re.compile(r"[-+]?[\d.,:/ -]*\d")  # numbers, dates, times
_WORDING = re.compile(r"[^\W\d][^\d?!。？！]{0,40}")  # what a person calls a column; no sentence, no value
_MOST_WORDS = 4
_IDENTIFIER = re.compile(r"[^\W\d][\w-]{0,30}")


class Heading(NamedTuple):
    """`named`: the first record is no row but the names of the columns. `note`: why, where that is a guess."""

    columns: tuple[str, ...]
    named: bool
    note: Remark | None = None


def is_named(first: Sequence[str], mapped: Collection[str]) -> bool:
    """Whether the cells of a record are names of columns, by what they say. `mapped` are names that the user says."""
    return is_header(first) or not set(mapped).isdisjoint(first)


def find_heading(
    records: Sequence[Sequence[str]], mapped: Collection[str], sure_only: bool = False, header: bool | None = None
) -> Heading | None:
    """None where the records do not look like a table, or `sure_only` and nothing but their look says so. `header`:
    whether the first one names the columns, where the user says so."""
    first = [cell.strip() for cell in records[0]]
    if header is None and is_named(first, mapped):
        return Heading(unique(first), True)
    width, count = Counter(map(len, records)).most_common(1)[0]
    if (sure_only and header is None) or width < 2 or count < 0.9 * len(records):
        return None
    if header is not None:
        return Heading(unique(first) if header else tuple(map(str, range(1, width + 1))), header)
    if _looks_like_names(records):
        note = Remark("layout", "info", f"the first row looks like names of columns: {', '.join(map(shown, first))}")
        return Heading(unique(first), True, note)
    note = Remark("layout", "info", "no header row was found, so the columns are called 1, 2, ...")
    return Heading(tuple(map(str, range(1, width + 1))), False, note)


def _looks_like_names(records: Sequence[Sequence[str]]) -> bool:
    """Single words in the first row, and below them longer texts or a column of numbers; or several words, and below
    them a longer column of numbers or dates."""
    first, *others = records
    if all(len(cell.split()) <= _MOST_WORDS and _WORDING.fullmatch(cell.strip()) for cell in first if cell.strip()):
        spoken = speaks_of([cell.strip() for cell in first])  # Customer question, Our answer
        if spoken and others and len(set(first)) == len(first):
            return True
    names = first[1:] if not first[0].strip() else first  # R and pandas write numbers of rows under no name
    if not others or len(set(first)) < len(first):
        return False
    columns = list(zip(*others, strict=False))
    if not all(map(_is_word, names)):
        worded = len(others) > 2 and all(_WORDING.fullmatch(cell.strip()) for cell in names)
        return worded and any(all(_DIGITS.fullmatch(cell.strip()) for cell in column) for column in columns)
    if any(all(map(_NUMBER.fullmatch, column)) for column in columns):
        return True
    longer = sum(len("".join(record)) for record in others) > 3 * len("".join(first)) * len(others)
    return len(others) > 1 and longer and not any(all(map(_is_word, record)) for record in others)


def _is_word(cell: str) -> bool:
    return _IDENTIFIER.fullmatch(cell.strip()) is not None
