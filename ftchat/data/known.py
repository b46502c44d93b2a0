"""What was found out while near duplicates were looked for, by content: of a dataset that was changed only what is new
has to be compared. Without it everything is, and the result is the same. Knows nothing of what counts as alike.
"""

from __future__ import annotations

import zipfile
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ftchat.data.shingles import BASE, Numbers, mixed

UNKNOWN = 255  # in place of what was said of a pair
_FORMAT = 1  # counted on whenever another number would be found for the same examples


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """`common` are the long runs of characters that do not count; the rest goes by ascending keys: a sketch for each
    example, and for each pair its likeness in ten thousandths and what its words said."""

    common: Any
    keys: Numbers
    sketches: Any
    pairs: Numbers
    likeness: Any
    said: Any

    @classmethod
    def begin(cls, common: Any) -> Known:
        none: Any = np.empty(0, np.uint64)
        return cls(common, none, np.empty((0, 0), np.uint16), none, np.empty(0, np.uint16), np.empty(0, np.uint8))

    def sketched(self, keys: Numbers) -> tuple[Any, Any]:
        """Which of these examples are known, and their sketches."""
        found, at = _find(self.keys, keys)
        return found, self.sketches[at[found]]

    def judged(self, pairs: Numbers) -> tuple[Any, Any]:
        """Likeness and what was said of each pair; UNKNOWN."""
        found, at = _find(self.pairs, pairs)
        likeness: Any = np.zeros(len(pairs), np.uint16)
        said: Any = np.full(len(pairs), UNKNOWN, np.uint8)
        likeness[found], said[found] = self.likeness[at[found]], self.said[at[found]]
        return likeness, said

    def beyond(self, other: Known) -> Known:
        """What the other does not know."""
        keys, pairs = (~_find(theirs, ours)[0] for ours, theirs in ((self.keys, other.keys), (self.pairs, other.pairs)))
        return replace(
            self,
            keys=self.keys[keys],
            sketches=self.sketches[keys],
            pairs=self.pairs[pairs],
            likeness=self.likeness[pairs],
            said=self.said[pairs],
        )

    def together(self, other: Known) -> Known:
        """What both know."""
        mine, theirs = self, other.beyond(self)
        keys, pairs = np.concatenate([mine.keys, theirs.keys]), np.concatenate([mine.pairs, theirs.pairs])
        by_key, by_pair = np.argsort(keys), np.argsort(pairs)
        return replace(
            self,
            keys=keys[by_key],
            sketches=np.concatenate([s for s in (mine.sketches, theirs.sketches) if len(s)] or [mine.sketches])[by_key],
            pairs=pairs[by_pair],
            likeness=np.concatenate([mine.likeness, theirs.likeness])[by_pair],
            said=np.concatenate([mine.said, theirs.said])[by_pair],
        )

    def save(self, path: Path) -> None:
        values = dict(zip((field.name for field in fields(self)), astuple(self), strict=True))
        with path.open("wb") as file:
            np.savez(file, format=_FORMAT, runs=len(self.common), **values | {"common": np.packbits(self.common)})

    @classmethod
    def load(cls, path: Path) -> Known | None:
        """None where it is missing, damaged, or of another making."""
        try:
            with np.load(path, allow_pickle=False) as kept:
                if kept["format"] != _FORMAT:
                    return None
                values = {field.name: kept[field.name] for field in fields(cls)}
                common: Any = np.unpackbits(values["common"], count=int(kept["runs"])).astype(bool)
                return cls(**values | {"common": common})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None


def pair_keys(earlier: Numbers, later: Numbers) -> Numbers:
    return mixed(earlier * BASE + later)


def _find(keys: Numbers, wanted: Numbers) -> tuple[Any, Any]:
    """Which of the wanted are among ascending keys, and where."""
    if not len(keys):
        return np.zeros(len(wanted), bool), np.zeros(len(wanted), np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return keys[at] == wanted, at
