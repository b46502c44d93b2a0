"""Tables in text -> rows: commas, tabs, semicolons or bars between cells, any quoting, with or without a header row.

Knows nothing of what the columns mean, but which words are names of columns.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from ftchat.data.headings import TITLE_ROWS, find_heading, is_named
from ftchat.data.names import is_known
from ftchat.data.rows import Remark, Row, unread

csv.field_size_limit(sys.maxsize)  # the default refuses a cell of 128 KB

_MAX_COLUMNS = 1000
_REREAD_LIMIT = 2_000_000  # lines read again after broken quotes, before quotes are no longer believed
_BACKSLASH_QUOTE = re.compile(r'[^\\"]\\"[^,;\t|"\r\n]')
_SAYS_DELIMITER = re.compile(r"sep=([,;|\t])\s*", re.IGNORECASE)  # Excel's own first line


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is written."""

    delimiter: str
    quote: str
    escape: str | None
    spaced: bool  # blanks after the delimiter belong to the layout
    columns: tuple[str, ...]
    header: bool
    note: Remark | None = None
    preface: int = 0  # lines before the table
    titles: int = 0  # records before the header

    def reader(self, lines: Iterable[str], quoting: bool = True) -> Iterator[list[str]]:
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            doublequote=self.escape is None,
            skipinitialspace=self.spaced,
            quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
            strict=quoting,
        )


def find_layout(
    head: str, mapped: Iterable[str] = (), header_only: bool = False, header: bool | None = None
) -> Layout | None:
    """The layout, if the text is a table. `mapped` are names that the user says are columns; `header` is whether the
    first row names them, where the user says so."""
    lines = [line for line in head.splitlines(keepends=True) if line.strip()]
    said = _SAYS_DELIMITER.fullmatch(lines[0]) if lines else None
    lines = lines[1:] if said else lines
    if not lines:
        return None
    marks = said[1] if said else ",\t;|"
    names = frozenset(mapped)
    found = [layout for mark in marks if (layout := _try_layout(lines, mark, names, header_only, header))]
    if said:
        found = [replace(layout, preface=1) for layout in found]
    return max(found, key=lambda layout: (layout.header, sum(map(is_known, layout.columns))), default=None)


def is_lone_column(head: str) -> bool:
    """Whether the first line is the name of one column and nothing else."""
    first = head.strip().split("\n", 1)[0].strip().strip("\"'")
    return is_known(first)


def _try_layout(
    lines: list[str], mark: str, mapped: frozenset[str], header_only: bool, header: bool | None
) -> Layout | None:
    quote = "'" if lines[0].startswith("'") and f"'{mark}'" in lines[0] else '"'
    sample = "".join(lines)
    layout = Layout(
        delimiter=mark,
        quote=quote,
        escape="\\" if quote == '"' and _BACKSLASH_QUOTE.search(sample) else None,
        spaced=f"{mark} {quote}" in sample,
        columns=(),
        header=False,
    )
    records = _sample_records(lines, layout)
    titles = 0 if header is False else _titles(records, mapped)
    records = records[titles:]
    if not records or not 2 <= len(records[0]) <= _MAX_COLUMNS:
        return None
    heading = find_heading(records, mapped, header_only, header)
    if heading is None or (heading.note and mark != "\t" and _is_prose(records, layout)):
        return None
    return replace(layout, columns=heading.columns, header=heading.named, note=heading.note, titles=titles)


def _titles(records: list[list[str]], mapped: frozenset[str]) -> int:
    """How many records stand above the header, as spreadsheets have them: one cell at most in each."""
    for position, record in enumerate(records[:TITLE_ROWS]):
        if len(record) > 1 and is_named([cell.strip() for cell in record], mapped):
            below = [len(other) for other in records[position + 1 :]]
            return position if below and 2 * below.count(len(record)) > len(below) else 0
        if sum(bool(cell.strip()) for cell in record) > 1:
            break
    return 0


def _sample_records(lines: list[str], layout: Layout) -> list[list[str]]:
    records: list[list[str]] = []
    for _, fields in _records(iter(lines), layout):
        if fields:
            records.append(fields)
        if len(records) >= 100:
            break
    return records


def _is_prose(records: list[list[str]], layout: Layout) -> bool:
    """Commas in sentences are followed by a blank."""
    if layout.spaced:
        return False
    spaced = sum(cell.startswith(" ") for record in records for cell in record[1:])
    return 2 * spaced > sum(len(record) - 1 for record in records)


def table_rows(lines: Iterable[str], layout: Layout) -> Iterator[Row]:
    columns, width = layout.columns, len(layout.columns)
    above = layout.titles + layout.header
    number = 0
    for line, fields in _records(islice(lines, layout.preface, None), layout):
        line += layout.preface
        if fields == []:
            continue
        if above:
            above -= 1
            continue
        number += 1
        if fields is None:
            yield unread(number, line, "bad_csv", "a quote is opened and not closed, or text follows a closing quote")
        elif len(fields) == width:
            yield Row(number, line, dict(zip(columns, fields, strict=True)))
        elif len(fields) < width:
            cells = dict(zip(columns, fields + [None] * (width - len(fields)), strict=True))
            said = f"this has {len(fields)} cells, but the table has {width} columns: one may stand in the wrong place"
            yield Row(number, line, cells, (Remark("short_row", "warning", said),))
        elif any(cell.strip() for cell in fields[width:]):
            reason = f"this has {len(fields)} cells, but the table has {width} columns; text that holds "
            yield unread(number, line, "bad_csv", reason + f"'{_name(layout.delimiter)}' must stand in quotes")
        else:
            yield Row(number, line, dict(zip(columns, fields[:width], strict=True)))


def _name(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else delimiter


class _Lines:
    """Lines that can be handed out again after a record turned out broken."""

    def __init__(self, lines: Iterator[str]):
        self._lines = lines
        self._again: list[str] = []  # last first
        self.taken: list[str] = []
        self.reread = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self.taken.append(line)
        return line

    def put_back(self) -> None:
        """All that the record took, but its first line."""
        self.reread += len(self.taken)
        self._again.extend(reversed(self.taken[1:]))


def _records(lines: Iterator[str], layout: Layout) -> Iterator[tuple[int, list[str] | None]]:
    """Each record with the line where it begins. For a broken one None, and reading goes on at the line after that."""
    source = _Lines(lines)
    reader = layout.reader(source)
    line = 1
    while True:
        source.taken.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, None
            source.put_back()
            reader = layout.reader(source, quoting=source.reread < _REREAD_LIMIT)
            line += 1
        else:
            yield line, fields
            line += len(source.taken)
