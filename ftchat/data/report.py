"""What was read and what is wrong with it, by source, line and row. Knows nothing of how either was found."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ftchat.data.rows import Remark, Severity


@dataclass(frozen=True, slots=True)
class Problem:
    """`row` counts from 1 within its source, None where the file as a whole is meant; `error`: the row is not used."""

    source: str
    line: int | None
    row: int | None
    kind: str
    severity: Severity
    message: str

    @classmethod
    def at(cls, remark: Remark, source: str, row: int | None = None, line: int | None = None) -> Problem:
        where = f" line {line}" if line is not None else f" row {row}" if row is not None else ""
        return cls(source, line, row, remark.kind, remark.severity, f"{source}{where}: {remark.message}")


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
        found: dict[str, set[tuple[str, int]]] = defaultdict(set)
        for problem in self.problems:
            if problem.row is not None:
                found[problem.kind].add((problem.source, problem.row))
        return {kind: len(rows) for kind, rows in sorted(found.items())}

    def to_json(self) -> dict[str, Any]:
        """What `inspect --json` prints. Written out, as dataclasses.asdict is slow on many problems."""
        found = {name: getattr(self, name) for name in _FIELDS}
        problems = [{name: getattr(problem, name) for name in _PROBLEM_FIELDS} for problem in self.problems]
        return found | {"problems": problems, "counts": dict(self.counts)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Report:
        known = {field.name: fields[field.name] for field in dataclasses.fields(cls)}
        problems = tuple(Problem(**problem) for problem in fields["problems"])
        return cls(**known | {"columns": tuple(fields["columns"]), "problems": problems})


_FIELDS = tuple(field.name for field in dataclasses.fields(Report))
_PROBLEM_FIELDS = tuple(field.name for field in dataclasses.fields(Problem))


def in_order(problems: Iterable[Problem], sources: Sequence[str]) -> tuple[Problem, ...]:
    """By source, in the order given, and by row; what is about a whole source comes before its rows."""
    order = {name: position for position, name in enumerate(sources)}
    return tuple(sorted(problems, key=lambda problem: (order.get(problem.source, len(order)), problem.row or 0)))
