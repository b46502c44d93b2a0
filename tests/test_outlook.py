"""What a run would learn is told alike from all of the data and from a sample of much of it."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from ftchat.data import DatasetStore, Source, outlook, read
from ftchat.errors import DataError
from ftchat.records import Origin, RunConfig

MANY = 12_000  # more than are read for an estimate


def put(home: Path, name: str, count: int) -> str:
    """So many pairs, of which the longest stands at a place that no sample would meet by chance."""
    rows = [f"{name} {n}?\tAnswer {n}: {'word ' * (400 if n == count // 3 + 1 else n % 7)}" for n in range(count)]
    return DatasetStore(home).put(read([Source.from_text("\n".join(rows))]), name).hash


@pytest.fixture
def config(home: Path) -> RunConfig:
    return RunConfig("many", put(home, "What", MANY))


@pytest.mark.parametrize("preset", ["quick", "balanced"])
def test_of_much_data_the_numbers_are_those_of_its_sides_and_the_longest_is_seen(
    preset: str, home: Path, config: RunConfig
) -> None:
    store, wanted = DatasetStore(home), RunConfig("many", config.dataset, preset=preset)
    sizes, seen = outlook(store, wanted)
    sides = store.split_for(wanted)
    assert sizes == sides.sizes
    assert 500 < len(seen) < 2000 and len({example.row for example in seen}) == len(seen)
    longest = max(store.get(config.dataset).examples, key=lambda example: len(example.completion))
    assert longest in seen
    rows = sorted(example.row for example in seen)
    assert max(after - before for before, after in itertools.pairwise(rows)) < MANY / 100


def test_what_is_replayed_and_held_out_by_the_user_counts_as_in_the_run(home: Path, config: RunConfig) -> None:
    store = DatasetStore(home)
    few, held = put(home, "Which", 300), put(home, "Whose", 20)
    wanted = RunConfig("more", few, held_out=held, origin=Origin("r", config, replay=0.25))
    sizes, seen = outlook(store, wanted)
    assert sizes == store.split_for(wanted).sizes == (400, 20, 100)
    earlier = sum(example.prompt.startswith("What") for example in seen)
    assert 0.1 < earlier / len(seen) < 0.5


def test_much_data_is_not_read_through_and_damage_is_said(home: Path, config: RunConfig) -> None:
    store = DatasetStore(home)
    outlook(store, config)
    began = time.process_time()
    outlook(store, config)
    taken = time.process_time() - began
    began = time.process_time()
    store.split_for(config)
    assert taken < (time.process_time() - began) / 2
    path = store.folder / config.dataset / "examples.jsonl"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="damaged on disk; read the file again"):
        outlook(store, config)


def test_of_a_dataset_that_is_gone_it_is_said(home: Path) -> None:
    with pytest.raises(DataError, match="read the file again"):
        outlook(DatasetStore(home), RunConfig("gone", "0" * 16))
