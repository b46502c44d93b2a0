"""What a container hands on: numbered rows, and remarks on the ones that could not be read.

Knows nothing of what a row means.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

Severity = Literal["error", "warning", "info"]

UNREAD: Final = object()  # the value of a row that could not be read; its remarks say why


class Remark(NamedTuple):
    """Something to say of a row, by someone who need not know where the row lies."""

    kind: str
    severity: Severity
    message: str


class Row(NamedTuple):
    """`number` counts from 1; `line` is the physical line where the row starts."""

    number: int
    line: int | None
    value: Any
    remarks: tuple[Remark, ...] = ()


class Number(str):
    """A JSON number, kept as it was written: `3.30` stays `3.30`, `1e400` stays `1e400`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file told apart and opened. `rows` is read once; `notes` are about the file as a whole."""

    format: str
    encoding: str
    rows: Iterator[Row]
    columns: tuple[str, ...] = ()
    notes: list[Remark] = field(default_factory=list)


def as_text(value: Any) -> str:
    """A value as the text that stands for it in the file: nothing for null, JSON for lists and objects."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    return str(value) if isinstance(value, str) else _as_json(value)


def _as_json(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join([f"{_as_json(key)}: {_as_json(item)}" for key, item in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([_as_json(item) for item in value]) + "]"
    return json.dumps(value, ensure_ascii=False)


def unread(number: int, line: int | None, kind: str, message: str) -> Row:
    return Row(number, line, UNREAD, (Remark(kind, "error", message),))


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Every column under a name of its own; one without a name is called by its number."""
    result: list[str] = []
    for number, name in enumerate(names, 1):
        name = name or str(number)
        result.append(name if name not in result else f"{name} ({number})")
    return tuple(result)


def shown(text: str, limit: int = 60) -> str:
    """Foreign text made fit to stand in a sentence: short, on one line, nothing unprintable."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    if short.isprintable():
        return short
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in short)
