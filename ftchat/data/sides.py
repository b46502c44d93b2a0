"""By what of its config a run's data is split into what it learns and what it holds out. Knows nothing of the data."""

from __future__ import annotations

from collections.abc import Hashable

from ftchat.records import RunConfig
from ftchat.settings import SEED, held_out_share


def share_held_out(config: RunConfig, examples: int) -> float:
    """The share of so many that a run holds out, if it has no held-out data of its own. A search is judged by it,
    whatever the preset."""
    return held_out_share("balanced" if config.search_minutes else config.preset, examples)


def split_key(config: RunConfig) -> Hashable:
    """All that `split_for` goes by: where it is the same, so are the sides."""
    all_learned = config.held_out is not None or (config.preset == "quick" and not config.search_minutes)
    key = (config.dataset, config.held_out, all_learned)
    origin = config.origin
    if not origin or not origin.replay:
        return key
    return (*key, split_key(origin.config), origin.replay, int(config.settings.get("seed", SEED)))
