"""The folder of one dataset: how it is written and read, whole or a page at a time. Knows nothing of other datasets.

examples.jsonl   the cleaned data, one conversation a line
places.bin       five numbers for each example: where its line begins, and its source, row, line and part
alike.json       which examples are nearly the same, null where that was not looked for
known.npz        what was found out on the way, of a version only what is new: may be missing
report.json      what is said of the examples, and of the rows that gave none
summary.json     the same in short
raw/             the bytes that it was read from, where they were kept
dataset.json     the rest: see DatasetInfo

What is missing, cut or changed shows as an OSError, or as a ValueError, KeyError, TypeError or IndexError.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from json.encoder import encode_basestring as quoted
from pathlib import Path
from typing import Any, Final

from ftchat.data.known import Known
from ftchat.data.lines import line_of
from ftchat.data.near import Alike
from ftchat.data.remedies import Change, change_from_json, change_to_json
from ftchat.data.report import Report
from ftchat.data.sources import Source
from ftchat.data.summary import Summary, summarise
from ftchat.records import Example, Message

SPLIT_SEED: Final = 42
FIELDS = 5
NO_LINE = -1
_CHECKED = ("places.bin", "report.json", "alike.json")


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """`hash` is what it is known by, and `root` the version that was read; `changes` lead from there to here.
    `kind` says where it is from, such as `file` or `template`; `created` is in seconds since the epoch; `mapping` is
    field -> column, as it was read with; `sources` are the names of the files; `raw`: it can be read again;
    `header`: whether the first row was said to name the columns."""

    hash: str
    name: str
    kind: str
    created: float
    count: int
    root: str
    changes: tuple[Change, ...] = ()
    mapping: Mapping[str, str] | None = None
    sources: tuple[str, ...] = ()
    split_seed: int = SPLIT_SEED
    raw: bool = False
    header: bool | None = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset with all its examples and what is said of them, which may be read when they are asked for: the hash
    stands for the examples."""

    info: DatasetInfo
    load_judged: Callable[[], tuple[Report, Alike | None]] = field(repr=False)
    load: Callable[[], tuple[Example, ...]] = field(repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dataset) and (self.info, self._judged) == (other.info, other._judged)

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        return self.load()

    @cached_property
    def _judged(self) -> tuple[Report, Alike | None]:
        return self.load_judged()

    @property
    def report(self) -> Report:
        return self._judged[0]

    @property
    def alike(self) -> Alike | None:
        """The near duplicates; None where they were not looked for."""
        return self._judged[1]

    @property
    def hash(self) -> str:
        return self.info.hash

    @property
    def name(self) -> str:
        return self.info.name


@dataclass(frozen=True, slots=True)
class Page:
    """Some of `total` examples, each with its index in the dataset."""

    total: int
    rows: tuple[tuple[int, Example], ...]


def content_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def write_content(folder: Path, examples: Sequence[Example]) -> tuple[str, tuple[str, ...]]:
    """Examples and their places. Returns the hash that names them, and their sources."""
    digest = hashlib.sha256()
    sources = {name: place for place, name in enumerate(dict.fromkeys(example.source for example in examples))}
    places = array("q")
    start = 0
    with (folder / "examples.jsonl").open("wb") as file:
        for example in examples:
            line = line_of(example.messages)
            digest.update(line)
            file.write(line)
            physical = NO_LINE if example.line is None else example.line
            places.extend((start, sources[example.source], example.row, physical, example.part))
            start += len(line)
        settle(file)
    with (folder / "places.bin").open("wb") as file:
        places.tofile(file)
        settle(file)
    return digest.hexdigest()[:16], tuple(sources)


def write_rest(
    folder: Path, info: DatasetInfo, report: Report, alike: Alike | None, raw: Sequence[Source] = ()
) -> None:
    """Everything but the content, which is there already."""
    with (folder / "report.json").open("w", encoding="ascii") as file:
        file.writelines(report.to_json(ensure_ascii=True))
        settle(file)
    _write(folder / "summary.json", summarise(report).to_json().encode())
    _write(folder / "alike.json", json.dumps(None if alike is None else alike.pairs).encode())
    if alike is not None and alike.known is not None:
        alike.known.save(folder / "known.npz")
    fields = asdict(info) | {"changes": [change_to_json(change) for change in info.changes]}
    fields["checksums"] = {name: _checksum(folder / name) for name in _CHECKED}
    if raw:
        write_raw(folder, raw)
    _write(folder / "dataset.json", json.dumps(fields).encode())


def write_raw(folder: Path, raw: Sequence[Source]) -> None:
    (folder / "raw").mkdir(exist_ok=True)
    for number, source in enumerate(raw):
        with (folder / "raw" / str(number)).open("wb") as file:
            file.writelines(source.chunks())
            settle(file)
    _write(folder / "raw" / "names.json", json.dumps([source.name for source in raw]).encode())


