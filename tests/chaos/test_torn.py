"""Whatever file of an interrupted run is cut short or changed, it goes on: from the checkpoint before, or the start."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from chaos.phases import Kill, Nursery, new_run, outcome
from ftchat.engine.checkpoints import last_whole
from ftchat.runs import Run, RunStore

SEED = random.randrange(10**6)


@pytest.fixture(scope="module")
def nursery() -> Nursery:
    return Nursery()


@pytest.fixture(scope="module")
def cut(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """What a whole run comes to; and the home of one that was killed while it was saved, after two checkpoints."""
    whole = new_run(tmp_path_factory.mktemp("whole"), "whole")
    _, durations = nursery.train(whole)
    run = new_run(tmp_path_factory.mktemp("cut"), "cut")
    killed, _ = nursery.train(run, Kill("final save", 0, durations["final save"][0] / 2))
    assert killed
    return outcome(whole), run.folder.parents[3]


def copy(home: Path, to: Path) -> Run:
    shutil.copytree(home, to, dirs_exist_ok=True)
    (run,) = RunStore(to).list()
    return run


def damage(path: Path, chance: random.Random, bytes_: bytes) -> str:
    """Cuts the file at a drawn place, or changes one bit of it."""
    place = chance.randrange(len(bytes_))
    if chance.random() < 0.5:
        path.write_bytes(bytes_[:place])
        return f"{path.name} cut at {place} of {len(bytes_)}"
    path.write_bytes(bytes_[:place] + bytes([bytes_[place] ^ 1 << chance.randrange(8)]) + bytes_[place + 1 :])
    return f"{path.name} changed at {place} of {len(bytes_)}"


def test_no_damage_to_a_checkpoint_goes_unseen(cut: Any, home: Path) -> None:
    run = copy(cut[1], home)
    chance = random.Random(SEED)
    newest = last_whole(run.checkpoints)
    assert newest is not None
    kept = shutil.copytree(run.checkpoints, home / "kept")
    for path in sorted(newest.folder.iterdir()):
        for _ in range(8):
            said = damage(path, chance, path.read_bytes())
            before = last_whole(run.checkpoints)
            assert before is not None and before.step < newest.step, f"seed {SEED}: {said}"
            shutil.copytree(kept, run.checkpoints, dirs_exist_ok=True)
    assert last_whole(run.checkpoints) == newest


@pytest.mark.parametrize("damaged", [1, 3], ids=["the checkpoint before", "the start"])
def test_a_run_with_torn_checkpoints_ends_alike(damaged: int, cut: Any, home: Path, nursery: Nursery) -> None:
    expected, cut_home = cut
    run, chance = copy(cut_home, home), random.Random(SEED)
    for folder in sorted(run.checkpoints.glob("step-*"))[-damaged:]:
        path = chance.choice(sorted(folder.iterdir()))
        print(f"seed {SEED}:", damage(path, chance, path.read_bytes()))
    nursery.train(run)
    assert outcome(run) == expected


@pytest.mark.parametrize("name", ["config.json", "resolved.json", "events.jsonl", "lock", "adapter"])
def test_a_torn_file_of_the_run_costs_nothing_but_history(name: str, cut: Any, home: Path, nursery: Nursery) -> None:
    (adapter, numbers), cut_home = cut
    run, chance = copy(cut_home, home), random.Random(SEED)
    path = run.folder / name
    if name == "adapter":  # one that was never closed is saved again
        path.mkdir(exist_ok=True)
        (path / "adapter_model.safetensors").write_bytes(b"half")
    else:
        content = path.read_bytes()
        place = chance.randrange(len(content) or 1)
        path.write_bytes(content[:place])
        print(f"seed {SEED}: {name} cut at {place} of {len(content)}")
    (run,) = RunStore(home).list()
    assert run.status().resumable
    nursery.train(run)
    again, redone = outcome(run)
    assert again == adapter and redone[-2:] == numbers[-2:]
    if name != "events.jsonl":
        assert redone == numbers
    assert all(json.loads(line) for line in (run.folder / "events.jsonl").read_text().splitlines()[-1:])
