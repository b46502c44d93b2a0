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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from rensa import RMinHash

from ftchat.data.known import UNKNOWN, Known, pair_keys
from ftchat.data.lines import line_keys, line_of
from ftchat.data.shingles import BASE, Numbers, Windows, mixed, plain
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
_ROOM = 1 << 21  # characters that are turned into numbers at once
_LONGEST = _ROOM // 2  # what is compared of a text
_SAMPLE = 20_000  # examples in which it is counted how common long runs are
_HELD = 1 << 24  # shingles that are held, to compare an example with several
_BUCKETS = 1 << 22  # counters of long runs, at most; a power of two
_POINTS = 10_000  # likeness is kept in ten thousandths
_ASKED, _SAYS_THE_SAME, _EXCHANGED = 1, 2, 4  # what the words of a pair say

Tell = Callable[[int, int], None]  # examples done, examples in all


@dataclass(frozen=True, slots=True)
class Alike:
    """Pairs (later, earlier, likeness) of indices, in order; and what was found out on the way."""

    pairs: tuple[tuple[int, int, float], ...] = ()
    known: Known | None = field(default=None, compare=False, repr=False)

    def originals(self) -> Mapping[int, tuple[int, float]]:
        """Near duplicate -> what it repeats, and how much of it: without them, none are left among the rest."""
        found: dict[int, tuple[int, float]] = {}
        for later, earlier, likeness in self.pairs:
            if earlier not in found:
                found.setdefault(later, (earlier, likeness))
        return found


def find_alike(
    examples: Sequence[Example], known: Known | None = None, keys: Numbers | None = None, tell: Tell | None = None
) -> Alike:
    """The near duplicates among different examples; exact copies are not compared, nor what is known already. `keys`
    are those of the examples' lines."""
    keys = keys_of(examples) if keys is None else keys
    different = _first_of_each(keys)
    if known is None:
        known = Known.begin(common_runs(examples, different))
    judge = _Judge(examples, different, keys[different], known, tell)
    codes = judge.candidates()
    likeness, said = judge.compare(codes)
    earlier, later = (different[side] for side in np.divmod(codes, max(1, len(different))))

    exchanged = said & _EXCHANGED != 0
    family = np.bincount(np.concatenate([earlier[exchanged], later[exchanged]]), minlength=len(examples)).tolist()
    for at in np.flatnonzero((likeness >= _FRAME * _POINTS) & (said == 0)).tolist():
        one, other = int(earlier[at]), int(later[at])
        if likeness[at] < SAME * _POINTS and min(family[one], family[other]) > _TEMPLATE:
            continue  # both are known to be of a template, and this pair says no more
        same = says_the_same(examples[one], examples[other])
        differs = not same or words_exchanged(examples[one], examples[other])
        said[at] = _ASKED | _SAYS_THE_SAME * same | _EXCHANGED * differs
        family[one] += differs
        family[other] += differs

    related = np.array(family, np.int64)
    alone = (related[earlier] <= _TEMPLATE) & (related[later] <= _TEMPLATE)
    same = (likeness >= SAME * _POINTS) & (said & _SAYS_THE_SAME != 0) & (alone | (said & _EXCHANGED == 0))
    pairs = zip(later[same].tolist(), earlier[same].tolist(), (likeness[same] / _POINTS).tolist(), strict=True)
    return Alike(tuple(sorted(pairs)), judge.known(codes, likeness, said))


def keys_of(examples: Sequence[Example]) -> Numbers:
    return line_keys((line_of(example.messages) for example in examples), len(examples))


