"""A run that is killed at any moment, and again, goes on to the adapter of a run that never was."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from chaos.phases import PHASES, Nursery, new_run, outcome, trial

SEED = int(os.environ.get("CHAOS_SEED") or random.randrange(10**6))
QUICK, SLOW = 6, 20  # kills


@pytest.fixture(scope="module")
def nursery() -> Nursery:
    return Nursery()


@pytest.fixture(scope="module")
def whole(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, list[float]]]:
    """What a run that nobody disturbs comes to, and how long its phases take."""
    run = new_run(tmp_path_factory.mktemp("whole"), "whole")
    _, durations = nursery.train(run)
    return outcome(run), durations


@pytest.mark.parametrize(
    "number", [pytest.param(number, marks=[pytest.mark.slow] * (number >= QUICK)) for number in range(QUICK + SLOW)]
)
def test_a_killed_run_ends_with_the_same_adapter(number: int, home: Path, nursery: Nursery, whole: Any) -> None:
    expected, durations = whole
    chance = random.Random(f"{SEED} {number}")
    order = random.Random(SEED).sample(PHASES, len(PHASES))
    run = new_run(home, "killed")
    hit = trial(nursery, run, chance, durations, order[number % len(order)])
    print(f"CHAOS_SEED={SEED}, trial {number}: killed in", *hit, sep="\n  ")
    assert outcome(run) == expected
