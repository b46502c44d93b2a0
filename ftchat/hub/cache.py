"""What of the Hub lies on this machine: the cache of its own client library. Asks nobody else."""

from __future__ import annotations

import json
import re
from pathlib import Path

from huggingface_hub import constants, try_to_load_from_cache

from ftchat.records import STARTER

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?", re.ASCII)


def is_hub_id(name: str) -> bool:
    """Whether a base model of that name is looked for on the Hub; a folder of that name goes first."""
    return name != STARTER and _ID.fullmatch(name) is not None and not Path(name).is_dir()


def offline() -> bool:
    """Whether the user wants the Hub not to be asked."""
    return bool(constants.HF_HUB_OFFLINE)


def downloaded(name: str) -> Path | None:
    """The folder with all files of this base model; None where some are missing."""
    config = _cached(name, "config.json")
    if config is None:
        return None
    whole = _cached(name, WEIGHTS) is not None
    if not whole and (index := _cached(name, INDEX)):
        whole = all(_cached(name, shard) for shard in shards(index))
    return config.parent if whole else None


def absent(name: str) -> bool:
    """Whether a base model is still on the Hub, as far as its name tells, and may be fetched."""
    return is_hub_id(name) and not offline() and downloaded(name) is None


def shards(index: Path) -> list[str]:
    """The files that weights are spread over; none where that cannot be read."""
    try:
        found = json.loads(index.read_text("utf-8"))["weight_map"].values()
        return sorted({name for name in found if isinstance(name, str) and Path(name).suffix == ".safetensors"})
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return []


def _cached(name: str, file: str) -> Path | None:
    try:
        found = try_to_load_from_cache(name, file)
    except ValueError:  # no id, or no name of a file
        return None
    return Path(found) if isinstance(found, str) else None
