"""Near duplicates: examples whose prompts are nearly the same, and whose answers are. Knows nothing of files.

Candidates come from MinHash and its bands (rensa). Each is then compared for real, prompt with prompt and answer with
answer, by the Jaccard similarity of their runs of 4 characters (2 in Chinese, Japanese and Korean). SAME is the share
from which on they count as nearly the same: a word of a short sentence replaced or added leaves about 0.62 of its runs,
a typing error more, another sentence of the same kind less. Since the answers must be alike too, equal-ish texts with
different labels are none.

Data made from a template is not full of near duplicates. Text that very many examples share does not count; another
number or another name is another question; and an example that differs by exchanged words from several others is one of
a template's, not a copy of any.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from rensa import RMinHash

from ftchat.data.wording import says_the_same, words_exchanged
from ftchat.records import Example

NEAR_LIMIT: Final = 100_000  # examples among which it is looked for without being asked
SAME: Final = 0.6
_BAND, _BANDS = 5, 25  # finds pairs of 0.7 with probability 0.99, of 0.8 with 0.9999
_SPREAD = 0.1  # what MinHash says of a pair is true within this, but for one of a hundred
_FRAME = 0.4  # alike enough to be of one template
_NEIGHBOURS = 3  # compared within a band, besides the first, so that the time stays linear
_TEMPLATE = 3  # others from which an example may differ by exchanged words before it is one of a template's
_KIN = 2 * _TEMPLATE  # pairs of each example that are compared to tell whether it is one of a template's
_BATCH = 4096
_SAMPLE = 20_000  # examples in which it is counted how common long runs are
_HELD = 1 << 24  # shingles that are held, to compare an example with several
_BUCKETS = 1 << 22  # counters of long runs, at most; a power of two

Numbers = np.ndarray[Any, np.dtype[np.uint64]]
_BASE = np.uint64(0x9E3779B97F4A7C15)
_PAUSES = str.maketrans(dict.fromkeys(".,!?;:…'\"`´’‘“”。，！？；：、「」『』（）()[]", " "))


@dataclass(frozen=True, slots=True)
class Alike:
    """Pairs (later, earlier, likeness) of indices, in order."""

    pairs: tuple[tuple[int, int, float], ...] = ()

    def originals(self) -> Mapping[int, tuple[int, float]]:
        """Near duplicate -> what it repeats, and how much of it: without them, none are left among the rest."""
        found: dict[int, tuple[int, float]] = {}
        for later, earlier, likeness in self.pairs:
            if earlier not in found:
                found.setdefault(later, (earlier, likeness))
        return found


def find_alike(examples: Sequence[Example]) -> Alike:
    """The near duplicates among different examples; exact copies are not compared."""
    first: dict[int, int] = {}
    for index, example in enumerate(examples):
        first.setdefault(hash(example.messages), index)
    different = np.fromiter(first.values(), np.int64, len(first))
    if len(different) < 2:
        return Alike()
    judge = _Judge(examples, different)
    pairs: list[tuple[int, int, float, bool]] = []
    family: Counter[int] = Counter()  # how many others an example differs from by a word, a name or a number
    for earlier, later in judge.candidates():
        for one, other, likeness in judge.compare(earlier, later):
            if likeness < SAME and min(family[one], family[other]) > _TEMPLATE:
                continue  # both are known to be of a template, and this pair says no more
            same = says_the_same(examples[one], examples[other])
            exchanged = not same or words_exchanged(examples[one], examples[other])
            family.update((one, other) if exchanged else ())
            if same and likeness >= SAME:
                pairs.append((other, one, likeness, exchanged))
    kept = [
        (later, earlier, likeness)
        for later, earlier, likeness, exchanged in sorted(pairs)
        if not exchanged or max(family[later], family[earlier]) <= _TEMPLATE
    ]
    return Alike(tuple(kept))


class _Judge:
    """Compares examples of one collection; what is common to very many of them does not count."""

    def __init__(self, examples: Sequence[Example], different: np.ndarray[Any, np.dtype[np.int64]]):
        self._examples, self._different = examples, different
        size = sum(len(message.content) for example in examples for message in example.messages)
        self._buckets = min(_BUCKETS, 1 << max(12, size.bit_length()))
        counted: Any = np.zeros(self._buckets, np.int64)
        sample = different
        if len(different) > _SAMPLE:
            sample = np.sort(np.random.default_rng(0).choice(different, _SAMPLE, replace=False))
        for batch in _batches(sample):
            counted += np.bincount(_Windows(self._texts(batch)).frame_buckets(self._buckets), minlength=self._buckets)
        self._common = counted > max(20, len(sample) // 200)
        self._minima: Any = np.empty((len(different), _BAND * _BANDS), np.uint32)
        for start in range(0, len(different), _BATCH):
            self._minima[start : start + _BATCH] = self._digest(different[start : start + _BATCH])
        self._shingled: dict[int, tuple[Numbers, Numbers]] = {}
        self._held = 0

    def candidates(self) -> Iterator[tuple[Any, Any]]:
        """Arrays of earlier and later examples, some thousand pairs at a time, all different."""
        n = len(self._different)
        codes: Any = np.empty(0, np.int64)
        for band in range(_BANDS):
            part: Any = self._minima[:, band * _BAND : (band + 1) * _BAND].astype(np.uint64)
            key = part[:, 0].copy()
            for column in range(1, _BAND):
                key = _mixed(key * _BASE + part[:, column])
            order = np.argsort(key, kind="stable")
            key = key[order]
            first: Any = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
            sizes: Any = np.diff(np.append(first, n))
            found = [codes, np.repeat(order[first], sizes - 1) * n + np.delete(order, first)]
            for step in range(1, _NEIGHBOURS + 1):
                here = np.flatnonzero(key[step:] == key[:-step])
                found.append(order[here] * n + order[here + step])
            codes = np.sort(np.concatenate(found))  # np.unique puts them in a table, and those of one pattern collide
            codes = codes[np.concatenate([[True], codes[1:] != codes[:-1]])] if len(codes) else codes
        shared: Any = np.empty(len(codes), np.uint8)
        for start in range(0, len(codes), _BATCH):
            a, b = np.divmod(codes[start : start + _BATCH], n)
            shared[start : start + _BATCH] = (self._minima[a] == self._minima[b]).sum(axis=1)
        for batch in _batches(codes[self._worth_comparing(codes, shared)]):
            earlier, later = np.divmod(batch, n)
            yield self._different[earlier], self._different[later]

    def _worth_comparing(self, codes: Any, shared: Any) -> Any:
        """The pairs that may be the same, by the minima that they share; of those that may be of one template only the
        likeliest of each example, as each of a large template's is a candidate with very many others."""
        worth = shared >= (SAME - _SPREAD) * _BAND * _BANDS
        kin = np.flatnonzero(~worth & (shared >= (_FRAME - _SPREAD) * _BAND * _BANDS))
        kin = kin[np.argsort(-shared[kin].astype(np.int64), kind="stable")]
        for side in np.divmod(codes[kin], len(self._different)):
            worth[kin[_ranks(side) < _KIN]] = True
        return worth

    def compare(self, earlier: Any, later: Any) -> Iterator[tuple[int, int, float]]:
        """Of these pairs those that are alike enough to be looked at, and how much of them is the same."""
        parts = self._sides(np.unique(np.concatenate([earlier, later])))
        for one, other in zip(earlier.tolist(), later.tolist(), strict=True):
            asked = _jaccard(parts[one][0], parts[other][0])
            alike = min(asked, _jaccard(parts[one][1], parts[other][1])) if asked >= _FRAME else 0
            if alike >= _FRAME:
                yield one, other, round(alike, 4)

    def _sides(self, indices: Any) -> dict[int, list[frozenset[int]]]:
        """The shingles of prompt side and answer of each."""
        new = [index for index in indices.tolist() if index not in self._shingled]
        if new:
            values, ends = self._shingles(self._texts(np.array(new)))
            sides = np.split(values, ends[:-1])
            self._shingled.update(zip(new, zip(sides[::2], sides[1::2], strict=True), strict=True))
            self._held += len(values)
        found = {index: [frozenset(side.tolist()) for side in self._shingled[index]] for index in indices.tolist()}
        if self._held > _HELD:
            self._shingled.clear()
            self._held = 0
        return found

    def _digest(self, indices: Any) -> Any:
        """The minima of each example, over its prompt and its answer together."""
        values, ends = self._shingles(self._texts(indices))
        offsets = np.concatenate([np.zeros(1, np.uint64), ends[1::2].astype(np.uint64)])
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(values, offsets, _BAND * _BANDS, 42)
        return np.array(matrix.to_rows(), np.uint32)

    def _shingles(self, texts: Sequence[str]) -> tuple[Numbers, Any]:
        return _Windows(texts).shingles(self._common)

    def _texts(self, indices: Any) -> list[str]:
        """Prompt side and answer of each, one after the other."""
        texts = []
        for index in indices.tolist():
            example = self._examples[index]
            texts.append(_plain("\n".join([message.content for message in example.context])))
            texts.append(_plain(example.completion))
        return texts


