"""Sources -> a Reading: the examples in them and the report. Knows nothing of containers, columns or disks."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from ftchat.data.checks import check_text
from ftchat.data.decode import decode
from ftchat.data.judges import judge, problems_of
from ftchat.data.near import NEAR_LIMIT, Alike, Tell, find_alike
from ftchat.data.report import Problem, Remarks, Report, in_order
from ftchat.data.rows import Row, as_text, shown
from ftchat.data.shapes import MAPPABLE, Shaper
from ftchat.data.sources import Source
from ftchat.data.turns import Unusable
from ftchat.errors import ConfigError, DataError
from ftchat.records import Example, Message
from ftchat.settings import check_choice

_SAMPLE = 100
_GIVE_UP = 200_000  # rows without a single example, after which no pair is hoped for
_PROGRESS_ROWS = 2_000

Progress = Callable[[int, int], None]  # bytes done, bytes in all


@dataclass(frozen=True, slots=True)
class Reading:
    """`alike` are the near duplicates; None where they were not looked for."""

    examples: tuple[Example, ...]
    report: Report
    alike: Alike | None = None


@dataclass(slots=True)
class _Tally:
    """What has come together from the sources so far."""

    formats: dict[str, None] = field(default_factory=dict)
    encodings: dict[str, None] = field(default_factory=dict)
    columns: dict[str, None] = field(default_factory=dict)
    rows: int = 0
    unused: int = 0
    examples: list[Example] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: Remarks = field(default_factory=Remarks)


def read(
    sources: Sequence[Source],
    mapping: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    near_duplicates: bool = False,
    header: bool | None = None,
    comparing: Tell | None = None,
) -> Reading:
    """Everything in the sources that can be trained on, and what to say of the rest.

    `mapping` is field -> column, for prompt, completion, system, input and label. `progress` is called now and then,
    `comparing` while near duplicates are looked for.
    `header` says whether the first row of a table names its columns; that is found out where it is None.
    Near duplicates are looked for among up to NEAR_LIMIT examples, and among more if asked for.
    """
    mapping = _checked(mapping or {})
    tally = _Tally()
    sources = _with_distinct_names(sources)
    meter = _Meter(progress, sum(source.size for source in sources))
    with _no_collection():
        for source in sources:
            try:
                _read_one(source, mapping, header, tally, meter)
            except DataError as error:
                raise DataError(f"{source.name}: {error}") from None
            except OSError as error:
                raise DataError(f"{source.name} cannot be read to its end: {error}") from None
        wanted = near_duplicates or len(tally.examples) <= NEAR_LIMIT
        alike = find_alike(tally.examples, tell=comparing) if wanted else None
        tally.problems.extend(problems_of(tally.examples, judge(tally.examples, alike)))
    for column in mapping.values():
        if column not in tally.columns:
            check_choice("column", column, tally.columns)
    report = Report(
        format=", ".join(tally.formats),
        encoding=", ".join(tally.encodings),
        rows=tally.rows,
        examples=len(tally.examples),
        unused_rows=tally.unused,
        columns=tuple(shown(column) for column in tally.columns),
        problems=in_order(tally.problems, [source.name for source in sources]),
    )
    return Reading(tuple(tally.examples), report, alike)


@dataclass(frozen=True, slots=True)
class FirstRow:
    """The first row of a source: the cells of its columns, and the conversation that it is, or `why` it is none."""

    cells: Mapping[str, str]
    messages: tuple[Message, ...]
    why: str


def first_row(source: Source, mapping: Mapping[str, str], header: bool | None = None) -> FirstRow:
    """What the first row would be with these columns."""
    sample = list(islice(decode(source, mapping.values(), header).rows, _SAMPLE))
    shaper = Shaper(mapping, [row.value for row in sample])
    value = sample[0].value if sample else None
    conversations, remarks = shaper.shape(value) if sample else ([], [])
    cells = {column: as_text(cell) for column, cell in value.items()} if isinstance(value, dict) else {}
    return FirstRow(cells, next(iter(conversations), ()), next((remark.message for remark in remarks), ""))


class _Meter:
    """How much has been read. Where rows have no lines, a source counts when it is through."""

    def __init__(self, progress: Progress | None, total: int):
        self._progress, self._total = progress, total
        self._done = self._lines = self._size = 0

    def begin(self, source: Source) -> None:
        if self._progress:
            self._size = source.size
            self._lines = 1 + sum(chunk.count(b"\n") for chunk in source.chunks())

    def at(self, line: int | None) -> None:
        if self._progress and line is not None:
            self._progress(self._done + self._size * min(line, self._lines) // self._lines, self._total)

    def end(self) -> None:
        if self._progress:
            self._done += self._size
            self._progress(self._done, self._total)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of objects are made here and no cycle among them: looking for cycles costs a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _checked(mapping: Mapping[str, str]) -> Mapping[str, str]:
    for name in mapping:
        check_choice("field", name, MAPPABLE)
    if "label" in mapping and "completion" in mapping:
        raise ConfigError("'label' and 'completion' both name the answer; map one of them")
    return mapping


def _with_distinct_names(sources: Sequence[Source]) -> list[Source]:
    seen: dict[str, int] = {}
    result = []
    for source in sources:
        seen[source.name] = count = seen.get(source.name, 0) + 1
        result.append(source if count == 1 else replace(source, name=f"{source.name} ({count})"))
    return result


def _read_one(source: Source, mapping: Mapping[str, str], header: bool | None, tally: _Tally, meter: _Meter) -> None:
    meter.begin(source)
    decoded = decode(source, mapping.values(), header)
    tally.formats[decoded.format] = None
    tally.encodings[decoded.encoding] = None
    tally.columns.update(dict.fromkeys(decoded.columns))
    first = list(islice(decoded.rows, _SAMPLE))
    shaper = Shaper(mapping, [row.value for row in first])
    before = len(tally.examples)
    rows = 0
    for row in chain(first, decoded.rows):
        rows += 1
        _take(row, source.name, shaper, tally)
        if rows % _PROGRESS_ROWS == 0:
            meter.at(row.line)
        if rows == _GIVE_UP and len(tally.examples) == before:
            raise DataError(f"none of the first {_GIVE_UP:,} rows is a pair of a prompt and an answer")
    if rows == 0:
        raise DataError("there are no rows in this file")
    tally.rows += rows
    tally.columns.update(shaper.columns)
    tally.problems.extend(Problem(source.name, None, None, note) for note in (*decoded.notes, *shaper.notes))
    meter.end()


def _take(row: Row, name: str, shaper: Shaper, tally: _Tally) -> None:
    conversations, remarks = shaper.shape(row.value)
    part = 0
    for messages in conversations:
        try:
            remarks.extend(check_text(messages))
        except Unusable as unusable:
            remarks.append(unusable.remark)
        else:
            tally.examples.append(Example(messages, name, row.number, row.line, part))
            part += 1
    if not part:
        tally.unused += 1
    for remark in (*row.remarks, *remarks):
        tally.problems.append(Problem(name, row.line, row.number, tally.remarks.one(remark)))
