"""Reads files into datasets and changes datasets, in a process of its own, so that the page never waits or runs full.

Knows the data, not the page. A process is started ahead of its work, does one thing after another, and is replaced when
it was given up, died, or has grown.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import signal
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from ftchat.data import NEAR_LIMIT, Change, DatasetStore, Remedy, Source, fetched, leaks, read
from ftchat.data.folder import read_raw
from ftchat.data.judges import Finding, judge_lengths, problems_of
from ftchat.data.reading import first_row
from ftchat.data.remedies import Place
from ftchat.errors import DataError, FtchatError
from ftchat.events import Downloading
from ftchat.records import Example, Fit, TokenStats
from ftchat.ui.walls import FILES_LIMIT
from ftchat.worker import die_with_parent

_SHOWN = 5  # leaks that are named
_LOOK = 0.25  # seconds between two looks at a process that is silent
_GROWN = 600 * 2**20  # bytes; a process that was larger ends after its work

Progress = tuple[int, int, str] | Downloading  # done, in all, and of what: bytes or rows; hub before it answers
NOTHING_YET: Progress = (0, 0, "bytes")
Steps = Generator[Progress, None, str]  # progress, about every _LOOK seconds; at the end, mostly, a dataset's hash


class Reader:
    """One process at work for whoever asks; the others wait. Closing what a method gives ends the work."""

    def __init__(self, home: Path):
        self._home = home
        self._lock = threading.Lock()
        self._process: Any = None
        self._connection: Connection | None = None

    def read(
        self, sources: Sequence[Path] | str, name: str, kind: str, mapping: Mapping[str, str] | None = None
    ) -> Steps:
        """Files, or a text. Where no column is known to hold a pair, the error carries their names."""
        return self._do("read", sources if isinstance(sources, str) else tuple(sources), name, kind, mapping)

    def fetch(self, name: str, mapping: Mapping[str, str] | None, shared: bool) -> Steps:
        """A dataset of the Hub by its id. For a page that is `shared` this machine's token is not used, and it may be
        as large as an upload."""
        return self._do("fetch", name, mapping, shared, first=(0, 0, "hub"))

    def close(self) -> None:
        """Ends the process, at work or not."""
        self._end()

    def reread(self, key: str, mapping: Mapping[str, str], header: bool | None) -> Steps:
        return self._do("reread", key, dict(mapping), header)

    def change(
        self, key: str, changes: Sequence[Change], tokens: TokenStats | None = None, fits: Sequence[Fit] = ()
    ) -> Steps:
        """`tokens` say where the remedies belong against what the length limit takes away, `fits` how to trim it."""
        return self._do("change", key, tuple(changes), tokens, tuple(fits))

    def cut(self, key: str, tokens: TokenStats) -> Steps:
        """What the length limit takes away, as JSON: a list of problems."""
        return self._do("cut", key, tokens)

    def undo(self, key: str, place: int) -> Steps:
        return self._do("undo", key, place)

    def leaks(self, key: str, held_out: str) -> Steps:
        """Which of the held-out examples are trained on, as JSON: how many of them, and the first `said`."""
        return self._do("leaks", key, held_out)

    def without_leaks(self, key: str, held_out: str) -> Steps:
        """The held-out dataset without them."""
        return self._do("without_leaks", key, held_out)

    def first_row(self, key: str, mapping: Mapping[str, str]) -> Steps:
        """What the first row would be with these columns, as JSON: its `cells`, and its `turns` or `why` there are
        none."""
        return self._do("first_row", key, dict(mapping))

    def warm(self) -> None:
        """Starts the process before it is needed."""
        with self._lock:
            self._ready()

    def _do(self, verb: str, *arguments: Any, first: Progress = NOTHING_YET) -> Steps:
        step = first
        while not self._lock.acquire(timeout=_LOOK):
            yield step
        answered = False
        try:
            connection = self._ready()
            connection.send((verb, arguments))
            while True:
                if not connection.poll(_LOOK):
                    yield step
                    continue
                value = connection.recv()
                if isinstance(value, tuple | Downloading):
                    step = value
                    yield step
                    continue
                answered = True
                if isinstance(value, BaseException):
                    raise value
                return value
        except (EOFError, OSError):
            raise DataError(
                "the process that reads data has died, most likely because memory ran out; what you had is unchanged: "
                "bring less at once, or split the file",
                "reader_died",
            ) from None
        finally:
            if not answered:
                self._end()
            self._lock.release()

    def _ready(self) -> Connection:
        # An idle process has nothing to say; one that is gone has left an end of file.
        if self._connection is None or self._connection.poll(0):
            self._end()
            spawn = multiprocessing.get_context("spawn")
            self._connection, theirs = spawn.Pipe()
            self._process = spawn.Process(target=_child, args=(theirs, self._home), name="ftchat-reader", daemon=True)
            self._process.start()
            theirs.close()
        return self._connection

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None


def finish(steps: Steps) -> str:
    """The end of work whose progress nobody wants to see."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def _child(connection: Connection, home: Path) -> None:
    """The process's entry."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=die_with_parent, daemon=True).start()
    told = time.monotonic()

    def tell(step: Progress) -> None:
        nonlocal told
        if time.monotonic() - told > _LOOK:  # what is quick is not worth a word
            told = time.monotonic()
            connection.send(step)

    hands = _Hands(DatasetStore(home), tell)
    with contextlib.suppress(EOFError, OSError):
        while psutil.Process().memory_info().rss < _GROWN:
            verb, arguments = connection.recv()
            told = time.monotonic()
            try:
                value: Any = getattr(hands, verb)(*arguments)
            except FtchatError as error:
                value = error
            except MemoryError:
                value = DataError("this is more than the memory of this machine holds; split the file", "no_memory")
            except Exception as error:
                value = RuntimeError(f"{error!r} in the process that reads data:\n{traceback.format_exc()}")
            connection.send(value)
    connection.close()  # who asks next sees at once that this one is through


class _Hands:
    """What the process can do; each gives the hash of a dataset."""

    def __init__(self, store: DatasetStore, tell: Callable[[Progress], None]):
        self._store, self._tell = store, tell

    def _bytes(self, done: int, total: int) -> None:
        self._tell((done, total, "bytes"))

    def _rows(self, done: int, total: int) -> None:
        self._tell((done, total, "rows"))

    def read(self, sources: Sequence[Path] | str, name: str, kind: str, mapping: Mapping[str, str] | None) -> str:
        brought = [Source.from_text(sources)] if isinstance(sources, str) else list(map(Source.from_path, sources))
        return self._keep(brought, name, kind, mapping)

    def fetch(self, name: str, mapping: Mapping[str, str] | None, shared: bool) -> str:
        coming = fetched(name, private=False, most=FILES_LIMIT << 20) if shared else fetched(name)
        while True:
            try:
                self._tell(next(coming))
            except StopIteration as end:
                return self._keep([end.value], name.rpartition("/")[2], "hub", mapping)

    def _keep(self, brought: Sequence[Source], name: str, kind: str, mapping: Mapping[str, str] | None) -> str:
        reading = read(brought, mapping, self._bytes, comparing=self._rows)
        if not reading.examples:
            columns = list(reading.report.columns)
            if len(columns) > 1 and not mapping and "not_a_pair" in reading.report.counts:
                named = ", ".join(columns)
                said = f"it is not clear which column holds the prompt and which the answer (columns: {named})"
                raise DataError(said, "unknown_columns", named=named, columns=columns)
            why = next((problem.message for problem in reading.report.problems), "")
            raise DataError(f"no pairs were found in it: {why}", "no_pairs", why=why)
        return self._store.put(reading, name, kind, brought, mapping).hash

    def reread(self, key: str, mapping: Mapping[str, str], header: bool | None) -> str:
        return self._store.reread(key, mapping, self._bytes, header, self._rows).hash

    def change(self, key: str, changes: Sequence[Change], tokens: TokenStats | None, fits: Sequence[Fit]) -> str:
        places = self._cut_places(key, tokens) if tokens else {}
        examples = self._store.get(key).examples if fits else ()
        trimmed = tuple(examples[index].place for index, _, _ in fits)
        kept = tuple((count, characters) for _, count, characters in fits)
        for change in changes:
            if change == Remedy("too_long", "trim"):
                change = replace(change, places=trimmed, kept=kept)
            elif isinstance(change, Remedy) and change.kind in places and not change.places:
                change = replace(change, places=tuple(places[change.kind]))
            key = self._store.change(key, change, self._rows).hash
        return key

    def cut(self, key: str, tokens: TokenStats) -> str:
        examples = self._store.get(key).examples
        return json.dumps([problem.to_json() for problem in problems_of(examples, judge_lengths(examples, tokens))])

    def _cut_places(self, key: str, tokens: TokenStats) -> dict[str, list[Place]]:
        found: dict[str, list[Place]] = defaultdict(list)
        examples = self._store.get(key).examples
        for index, remark in judge_lengths(examples, tokens):
            found[remark.kind].append(examples[index or 0].place)
        return found

    def undo(self, key: str, place: int) -> str:
        return self._store.undo(key, place, self._rows).hash

    def leaks(self, key: str, held_out: str) -> str:
        found, examples = self._leaks(key, held_out)
        said = [problem.message for problem in problems_of(examples, islice(found, _SHOWN))]
        return json.dumps({"n": len(said) + sum(1 for _ in found), "said": said})

    def without_leaks(self, key: str, held_out: str) -> str:
        found, examples = self._leaks(key, held_out)
        places = tuple(examples[index].place for index, _ in found if index is not None)
        return self._store.change(held_out, Remedy("leak", "drop", places)).hash

    def _leaks(self, key: str, held_out: str) -> tuple[Iterator[Finding], Sequence[Example]]:
        learned, held = self._store.get(key).examples, self._store.get(held_out).examples
        return iter(leaks(learned, held, len(learned) + len(held) <= NEAR_LIMIT)), held

    def first_row(self, key: str, mapping: Mapping[str, str]) -> str:
        root = self._store.info(self._store.info(key).root)
        if not root.raw:
            raise DataError(f"what '{root.name}' was read from was not kept; read the file again", "no_raw")
        found = first_row(read_raw(self._store.folder / root.hash)[0], mapping, root.header)
        turns = [[message.role, message.content] for message in found.messages]
        return json.dumps({"cells": dict(found.cells), "turns": turns, "why": found.why})