class _Windows:
    """Texts laid end to end as numbers, so that all of their runs of characters are hashed at once."""

    def __init__(self, texts: Sequence[str]):
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        self._ends = np.cumsum(lengths)
        self._begins = self._ends - lengths
        flat = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
        self._ideographs = (flat >= 0x2E80) & (flat < 0xE000)
        self._room = np.repeat(self._ends, lengths) - np.arange(len(flat))  # characters left in its text, from each
        self._side: Numbers = np.repeat(np.arange(len(texts)) % 2, lengths).astype(np.uint64)
        self._hashes = {1: _mixed(flat.astype(np.uint64) + np.uint64(1))}

    def frame_buckets(self, buckets: int) -> Any:
        """For every long run of characters, which counter it falls into."""
        values, whole, _ = self._long()
        return (values[whole] & np.uint64(buckets - 1)).astype(np.int64)

    def shingles(self, common: Any) -> tuple[Numbers, Any]:
        """The hashes of the short runs that are not covered by common long ones, and where each text's end. A text
        without any has one: all of it."""
        size = np.where(self._ideographs, 2, 4)
        values = np.where(self._ideographs, self._hash(2), self._hash(4))
        values = _mixed(values + self._side)
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
            whole = _mixed(totals[self._ends[empty]] - totals[self._begins[empty]])
            values = np.insert(values, np.cumsum(counts)[empty], whole)
            counts[empty] = 1
        return values, np.cumsum(counts)

    def _long(self) -> tuple[Numbers, Any, Any]:
        """Hashes of runs of 20 characters, 8 of Chinese; whether they lie within one text; how long they are."""
        lengths = np.where(self._ideographs, 8, 20)
        values = np.where(self._ideographs, self._hash(8), self._hash(16) * _power(4) + _shifted(self._hash(4), 16))
        return _mixed(values), self._room >= lengths, lengths

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


