"""JSON in all its containers -> rows: JSON Lines, an array, an object that holds the rows, values one after another.

Knows nothing of what a row means, but that a list of messages is one row. Numbers stay as they are written. What is
broken becomes an unread row, and reading goes on after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, repeat
from typing import Any, NamedTuple, TextIO

from ftchat.data.json_text import GAP, JsonText
from ftchat.data.json_values import Broken, JsonReader, said_at
from ftchat.data.names import is_turn
from ftchat.data.nests import (
    ROWS_TOLD_BY,
    are_one_row,
    held_note,
    held_row,
    held_rows,
    holds_rows,
    rows_by_column,
    rows_by_id,
)
from ftchat.data.rows import Number, Remark, Row, unread

_BEGINS = re.compile(GAP + r'(?:\{\s*["\'}]|\[\s*[\[{"\]])')
_FIRST_KEY = re.compile(r'\{\s*("[^"\\\n]{0,200}")')
_HOLDS_LIST = re.compile(r'\{\s*"[^"\\]*"\s*:\s*(\[)\s*\{')
_NOWHERE = re.compile("(?!)")
_BEGINNING = 1 << 9  # characters in which a row says how it begins
_LINE_SAMPLE = 20


def begins_like_json(head: str) -> bool:
    return _BEGINS.match(head) is not None


def are_json_lines(lines: Iterable[str]) -> bool:
    """Whether lines, of the first few, are each a value of their own, and there is more than one."""
    sample: list[str] = []
    size = 0
    for line in lines:
        if line.strip():
            sample.append(line)
            size += len(line)
        if len(sample) >= 2 and (len(sample) >= _LINE_SAMPLE or size > 1 << 20):
            break
    if len(sample) < 2:
        return False
    margin = len(sample[0]) - len(sample[0].lstrip())
    candidates = [line for line in sample if line[margin : margin + 1] in ("{", "[") and not line[:margin].strip()]
    if 2 * len(candidates) < len(sample) or sample[0].strip() == "[":
        return False
    return sum(map(_is_row, candidates)) > sum(line.rstrip().endswith(",") for line in sample)


def _is_row(line: str) -> bool:
    """Whether a line is a value of its own, or is meant to be one."""
    try:
        value = JsonReader().parse(line)
    except Broken:
        return line.lstrip().startswith("{") and line.rstrip().endswith("}")
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and not isinstance(value[0], Number))


def json_lines(lines: Iterable[str]) -> Iterator[Row]:
    reader = JsonReader()
    number = 0
    for line_number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        number += 1
        try:
            yield Row(number, line_number, reader.parse(line), reader.remarks())
        except Broken as broken:
            reader.remarks()
            yield unread(number, line_number, "bad_json", f"this is not valid JSON: {broken}")


class _Outline(NamedTuple):
    """An object that may hold a million rows: of lists of rows only the first ones. `starts` are the keys, and where
    their values begin."""

    value: dict[str, Any]
    starts: list[tuple[str, int]]
    end: int
    shortened: bool
    broken: bool


class JsonDocument:
    """The rows of a text that is one JSON value, or several of them that do not keep to lines."""

    def __init__(self, opened: Callable[[], TextIO]):
        self._text = JsonText(opened)
        self._reader = JsonReader()
        self._number = 0
        self._anchor: re.Pattern[str] | None = None
        self._end = 0  # of the list that was read last
        self.notes: list[Remark] = []

    def rows(self) -> Iterator[Row]:
        text = self._text
        position = text.after_gap(0)
        if text.at(position) == "{":
            try:
                outline = self._outlined(position)
            except Broken:
                outline = None
            remarks = self._reader.remarks()
            if outline and outline.broken and not held_rows(outline.value):
                outline = None
            if outline and not text.at(text.after_gap(outline.end)):
                yield from self._sole_object(outline, position, remarks)
                return
            if not outline and (inner := self._list_of_rows(position)):
                yield from self._elements(inner, "]")
                return
        elif text.at(position) == "[":
            elements = self._elements(position + 1, "]")
            first = list(islice(elements, 3))
            if are_one_row([row.value for row in first]):
                whole = [*first, *elements]
                remarks = tuple(remark for row in whole for remark in row.remarks)
                yield Row(1, first[0].line, [row.value for row in whole], remarks)
            else:
                yield from chain(first, elements)
            position = self._end
        yield from self._elements(position, "")

    def _sole_object(self, outline: _Outline, position: int, remarks: tuple[Remark, ...]) -> Iterator[Row]:
        """Rows that lie one level down, whichever way; else the object is the one row."""
        value = outline.value
        if held := held_rows(value):
            self.notes.append(held_note(value, held))
            for key, start in outline.starts:
                if key in held and self._text.at(start) == "[":
                    for row in self._elements(start + 1, "]"):
                        yield row._replace(value=held_row(row.value))
            return
        if outline.shortened:
            value, _ = self._text.value_at(self._reader, position)
            self._reader.remarks()
        if (rows := rows_by_column(value)) is not None:
            lines: Iterator[int | None] = repeat(None)
        elif (rows := rows_by_id(value)) is not None:
            starts = dict(outline.starts)
            lines = (self._text.line_at(starts[key]) for key in value)
        else:
            rows, lines = [value], iter([self._text.line_at(position)])
        for number, (one, line) in enumerate(zip(rows, lines, strict=False), 1):
            yield Row(number, line, one, remarks if number == 1 else ())

    def _outlined(self, position: int) -> _Outline:
        """The object that begins here. Broken where it is not valid, other than in a row of a list that it holds."""
        self._skipped = False
        members: dict[str, Any] = {}
        starts: list[tuple[str, int]] = []
        shortened = False
        place, more = self._opened(position, "}")
        while more:
            key, place = self._text.value_at(self._reader, place)
            if not isinstance(key, str) or isinstance(key, Number):
                raise Broken("a key is missing", place)
            place = self._text.after_spaces(place)
            if self._text.at(place) != ":":
                raise Broken("a colon is missing", place)
            place = self._text.after_spaces(place + 1)
            if key in members:
                self._reader.twice(key)
            starts.append((key, place))
            if self._text.at(place) == "[":
                members[key], place, all_of_it = self._shortened(key, place)
                shortened = shortened or not all_of_it
            else:
                members[key], place = self._text.value_at(self._reader, place)
            place, more = self._closed(place, "}")
        return _Outline(members, starts, place, shortened, self._skipped)

    def _shortened(self, key: str, position: int) -> tuple[list[Any], int, bool]:
        """A list: of rows only the first ones, where it ends, and whether it is all there."""
        found: list[Any] = []
        all_of_it = True
        place, more = self._opened(position, "]")
        self._anchor = None
        while more:
            try:
                value, end = self._text.value_at(self._reader, place)
            except Broken as broken:
                if self._text.at(place) != "{":
                    raise
                self._skipped = True
                key_there = _FIRST_KEY.match(self._text.part(place, _BEGINNING))
                found += [{key_there[1].strip('"'): None}] if key_there and len(found) < ROWS_TOLD_BY else []
                place = self._after(place, broken)
                more = bool(self._text.at(place))
                continue
            self._remember(place)
            place = end
            all_of_it = all_of_it and (len(found) < ROWS_TOLD_BY or not holds_rows(key, found))
            if all_of_it:
                found.append(value)
            place, more = self._closed(place, "]")
        return found, place, all_of_it

    def _opened(self, position: int, closing: str) -> tuple[int, bool]:
        """Where what is in brackets begins, unless there is nothing."""
        place = self._text.after_spaces(position + 1)
        return (place + 1, False) if self._text.at(place) == closing else (place, True)

    def _closed(self, position: int, closing: str) -> tuple[int, bool]:
        """Where the next thing in brackets begins, unless they are closed."""
        place = self._text.after_spaces(position)
        if self._text.at(place) == closing:
            return place + 1, False
        if self._skipped and not self._text.at(place):
            return place, False  # the end was lost with the last row
        if self._text.at(place) != ",":
            raise Broken("a comma is missing", place)
        return self._text.after_spaces(place + 1), True

    def _list_of_rows(self, position: int) -> int | None:
        """Where the rows begin in a broken object that holds them under its first key with a list of objects."""
        found = _HOLDS_LIST.match(self._text.part(position, _BEGINNING))
        if found is None:
            return None
        try:
            first, _ = self._text.value_at(self._reader, position + found.end() - 1)
        except Broken:
            first = None
        self._reader.remarks()
        return None if is_turn(first) else position + found.end(1)

    def _elements(self, position: int, closing: str) -> Iterator[Row]:
        text = self._text
        self._anchor = None
        while char := text.at(position := text.after_gap(position)):
            if char == closing:
                self._end = position + 1
                return
            self._number += 1
            line = text.line_at(position)
            try:
                value, end = text.value_at(self._reader, position)
            except Broken as broken:
                self._reader.remarks()
                said = self._said(broken)
                end = self._after(position, broken)
                lost = "" if text.at(end) else "; what follows could not be read either"
                yield unread(self._number, line, "bad_json", f"this is not valid JSON: {said}{lost}")
            else:
                self._remember(position)
                yield Row(self._number, line, value, self._reader.remarks())
            position = end
        self._end = position
        # It is closed after all where the last row is the broken one.
        if closing and not text.part(max(0, position - 100), 100).rstrip().endswith(closing):
            self.notes.append(Remark("bad_json", "warning", "the list is never closed: the file may have been cut off"))

    def _said(self, broken: Broken) -> str:
        if broken.position is None:
            return str(broken)
        return said_at(str(broken), self._text.column_at(broken.position))

    def _remember(self, position: int) -> None:
        """How a row begins, so that the next one can be found after a broken one."""
        if self._anchor is None and (key := _FIRST_KEY.match(self._text.part(position, _BEGINNING))):
            self._anchor = re.compile(r"\{\s*" + re.escape(key[1]) + r"\s*:")

    def _after(self, start: int, broken: Broken) -> int:
        """Where to read on after what is broken: at the next thing that begins as the rows do."""
        if broken.position is None:
            return self._text.after_nested(start)
        self._remember(start)
        return self._text.find(self._anchor or _NOWHERE, max(broken.position, start + 1))
