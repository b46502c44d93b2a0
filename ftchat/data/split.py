"""Examples -> those to train on and those held out. Knows nothing of why.

The same examples, share and seed give the same split anywhere. Equal prompts and near duplicates stay on one side, so
that nothing held out has been trained on; where answers repeat as labels, each label is held out in proportion.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ftchat.data.folder import Dataset
from ftchat.data.judges import labels_of, where
from ftchat.data.near import NEAR_LIMIT, Alike, find_alike
from ftchat.data.rows import Remark
from ftchat.errors import ConfigError
from ftchat.records import Example

_Group = list[int]  # places of examples that belong together


def split_dataset(dataset: Dataset, share: float) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Train and held out of a dataset, by its own seed: the same for every run on it."""
    return split(dataset.examples, share, dataset.info.split_seed, dataset.alike)


def split(
    examples: Sequence[Example], share: float, seed: int, alike: Alike | None = None
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Train and held out, each in the order given. A share above 0 holds out one example at least, if it can."""
    if not 0 <= share < 1:
        raise ConfigError(f"the held-out share must be from 0 to below 1, not {share:g}")
    held: set[int] = set()
    strata = _strata(examples, alike or Alike())
    if share and sum(map(len, strata)) > 1:
        wanted = max(1, round(share * len(examples)))
        for groups, quota in zip(strata, _quotas(strata, wanted), strict=True):
            random.Random(seed).shuffle(groups)
            for group in groups:
                if len(group) <= quota:
                    held.update(group)
                    quota -= len(group)
    train = tuple(example for index, example in enumerate(examples) if index not in held)
    return train, tuple(examples[index] for index in sorted(held))


def leaks(train: Sequence[Example], held_out: Sequence[Example], near: bool) -> Iterator[tuple[int, Remark]]:
    """Which of the held-out examples are trained on: the same, nearly the same, or the same prompt."""
    asked: dict[str, Example] = {}
    for example in train:
        for question in _questions(example):
            asked.setdefault(question, example)
    copies = _nearly_trained(train, held_out) if near else {}
    for index, example in enumerate(held_out):
        known = asked.get(_questions(example)[-1])
        if known is not None:
            same = "this is" if known.messages == example.messages else "its prompt is"
            yield index, Remark("leak", "warning", f"{same} also trained on, at {where(known, example)}")
        elif index in copies:
            said = f"nearly the same is also trained on, at {where(train[copies[index]], example)}"
            yield index, Remark("leak", "warning", said)


def telling(examples: Sequence[Example], held_out: Sequence[Example], near: bool) -> set[int]:
    """The indices of those that tell something of what is held out: its prompt, or nearly the same. Near duplicates are
    looked for among as many as in reading."""
    asked = {_questions(example)[-1] for example in held_out}
    found = {index for index, example in enumerate(examples) if not asked.isdisjoint(_questions(example))}
    if near and held_out and len(examples) + len(held_out) <= NEAR_LIMIT:
        pairs = find_alike([*examples, *held_out]).pairs
        found |= {earlier for later, earlier, _ in pairs if earlier < len(examples) <= later}
    return found


def _nearly_trained(train: Sequence[Example], held_out: Sequence[Example]) -> Mapping[int, int]:
    found: dict[int, int] = {}
    for later, earlier, _ in find_alike([*train, *held_out]).pairs:
        if earlier < len(train) <= later:
            found.setdefault(later - len(train), earlier)
    return found


def _questions(example: Example) -> list[str]:
    """What comes before each answer that is learned, whatever its case, its spaces and the system message."""
    found, before = [], ""
    for message in example.messages:
        if message.role == "assistant":
            found.append(before)
        if message.role != "system":
            before += " ".join(message.content.casefold().split()) + "\n"
    return found


def _strata(examples: Sequence[Example], alike: Alike) -> list[list[_Group]]:
    """Groups of what must not be separated; apart by label where answers are labels."""
    groups = _groups(examples, alike)
    if not labels_of(examples):
        return [groups]
    strata: dict[str, list[_Group]] = defaultdict(list)
    for group in groups:
        strata[examples[group[0]].completion].append(group)
    return list(strata.values())


def _groups(examples: Sequence[Example], alike: Alike) -> list[_Group]:
    """Those that ask the same, one with its last question and the other with any, and near duplicates of these."""
    leader = list(range(len(examples)))

    def leader_of(index: int) -> int:
        while leader[index] != index:
            leader[index] = index = leader[leader[index]]
        return index

    def join(a: int, b: int) -> None:
        a, b = sorted((leader_of(a), leader_of(b)))
        leader[b] = a

    first: dict[str, int] = {}
    for index, example in enumerate(examples):
        join(index, first.setdefault(_questions(example)[-1], index))
    for index, example in enumerate(examples):
        for question in _questions(example)[:-1] if len(example.messages) > 3 else ():
            join(index, first.get(question, index))
    for later, earlier, _ in alike.pairs:
        join(later, earlier)
    groups: dict[int, _Group] = defaultdict(list)
    for index in range(len(examples)):
        groups[leader_of(index)].append(index)
    return list(groups.values())


def _quotas(strata: list[list[_Group]], wanted: int) -> list[int]:
    """`wanted` shared out by size, largest remainder first; one group at least stays behind in all."""
    sizes = [sum(map(len, groups)) for groups in strata]
    wanted = min(wanted, sum(sizes) - 1)
    exact = [wanted * size / sum(sizes) for size in sizes]
    quotas = [int(quota) for quota in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda i: quotas[i] - exact[i])
    for index in by_remainder[: wanted - sum(quotas)]:
        quotas[index] += 1
    return quotas
