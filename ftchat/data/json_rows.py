"""JSON in all its containers -> rows: JSON Lines, an array, an object that holds the rows, values one after another.

Knows nothing of what a row means, but that a list of messages is one row. Numbers stay as they are written. What is
broken becomes an unread row, and reading goes on after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from ftchat.data.json_values import Broken, Document, JsonReader
from ftchat.data.names import is_turn
from ftchat.data.nests import are_one_row, held_note, held_row, held_rows, unfolded
from ftchat.data.rows import Number, Remark, Row, unread

_BEGINS = re.compile(r'\s*(?:\{\s*["\'}]|\[\s*[\[{"\]])')
_GAP = re.compile(r"[\s,]*")
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z)'
_BRACKETS = re.compile(_STRING + r"|[\[{]+|[\]}]+", re.DOTALL)
_FIRST_KEY = re.compile(r'\{\s*("[^"\\\n]{0,200}")')
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


class JsonDocument:
    """The rows of a text that is one JSON value, or several of them that do not keep to lines."""

    def __init__(self, text: str):
        self._text = Document(text)
        self._reader = JsonReader()
        self._number = 0
        self._counted = 0  # newlines are counted up to here
        self._line = 1
        self._anchor: re.Pattern[str] | None = None
        self._end = 0  # of the list that was read last
        self.notes: list[Remark] = []

    def rows(self) -> Iterator[Row]:
        position = self._skip(0)
        if self._text.startswith("{", position):
            try:
                value, end = self._reader.parse_at(self._text, position)
            except Broken:
                value, end = None, -1
            if end >= 0 and self._skip(end) == len(self._text):
                yield from self._sole_object(value, position)
                return
            if end < 0 and (inner := self._list_of_rows(position)):
                yield from self._elements(inner, "]")
                return
            self._reader.remarks()
        elif self._text.startswith("[", position):
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

    def _sole_object(self, value: dict[str, Any], position: int) -> Iterator[Row]:
        """Rows that lie one level down, whichever way; else the object is the one row."""
        remarks = self._reader.remarks()
        if held := held_rows(value):
            self.notes.append(held_note(value, held))
            for key, start in self._members(position):
                if key in held:
                    for row in self._elements(start + 1, "]"):
                        yield row._replace(value=held_row(row.value))
        elif (rows := unfolded(value)) is not None:
            for number, row in enumerate(rows, 1):
                yield Row(number, None, row, remarks if number == 1 else ())
        else:
            yield Row(1, self._line_at(position), value, remarks)

    def _members(self, position: int) -> Iterator[tuple[str, int]]:
        """The keys of an object that is known to be valid, and where their values begin."""
        text = self._text
        position = self._skip(position + 1)
        while not text.startswith("}", position):
            key, end = self._reader.parse_at(text, position)
            start = self._skip(self._skip(end) + 1)
            yield key, start
            _, end = self._reader.parse_at(text, start)
            self._reader.remarks()
            position = self._skip(end)

    def _list_of_rows(self, position: int) -> int | None:
        """Where the rows begin in a broken object that holds them under its first key with a list of objects."""
        found = re.compile(r'\{\s*"[^"\\]*"\s*:\s*(\[)\s*\{').match(self._text, position)
        if found is None:
            return None
        try:
            first, _ = self._reader.parse_at(self._text, found.end() - 1)
        except Broken:
            return found.end(1)
        return None if is_turn(first) else found.end(1)

    def _elements(self, position: int, closing: str) -> Iterator[Row]:
        text = self._text
        while (position := self._skip(position)) < len(text):
            if closing and text.startswith(closing, position):
                self._end = position + 1
                return
            self._number += 1
            line = self._line_at(position)
            try:
                value, end = self._reader.parse_at(text, position)
            except Broken as broken:
                self._reader.remarks()
                end = self._after(position, broken)
                yield unread(self._number, line, "bad_json", f"this is not valid JSON: {broken}{self._lost(end)}")
            else:
                self._remember(position)
                yield Row(self._number, line, value, self._reader.remarks())
            position = end
        self._end = position
        if closing and not text[-100:].rstrip().endswith(closing):  # as it does where the last row is the broken one
            self.notes.append(Remark("bad_json", "warning", "the list is never closed: the file may have been cut off"))

    def _skip(self, position: int) -> int:
        gap = _GAP.match(self._text, position)
        return gap.end() if gap else position

    def _line_at(self, position: int) -> int:
        self._line += str.count(self._text, "\n", self._counted, position)
        self._counted = position
        return self._line

    def _remember(self, position: int) -> None:
        """How a row begins, so that the next one can be found after a broken one."""
        if self._anchor is None and (key := _FIRST_KEY.match(self._text, position)):
            self._anchor = re.compile(r"\{\s*" + re.escape(key[1]) + r"\s*:")

    def _after(self, start: int, broken: Broken) -> int:
        """Where to read on after what is broken: at the next thing that begins as the rows do."""
        if broken.position is None:
            return self._after_nested(start)
        self._remember(start)
        found = self._anchor.search(self._text, max(broken.position, start + 1)) if self._anchor else None
        return found.start() if found else len(self._text)

    def _after_nested(self, start: int) -> int:
        """Where the value ends that is too deep to be parsed, by its brackets alone."""
        depth = 0
        for token in _BRACKETS.finditer(self._text, start):
            if token[0][0] in "[{":
                depth += len(token[0])
            elif token[0][0] in "]}":
                if depth <= len(token[0]):
                    return token.start() + depth
                depth -= len(token[0])
        return len(self._text)

    def _lost(self, end: int) -> str:
        return "; what follows could not be read either" if end == len(self._text) else ""
