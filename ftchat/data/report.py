"""What was read and what is wrong with it, by source, line and row. Knows nothing of how either was found.

There may be as many problems as rows. So a problem is small, what many of them say is one text, and a report is
written one problem after the other.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ftchat.data.rows import Remark, Severity

_SHARED = 10_000  # different remarks, after which they are taken to be all different


class Remarks(dict[Remark, Remark]):
    """Remarks that were made, so that what is said of many rows is kept once."""

    def one(self, remark: Remark) -> Remark:
        return self.setdefault(remark, remark) if len(self) < _SHARED else self.get(remark, remark)


@dataclass(frozen=True, slots=True)
class Problem:
    """A remark and its place: `row` counts from 1 within its source, None where the file as a whole is meant."""

    source: str
    line: int | None
    row: int | None
    remark: Remark

    @property
    def kind(self) -> str:
        return self.remark.kind

    @property
    def severity(self) -> Severity:
        """`error`: the row is not used."""
        return self.remark.severity

    @property
    def message(self) -> str:
        return self._where + self.remark.message

    @property
    def _where(self) -> str:
        where = f" line {self.line}" if self.line is not None else f" row {self.row}" if self.row is not None else ""
        return f"{self.source}{where}: "

    def to_json(self) -> dict[str, Any]:
        names = ("source", "line", "row", "kind", "severity", "message")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], remarks: Remarks | None = None) -> Problem:
        bare = Remark(fields["kind"], fields["severity"], "")
        problem = cls(sys.intern(fields["source"]), fields["line"], fields["row"], bare)
        said = fields["message"].removeprefix(problem.message)
        remark = bare._replace(message=said)
        return dataclasses.replace(problem, remark=remarks.one(remark) if remarks is not None else remark)


@dataclass(frozen=True, slots=True)
class Report:
    """`examples` can be trained on, from `rows` data rows of which `unused_rows` gave none."""

    format: str
    encoding: str
    rows: int
    examples: int
    unused_rows: int
    columns: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """Kind of problem -> number of rows that have it."""
        found: dict[tuple[str, str], set[int]] = defaultdict(set)
        for problem in self.problems:
            if problem.row is not None:
                found[problem.kind, problem.source].add(problem.row)
        counted: dict[str, int] = defaultdict(int)
        for (kind, _), rows in sorted(found.items()):
            counted[kind] += len(rows)
        return dict(counted)

    def to_json(self, ensure_ascii: bool = False, **more: Any) -> Iterator[str]:
        """The pieces of what `inspect --json` prints, with `more` at the end."""
        text = json.JSONEncoder(ensure_ascii=ensure_ascii).encode
        facts = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)[:-1]}
        yield text(facts)[:-1] + ', "problems": ['
        comma = ""
        for problem in self.problems:
            yield comma + text(problem.to_json())
            comma = ", "
        yield "], " + text({"counts": self.counts, **more})[1:]

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        remarks = Remarks()

        def read(value: dict[str, Any]) -> Any:
            return Problem.from_json(value, remarks) if "severity" in value else value

        fields = json.loads(text, object_hook=read)
        known = {field.name: fields[field.name] for field in dataclasses.fields(cls)}
        return cls(**known | {"columns": tuple(fields["columns"]), "problems": tuple(fields["problems"])})


def in_order(problems: Iterable[Problem], sources: Sequence[str]) -> tuple[Problem, ...]:
    """By source, in the order given, and by row; what is about a whole source comes before its rows."""
    order = {name: position for position, name in enumerate(sources)}
    found = sorted(problems, key=lambda problem: problem.row or 0)
    found.sort(key=lambda problem: order.get(problem.source, len(order)))
    return tuple(found)