def is_whole(folder: Path) -> bool:
    """Whether everything is as it was written."""
    checksums = json.loads((folder / "dataset.json").read_bytes())["checksums"]
    with (folder / "examples.jsonl").open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return content == folder.name[:16] and all(_checksum(folder / name) == checksums[name] for name in _CHECKED)


def read_info(folder: Path) -> DatasetInfo:
    fields = json.loads((folder / "dataset.json").read_bytes())
    fields["changes"] = tuple(change_from_json(change) for change in fields["changes"])
    fields["sources"] = tuple(fields["sources"])
    fields["raw"] = (folder / "raw" / "names.json").exists()
    del fields["checksums"]
    return DatasetInfo(**fields)


def read_report(folder: Path) -> Report:
    return Report.from_json((folder / "report.json").read_bytes())


def read_summary(folder: Path) -> Summary:
    """Made of the report where it was not kept."""
    path = folder / "summary.json"
    return Summary.from_json(path.read_bytes()) if path.exists() else summarise(read_report(folder))


def read_judged(folder: Path) -> tuple[Report, Alike | None]:
    """The report, and the near duplicates where they were looked for."""
    pairs = json.loads((folder / "alike.json").read_bytes())
    alike = None if pairs is None else Alike(tuple((later, earlier, likeness) for later, earlier, likeness in pairs))
    return read_report(folder), alike


def read_known(folder: Path) -> Known | None:
    return Known.load(folder / "known.npz")


def looked_for_alike(folder: Path) -> bool:
    with (folder / "alike.json").open("rb") as file:
        return file.read(4) != b"null"


def read_raw(folder: Path) -> list[Source]:
    names = json.loads((folder / "raw" / "names.json").read_bytes())
    return [Source(name, folder / "raw" / str(number)) for number, name in enumerate(names)]


def read_examples(folder: Path) -> tuple[str, tuple[Example, ...]]:
    """All of them, with the hash of what was read."""
    info = json.loads((folder / "dataset.json").read_bytes())
    if _checksum(folder / "places.bin") != info["checksums"]["places.bin"]:
        raise ValueError("the places are not those that were written")
    places = read_places(folder, range(info["count"]))
    digest = hashlib.sha256()
    found = []
    with (folder / "examples.jsonl").open("rb") as file:
        for number, line in enumerate(file):
            digest.update(line)
            found.append(example_of(line, places[FIELDS * number : FIELDS * (number + 1)], info["sources"]))
    if len(found) != info["count"]:
        raise ValueError("there are not as many examples as were written")
    return digest.hexdigest()[:16], tuple(found)


def read_page(folder: Path, info: DatasetInfo, start: int, count: int) -> Page:
    start = max(0, min(start, info.count))
    wanted = range(start, min(info.count, start + max(0, count)))
    return Page(info.count, tuple(_some(folder, info, wanted)))


def search(folder: Path, info: DatasetInfo, query: str, start: int, count: int) -> Page:
    """Those with a message that contains the query, in whichever case."""
    wanted = query.strip().casefold()
    if not wanted:
        return read_page(folder, info, start, count)
    matches = _matches(folder, wanted)
    return Page(len(matches), tuple(_some(folder, info, matches[max(0, start) : max(0, start) + max(0, count)])))


@lru_cache(maxsize=8)  # what was searched is paged through; a version never changes
def _matches(folder: Path, wanted: str) -> array[int]:
    in_json = quoted(wanted)[1:-1]
    found = array("q")
    with (folder / "examples.jsonl").open("rb") as file:
        for number, line in enumerate(file):
            if in_json in line.decode().casefold() and any(wanted in m.content.casefold() for m in _messages(line)):
                found.append(number)
    return found


def _some(folder: Path, info: DatasetInfo, indices: Iterable[int]) -> Iterator[tuple[int, Example]]:
    """These examples, read one by one from where their lines begin."""
    with (folder / "examples.jsonl").open("rb") as file:
        for index in indices:
            places = read_places(folder, range(index, index + 1))
            file.seek(places[0])
            yield index, example_of(file.readline(), places, info.sources)


def read_places(folder: Path, wanted: range) -> array[int]:
    """The numbers of the examples in this range."""
    found = array("q")
    size = found.itemsize * FIELDS
    with (folder / "places.bin").open("rb") as file:
        file.seek(size * wanted.start)
        found.frombytes(file.read(size * len(wanted)))
    if len(found) != FIELDS * len(wanted):
        raise ValueError("places are missing")
    return found


def example_of(line: bytes, places: Sequence[int], sources: Sequence[str]) -> Example:
    _, source, row, physical, part = places
    return Example(_messages(line), sources[source], row, None if physical == NO_LINE else physical, part)


def _messages(line: bytes) -> tuple[Message, ...]:
    turns: list[Any] = json.loads(line)["messages"]
    return tuple([Message(turn["role"], turn["content"]) for turn in turns])


def _checksum(path: Path) -> int:
    return zlib.crc32(path.read_bytes())


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        settle(file)


def settle(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
