"""A loss that is no number is blamed on what it can be blamed on."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from test_train import ask, finish, start

from ftchat.engine.divergence import no_number
from ftchat.engine.loading import STARTER_FOLDER
from ftchat.worker import Worker


def test_a_base_whose_loss_is_no_number_is_not_blamed_on_the_learning_rate(home: Path, worker: Worker) -> None:
    base = home / "damaged"
    shutil.copytree(STARTER_FOLDER, base)
    tensors = load_file(base / "model.safetensors")
    tensors["model.norm.weight"][3] = float("nan")
    save_file(tensors, base / "model.safetensors", {"format": "pt"})
    run = start(home, worker, "damaged", base=str(base))
    status = finish(run)
    assert status.state == "failed" and status.error and not status.losses
    assert "is no number before anything is learned" in status.error and "try a third" not in status.error
    well = start(home, worker, "well", {"max_steps": 1})
    assert finish(well).state == "finished" and len(ask(worker, well.id, "Hello!", 2)) == 2


@pytest.mark.parametrize("step", [0, 1, 2, 100])
@pytest.mark.parametrize("float16", [False, True])
def test_neither_the_rate_nor_float16_is_blamed_for_what_it_cannot_have_done(step: int, float16: bool) -> None:
    said = no_number("a/base", step, 2e-4, float16)
    assert ("0.0002 is too high" in said) == (step > 1) and ("overflow in float16" in said) == float16
    assert not re.search(r"\n|\.$", said)
