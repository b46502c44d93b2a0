"""The examples of a dataset where they lie on disk: one at a time, and written anew with a few of them changed.

Knows nothing of what is said of them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, overload

import numpy as np

from ftchat.data.folder import FIELDS, NO_LINE, DatasetInfo, example_of, read_places, settle
from ftchat.data.lines import line_keys, line_of
from ftchat.data.shingles import Numbers
from ftchat.records import Example

_CHUNK = 1 << 20
_LAST = b',{"role":"'  # as it begins a message it stands in no text: there, quotes are escaped

Key = bytes  # what comes before the last answer, as it is written


@dataclass(frozen=True, slots=True)
class Patch:
    """A few examples that are others, by their index; the indices of those that are gone; those at the end."""

    changed: Mapping[int, Example]
    gone: Collection[int] = ()
    added: Sequence[Example] = ()


class Stored(Sequence[Example]):
    """The examples in a folder. ValueError where they are not those that were written."""

    def __init__(self, folder: Path, info: DatasetInfo):
        self.folder, self.sources = folder, info.sources
        self._file = folder / "examples.jsonl"
        self._places: Any = np.array(read_places(folder, range(info.count))).reshape(-1, FIELDS)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Example, ...]: ...
    def __getitem__(self, index: int | slice) -> Example | tuple[Example, ...]:
        if isinstance(index, slice):
            return tuple(self.some(range(*index.indices(len(self)))).values())
        return self.some([range(len(self))[index]])[index]

    def __iter__(self) -> Iterator[Example]:
        with self._file.open("rb") as file:
            for line, places in zip(file, self._places, strict=True):
                yield example_of(line, places.tolist(), self.sources)

    def some(self, indices: Sequence[int]) -> dict[int, Example]:
        found = {}
        with self._file.open("rb") as file:
            for index in indices:
                places = self._places[index].tolist()
                file.seek(places[0])
                found[index] = example_of(file.readline(), places, self.sources)
        return found

    def sample(self, count: int, longest: int) -> list[Example]:
        """As many of the longest, and others from all over, about `count` in all."""
        others = np.arange(0, len(self), max(1, len(self) // max(1, count - longest)))
        return list(
            self.some(np.union1d(others, np.argsort(-self._sizes(), kind="stable")[:longest]).tolist()).values()
        )

    def _sizes(self) -> Any:
        """Bytes of each, as it is written."""
        return np.diff(self._places[:, 0], append=self._file.stat().st_size)

    def find(self, place: tuple[str, int, int]) -> int | None:
        """The index of the example that is known by this place."""
        source, row, part = place
        found = np.flatnonzero(self._at(source, row) & (self._places[:, 4] == part))
        return int(found[0]) if len(found) else None

    def of_rows(self, rows: Collection[tuple[str, int]]) -> list[int]:
        """The indices of all parts of these rows."""
        wanted: Any = np.zeros(len(self), bool)
        for source in {source for source, _ in rows} & set(self.sources):
            numbers = [row for name, row in rows if name == source]
            wanted |= (self._places[:, 1] == self.sources.index(source)) & np.isin(self._places[:, 2], numbers)
        return np.flatnonzero(wanted).tolist()

    def keys(self) -> Numbers:
        """A number for the content of each."""
        with self._file.open("rb") as file:
            return line_keys(file, len(self))

    def groups(self, keys: Collection[Key]) -> Mapping[Key, list[int]]:
        """The indices of the examples that begin in one of these ways."""
        found: dict[Key, list[int]] = defaultdict(list)
        with self._file.open("rb") as file:
            for index, line in enumerate(file):
                if (key := line[: line.rfind(_LAST)]) in keys:
                    found[key].append(index)
        return found

    def patched(self, folder: Path, patch: Patch) -> tuple[str, tuple[str, ...]]:
        """Writes the content with a patch to another folder. Returns the hash that names it, and its sources."""
        lines = {index: line_of(example.messages) for index, example in patch.changed.items()}
        with self._file.open("rb") as old, (folder / "examples.jsonl").open("wb") as new:
            before, after = hashlib.sha256(), hashlib.sha256()
            for index in sorted({*lines, *patch.gone}):
                self._copy(old, new, before, after, until=int(self._places[index][0]))
                before.update(old.readline())
                if line := lines.get(index):
                    after.update(line)
                    new.write(line)
            self._copy(old, new, before, after)
            for example in patch.added:
                after.update(line_of(example.messages))
                new.write(line_of(example.messages))
            settle(new)
        if before.hexdigest()[:16] != self.folder.name[:16]:
            raise ValueError("the content is not what was hashed")
        with (folder / "places.bin").open("wb") as file:
            sources = self._moved(file, lines, patch)
            settle(file)
        return after.hexdigest()[:16], sources

    def _copy(self, old: BinaryIO, new: BinaryIO, before: Any, after: Any, until: int | None = None) -> None:
        while chunk := old.read(_CHUNK if until is None else min(_CHUNK, until - old.tell())):
            before.update(chunk)
            after.update(chunk)
            new.write(chunk)

    def _moved(self, file: BinaryIO, lines: Mapping[int, bytes], patch: Patch) -> tuple[str, ...]:
        """Writes the places after a patch; the sources are numbered anew, in the order of their first examples."""
        names = [*self.sources]
        sizes = self._sizes()
        for index, line in lines.items():
            sizes[index] = len(line)
        kept: Any = np.delete(np.arange(len(self)), list(patch.gone))
        places, sizes = self._places[kept], sizes[kept]
        for example in patch.added:
            if example.source not in names:
                names.append(example.source)
            physical = NO_LINE if example.line is None else example.line
            row = (0, names.index(example.source), example.row, physical, example.part)
            places = np.concatenate([places, np.array([row])])
            sizes = np.append(sizes, len(line_of(example.messages)))
        places[:, 0] = np.cumsum(sizes) - sizes
        present, first = np.unique(places[:, 1], return_index=True)
        ordered = present[np.argsort(first)]
        places[:, 1] = np.argsort(np.append(ordered, np.setdiff1d(np.arange(len(names)), ordered)))[places[:, 1]]
        file.write(places.tobytes())
        return tuple(names[number] for number in ordered.tolist())

    def _at(self, source: str, row: int) -> Any:
        if source not in self.sources:
            return np.zeros(len(self), bool)
        return (self._places[:, 1] == self.sources.index(source)) & (self._places[:, 2] == row)


def key_of(example: Example) -> Key:
    """How an example begins, as it is written."""
    line = line_of(example.messages)
    return line[: line.rfind(_LAST)]
