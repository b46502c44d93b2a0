"""A report in short, however many problems it holds: each kind with its rows, its commonest reasons, and where these
are found first. Small enough to be kept beside the report and to be read for every view. Knows nothing of disks.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ftchat.data.report import Problem, Report
from ftchat.data.rows import Remark, Severity

_REASONS = 20  # kept of each kind
_PLACES = 12  # kept of each reason
_SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Reason:
    """What is said of `count` places, and the first of them."""

    count: int
    first: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The problems of one kind and severity. `rows` are those that have it: 0 where a file as a whole is meant. The
    commonest reasons come first; there may be more than are kept."""

    severity: Severity
    kind: str
    rows: int
    count: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """As in the report, but for `groups`, errors first; `sources` is how many of them have problems."""

    format: str
    encoding: str
    rows: int
    examples: int
    unused_rows: int
    columns: tuple[str, ...]
    counts: Mapping[str, int]
    sources: int
    groups: tuple[Group, ...]

    def to_json(self) -> str:
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return json.dumps(fields | {"groups": [_group_to_json(group) for group in self.groups]})

    @classmethod
    def from_json(cls, text: str | bytes) -> Summary:
        fields = json.loads(text)
        groups = tuple(map(_group_from_json, fields["groups"]))
        return cls(**fields | {"columns": tuple(fields["columns"]), "groups": groups})


def summarise(report: Report) -> Summary:
    names = ("format", "encoding", "rows", "examples", "unused_rows", "columns", "counts")
    sources = len({problem.source for problem in report.problems})
    return Summary(**{name: getattr(report, name) for name in names}, sources=sources, groups=group(report.problems))


def group(problems: Iterable[Problem]) -> tuple[Group, ...]:
    """By severity and kind, in the order in which these are met first."""
    kinds: dict[tuple[str, str], dict[Remark, list[Problem]]] = {}
    for problem in problems:
        remark = problem.remark
        kinds.setdefault((remark.severity, remark.kind), {}).setdefault(remark, []).append(problem)
    return in_order(map(_group, kinds.values()))


def in_order(groups: Iterable[Group]) -> tuple[Group, ...]:
    """Errors first."""
    return tuple(sorted(groups, key=lambda one: _SEVERITIES.index(one.severity)))


def _group(reasons: Mapping[Remark, list[Problem]]) -> Group:
    every = [problem for problems in reasons.values() for problem in problems]
    common = sorted(reasons.values(), key=len, reverse=True)[:_REASONS]
    kept = tuple(Reason(len(problems), tuple(problems[:_PLACES])) for problems in common)
    rows = len({(problem.source, problem.row) for problem in every if problem.row is not None})
    return Group(every[0].severity, every[0].kind, rows, len(every), kept)


def _group_to_json(group: Group) -> dict[str, Any]:
    reasons = [{"count": one.count, "first": [problem.to_json() for problem in one.first]} for one in group.reasons]
    fields = {field.name: getattr(group, field.name) for field in dataclasses.fields(group)}
    return fields | {"reasons": reasons}


def _group_from_json(fields: Mapping[str, Any]) -> Group:
    reasons = tuple(Reason(one["count"], tuple(map(Problem.from_json, one["first"]))) for one in fields["reasons"])
    return Group(**{**fields, "reasons": reasons})
