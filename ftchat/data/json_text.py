"""A long text with JSON values in it, of which only a part is held: a million pairs need not fit into memory twice.

Positions count characters from the beginning of the text. Knows nothing of rows, nor of what a value means.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TextIO

from ftchat.data.json_values import Broken, JsonReader

_PIECE = 1 << 20
_MARGIN = 512  # what lies before is still asked for, now and then
_WINDOW = 1 << 12
_GAPS = 1 << 8
_FIELD = 1 << 9  # characters in which a row begins
GAP = r"(?:[\s,]++|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+"  # comments too, as some programs write them
_GAP = re.compile(GAP)
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_BRACKETS = re.compile(_STRING + r"|[\[{]+|[\]}]+", re.DOTALL)


class JsonText:
    def __init__(self, opened: Callable[[], TextIO]):
        self._opened = opened
        self._rewind()
        self._counted, self._line, self._line_begins = 0, 1, 0  # newlines are counted up to here
        self._size = _WINDOW  # of the part that the next value is looked for in

    def _rewind(self) -> None:
        self._file = self._opened()
        self._begin, self._held, self._ended = 0, "", False

    def part(self, start: int, size: int) -> str:
        """The text from `start` on; shorter only where it ends."""
        if start < self._begin:
            self._rewind()
        while start + size > self._begin + len(self._held) and not self._ended:
            gone = min(start - self._begin - _MARGIN, len(self._held))
            if 2 * gone > len(self._held):  # what is kept is copied each time, so it must not be most of it
                self._count(self._begin + gone)
                self._held = self._held[gone:]
                self._begin += gone
            piece = self._file.read(max(_PIECE, len(self._held)))
            self._ended = not piece
            self._held += piece
        return self._held[start - self._begin : start - self._begin + size]

    def at(self, position: int) -> str:
        """The character there; nothing at the end."""
        return self.part(position, 1)

    def after_gap(self, position: int) -> int:
        """Where the next value begins: after spaces, commas and comments."""
        size = _GAPS
        while True:
            part = self.part(position, size)
            gap = _GAP.match(part)
            end = gap.end() if gap else 0
            cut = end == len(part) or (part.startswith(("/*", "/"), end) and size < _PIECE)
            if len(part) < size or not cut:
                return position + end
            size *= 2

    def after_spaces(self, position: int) -> int:
        while part := self.part(position, _GAPS):
            kept = len(part.lstrip())
            position += len(part) - kept
            if kept:
                break
        return position

    def value_at(self, reader: JsonReader, position: int) -> tuple[Any, int]:
        """The value that begins here, and where it ends. Broken where it cannot be read."""
        size = self._size
        while True:
            part = self.part(position, size)
            whole = len(part) < size
            try:
                value, end = reader.parse_first(part, whole)
            except Broken as broken:
                if broken.position is not None:
                    broken.position += position
                raise
            if end is not None:
                self._size = max(_WINDOW, 2 * end)
                return value, position + end
            size *= 2

    def after_nested(self, start: int) -> int:
        """Where the value ends that is too deep to be parsed, by its brackets alone."""
        size = _WINDOW
        while True:
            part = self.part(start, size)
            depth = 0
            for token in _BRACKETS.finditer(part):
                if token[0][0] in "[{":
                    depth += len(token[0])
                elif token[0][0] in "]}":
                    if depth <= len(token[0]):
                        return start + token.start() + depth
                    depth -= len(token[0])
            if len(part) < size:
                return start + len(part)
            size *= 2

    def find(self, pattern: re.Pattern[str], position: int) -> int:
        """Where something short stands next, or the end of the text."""
        size = _WINDOW
        while True:
            part = self.part(position, size)
            if found := pattern.search(part):
                return position + found.start()
            if len(part) < size:
                return position + len(part)
            position += size - _FIELD
            size = min(2 * size, _PIECE)

    def line_at(self, position: int) -> int:
        """The number of the line, from 1; `column_at` says of places in the same value where they are in theirs."""
        if position < self._counted:
            self._counted, self._line, self._line_begins = 0, 1, 0
        while self._counted < position:
            self.part(self._counted, 1)
            self._count(min(position, self._begin + len(self._held)))
        return self._line

    def _count(self, position: int) -> None:
        """Counts the lines up to here, of what is held."""
        start, end = self._counted - self._begin, position - self._begin
        if start < end:
            self._line += self._held.count("\n", start, end)
            last = self._held.rfind("\n", start, end)
            self._line_begins = self._line_begins if last < 0 else self._begin + last + 1
            self._counted = position

    def column_at(self, position: int) -> int:
        """After `line_at` of a place before it."""
        passed = self.part(self._counted, position - self._counted)
        last = passed.rfind("\n")
        return len(passed) - last if last >= 0 else position - self._line_begins + 1
