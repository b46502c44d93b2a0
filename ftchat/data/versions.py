"""What a version of a dataset is: the root's examples after its changes, judged anew. Knows nothing of disks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from ftchat.data.judges import AMONG, OF_ONE, judge, judge_each, problems_of
from ftchat.data.near import find_alike
from ftchat.data.reading import Reading
from ftchat.data.remedies import ADDED, Change, Remedy, replay
from ftchat.data.report import Problem, in_order
from ftchat.errors import DataError


def revise(root: Reading, changes: Sequence[Change]) -> Reading:
    """The version that these changes make of the root. What was found while reading is carried along."""
    examples = replay(root.examples, changes)
    if not examples:
        raise DataError("this would leave no example to train on; take back another change first")
    asked = any(isinstance(change, Remedy) and change.kind == "near_duplicate" for change in changes)
    alike = find_alike(examples) if asked or root.alike is not None else None
    used = {(example.source, example.row) for example in examples}
    settled = {change.kind for change in changes if isinstance(change, Remedy)}
    judged = problems_of(examples, chain(judge_each(examples), judge(examples, alike)))
    carried = [problem for problem in root.report.problems if _is_carried(problem, used, settled)]
    report = replace(
        root.report,
        examples=len(examples),
        unused_rows=root.report.rows - len({place for place in used if place[0] != ADDED}),
        problems=in_order([*carried, *judged], list(dict.fromkeys(example.source for example in root.examples))),
    )
    return Reading(examples, report, alike)


def _is_carried(problem: Problem, used: set[tuple[str, int]], settled: set[str]) -> bool:
    """Whether what was said of the root is still to be said: unless it is judged anew, settled, or its row is gone."""
    if problem.kind in OF_ONE or problem.kind in AMONG or problem.kind in settled:
        return False
    return problem.row is None or problem.severity == "error" or (problem.source, problem.row) in used
