"""What a run would learn, told without reading all of a large dataset: how many examples, and a sample of them.

Of small data both are those of `split_for`. Of large data the numbers are what the shares come to; a run differs by the
few that near duplicates, which stay together, do not let it hold out. Knows nothing of tokens.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from ftchat.data.sides import share_held_out
from ftchat.data.store import DatasetStore
from ftchat.records import Example, RunConfig

Sizes = tuple[int, int, int]  # learned, held out, and replayed of those learned

_LARGE = 10_000  # examples; to read and split these takes a fraction of a second
_SAMPLE = 1000  # of more than these: the longest, and as many more from all over
_LONGEST = 64


def outlook(store: DatasetStore, config: RunConfig) -> tuple[Sizes, Sequence[Example]]:
    """Of what a run of this config would learn, the numbers and, of many examples, a sample."""
    if sum(store.info(dataset).count for dataset in config.datasets) > _LARGE:
        sizes = _sizes(store, config)
        return sizes, _drawn(store, config, sizes, _SAMPLE)
    sides = store.split_for(config)
    return sides.sizes, _sample(sides.learned)


def _sizes(store: DatasetStore, config: RunConfig) -> Sizes:
    learned, held_out, replayed = store.info(config.dataset).count, 0, 0
    if config.held_out is not None:
        held_out = store.info(config.held_out).count
    elif share := share_held_out(config, learned):
        held_out = max(1, round(share * learned))
        learned -= held_out
    if config.origin and config.origin.replay:
        share = config.origin.replay
        replayed = min(round(learned * share / (1 - share)), _sizes(store, config.origin.config)[0])
    return learned + replayed, held_out, replayed


def _drawn(store: DatasetStore, config: RunConfig, sizes: Sizes, count: int) -> list[Example]:
    """Of the dataset, and of what is replayed beside it its share."""
    learned, _, replayed = sizes
    earlier = count * replayed // learned
    found = store.sample(config.dataset, count - earlier, _LONGEST)
    if earlier and config.origin:
        before = config.origin.config
        found += _drawn(store, before, _sizes(store, before), earlier)
    return found


def _sample(examples: Sequence[Example]) -> Sequence[Example]:
    """All, or the longest and as many more as are looked at."""
    if len(examples) <= _SAMPLE:
        return examples
    sizes = [sum(len(message.content) for message in example.messages) for example in examples]
    longest = heapq.nlargest(_LONGEST, range(len(examples)), sizes.__getitem__)
    spread = range(0, len(examples), len(examples) // (_SAMPLE - _LONGEST))
    return [examples[index] for index in sorted({*longest, *spread})]
