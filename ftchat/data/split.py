"""Examples -> those to train on and those held out. Knows nothing of why.

The same examples, share and seed give the same split anywhere. Equal prompts stay on one side, so that nothing held
out has been trained on; where answers repeat as labels, each label is held out in proportion.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence

from ftchat.errors import ConfigError
from ftchat.records import Example

_Group = list[int]  # places of examples that have an equal prompt


def split(examples: Sequence[Example], share: float, seed: int) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Train and held out, each in the order given. A share above 0 holds out one example at least, if it can."""
    if not 0 <= share < 1:
        raise ConfigError(f"the held-out share must be from 0 to below 1, not {share:g}")
    held: set[int] = set()
    strata = _strata(examples)
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


def _strata(examples: Sequence[Example]) -> list[list[_Group]]:
    """Groups of equal prompts; apart by label where answers are labels."""
    groups: dict[str, _Group] = defaultdict(list)
    for index, example in enumerate(examples):
        groups[" ".join(example.prompt.casefold().split())].append(index)
    answers = Counter(example.completion for example in examples)
    if len(answers) < 2 or 4 * len(answers) > len(examples) or any(len(answer) > 100 for answer in answers):
        return [list(groups.values())]
    strata: dict[str, list[_Group]] = defaultdict(list)
    for group in groups.values():
        strata[examples[group[0]].completion].append(group)
    return list(strata.values())


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
