"""Markdown tables -> rows. Knows nothing of what the columns mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from ftchat.data.rows import Row, unique, unread

_RULE = re.compile(r"[ \t|:-]*(?:---|:-|-:)[ \t|:-]*[\r\n]*")
_BAR = re.compile(r"(?<!\\)\|")


def markdown_columns(head: str) -> tuple[str, ...] | None:
    """The names over the first table's rule, if there is a table."""
    for above, line in pairwise(head.splitlines()):
        if _is_rule(above, line):
            return unique(_cells(above))
    return None


def markdown_rows(lines: Iterable[str], columns: tuple[str, ...]) -> Iterator[Row]:
    """The rows of every table in the text; what stands between tables is no row."""
    number, inside, above = 0, False, ""
    for line_number, line in enumerate(lines, 1):
        if not inside:
            inside = _is_rule(above, line)
        elif "|" not in line:
            inside = False
        else:
            number += 1
            cells: list[str | None] = [*_cells(line)]
            if len(cells) > len(columns):
                reason = f"this has {len(cells)} cells, but the table has {len(columns)} columns; write \\| inside text"
                yield unread(number, line_number, "bad_csv", reason)
            else:
                cells += [None] * (len(columns) - len(cells))
                yield Row(number, line_number, dict(zip(columns, cells, strict=True)))
        above = line


def _is_rule(above: str, line: str) -> bool:
    return "|" in above and "|" in line and _RULE.fullmatch(line) is not None


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [cell.strip().replace("\\|", "|").replace("<br>", "\n") for cell in _BAR.split(inner)]
