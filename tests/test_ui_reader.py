"""Reading in a process of its own: its progress, its end, and what is said when it is killed or given up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pages import pairs

from ftchat.data import DatasetStore, Remedy
from ftchat.errors import DataError
from ftchat.ui.reader import Progress, Reader, Steps, finish


@pytest.fixture
def reader(home: Path) -> Iterator[Reader]:
    reader = Reader(home)
    yield reader
    reader._end()


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """Takes seconds to read."""
    path = tmp_path / "big.jsonl"
    path.write_text(pairs(150_000))
    return path


def test_what_it_reads_is_in_the_store(reader: Reader, home: Path) -> None:
    key = finish(reader.read(pairs(3), "three", "paste"))
    info = DatasetStore(home).info(key)
    assert (info.name, info.kind, info.count, info.raw) == ("three", "paste", 3, True)


def test_it_says_how_far_it_is(reader: Reader, big: Path) -> None:
    def rises(steps: list[Progress], unit: str, total: int) -> None:
        done = [done for done, all_of_it, of in steps if all_of_it and of == unit]
        assert {all_of_it for _, all_of_it, _ in steps if all_of_it} == {total}
        assert len(set(done)) > 1 and done == sorted(done)

    steps, key = told(reader.read([big], "big", "file"))
    rises(steps, "bytes", big.stat().st_size)
    steps, _ = told(reader.change(key, [Remedy("pii", "mask")]))
    rises(steps, "rows", 150_000)


def told(steps: Steps) -> tuple[list[Progress], str]:
    """What work says on its way, and its end."""
    found = []
    while True:
        try:
            found.append(next(steps))
        except StopIteration as end:
            return found, end.value


def test_a_killed_process_is_one_sentence_and_the_next_reading_works(reader: Reader, big: Path, home: Path) -> None:
    steps = reader.read([big], "big", "file")
    next(steps)
    psutil.Process(reader._process.pid).kill()
    with pytest.raises(DataError, match="memory ran out"):
        finish(steps)
    assert DatasetStore(home).list() == []
    assert finish(reader.read(pairs(1), "one", "paste"))


def test_a_reading_that_is_given_up_ends_at_once_and_leaves_nothing(reader: Reader, big: Path, home: Path) -> None:
    steps = reader.read([big], "big", "file")
    next(steps)
    process = psutil.Process(reader._process.pid)
    began = time.monotonic()
    steps.close()
    assert not process.is_running() and time.monotonic() - began < 2
    assert DatasetStore(home).list() == []


def test_errors_come_back_as_they_are_and_the_process_stays(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pairs were found") as refused:
        finish(reader.read('{"prompt": "a", "completion": ""}', "none", "paste"))
    assert refused.value.kind == "no_pairs"
    pid = reader._process.pid
    with pytest.raises(DataError, match="no such file"):
        finish(reader.read([tmp_path / "nowhere.csv"], "x", "file"))
    assert reader._process.pid == pid


def test_changes_are_versions_and_can_be_taken_back(reader: Reader, home: Path) -> None:
    store = DatasetStore(home)
    root = finish(reader.read(pairs(2) + pairs(1), "three", "paste"))
    mended = finish(reader.change(root, [Remedy("duplicate", "drop")]))
    assert (store.info(root).count, store.info(mended).count) == (3, 2)
    assert finish(reader.undo(mended, 0)) == root