def common_runs(examples: Sequence[Example], different: Any = None) -> Any:
    """Which long runs of characters very many of the examples share, by what they hash to."""
    different = _first_of_each(keys_of(examples)) if different is None else different
    size = sum(len(message.content) for example in examples for message in example.messages)
    buckets = min(_BUCKETS, 1 << max(12, size.bit_length()))
    counted: Any = np.zeros(buckets, np.int64)
    sample = different
    if len(different) > _SAMPLE:
        sample = np.sort(np.random.default_rng(0).choice(different, _SAMPLE, replace=False))
    for batch in _batches(sample, _sizes(examples, sample)):
        counted += np.bincount(Windows(_texts(examples, batch)).frame_buckets(buckets), minlength=buckets)
    return counted > max(20, len(sample) // 200)


def _first_of_each(keys: Numbers) -> Any:
    return np.sort(np.unique(keys, return_index=True)[1])


class _Judge:
    """Compares the different ones among examples; what is common to very many of them does not count."""

    def __init__(self, examples: Sequence[Example], different: Any, keys: Numbers, known: Known, tell: Tell | None):
        self._examples, self._different, self._keys, self._before = examples, different, keys, known
        self._tell = tell or (lambda done, total: None)
        self._shingled: dict[int, tuple[Numbers, Numbers]] = {}
        self._held = 0
        self.sketches: Any = np.empty((len(different), _BAND * _BANDS), np.uint16)
        found, sketches = known.sketched(keys)
        if found.any():
            self.sketches[found] = sketches
        new, done = np.flatnonzero(~found), len(sketches)
        for batch in _batches(new, _sizes(examples, different[new])):
            self.sketches[batch] = self._digest(different[batch])
            done += len(batch)
            self._tell(done // 2, len(different))

    def candidates(self) -> Any:
        """Pairs of the different ones that are worth comparing, as earlier * how many + later."""
        n = len(self._different)
        codes: Any = np.empty(0, np.int64)
        for band in range(_BANDS if n > 1 else 0):
            part: Any = self.sketches[:, band * _BAND : (band + 1) * _BAND].astype(np.uint64)
            key = part[:, 0].copy()
            for column in range(1, _BAND):
                key = mixed(key * BASE + part[:, column])
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
            shared[start : start + _BATCH] = (self.sketches[a] == self.sketches[b]).sum(axis=1)
        return codes[self._worth_comparing(codes, shared)]

    def _worth_comparing(self, codes: Any, shared: Any) -> Any:
        """The pairs that may be the same, by what they share of their sketches; of those that may be of one template
        only the likeliest of each example, as each of a large template's is a candidate with very many others."""
        worth = shared >= (SAME - _SPREAD) * _BAND * _BANDS
        kin = np.flatnonzero(~worth & (shared >= (_FRAME - _SPREAD) * _BAND * _BANDS))
        kin = kin[np.argsort(-shared[kin].astype(np.int64), kind="stable")]
        for side in np.divmod(codes[kin], max(1, len(self._different))):
            worth[kin[_ranks(side) < _KIN]] = True
        return worth

    def compare(self, codes: Any) -> tuple[Any, Any]:
        """How much of each pair is the same, 0 where that is little, and what is known already of its words."""
        n = max(1, len(self._different))
        likeness, said = self._before.judged(self._pairs(codes))
        new = np.flatnonzero(said == UNKNOWN)
        said[new] = 0
        done = 0
        first, second = np.divmod(codes[new], n)
        involved, at = np.unique(np.concatenate([first, second]), return_inverse=True)
        sizes = _sizes(self._examples, self._different[involved])[at]
        for batch in _batches(new, sizes[: len(new)] + sizes[len(new) :]):
            earlier, later = (self._different[side] for side in np.divmod(codes[batch], n))
            likeness[batch] = self._alike(earlier, later)
            done += len(batch)
            self._tell(n * (len(new) + done) // (2 * len(new)), n)
        return likeness, said

    def known(self, codes: Any, likeness: Any, said: Any) -> Known:
        pairs = self._pairs(codes)
        by_key, by_pair = np.argsort(self._keys), np.argsort(pairs)
        return Known(
            self._before.common,
            self._keys[by_key],
            self.sketches[by_key],
            pairs[by_pair],
            likeness[by_pair],
            said[by_pair],
        )

    def _pairs(self, codes: Any) -> Numbers:
        earlier, later = np.divmod(codes, max(1, len(self._different)))
        return pair_keys(self._keys[earlier], self._keys[later])

    def _alike(self, earlier: Any, later: Any) -> list[int]:
        parts = self._sides(np.unique(np.concatenate([earlier, later])))
        found = []
        for one, other in zip(earlier.tolist(), later.tolist(), strict=True):
            asked = _jaccard(parts[one][0], parts[other][0])
            alike = min(asked, _jaccard(parts[one][1], parts[other][1])) if asked >= _FRAME else 0
            found.append(round(alike * _POINTS) if alike >= _FRAME else 0)
        return found

    def _sides(self, indices: Any) -> dict[int, list[frozenset[int]]]:
        """The shingles of prompt side and answer of each."""
        new = [index for index in indices.tolist() if index not in self._shingled]
        if new:
            values, ends = self._shingles(np.array(new))
            sides = np.split(values, ends[:-1])
            self._shingled.update(zip(new, zip(sides[::2], sides[1::2], strict=True), strict=True))
            self._held += len(values)
        found = {index: [frozenset(side.tolist()) for side in self._shingled[index]] for index in indices.tolist()}
        if self._held > _HELD:
            self._shingled.clear()
            self._held = 0
        return found

    def _digest(self, indices: Any) -> Any:
        """The sketch of each example, of its prompt and its answer together: the minima's low bits."""
        values, ends = self._shingles(indices)
        offsets = np.concatenate([np.zeros(1, np.uint64), ends[1::2].astype(np.uint64)])
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(values, offsets, _BAND * _BANDS, 42)
        return np.array(matrix.to_rows(), np.uint32).astype(np.uint16)

    def _shingles(self, indices: Any) -> tuple[Numbers, Any]:
        return Windows(_texts(self._examples, indices)).shingles(self._before.common)


def _texts(examples: Sequence[Example], indices: Any) -> list[str]:
    """Prompt side and answer of each, one after the other."""
    texts = []
    for index in indices.tolist():
        example = examples[index]
        texts.append(plain(_ends("\n".join([message.content for message in example.context]))))
        texts.append(plain(_ends(example.completion)))
    return texts


def _ends(text: str) -> str:
    """What is compared of a very long text."""
    return text if len(text) <= _LONGEST else text[: _LONGEST // 2] + text[-_LONGEST // 2 :]


def _sizes(examples: Sequence[Example], indices: Any) -> Any:
    """How much text each of them has."""
    found = (sum([len(message.content) for message in examples[index].messages]) for index in indices.tolist())
    return np.fromiter(found, np.int64, len(indices))


def _jaccard(a: frozenset[int], b: frozenset[int]) -> float:
    common = len(a & b)
    return common / (len(a) + len(b) - common)


def _batches(indices: Any, sizes: Any) -> list[Any]:
    """Not too many at a time, and not too much text."""
    number = np.cumsum(np.maximum(np.minimum(sizes, _ROOM), _ROOM // _BATCH)) // _ROOM
    return [batch for batch in np.split(indices, np.flatnonzero(np.diff(number)) + 1) if len(batch)]


def _ranks(groups: Any) -> Any:
    """How many of the same group come before each."""
    order = np.argsort(groups, kind="stable")
    begins = np.flatnonzero(np.diff(groups[order], prepend=-1))
    ranks: Any = np.empty(len(groups), np.int64)
    ranks[order] = np.arange(len(groups)) - np.repeat(begins, np.diff(np.append(begins, len(groups))))
    return ranks
