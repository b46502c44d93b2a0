"""Training through this program against a bare PyTorch loop: same model, adapter, data, precision and batches.

    python benchmarks/train.py [--base MODEL ...] [--steps 20] [--rounds 4] [--json FILE]

Both run in one process, in the order A B B A, on rows of mixed lengths of which a third is learned. The bare loop does
forward, loss over the whole vocabulary at every position, backward, gradient clipping, AdamW and nothing else: no
history, no schedule, no checks. Prints tokens per second of each round and the ratio of the medians.

MODEL is `starter`, a folder, or `random-15m` and `random-120m`, random Llamas made on the spot.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import LoraConfig
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from ftchat.engine.encoding import encode_all
from ftchat.engine.loading import STARTER_FOLDER
from ftchat.engine.memory import Meter
from ftchat.engine.models import Resident
from ftchat.engine.train import train
from ftchat.events import StepLogged
from ftchat.records import Example, Message, RunConfig, Sides
from ftchat.runs import RunStore

BATCH = 8
RANDOM = {
    "random-15m": {"hidden_size": 256, "intermediate_size": 896, "num_hidden_layers": 6, "num_attention_heads": 8},
    "random-120m": {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 12},
}


def folder_of(base: str, made: Path) -> str:
    """The model's name for ftchat; random ones are written under `made` first."""
    if base not in RANDOM:
        return base
    tokenizer = PreTrainedTokenizerFast.from_pretrained(STARTER_FOLDER)
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=32_000, max_position_embeddings=2048, tie_word_embeddings=True, **RANDOM[base])
    LlamaForCausalLM(config).save_pretrained(made / base)
    tokenizer.save_pretrained(made / base)
    return str(made / base)


def examples(count: int) -> list[Example]:
    """Pairs of invented words, of mixed lengths."""
    dice = random.Random(0)

    def words(low: int, high: int) -> str:
        return " ".join(
            dice.choice(("river", "lamp", "seven", "cold", "bread")) for _ in range(dice.randint(low, high))
        )

    return [
        Example((Message("user", words(10, 80)), Message("assistant", words(5, 40))), "made", row + 1)
        for row in range(count)
    ]


def ours(resident: Resident, home: Path, learned: list[Example], steps: int) -> float:
    """Tokens per second from the end of the first step to the end of the last."""
    settings = {"max_steps": steps, "per_device_train_batch_size": BATCH, "gradient_accumulation_steps": 1, "r": 16}
    store = RunStore(home)
    run = store.create(RunConfig(store.free_name("bench"), "none", resident.name, "lora", "balanced", settings))
    train(run, Sides(tuple(learned), ()), "lora", resident, lambda: "", Meter(resident.device))
    logged = [event for event in run.events() if isinstance(event, StepLogged)]
    resident.detach(run.id)
    seconds = [event.tokens_per_second for event in logged[1:]]
    return statistics.median(seconds)


def bare(resident: Resident, learned: list[Example], steps: int) -> float:
    """The same of the plain loop."""
    rows = encode_all(resident, learned)
    config = LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules=list(resident.target_modules()))
    model = resident.add_adapter("bare", config)
    collate = DataCollatorForLanguageModeling(pad_token_id=resident.template.end_id)
    optimizer = torch.optim.AdamW([part for part in model.parameters() if part.requires_grad], lr=1e-4)
    dice = random.Random(0)
    speeds = []
    model.train()
    for _ in range(steps):
        chosen = dice.sample(rows, BATCH)
        batch = collate([{"input_ids": list(row.ids), "labels": row.labels} for row in chosen])
        began = time.monotonic()
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False).logits
        loss = functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), batch["labels"][:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        speeds.append(int(batch["attention_mask"].sum()) / (time.monotonic() - began))
    model.eval()
    resident.detach("bare")
    return statistics.median(speeds[1:])


def measure(base: str, steps: int, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as made:
        resident = Resident(folder_of(base, Path(made)), "float32", torch.device("cpu"))
        learned = examples(steps * BATCH)
        found: dict[str, list[float]] = {"ours": [], "bare": []}
        for turn in range(2 * rounds):
            if turn % 4 in (0, 3):
                found["ours"].append(ours(resident, Path(made), learned, steps))
            else:
                found["bare"].append(bare(resident, learned, steps))
    medians = {name: statistics.median(speeds) for name, speeds in found.items()}
    return {
        "base": base,
        "parameters": resident.info.parameters,
        **{f"{name}_tokens_per_second": [round(speed) for speed in speeds] for name, speeds in found.items()},
        "ratio": round(medians["ours"] / medians["bare"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", nargs="*", default=["starter", "random-15m", "random-120m"])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    found = []
    for base in arguments.base:
        found.append(measure(base, arguments.steps, arguments.rounds))
        print("  ".join(f"{name} {value}" for name, value in found[-1].items()), flush=True)
    if arguments.json:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        arguments.json.write_text(json.dumps({"machine": machine, "runs": found}, indent=1))


if __name__ == "__main__":
    main()
