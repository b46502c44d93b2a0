"""Texts as numbers: hashes of their runs of characters, without those that very many examples share. Knows nothing of
examples, and of what counts as alike.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np

Numbers = np.ndarray[Any, np.dtype[np.uint64]]
BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_SHORT = 1000  # characters of a text that is kept in mind
_PAUSES = str.maketrans(dict.fromkeys(".,!?;:…'\"`´’‘“”。，！？；：、「」『』（）()[]", " "))


class Windows:
    """Texts laid end to end as numbers, so that all of their runs of characters are hashed at once."""

    def __init__(self, texts: Sequence[str]):
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        self._ends = np.cumsum(lengths)
        self._begins = self._ends - lengths
        flat = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
        self._ideographs = (flat >= 0x2E80) & (flat < 0xE000)
        self._room = np.repeat(self._ends, lengths) - np.arange(len(flat))  # characters left in its text, from each
        self._side: Numbers = np.repeat(np.arange(len(texts)) % 2, lengths).astype(np.uint64)
        self._hashes = {1: mixed(flat.astype(np.uint64) + np.uint64(1))}

    def frame_buckets(self, buckets: int) -> Any:
        """For every long run of characters, which counter it falls into."""
        values, whole, _ = self._long()
        return (values[whole] & np.uint64(buckets - 1)).astype(np.int64)

    def shingles(self, common: Any) -> tuple[Numbers, Any]:
        """The hashes of the short runs that are not covered by common long ones, and where each text's end. A text
        without any has one: all of it."""
        size = np.where(self._ideographs, 2, 4)
        values = np.where(self._ideographs, self._hash(2), self._hash(4))
        values = mixed(values + self._side)
        kept = self._room >= size
        long, whole, lengths = self._long()
        frame = whole & common[(long & np.uint64(len(common) - 1)).astype(np.int64)]
        kept &= ~self._covered(frame, lengths, size)
        before = np.concatenate([[0], np.cumsum(kept)])
        return self._with_whole_texts(values[kept], before[self._ends] - before[self._begins])

    def _with_whole_texts(self, values: Numbers, counts: Any) -> tuple[Numbers, Any]:
        empty = np.flatnonzero(counts == 0)
        if len(empty):
            weighted = self._hash(1) * self._room.astype(np.uint64)
            totals = np.concatenate([np.zeros(1, np.uint64), np.cumsum(weighted)])
            whole = mixed(totals[self._ends[empty]] - totals[self._begins[empty]])
            values = np.insert(values, np.cumsum(counts)[empty], whole)
            counts[empty] = 1
        return values, np.cumsum(counts)

    def _long(self) -> tuple[Numbers, Any, Any]:
        """Hashes of runs of 20 characters, 8 of Chinese; whether they lie within one text; how long they are."""
        lengths = np.where(self._ideographs, 8, 20)
        values = np.where(self._ideographs, self._hash(8), self._hash(16) * _power(4) + _shifted(self._hash(4), 16))
        return mixed(values), self._room >= lengths, lengths

    def _covered(self, frame: Any, lengths: Any, size: Any) -> Any:
        """Whether all characters of the short run at each place belong to common long ones."""
        edges: Any = np.zeros(len(frame) + 21, np.int64)
        starts = np.flatnonzero(frame)
        np.add.at(edges, starts, 1)
        np.add.at(edges, starts + lengths[starts], -1)
        outside = np.concatenate([[0], np.cumsum(np.cumsum(edges) == 0)])
        places = np.arange(len(frame))
        return outside[places + np.minimum(size, self._room)] == outside[places]

    def _hash(self, size: int) -> Numbers:
        """Of the run of this many characters that begins at each place."""
        if size not in self._hashes:
            half = self._hash(size // 2)
            self._hashes[size] = half * _power(size // 2) + _shifted(half, size // 2)
        return self._hashes[size]


def plain(text: str) -> str:
    """Without what makes no difference: case, pauses, spaces, width of letters."""
    return _kept_plain(text) if len(text) <= _SHORT else _plain(text)


def _plain(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().translate(_PAUSES).split())


_kept_plain = lru_cache(maxsize=1 << 16)(_plain)  # a text is compared with several


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(int(BASE), exponent, 1 << 64))


def _shifted(values: Numbers, by: int) -> Numbers:
    """What stands `by` places later; zeros where nothing does."""
    return np.concatenate([values[by:], np.zeros(min(by, len(values)), values.dtype)])


def mixed(values: Numbers) -> Numbers:
    """Spread over all bits (the finalizer of MurmurHash3)."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))
