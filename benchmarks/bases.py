"""What the benchmarks of replies run on: the embedded model or a 120 M random Llama, with random adapters.

Made in a temporary folder; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import LlamaConfig, LlamaForCausalLM

from ftchat.engine.loading import STARTER_FOLDER
from ftchat.engine.models import Resident
from ftchat.records import STARTER

Measure = Callable[[str, Path, argparse.Namespace], dict[str, Any]]  # of a base, with a folder for adapters


def base_folder(name: str, folder: Path) -> str:
    """`starter`, or `120m`: a random Llama with the starter's tokenizer."""
    if name != "120m":
        return name
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=5120, hidden_size=768, intermediate_size=2304, num_hidden_layers=15, num_attention_heads=12,
        num_key_value_heads=12, max_position_embeddings=4096, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    where = folder / "llama-120m"
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(where)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (where / file).write_bytes((STARTER_FOLDER / file).read_bytes())
    return str(where)


def resident_with_adapters(
    base: str, precision: str, adapters: Sequence[str], folder: Path, std: float = 0.01, device: str | None = None
) -> Resident:
    """Adapters of rank 16 on every linear layer, saved in folders of their names; with a large `std` they babble."""
    resident = Resident(base, precision, torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu")))
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(adapters):
        torch.manual_seed(seed)
        targets = list(resident.target_modules())
        peft = resident.add_adapter(name, LoraConfig(task_type="CAUSAL_LM", r=16, target_modules=targets))
        for key, tensor in peft.named_parameters():
            if ".lora_B." in key:
                torch.nn.init.normal_(tensor, std=std)
        resident.save(name, folder / name)
        resident.detach(name)
        resident.attach(name, folder / name)
    return resident


class Clock:
    """Seconds that pass; on a machine that others share, those of the processor, on one thread."""

    def __init__(self) -> None:
        self.shared = False

    def __call__(self) -> float:
        return time.process_time() if self.shared else time.perf_counter()

    def share(self, shared: bool) -> None:
        self.shared = shared
        if shared:
            torch.set_num_threads(1)


clock = Clock()


def interleaved(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, one after the other in each round, so that a busy moment strikes all alike. A first round
    is not counted."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            seconds = way()
            if number:
                found[name].append(seconds)
    return found


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of the ratios round by round."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def write(path: Path | None, name: str, results: list[dict[str, Any]]) -> None:
    """The figures as JSON, with the machine."""
    if path:
        processor = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
        machine = f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
        path.write_text(
            json.dumps({"benchmark": name, "machine": machine, "shared": clock.shared, "results": results}, indent=1)
        )


def for_each_base(parser: argparse.ArgumentParser, name: str, measure: Measure) -> None:
    """The end of a benchmark that takes bases: parses, measures each in a folder of its own, prints and writes."""
    parser.add_argument("bases", nargs="*", default=[STARTER, "120m"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=["float32", "bfloat16", "nf4"], default="float32")
    parser.add_argument("--device", choices=["cuda", "cpu"], help="the GPU, where there is one, unless told")
    parser.add_argument(
        "--shared", action="store_true", help="others share the cores: measure processor time, one thread"
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    clock.share(arguments.shared)
    found = []
    for base in arguments.bases:
        with tempfile.TemporaryDirectory() as folder:
            where = base_folder(base, Path(folder))
            found.append({"base": base} | measure(where, Path(folder) / "adapters", arguments))
        for what, value in found[-1].items():
            print(f"{what:45} {value:.2f}" if isinstance(value, float) else f"{what:45} {value}", flush=True)
    write(arguments.json, name, found)


__all__ = ["STARTER", "clock", "for_each_base", "interleaved", "ratio", "resident_with_adapters", "write"]
