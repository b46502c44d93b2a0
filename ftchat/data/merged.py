"""Cells of a sheet that are merged downwards, as people do for "the same as above": each row has what they hold.

Knows nothing of columns or their meaning. A merged cell across columns is a title, and stays where it is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from openpyxl.utils import column_index_from_string

_CHUNK = 1 << 20
_TAG = re.compile(rb'<(?:\w+:)?mergeCell\s[^<>]{0,100}?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_TAG_ROOM = 200  # bytes, in which one has room
_MOST = 200_000


class MergedCells:
    """Those of a sheet that is open to be read only, filled row by row."""

    def __init__(self, sheet: Any):
        self._begin: dict[int, list[tuple[int, int]]] = defaultdict(list)  # row -> column and last row
        self._open: dict[int, tuple[int, str]] = {}  # column -> last row and text
        for column, first, last in _spans(sheet):
            self._begin[first].append((column, last))

    def fill_down(self, row: int, record: list[str | None]) -> None:
        """Writes into the cells of a row what they are merged with above. A row with nothing else stays blank."""
        blank = not any(cell and cell.strip() for cell in record)
        for column, (last, text) in list(self._open.items()):
            if row > last:
                del self._open[column]
            elif not blank and (column >= len(record) or record[column] is None):
                record.extend([None] * (column + 1 - len(record)))
                record[column] = text
        for column, last in self._begin.pop(row, ()):
            if column < len(record) and (text := record[column] or ""):
                self._open[column] = (last, text)


def _spans(sheet: Any) -> list[tuple[int, int, int]]:
    """Column, first and last row of those that go down one column."""
    found: list[tuple[int, int, int]] = []
    kept = b""
    with sheet.parent._archive.open(sheet._worksheet_path) as file:  # not to be had when a sheet is read row by row
        while chunk := file.read(_CHUNK):
            kept += chunk
            end = 0
            for tag in _TAG.finditer(kept):
                end = tag.end()
                if tag[1] == tag[3] and tag[2] != tag[4] and len(found) < _MOST:
                    found.append((column_index_from_string(tag[1].decode()) - 1, int(tag[2]), int(tag[4])))
            kept = kept[max(end, len(kept) - _TAG_ROOM) :]
    return found
