"""How a run's data is split, by its config, into what it learns and what it holds out. Knows nothing of disks."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from ftchat.data.folder import Dataset
from ftchat.data.replay import replayed
from ftchat.data.split import split_dataset
from ftchat.records import Example, RunConfig, Sides
from ftchat.settings import SEED, held_out_share


def share_held_out(config: RunConfig, examples: int) -> float:
    """The share of so many that a run holds out, if it has no held-out data of its own. A search is judged by it,
    whatever the preset."""
    return held_out_share("balanced" if config.search_minutes else config.preset, examples)


def split_key(config: RunConfig) -> Hashable:
    """All that a Splitter goes by: where it is the same, so are the sides."""
    all_learned = config.held_out is not None or (config.preset == "quick" and not config.search_minutes)
    key = (config.dataset, config.held_out, all_learned)
    origin = config.origin
    if not origin or not origin.replay:
        return key
    return (*key, split_key(origin.config), origin.replay, int(config.settings.get("seed", SEED)))


class Splitter:
    """What a run of a config learns, and what it holds out: the user's own held-out data, else a share. `get` brings a
    dataset by its hash."""

    def __init__(self, get: Callable[[str], Dataset]):
        self._get = get
        self._replayed: tuple[Hashable, tuple[Example, ...]] = (None, ())  # found last, and for what

    def __call__(self, config: RunConfig) -> Sides:
        dataset = self._get(config.dataset)
        if config.held_out is not None:
            sides = Sides(dataset.examples, self._get(config.held_out).examples)
        else:
            sides = Sides(*split_dataset(dataset, share_held_out(config, len(dataset.examples))))
        origin = config.origin
        if not origin or not origin.replay:
            return sides
        asked, known = split_key(config), self._replayed
        if asked != known[0]:
            seed = int(config.settings.get("seed", SEED))
            known = self._replayed = (asked, replayed(self(origin.config), sides, origin.replay, seed))
        return Sides((*sides.learned, *known[1]), sides.held_out, len(known[1]))