@lru_cache(maxsize=1 << 16)  # a text is compared with several
def _plain(text: str) -> str:
    """Without what makes no difference: case, pauses, spaces, width of letters."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().translate(_PAUSES).split())


def _jaccard(a: frozenset[int], b: frozenset[int]) -> float:
    common = len(a & b)
    return common / (len(a) + len(b) - common)


def _batches(indices: Any) -> Iterator[Any]:
    return (indices[start : start + _BATCH] for start in range(0, len(indices), _BATCH))


def _ranks(groups: Any) -> Any:
    """How many of the same group come before each."""
    order = np.argsort(groups, kind="stable")
    begins = np.flatnonzero(np.diff(groups[order], prepend=-1))
    ranks: Any = np.empty(len(groups), np.int64)
    ranks[order] = np.arange(len(groups)) - np.repeat(begins, np.diff(np.append(begins, len(groups))))
    return ranks


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(int(_BASE), exponent, 1 << 64))


def _shifted(values: Numbers, by: int) -> Numbers:
    """What stands `by` places later; zeros where nothing does."""
    return np.concatenate([values[by:], np.zeros(min(by, len(values)), values.dtype)])


def _mixed(values: Numbers) -> Numbers:
    """Spread over all bits (the finalizer of MurmurHash3)."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))
