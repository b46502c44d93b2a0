"""What only a GPU can show of a run, run by `make gpu`: its memory, its end by a kill, and chat beside it.

Where there is no GPU, the same functions run on the processor, with 4 bits there too, among the slow tests; what they
note there says nothing of a GPU.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from duets import said
from test_healing import a_run
from test_resume import until_step
from test_train import PAIRS, ask, finish, start

from ftchat.events import ReplyDone
from ftchat.records import STARTER, ChatRequest, Pane, Sampling
from ftchat.runs import Run
from ftchat.worker import Worker, open_worker

CUDA = torch.cuda.is_available()
Note = Callable[[str, object], None]
gpu_only = pytest.mark.skipif(not CUDA, reason="needs a CUDA device")
on_both = [pytest.mark.gpu] if CUDA else [pytest.mark.slow]
SETTINGS = {"max_steps": 30, "save_steps": 5}
SAME_LOSS = 0.02 if CUDA else 0.0  # how far the losses of two equal runs may be apart, in parts of the first


@pytest.fixture(autouse=True)
def all_memory() -> Iterator[None]:
    yield
    if CUDA:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


def apart(one: Run, other: Run) -> float:
    losses = [[loss for _, loss in run.status().losses] for run in (one, other)]
    return max(abs(a - b) for a, b in zip(*losses, strict=True)) / losses[0][0]


@pytest.mark.parametrize("place", [pytest.param("cuda" if CUDA else "cpu", marks=on_both)])
def test_a_killed_run_goes_on(home: Path, place: str, record_property: Note) -> None:
    worker = open_worker("process", home)
    try:
        whole = start(home, worker, "whole", SETTINGS, method="qlora")
        finish(whole)
        killed = start(home, worker, "killed", SETTINGS, method="qlora")
        until_step(killed, 12)
        os.kill(worker.pid, signal.SIGKILL)
        time.sleep(1)
    finally:
        worker.close()
    worker = open_worker("process", home)
    try:
        worker.start_run(killed.id)
        status = finish(killed)
        assert status.state == "finished" and killed.resolved is not None
        assert (killed.resolved.device, killed.resolved.precision) == (place, "nf4")
        record_property("losses apart", apart(whole, killed))
        assert apart(whole, killed) <= SAME_LOSS
        assert {check.name: check.ok for check in status.checks}["base_unchanged"]
        right = sum(ask(worker, killed.id, question)[1].text == answer for question, answer in PAIRS)
        record_property("answers learned", right)
    finally:
        worker.close()


@pytest.mark.parametrize("place", [pytest.param("cuda" if CUDA else "cpu", marks=on_both)])
def test_chat_beside_a_run_changes_no_loss(home: Path, worker: Worker, place: str, record_property: Note) -> None:
    finish(quiet := start(home, worker, "quiet", SETTINGS, method="qlora"))
    busy = start(home, worker, "busy", SETTINGS, method="qlora")
    until_step(busy, 2)
    answered = 0
    while not busy.status().over:
        panes = (Pane(None, said("Hello!")), Pane(busy.id, said("Hello!"), checkpoint="now"))
        events = list(worker.chat(ChatRequest(f"x{answered}", STARTER, panes, Sampling(0.8, 12, seed=answered))))
        answered += isinstance(events[-1], ReplyDone)
    finish(busy)
    record_property("losses apart", apart(quiet, busy))
    assert answered and apart(quiet, busy) <= SAME_LOSS


@pytest.mark.gpu
@gpu_only
def test_a_run_that_does_not_fit_goes_on_with_fewer_rows(home: Path, worker: Worker) -> None:
    free, short = a_run(home, 24, name="free"), a_run(home, 24, name="short")
    worker.start_run(free.id)
    wanted = finish(free).tried.measured
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(0.7 * wanted / total)
    worker.start_run(short.id)
    status = finish(short)
    assert status.state == "finished" and status.step == 2, status.error
    assert status.healed and status.healed.batch * status.healed.accumulation == 24 > status.healed.batch


@pytest.mark.gpu
@gpu_only
@pytest.mark.parametrize("shape", ["0.6b", "1.7b"])
def test_the_estimate_is_within_a_tenth_of_the_peak(
    shape: str, monkeypatch: pytest.MonkeyPatch, record_property: Note
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import gpu

    (found,) = gpu.measure(shape, ["memory"], 3, 1, torch.device("cuda"))
    record_property("estimate over peak", found["estimate over peak"])
    assert found["estimate over peak"] == pytest.approx(1, abs=0.1)


@pytest.mark.gpu
@gpu_only
def test_a_base_that_is_replaced_frees_the_gpu(home: Path, worker: Worker, models: dict[str, Path]) -> None:
    worker.describe(STARTER, "qlora")
    other = str(models["llama_without_template"])
    worker.describe(other, "qlora")
    before = torch.cuda.memory_allocated()
    for name in (STARTER, other):
        worker.describe(name, "qlora")
    assert torch.cuda.memory_allocated() <= 1.01 * before
