"""Which examples of an earlier run are learned once more beside new ones, against forgetting. Knows nothing of runs.

A share S of N new examples and k replayed ones is k / (N + k), so k is N * S / (1 - S), rounded; of an earlier run that
has fewer, all. None is taken twice.
"""

from __future__ import annotations

import random

from ftchat.data.split import telling
from ftchat.records import Example, Sides

_AT_ONCE = 500  # at least, that are compared with what is held out; more only where more are wanted


def replayed(earlier: Sides, new: Sides, share: float, seed: int) -> tuple[Example, ...]:
    """Drawn from what the earlier run learned, in its order: nothing that either of them holds out, and nothing nearly
    the same as what the new one does."""
    wanted = round(len(new.learned) * share / (1 - share))
    barred = telling(earlier.learned, (*earlier.held_out, *new.held_out), near=False)
    pool = [index for index in range(len(earlier.learned)) if index not in barred]
    random.Random(seed).shuffle(pool)
    taken: list[int] = []
    while pool and len(taken) < wanted:
        size = max(_AT_ONCE, wanted - len(taken))
        drawn, pool = pool[:size], pool[size:]
        near = telling([earlier.learned[index] for index in drawn], new.held_out, near=True)
        taken += [index for place, index in enumerate(drawn) if place not in near]
    return tuple(earlier.learned[index] for index in sorted(taken[:wanted]))
