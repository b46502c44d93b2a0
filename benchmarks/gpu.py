"""QLoRA on a GPU, on random weights of 0.6 B, 1.7 B and 8 B shapes, against TRL's plain defaults in the same run.

    python benchmarks/gpu.py [--shapes 0.6b 1.7b 8b] [--parts train memory duet] [--steps 6] [--rounds 2]
        [--device cuda] [--json FILE]

train: tokens per second on rows of one length and of mixed lengths, with the settings that `auto` chooses, over those
of TRL's `SFTTrainer` with its own defaults on the same rows, 4-bit weights, rank and layers, in the order A B B A; and
the peak of the GPU's memory, that of a dry step, and the estimate. memory: the peak with one row at a time. duet:
duet.py, hotload.py and load.py on a 4-bit base, each in a process of its own.

Nothing is downloaded; 8 B takes 17 GB of a disk for as long as it runs. `--device cpu --shapes tiny` shows that the
program runs, and nothing else.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from bases import write
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig
from shapes import SHAPES, write_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, TrainerCallback
from transformers.trainer_callback import PrinterCallback
from trl import SFTConfig, SFTTrainer

from ftchat.engine import methods
from ftchat.engine.checks import base_left_as_it_was
from ftchat.engine.counting import driven
from ftchat.engine.forecast import facts_of, memory_of
from ftchat.engine.learning import LearnerTrainer
from ftchat.engine.memory import Meter
from ftchat.engine.models import Resident
from ftchat.engine.rehearsal import rehearse
from ftchat.engine.resolve import resolve
from ftchat.engine.template import Encoded
from ftchat.engine.train import trainer_parts
from ftchat.records import ResolvedConfig, RunConfig

LENGTH, RANK, BATCH = 1024, 16, 8  # rows of a batch: TRL's default, and what `auto` chooses of this length
LENGTHS: dict[str, Callable[[random.Random], float]] = {
    "of one length": lambda dice: LENGTH,
    "of mixed length": lambda dice: dice.lognormvariate(5.3, 0.8),
}
ONE_ROW = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": BATCH}


def rows_of(length: Callable[[random.Random], float], count: int, longest: int) -> list[Encoded]:
    """Random tokens, of which the second half is learned."""
    dice = random.Random(0)
    sizes = [max(8, min(longest, int(length(dice)))) for _ in range(count)]
    return [
        Encoded(tuple(dice.randrange(10, 5_000) for _ in range(size)), tuple(2 * i >= size for i in range(size)))
        for size in sizes
    ]


class Watch(TrainerCallback):
    """Tokens per second from the end of the second step, when everything has been compiled and found its place."""

    def __init__(self, device: torch.device):
        self._on_gpu = device.type == "cuda"
        self.trainer: Any = None
        self._ends: list[tuple[float, int]] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        if self._on_gpu:
            torch.cuda.synchronize()
        self._ends.append((time.perf_counter(), self.trainer._total_train_tokens))

    @property
    def speed(self) -> float:
        (began, before), (ended, after) = self._ends[1], self._ends[-1]
        return (after - before) / (ended - began)


class Ours:
    def __init__(self, base: str, device: torch.device):
        self.meter = Meter(device)  # which knows what was in use before
        self.resident = Resident(base, "nf4", device)

    def resolved(self, rows: Sequence[Encoded], steps: int, settings: dict[str, Any]) -> ResolvedConfig:
        facts = facts_of(self.resident, "qlora", (len(rows), 0, 0), [len(row.ids) for row in rows])
        wanted = {"max_steps": steps, "r": RANK} | settings
        return resolve(RunConfig("gpu", "none", self.resident.name, "qlora", settings=wanted), facts)

    def train(self, rows: Sequence[Encoded], steps: int, settings: dict[str, Any], folder: Path) -> float:
        resolved, watch = self.resolved(rows, steps, settings), Watch(self.resident.device)
        learner = self.resident.teach(lambda: methods.learner("gpu", resolved, self.resident))
        try:
            with base_left_as_it_was(self.resident, resolved.gradient_checkpointing):
                learner.plan(steps)
                parts = trainer_parts(folder, self.resident, resolved, rows, [])
                watch.trainer = trainer = LearnerTrainer(watcher=watch, **parts)
                trainer.train()
        finally:
            self.resident.detach("gpu")
        return watch.speed

    def memory(self, rows: Sequence[Encoded], settings: dict[str, Any]) -> dict[str, float]:
        """GB: what was estimated, and what a dry step of the longest batch took."""
        resolved = self.resolved(rows, 2, settings)
        self.resident.teach(lambda: methods.learner("gpu", resolved, self.resident))
        try:
            self.meter.begin()
            found = rehearse(self.resident, resolved, rows, self.meter, timed=False)
        finally:
            self.resident.detach("gpu")
        return {
            "estimate": driven(memory_of(self.resident, resolved, rows)).total / 1e9,
            "dry step": found.memory / 1e9,
        }


class Theirs:
    """As TRL's documentation shows QLoRA: `SFTConfig` as it is, and the usual 4-bit config."""

    def __init__(self, base: str, resident: Resident):
        self._resident, self._on_gpu = resident, resident.device.type == "cuda"
        compute = torch.bfloat16 if self._on_gpu else torch.float32
        quantisation = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=compute,
        )  # fmt: skip
        self._model = AutoModelForCausalLM.from_pretrained(
            base, quantization_config=quantisation, dtype=compute, device_map={"": resident.device}
        )

    def train(self, rows: Sequence[Encoded], steps: int, folder: Path) -> float:
        elsewhere = {} if self._on_gpu else {"use_cpu": True, "bf16": False}
        watch = Watch(self._resident.device)
        watch.trainer = trainer = SFTTrainer(
            model=self._model,
            args=SFTConfig(output_dir=str(folder), max_steps=steps, report_to=[], disable_tqdm=True, **elsewhere),
            train_dataset=Dataset.from_dict(
                {"input_ids": [list(row.ids) for row in rows], "labels": [row.labels for row in rows]}
            ),
            processing_class=self._resident.tokenizer,
            peft_config=LoraConfig(
                r=RANK, lora_alpha=2 * RANK, task_type="CAUSAL_LM", target_modules=list(self._resident.target_modules())
            ),
            callbacks=[watch],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        self._model = trainer.model.unload()
        vars(self._model).pop("peft_config", None)
        vars(self._model).pop("forward", None)
        return watch.speed


class Memory:
    """Of the GPU, in GB; elsewhere there is none."""

    def __init__(self, device: torch.device):
        self._on_gpu = device.type == "cuda"

    def used(self) -> float:
        gc.collect()
        if self._on_gpu:
            torch.cuda.empty_cache()
        return torch.cuda.memory_allocated() / 1e9 if self._on_gpu else 0.0

    def peak_of(self, run: Callable[[], float], beside: float) -> tuple[float, float]:
        """What the run gives, and the peak without what is there besides."""
        self.used()
        if self._on_gpu:
            torch.cuda.reset_peak_memory_stats()
        found = run()
        return found, torch.cuda.max_memory_allocated() / 1e9 - beside if self._on_gpu else 0.0


def measure(shape: str, parts: Sequence[str], steps: int, rounds: int, device: torch.device) -> list[dict[str, Any]]:
    longest = 64 if shape == "tiny" else LENGTH
    with tempfile.TemporaryDirectory() as made:
        folder, where = Path(made) / shape, Path(made) / "runs"
        write_model(shape, folder, device)
        memory, results = Memory(device), list[dict[str, Any]]()
        ours = Ours(str(folder), device)
        own = memory.used()
        if "memory" in parts:
            rows = rows_of(LENGTHS["of one length"], 4 * BATCH, longest)
            _, peak = memory.peak_of(lambda: ours.train(rows, 3, ONE_ROW, where), 0.0)
            results.append(
                {"shape": shape, "rows": f"{longest} tokens long, one at a time"}
                | told(ours.memory(rows, ONE_ROW), peak)
            )
        if "train" in parts:
            theirs = Theirs(str(folder), ours.resident)
            other = memory.used() - own
            for name, length in LENGTHS.items():
                rows = rows_of(length, steps * BATCH, longest)
                speeds: dict[str, list[float]] = {"ours": [], "TRL": []}
                peaks = {"ours": 0.0, "TRL": 0.0}
                for turn in range(2 * rounds):
                    if turn % 4 in (0, 3):
                        who, besides = "ours", other
                        run = lambda rows=rows: ours.train(rows, steps, {}, where)  # noqa: E731
                    else:
                        who, besides = "TRL", own
                        run = lambda rows=rows: theirs.train(rows, steps, where)  # noqa: E731
                    speed, peak = memory.peak_of(run, besides)
                    speeds[who].append(speed)
                    peaks[who] = max(peaks[who], peak)
                medians = {who: statistics.median(found) for who, found in speeds.items()}
                results.append(
                    {
                        "shape": shape,
                        "rows": name,
                        "parameters": ours.resident.info.parameters,
                        "packed": ours.resolved(rows, steps, {}).packing,
                        "tokens/s": round(medians["ours"]),
                        "TRL's tokens/s": round(medians["TRL"]),
                        "over TRL": medians["ours"] / medians["TRL"],
                        "TRL's peak, GB": peaks["TRL"],
                    }
                    | told(ours.memory(rows, {}), peaks["ours"], other)
                )
        return results


def told(found: dict[str, float], peak: float, beside: float = 0.0) -> dict[str, float]:
    """GB; `beside` is what else was there in the dry step."""
    told = {"peak, GB": peak, "estimate, GB": found["estimate"], "dry step, GB": found["dry step"] - beside}
    return told | ({"estimate over peak": found["estimate"] / peak} if peak else {})


def duet(folder: Path, device: torch.device) -> None:
    """The benchmarks of replies on a 4-bit base. load.py's worker takes 4 bits on a GPU by itself."""
    few = ["--tokens", "64", "--rounds", "2"] if device.type == "cuda" else ["--tokens", "4", "--rounds", "1"]
    bases = ["starter", "120m"] if device.type == "cuda" else ["starter"]
    nf4 = ["--precision", "nf4", "--device", device.type]
    for name, options in (
        ("duet", [*bases, *few, *nf4]),
        ("hotload", [*bases, "--rounds", few[-1], *nf4]),
        ("load", ["--visitors", "1", "16"]),
    ):
        command = [sys.executable, str(Path(__file__).with_name(f"{name}.py")), *options]
        print(f"-- {name}", flush=True)
        subprocess.run([*command, "--json", str(folder / f"{name}.json")], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["0.6b", "1.7b", "8b"])
    parser.add_argument("--parts", nargs="+", choices=["train", "memory", "duet"], default=["train", "memory"])
    parser.add_argument("--steps", type=int, default=6, help="of each run; the first two are not counted")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--json", type=Path, help="also write the figures here, those of duet beside it")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("this machine has no CUDA GPU; --device cpu --shapes tiny shows that the program runs", file=sys.stderr)
        return 2
    if arguments.steps < 3:
        parser.error("--steps is at least 3")
    disable_progress_bars()
    results: list[dict[str, Any]] = []
    for shape in arguments.shapes if {"train", "memory"} & set(arguments.parts) else ():
        for found in measure(shape, arguments.parts, arguments.steps, arguments.rounds, device):
            results.append(found)
            for what, value in found.items():
                print(f"{what:20} {value:.2f}" if isinstance(value, float) else f"{what:20} {value}", flush=True)
            print()
        write(arguments.json, "gpu", results)
    if "duet" in arguments.parts:
        with tempfile.TemporaryDirectory() as folder:
            duet(arguments.json.parent if arguments.json else Path(folder), device)
    return 0


if __name__ == "__main__":
    sys.exit(main())
