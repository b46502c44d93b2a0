"""XLSX workbooks -> rows, from every sheet that holds pairs; numbers and dates as near as may be to how they are shown.

Knows nothing of what the columns mean, but which words are names of columns. Hidden sheets are not read.
"""

from __future__ import annotations

import datetime
import io
import re
import warnings
from collections.abc import Callable, Collection, Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from itertools import count, islice
from typing import Any, NamedTuple

from openpyxl import load_workbook

from ftchat.data.headings import TITLE_ROWS, find_heading, is_named
from ftchat.data.merged import MergedCells
from ftchat.data.rows import Decoded, Number, Remark, Row, shown, unread
from ftchat.errors import DataError

_SAMPLE = 100
_MOST_ROWS = 1 << 20  # no sheet of Excel's has more
_MOST_CELLS = 10_000_000  # and 20 for each byte: one cell far to the right makes a row wide
_PLAIN_FORMAT = re.compile(r"([#,]*)(0+)(?:\.(0+))?(%?)(?:_.)?")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")

_Record = list[str | None]


class _Sheet(NamedTuple):
    title: str
    records: Callable[[], Iterator[_Record]]
    skipped: int  # records before the first row
    columns: tuple[str, ...]
    sure: bool
    note: Remark | None


def read_workbook(data: bytes, mapped: Collection[str], header: bool | None = None) -> Decoded:
    found, others = _sheets(data, mapped, header)
    if not found:
        raise DataError("no sheet of this workbook has two columns or more; a pair needs a prompt and an answer")
    chosen = [sheet for sheet in found if sheet.sure] or found[:1]
    notes = [sheet.note for sheet in chosen if sheet.note]
    left_out = others + [sheet.title for sheet in found if sheet not in chosen]
    if len(chosen) > 1 or left_out:
        said = f"rows are read from {_listed([sheet.title for sheet in chosen])}"
        said += f"; not from {_listed(left_out)}" if left_out else ""
        notes.insert(0, Remark("layout", "info", said))
    columns = tuple(dict.fromkeys(column for sheet in chosen for column in sheet.columns))
    return Decoded("xlsx", "utf-8", _rows(chosen), columns, notes)


def _listed(titles: list[str]) -> str:
    names = ", ".join(f"'{shown(title)}'" for title in titles[:10])
    return f"the sheet{'s' if len(titles) > 1 else ''} {names}" + (" and others" if len(titles) > 10 else "")


def _sheets(data: bytes, mapped: Collection[str], header: bool | None) -> tuple[list[_Sheet], list[str]]:
    """The sheets that look like tables, and the names of those that do not."""
    found: list[_Sheet] = []
    others: list[str] = []
    for title, visible, records in _open(data):
        try:
            sheet = _look_at(title, records, mapped, header) if visible else None
        except DataError as error:
            raise DataError(f"the sheet '{shown(title)}' cannot be read: {error}; save it again, or as CSV") from None
        if sheet:
            found.append(sheet)
        else:
            others.append(title)
    return found, others


def _look_at(
    title: str, records: Callable[[], Iterator[_Record]], mapped: Collection[str], header: bool | None
) -> _Sheet | None:
    sample = [[cell or "" for cell in record] for record in islice(records(), _SAMPLE)]
    wide = [position for position, record in enumerate(sample) if sum(map(bool, record)) > 1]
    if not wide:
        return None
    named = (position for position in wide[:TITLE_ROWS] if is_named(_stripped(sample[position]), mapped))
    start = wide[0] if header is False else next(named, wide[0])
    width = max(map(len, sample[start:]))
    heading = find_heading([record + [""] * (width - len(record)) for record in sample[start:]], mapped, header=header)
    if heading is None:
        return None
    return _Sheet(title, records, start + heading.named, heading.columns, heading.note is None, heading.note)


def _stripped(record: list[str]) -> list[str]:
    return [cell.strip() for cell in record]


def _rows(sheets: list[_Sheet]) -> Iterator[Row]:
    numbers = count(1)
    for sheet in sheets:
        try:
            for record in islice(sheet.records(), sheet.skipped, None):
                yield Row(next(numbers), None, _named(record, sheet.columns))
        except DataError as error:
            yield unread(next(numbers), None, "bad_xlsx", f"the sheet '{shown(sheet.title)}' breaks off: {error}")


def _named(record: _Record, columns: tuple[str, ...]) -> dict[str, Any]:
    value: dict[str, Any] = dict.fromkeys(columns)
    value.update(zip(columns, record, strict=False))
    for position in range(len(columns), len(record)):
        if record[position]:
            value[str(position + 1)] = record[position]
    return value


def _open(data: bytes) -> Iterator[tuple[str, bool, Callable[[], Iterator[_Record]]]]:
    """Name, whether it is to be seen, and the records, for each sheet."""
    try:
        with warnings.catch_warnings(action="ignore"):
            workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = workbook.worksheets
    except Exception as error:  # whatever a damaged file sets off in the reader
        raise DataError(f"this workbook cannot be opened ({_reason(error)}); save it again, or as CSV") from None
    most_cells = _MOST_CELLS + 20 * len(data)
    for sheet in sheets:
        yield sheet.title, sheet.sheet_state == "visible", partial(_records, sheet, most_cells)


def _records(sheet: Any, most_cells: int) -> Iterator[_Record]:
    """The rows that are not blank, as text, each as long as its last cell that is not blank."""
    rows = cells = 0
    merged = MergedCells(sheet)
    with warnings.catch_warnings(action="ignore"):
        try:
            sheet.reset_dimensions()  # what a file says of its own size is often wrong
            for row in sheet.iter_rows():
                rows += 1
                cells += len(row)
                if rows > _MOST_ROWS or cells > most_cells:
                    raise DataError("it is larger than any real sheet")
                record = [None if cell.value is None else _text(cell) for cell in row]
                merged.fill_down(rows, record)
                while record and not (record[-1] and record[-1].strip()):
                    record.pop()
                if record:
                    yield record
        except DataError:
            raise
        except Exception as error:  # as above
            raise DataError(f"the file is damaged ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    return shown(str(error) or type(error).__name__, 120)


def _text(cell: Any) -> str:
    value = cell.value
    if isinstance(value, str):
        return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value) if "_x" in value else value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return Number(_shown_number(value, cell.number_format or "General"))
    if isinstance(value, datetime.datetime):
        whole_day = value.time() == datetime.time() and not re.search("[hs]", cell.number_format or "", re.IGNORECASE)
        return value.date().isoformat() if whole_day else value.isoformat(" ")
    return str(value)


def _shown_number(value: int | float, format: str) -> str:
    """By its format where that only says how many digits; else all that there are."""
    if match := _PLAIN_FORMAT.fullmatch(format.split(";")[0]):
        grouped, whole, decimals, percent = match[1], match[2], match[3] or "", match[4]
        exact = Decimal(repr(value)) * (100 if percent else 1)
        if exact.is_finite() and abs(exact) < 10**15:
            rounded = exact.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP)
            width = len(whole) + bool(decimals) + len(decimals) + (rounded < 0)
            return f"{rounded:0{width}{',' if ',' in grouped else ''}f}{percent}"
    if isinstance(value, int) or (value.is_integer() and abs(value) < 10**15):
        return str(int(value))
    return f"{value:.15g}"
