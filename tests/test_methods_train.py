"""A run of each method learns with the settings that are chosen for it, goes on exactly, and leaves the base as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from test_methods import ALL
from test_resume import until_over, until_step, weights
from test_train import PAIRS, ask, finish, losses

from ftchat.data import DatasetStore, Source, read
from ftchat.engine import memory
from ftchat.engine.loading import STARTER_FOLDER
from ftchat.engine.methods import check_copy
from ftchat.errors import ConfigError, OutOfMemory
from ftchat.events import StepLogged
from ftchat.records import RunConfig
from ftchat.runs import Run, RunStore
from ftchat.settings import METHODS, check_meant
from ftchat.worker import Worker

STEPS = 12
QUICK = ("adalora", "prefix", "freeze")  # one of each kind of learner; plain LoRA is tried all over


def begin(home: Path, worker: Worker, name: str, method: str, **settings: float) -> Run:
    rows = "\n".join(f"{question}\t{answer}" for question, answer in PAIRS)
    dataset = DatasetStore(home).put(read([Source.from_text(rows)]), "captain")
    config = RunConfig(name, dataset.hash, method=method, settings={"max_steps": STEPS, "seed": 5} | settings)
    run = RunStore(home).create(config)
    worker.start_run(run.id)
    return run


@pytest.mark.parametrize(
    "method", [pytest.param(method, marks=[pytest.mark.slow] * (method not in QUICK)) for method in ALL]
)
def test_a_run_learns_and_goes_on_exactly_after_a_pause(home: Path, worker: Worker, method: str) -> None:
    whole, paused = begin(home, worker, "whole", method), begin(home, worker, "paused", method)
    until_step(paused, 4)
    worker.pause_run(paused.id)
    until_over(paused)
    status = finish(whole)
    assert status.state == "finished" and status.method == method
    checks = {check.name: check.ok for check in status.checks}
    assert checks["base_unchanged"] and checks["adapter_changed_the_model"], status.checks
    shown = losses(whole)
    assert sum(shown[-3:]) < 0.9 * sum(shown[:3]), shown
    assert any(
        tuned.text != base.text for base, tuned in (ask(worker, whole.id, question) for question, _ in PAIRS[:3])
    )
    if paused.status().state == "paused":  # a busy machine may have been too slow to stop it
        worker.start_run(paused.id)
        assert finish(paused).state == "finished"
    assert losses(paused) == shown and weights(paused) == weights(whole)


def test_a_setting_that_a_method_would_not_use_is_refused() -> None:
    with pytest.raises(ConfigError, match="method ia3 has no r; leave it out, or choose lora"):
        check_meant("ia3", {"r": 8})
    with pytest.raises(ConfigError, match="gradient_checkpointing"):
        check_meant("prefix", {"gradient_checkpointing": True})
    for method in METHODS:
        check_meant(method, {"learning_rate": 0.1, "max_steps": 3, "neftune_noise_alpha": 5.0})


def test_a_copy_that_memory_does_not_hold_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_copy(1000, torch.device("cpu"))
    with pytest.raises(OutOfMemory, match="choose --method lora"):
        check_copy(2**50, torch.device("cpu"))
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("1000000")  # the container's, however large the machine is
    with pytest.raises(OutOfMemory, match=r"0\.0 GB are free"):
        check_copy(1000, torch.device("cpu"))


def test_the_second_stage_of_layer_freezing_trains_more_layers_at_a_lower_rate(home: Path, worker: Worker) -> None:
    run = begin(
        home, worker, "stages", "freeze", lr_scheduler_type="constant", save_steps=STEPS // 2, trainable_layers=1
    )
    finish(run)
    rates = [event.learning_rate for event in run.events() if isinstance(event, StepLogged)]
    assert rates[: STEPS // 2] == [rates[0]] * (STEPS // 2) and max(rates[STEPS // 2 :]) < rates[0] / 2
    base = load_file(STARTER_FOLDER / "model.safetensors")
    half, end = (
        load_file(folder / "adapter_model.safetensors")
        for folder in (run.checkpoints / f"step-{STEPS // 2:08}", run.adapter)
    )
    for step, saved, trained in ((STEPS // 2, half, ("5",)), (STEPS, end, ("4", "5"))):
        changed = {key.split(".")[2] for key, tensor in saved.items() if not torch.equal(tensor, base[key].float())}
        assert changed == set(trained), step


@pytest.mark.slow
def test_noise_and_smoothing_are_settings(home: Path, worker: Worker) -> None:
    plain = begin(home, worker, "plain", "lora", max_steps=3)
    noisy = begin(home, worker, "noisy", "lora", max_steps=3, neftune_noise_alpha=5.0)
    smooth = begin(home, worker, "smooth", "lora", max_steps=3, label_smoothing_factor=0.1)
    for run in (plain, noisy, smooth):
        assert finish(run).state == "finished"
    assert losses(noisy)[0] != losses(plain)[0] and losses(smooth)[0] != losses(plain)[0]
    assert {check.name: check.ok for check in noisy.status().checks}["base_unchanged"]
    assert ask(worker, None, "Hello!")[0].text
