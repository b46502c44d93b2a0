"""Datasets on disk, kept by the hash of their content, and the versions that changes make of them.

A folder datasets/<hash> is made beside and renamed, so it is there whole or not at all, and is never altered. The hash
is the beginning of the SHA-256 of the examples. Another way to the same content, such as hearing no more of rows that
cannot be used, is a version of its own: its name ends with -2, -3, ...
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from ftchat.data import folder as on_disk
from ftchat.data.folder import Dataset, DatasetInfo, Page
from ftchat.data.known import Known
from ftchat.data.near import Alike, Tell, find_alike
from ftchat.data.reading import Progress, Reading, read
from ftchat.data.remedies import BY_PLACE, Add, Change, Delete, Edit, Place, Remedy, check_change
from ftchat.data.report import Report
from ftchat.data.sides import Splitter
from ftchat.data.sources import Source
from ftchat.data.stored import Stored
from ftchat.data.summary import Summary
from ftchat.data.versions import patch_of, revise, revise_few
from ftchat.errors import ConfigError, DataError
from ftchat.files import LOCAL_OWNER, owner_folder
from ftchat.records import Example

_OWNER = re.compile(r"\w[\w.-]{0,99}")
_HASH = re.compile(r"[0-9a-f]{16}(?:-[1-9]\d{0,5})?")
Write = Callable[[Path], tuple[str, tuple[str, ...]]]  # content into a folder; its hash and its sources
Judge = Callable[[Path, DatasetInfo], tuple[Report, Alike | None]]  # what is to be said of it
_BROKEN = (OSError, ValueError, KeyError, TypeError, IndexError)


class DatasetStore:
    """The datasets of one owner."""

    def __init__(self, home: Path, owner: str = LOCAL_OWNER):
        if not _OWNER.fullmatch(owner):
            raise ConfigError(f"'{owner}' cannot name an owner: use letters, digits, '.', '_' and '-'")
        self.folder = owner_folder(home, owner) / "datasets"
        self.split_for = Splitter(self.get)  # what a run learns, and what it holds out

    def put(
        self,
        reading: Reading,
        name: str,
        kind: str = "file",
        sources: Sequence[Source] = (),
        mapping: Mapping[str, str] | None = None,
        header: bool | None = None,
    ) -> Dataset:
        """Keeps a reading. The same content again is the same dataset, under the name that it got first.

        With `sources`, what was read is kept too, so that it can be read again with another `mapping`.
        """
        if not reading.examples:
            raise DataError(f"{name}: there is no example in it to train on")
        count, used = len(reading.examples), dict(mapping or {}) or None
        info = DatasetInfo("", name, kind, time.time(), count, "", mapping=used, header=header)
        return self._keep_reading(reading, info, sources)

    def change(self, key: str, change: Change, tell: Tell | None = None) -> Dataset:
        """A new version: this one with one more change. This one stays as it is. `tell` is told of the examples that
        are through, where all of them are judged again."""
        info = self.info(key)
        with self._whole(key):
            examples = Stored(self.folder / key, info)
        if isinstance(change, Remedy) and change.kind in BY_PLACE and not change.places:
            change = replace(change, places=self._places(key, change.kind, examples))
        change = check_change(change, examples.find, info.changes)
        with self._whole(key):
            looked_for = on_disk.looked_for_alike(self.folder / key)
        known = self._found_out(info) if looked_for else None
        if isinstance(change, Remedy) or (looked_for and known is None):
            return self._version(info, (*info.changes, change), known, tell)
        return self._patched(info, examples, change, known)

    def undo(self, key: str, place: int, tell: Tell | None = None) -> Dataset:
        """A new version: this one without its change at this place of its list. The others stay; without any, it is
        the root."""
        info = self.info(key)
        if not 0 <= place < len(info.changes):
            raise ConfigError(f"the dataset '{key}' has {len(info.changes)} changes; there is no number {place}")
        changes = info.changes[:place] + info.changes[place + 1 :]
        return self._version(info, changes, self._found_out(info), tell)

    def reread(
        self,
        key: str,
        mapping: Mapping[str, str],
        progress: Progress | None = None,
        header: bool | None = None,
        comparing: Tell | None = None,
    ) -> Dataset:
        """What this dataset was read from, read again with other columns. Changes are not carried over."""
        info = self.info(self.info(key).root)
        if not info.raw:
            raise DataError(f"what '{info.name}' was read from was not kept; read the file again")
        with self._whole(info.hash):
            sources = on_disk.read_raw(self.folder / info.hash)
        reading = read(sources, mapping, progress, header=header, comparing=comparing)
        return self.put(reading, info.name, info.kind, sources, mapping, header)

    def get(self, key: str) -> Dataset:
        """With all its examples, as a run needs it; to look at it, `info`, `report` and `page` are quicker."""
        info = self.info(key)
        folder = self.folder / key
        with self._whole(key):
            content, examples = on_disk.read_examples(folder)
            judged = on_disk.read_judged(folder)
            dataset = Dataset(info, lambda: judged, lambda: examples)
            if content != key[:16]:
                raise ValueError("the content is not what was hashed")
        return dataset

    def info(self, key: str) -> DatasetInfo:
        if not _HASH.fullmatch(key) or not (self.folder / key).is_dir():
            raise DataError(f"there is no dataset '{key}'; read the file again to make it")
        with self._whole(key):
            return on_disk.read_info(self.folder / key)

    def report(self, key: str) -> Report:
        self.info(key)
        with self._whole(key):
            return on_disk.read_report(self.folder / key)

    def summary(self, key: str) -> Summary:
        """The report in short: quick, however long that is."""
        self.info(key)
        with self._whole(key):
            return on_disk.read_summary(self.folder / key)

    def page(self, key: str, start: int, count: int) -> Page:
        """`count` examples from index `start` on; reads no others."""
        info = self.info(key)
        with self._whole(key):
            return on_disk.read_page(self.folder / key, info, start, count)

    def sample(self, key: str, count: int, longest: int) -> list[Example]:
        """The longest examples and others from all over the dataset, about `count` in all; reads no others."""
        info = self.info(key)
        with self._whole(key):
            return Stored(self.folder / key, info).sample(count, longest)

    def search(self, key: str, query: str, start: int, count: int) -> Page:
        """`count` of the examples that contain the query, from the `start`th match on, and how many there are."""
        info = self.info(key)
        with self._whole(key):
            return on_disk.search(self.folder / key, info, query, start, count)

    def export(self, key: str) -> bytes:
        """The cleaned data as JSON Lines: the very bytes that were hashed."""
        self.info(key)
        with self._whole(key):
            content = (self.folder / key / "examples.jsonl").read_bytes()
            if on_disk.content_hash(content) != key[:16]:
                raise ValueError("the content is not what was hashed")
        return content

    def list(self) -> list[DatasetInfo]:
        """Newest first, versions among them; what is damaged is left out."""
        found = []
        for path in self.folder.glob("*/dataset.json"):
            try:
                found.append(on_disk.read_info(path.parent))
            except _BROKEN:
                continue
        return sorted(found, key=lambda info: (-info.created, info.hash))

    def _places(self, key: str, kind: str, examples: Stored) -> tuple[Place, ...]:
        """Where the report names this kind of problem."""
        rows = {(problem.source, problem.row) for problem in self.report(key).problems if problem.kind == kind}
        found = examples.of_rows({(source, row) for source, row in rows if row is not None})
        return tuple(example.place for example in examples.some(found).values())

    def _version(
        self, before: DatasetInfo, changes: tuple[Change, ...], known: Known | None, tell: Tell | None
    ) -> Dataset:
        for info in self.list():
            if (info.root, info.changes) == (before.root, changes) and self._healthy(info.hash):
                return self._there(info)
        root = self.get(before.root)
        reading = revise(Reading(root.examples, root.report, root.alike), changes, known, tell)
        info = replace(root.info, created=time.time(), count=len(reading.examples), changes=changes)
        return self._keep_reading(replace(reading, alike=self._beyond_root(reading.alike, before.root)), info)

    def _patched(
        self, before: DatasetInfo, examples: Stored, change: Edit | Delete | Add, known: Known | None
    ) -> Dataset:
        """The version after a change of a few examples, made without reading all of the others."""
        patch = patch_of(examples, change)
        count = len(examples) + len(patch.added) - len(patch.gone)
        info = replace(before, created=time.time(), count=count, changes=(*before.changes, change))
        root = self.info(before.root)

        def write(folder: Path) -> tuple[str, tuple[str, ...]]:
            with self._whole(before.hash):
                return examples.patched(folder, patch)

        def judge(folder: Path, info: DatasetInfo) -> tuple[Report, Alike | None]:
            report, after = self.report(before.hash), Stored(folder, info)
            alike = find_alike(after, known, after.keys()) if known is not None else None
            report = revise_few(examples, report, patch, after, root.sources, alike)
            return report, self._beyond_root(alike, before.root)

        return self._keep(info, write, judge)

    def _keep_reading(self, reading: Reading, info: DatasetInfo, raw: Sequence[Source] = ()) -> Dataset:
        return self._keep(
            info,
            lambda folder: on_disk.write_content(folder, reading.examples),
            lambda folder, info: (reading.report, reading.alike),
            raw,
        )

    def _keep(self, info: DatasetInfo, write: Write, judge: Judge, raw: Sequence[Source] = ()) -> Dataset:
        """Writes the folder beside, finds its name, and renames it, unless the same is there already."""
        beside = self.folder / f".new-{secrets.token_hex(8)}"
        beside.mkdir(parents=True)
        try:
            content, sources = write(beside)
            for number in count(1):
                key = content if number == 1 else f"{content}-{number}"
                there = self._healthy(key)
                if there is None or (there.root, there.changes) == (info.root or key, info.changes):
                    break
            if there is not None:
                if raw and not there.raw:
                    on_disk.write_raw(self.folder / key, raw)
                return self._there(self.info(key))
            info = replace(info, hash=key, root=info.root or key, sources=sources, raw=bool(raw))
            judged = judge(beside, info)
            on_disk.write_rest(beside, info, *judged, raw)
            shutil.rmtree(self.folder / key, ignore_errors=True)  # nothing, or something damaged
            beside.rename(self.folder / key)
            return Dataset(info, lambda: judged, lambda: self.get(key).examples)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def _there(self, info: DatasetInfo) -> Dataset:
        """A dataset that is there whole; what is in it is read when it is asked for."""

        def judged() -> tuple[Report, Alike | None]:
            with self._whole(info.hash):
                return on_disk.read_judged(self.folder / info.hash)

        return Dataset(info, judged, lambda: self.get(info.hash).examples)

    def _found_out(self, info: DatasetInfo) -> Known | None:
        """What is known from looking for near duplicates in a version and in its root; None where that was lost."""
        root, own = (on_disk.read_known(self.folder / key) for key in (info.root, info.hash))
        return root.together(own) if root and own and info.hash != info.root else own or root

    def _beyond_root(self, alike: Alike | None, root: str) -> Alike | None:
        """With only what the root's folder does not hold."""
        held = on_disk.read_known(self.folder / root)
        if alike is None or alike.known is None or held is None:
            return alike
        return replace(alike, known=alike.known.beyond(held))

    def _healthy(self, key: str) -> DatasetInfo | None:
        """What is known of a dataset that is there whole."""
        try:
            info = self.info(key)
            return info if on_disk.is_whole(self.folder / key) else None
        except (DataError, *_BROKEN):
            return None

    @contextmanager
    def _whole(self, key: str) -> Iterator[None]:
        """Tells what is damaged in a sentence."""
        try:
            yield
        except _BROKEN:
            raise DataError(f"the dataset '{key}' is damaged on disk; read the file again to restore it") from None
