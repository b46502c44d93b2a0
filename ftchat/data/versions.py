"""What a version of a dataset is: the root's examples after its changes, judged anew. Knows nothing of disks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from operator import itemgetter

from ftchat.data.judges import AMONG, COPIES, OF_ONE, judge, judge_each, judge_group, judge_rest, problems_of
from ftchat.data.known import Known
from ftchat.data.near import Alike, Tell, common_runs, find_alike
from ftchat.data.reading import Reading
from ftchat.data.remedies import ADDED, Add, Change, Delete, Edit, Means, Remedy, replay
from ftchat.data.report import Problem, Report, in_order
from ftchat.data.stored import Patch, Stored, key_of
from ftchat.errors import DataError
from ftchat.records import Example

_PROGRESS_ROWS = 2000
_NOTHING_LEFT = "this would leave no example to train on; take back another change first"


class _Passes:
    """Tells how far the work is, which goes over all examples several times; a remedy may have to more than once."""

    def __init__(self, tell: Tell | None, passes: int):
        self._tell, self._passes, self._through, self._told = tell, passes, 0, 0

    def __call__(self, examples: Sequence[Example]) -> Iterator[Example]:
        for done, example in enumerate(examples):
            if done % _PROGRESS_ROWS == 0:
                self.at(done, len(examples))
            yield example
        self.end()

    def at(self, done: int, total: int) -> None:
        if self._tell:
            self._told = max(self._told, (self._through * total + done) // self._passes)
            self._tell(min(self._told, total), total)

    def end(self) -> None:
        self._through = min(self._through + 1, self._passes - 1)


class _Finder:
    """Finds near duplicates in versions of one root, and keeps in mind what it found out. What is common to very many
    examples is told by the root's, so that a change says nothing of examples that it does not touch."""

    def __init__(self, root: Sequence[Example], known: Known | None, watch: _Passes):
        self._root, self._known, self._watch = root, known, watch

    def __call__(self, examples: Sequence[Example]) -> Alike:
        known = self._known or Known.begin(common_runs(self._root))
        alike = find_alike(examples, known, tell=self._watch.at)
        self._watch.end()
        self._known = alike.known
        return alike


def revise(root: Reading, changes: Sequence[Change], known: Known | None = None, tell: Tell | None = None) -> Reading:
    """The version that these changes make of the root. What was found while reading is carried along; what is `known`
    of the examples is not found out again. `tell` is told of the examples that are through."""
    remedies = [change for change in changes if isinstance(change, Remedy)]
    asked = any(remedy.kind == "near_duplicate" for remedy in remedies)
    watch = _Passes(tell, len(remedies) + (asked or root.alike is not None) + 1)
    find = _Finder(root.examples, known, watch)
    examples = replay(root.examples, changes, Means(find, watch))
    if not examples:
        raise DataError(_NOTHING_LEFT)
    alike = find(examples) if asked or root.alike is not None else None
    used = {(example.source, example.row) for example in examples}
    settled = {remedy.kind for remedy in remedies}
    judged = problems_of(examples, chain(judge_each(enumerate(watch(examples))), judge(examples, alike)))
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


def patch_of(examples: Stored, change: Edit | Delete | Add) -> Patch:
    """What a change of a few examples comes to."""
    match change:
        case Edit(place, messages):
            index = examples.find(place)
            return Patch({} if index is None else {index: replace(examples[index], messages=messages)})
        case Delete(places):
            gone = {index for place in places if (index := examples.find(place)) is not None}
            if len(gone) == len(examples):
                raise DataError(_NOTHING_LEFT)
            return Patch({}, gone)
        case Add(messages, row):
            return Patch({}, added=[Example(messages, ADDED, row)])


def revise_few(
    before: Stored, report: Report, patch: Patch, after: Stored, sources: Sequence[str], alike: Alike | None = None
) -> Report:
    """The report after a patch, as `revise` would make it: what the patch does not bear on is carried over. `sources`
    are those of the root."""
    was = before.some(sorted({*patch.changed, *patch.gone}))
    touched = [*was.values(), *patch.changed.values(), *patch.added]
    rows = {(example.source, example.row) for example in touched}
    # A row may have other parts, and what is said of a row does not say of which part: all of them are judged again.
    groups = after.groups({key_of(example) for example in touched})
    near = after.some(sorted({index for group in groups.values() for index in group}))
    beside = rows | {(example.source, example.row) for example in near.values()}
    parts = after.some(after.of_rows(beside))
    if parts.keys() - near.keys():
        groups = after.groups({key_of(example) for example in (*touched, *parts.values())})
        near = after.some(sorted({index for group in groups.values() for index in group}))
    copies = sorted((found for group in groups.values() for found in judge_group(near, group)), key=itemgetter(0))
    own = [(index, example) for index, example in parts.items() if (example.source, example.row) in rows]
    gone = rows - {(example.source, example.row) for _, example in own}

    carried: list[Problem] = []
    of_one: list[Problem] = []
    of_copies: list[Problem] = []
    for problem in report.problems:
        place = (problem.source, problem.row)
        if problem.kind in OF_ONE:
            of_one += [problem] if place not in rows else []
        elif problem.kind in COPIES:
            of_copies += [problem] if place not in beside else []
        elif problem.kind not in AMONG and (problem.severity == "error" or place not in gone):
            carried.append(problem)
    of_one += problems_of(near | parts, judge_each(own))
    of_copies += problems_of(near, [found for found in copies if found[0] in parts])
    rest = problems_of(after, judge_rest(after, alike))
    return replace(
        report,
        examples=len(after),
        unused_rows=report.unused_rows + sum(source != ADDED for source, _ in gone),
        problems=in_order([*carried, *of_one, *of_copies, *rest], sources),
    )
