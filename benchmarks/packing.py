"""What packing a batch, and grouping rows by length, save over padding: tokens per second, forward and backward.

    python benchmarks/packing.py [--base MODEL ...] [--rounds 12] [--json FILE]

The same adapter on rows of drawn lengths, in batches of 8, by the ways in turn: A B C A B C. Seconds are the
processor's on one thread, so that other programs count little; the loss and its gradient are those of training.

MODEL is `starter`, a folder, or `random-15m` and `random-120m`, random Llamas made on the spot.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from train import BATCH, folder_of
from transformers.trainer_pt_utils import LengthGroupedSampler
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from ftchat.engine.models import Resident
from ftchat.engine.packing import packed
from ftchat.engine.resolve import padded_length
from ftchat.engine.trainer import answer_loss

ROWS = 512
LENGTHS: dict[str, Callable[[random.Random], int]] = {
    "equal, 64": lambda dice: 64,
    "48 to 64": lambda dice: dice.randint(48, 64),
    "32 to 64": lambda dice: dice.randint(32, 64),
    "16 to 64": lambda dice: dice.randint(16, 64),
    "16 to 192": lambda dice: dice.randint(16, 192),
    "one in ten is 256, others 16 to 48": lambda dice: 256 if dice.random() < 0.1 else dice.randint(16, 48),
    "one in ten is 1024, others 32 to 128": lambda dice: 1024 if dice.random() < 0.1 else dice.randint(32, 128),
}


def batches(resident: Resident, lengths: list[int], grouped: bool) -> list[dict[str, torch.Tensor]]:
    """Rows of these lengths, of which the second half is learned, as the trainer would batch them."""
    dice = random.Random(1)
    order = list(range(len(lengths)))
    if grouped:
        order = list(LengthGroupedSampler(BATCH, lengths=lengths, generator=torch.Generator().manual_seed(1)))
    collate = DataCollatorForLanguageModeling(pad_token_id=resident.template.end_id)
    rows = []
    for index in order:
        ids = [dice.randrange(resident.template.vocabulary) for _ in range(lengths[index])]
        rows.append({"input_ids": ids, "labels": [-100] * (len(ids) // 2) + ids[len(ids) // 2 :]})
    found = [collate(rows[start : start + BATCH]) for start in range(0, len(rows) - BATCH + 1, BATCH)]
    random.Random(2).shuffle(found)  # of a few, some are of every length
    return found


def step(model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> tuple[int, float]:
    """Its tokens, and the seconds that it took."""
    model.zero_grad()
    tokens, began = int(inputs["labels"].ne(-100).sum() * 2), time.process_time()
    answer_loss(model, inputs).backward()
    return tokens, time.process_time() - began


def measure(base: str, rounds: int) -> list[dict[str, Any]]:
    torch.set_num_threads(1)
    found = []
    with tempfile.TemporaryDirectory() as made:
        resident = Resident(folder_of(base, Path(made)), "float32", torch.device("cpu"))
    targets = list(resident.target_modules())
    model = resident.add_adapter("bench", LoraConfig(task_type="CAUSAL_LM", r=16, target_modules=targets)).train()
    for name, draw in LENGTHS.items():
        dice = random.Random(0)
        lengths = [draw(dice) for _ in range(ROWS)]
        mixed, alike = (batches(resident, lengths, grouped) for grouped in (False, True))
        taken: dict[str, list[tuple[int, float]]] = {"padded": [], "grouped": [], "packed": []}
        for padded, grouped in zip(mixed[: rounds + 1], alike, strict=False):
            for way, batch in (("padded", padded), ("grouped", grouped), ("packed", packed(padded))):
                taken[way].append(step(model, batch))
        speed = {way: sum(t for t, _ in steps[1:]) / sum(s for _, s in steps[1:]) for way, steps in taken.items()}
        padding = 1 - statistics.mean(lengths) / padded_length(lengths, BATCH, "random")
        figures = {way: round(value) for way, value in speed.items()}
        found.append({"base": base, "lengths": name, "padding": round(padding, 2), **figures})
        print("  ".join(f"{key} {value}" for key, value in found[-1].items()), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", nargs="*", default=["starter"])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    found = [figures for base in arguments.base for figures in measure(base, arguments.rounds)]
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
