"""Markdown tables -> rows. Knows nothing of what the columns mean, but which words are names of columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise

from ftchat.data.headings import is_named
from ftchat.data.rows import Remark, Row, unique, unread

_BAR = re.compile(r"(?<!\\)\|")


def markdown_columns(head: str, mapped: Collection[str] = ()) -> tuple[str, ...] | None:
    """The names over the first table of pairs; over the first of any kind, where tables are most of the text."""
    lines = [line for line in head.splitlines() if line.strip()]
    tables = [unique(_cells(above)) for above, line in pairwise(head.splitlines()) if _is_rule(above, line)]
    named = next((columns for columns in tables if is_named(columns, mapped)), None)
    if named or not tables or 2 * sum("|" in line for line in lines) <= len(lines):
        return named
    return tables[0]


def markdown_rows(
    lines: Iterable[str], columns: tuple[str, ...], mapped: Collection[str], notes: list[Remark]
) -> Iterator[Row]:
    """The rows of every table; none of those without names for a prompt or an answer, where the first has some.

    What stands between tables is no row. `notes` takes what there is to say of those.
    """
    number, inside, above, named = 0, False, "", is_named(columns, mapped)
    reads, others = True, list[int]()
    for line_number, line in enumerate(lines, 1):
        if not inside:
            if inside := _is_rule(above, line):
                columns = unique(_cells(above))
                reads = not named or is_named(columns, mapped)
                others.extend([] if reads else [line_number - 1])
        elif "|" not in line:
            inside = False
        elif reads:
            number += 1
            cells: list[str | None] = [*_cells(line)]
            if len(cells) > len(columns):
                reason = f"this has {len(cells)} cells, but the table has {len(columns)} columns; write \\| inside text"
                yield unread(number, line_number, "bad_csv", reason)
            else:
                cells += [None] * (len(columns) - len(cells))
                yield Row(number, line_number, dict(zip(columns, cells, strict=True)))
        above = line
    if others:
        where = f"line{'s' * (len(others) > 1)} {', '.join(map(str, others[:10]))}"
        notes.append(Remark("layout", "info", f"tables whose columns name no prompt or answer are not read: {where}"))


def _is_rule(above: str, line: str) -> bool:
    if "|" not in above or "|" not in line or line.strip(" \t\r\n|:-"):
        return False
    return "---" in line or ":-" in line or "-:" in line


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [cell.strip().replace("\\|", "|").replace("<br>", "\n") for cell in _BAR.split(inner)]
