"""Which examples of an earlier run are learned once more beside new ones, against forgetting. Knows nothing of runs.

A share S of N new examples and k replayed ones is k / (N + k), so k is N * S / (1 - S), rounded; of an earlier run that
has fewer, all. None is taken twice.
"""

from __future__ import annotations

import random

from ftchat.data.split import apart
from ftchat.records import Example, Sides


def replayed(earlier: Sides, new: Sides, share: float, seed: int) -> tuple[Example, ...]:
    """Drawn from what the earlier run learned, in its order: nothing that either of them holds out."""
    wanted = round(len(new.learned) * share / (1 - share))
    if not wanted:
        return ()
    pool = apart(earlier.learned, (*earlier.held_out, *new.held_out))
    drawn = random.Random(seed).sample(range(len(pool)), min(wanted, len(pool)))
    return tuple(pool[index] for index in sorted(drawn))
