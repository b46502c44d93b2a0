"""A run that finds memory full goes on with fewer rows at a time, and says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ftchat.data import DatasetStore, Source, read
from ftchat.engine import memory
from ftchat.engine.healing import died_of_memory
from ftchat.engine.memory import Meter, is_out_of_memory, memory_kills
from ftchat.events import DryStepBegun, DryStepPassed, RunHealed, RunStatus
from ftchat.records import RunConfig
from ftchat.runs import Run, RunStore

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process as Linux does")

_LONG = " ".join(["word"] * 200)


def a_run(home: Path, batch: int, search_minutes: float = 0.0, name: str = "long") -> Run:
    rows = "\n".join(f"Question {n}?\tAnswer {n}: {_LONG}" for n in range(48))
    dataset = DatasetStore(home).put(read([Source.from_text(rows)]), "long")
    settings = {"max_steps": 2, "per_device_train_batch_size": batch, "gradient_accumulation_steps": 1}
    config = RunConfig(name, dataset.hash, settings=settings, preset="quick", search_minutes=search_minutes)
    return RunStore(home).create(config)


def trained(home: Path, run: Run, room: int) -> RunStatus:
    child = [sys.executable, str(Path(__file__).with_name("short_of_memory.py")), str(home), run.id, str(room)]
    subprocess.run(child, check=True, timeout=400, cwd=Path(__file__).parents[1], env=_environment())
    status = run.status()
    assert status.bug is None, status.bug
    return status


def _environment() -> dict[str, str]:

    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def test_a_run_that_does_not_fit_takes_fewer_rows_at_a_time_and_as_many_to_a_step(home: Path) -> None:
    run = a_run(home, 24)
    status = trained(home, run, 700_000_000)
    assert status.state == "finished" and status.step == 2, status.error
    healed, resolved = status.healed, run.resolved
    assert healed and resolved and healed.checkpointing and healed.batch < 24
    assert healed.batch * healed.accumulation == 24
    assert (resolved.per_device_train_batch_size, resolved.gradient_accumulation_steps) == (
        healed.batch,
        healed.accumulation,
    )
    assert status.tried and status.tried.measured > 0


@pytest.mark.slow
def test_a_search_that_does_not_fit_takes_fewer_rows_at_a_time_in_every_trial(home: Path) -> None:
    run = a_run(home, 24, search_minutes=2.5)
    status = trained(home, run, 700_000_000)
    assert status.state == "finished" and status.recommended is not None, status.error
    assert status.healed and status.healed.batch < 24 and run.resolved is not None
    assert run.resolved.per_device_train_batch_size == status.healed.batch


def test_where_not_even_one_row_fits_it_says_what_would(home: Path) -> None:
    status = trained(home, a_run(home, 2), 15_000_000)
    assert status.state == "failed" and status.error
    assert "memory is full even with one row at a time" in status.error and "max_length" in status.error


@pytest.mark.slow
def test_a_dry_step_that_was_killed_for_want_of_memory_is_not_tried_again_as_it_was(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    (tmp_path / "memory.events").write_text("low 0\noom_kill 3\n")
    run = a_run(home, 4)
    run.append(DryStepBegun(kills=memory_kills()))
    assert not died_of_memory(run), "any kill is not one for want of memory"
    run.append(DryStepBegun(kills=memory_kills() - 1))
    assert died_of_memory(run)
    run.append(RunHealed(step=0, batch=2, accumulation=2, checkpointing=True))
    assert not died_of_memory(run)
    for _ in range(3):
        assert not died_of_memory(run)
        run.append(DryStepBegun(kills=memory_kills()))
    assert died_of_memory(run), "a third death in the same place is no chance"
    run.append(DryStepPassed(estimated=1, measured=1, seconds=1.0))
    assert not died_of_memory(run)


def test_the_peak_is_seen_after_it_has_passed() -> None:

    meter = Meter(torch.device("cpu"))
    taken = torch.ones(50_000_000)
    del taken
    assert meter.since_mark - meter.idle > 150_000_000
    meter.mark()
    assert meter.since_mark - meter.idle < 100_000_000 and meter.peak - meter.idle > 150_000_000


def test_a_refusal_of_the_allocator_is_known() -> None:

    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value) and is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes do not match")) and not is_out_of_memory(OSError("full"))
