"""The training methods beside each other on the embedded model: what each trains, needs and costs.

    python benchmarks/methods.py [--methods lora ia3 ...] [--steps 60] [--rates 1 3 ...] [--json FILE]

Each trains the first 24 pairs of data_templates/persona.jsonl, from the same base in one process. Prints the numbers
trained, the size of what is saved, seconds a step, the losses of the first and the last steps and how many trained
prompts are answered word for word. `--rates` tries multiples of each method's own learning rate, which comes first.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["HF_HUB_OFFLINE"] = "1"

import torch

from ftchat.data import Source, read
from ftchat.engine.adapters import Voice
from ftchat.engine.decode import Decoder
from ftchat.engine.memory import Meter
from ftchat.engine.models import Resident
from ftchat.engine.reply import replies_to
from ftchat.engine.train import train
from ftchat.events import ReplyDone, StepLogged
from ftchat.records import STARTER, ChatRequest, Example, Pane, RunConfig, Sampling, Sides
from ftchat.runs import RunStore
from ftchat.settings import METHODS

DATA = Path(__file__).parents[1] / "data_templates" / "persona.jsonl"
PAIRS = 24


def measure(resident: Resident, runs: RunStore, method: str, steps: int, rate: float | None) -> dict[str, Any]:
    examples = read([Source.from_path(DATA)]).examples[:PAIRS]
    settings: dict[str, Any] = {"max_steps": steps}
    if rate is not None:
        settings["learning_rate"] = rate
    run = runs.create(RunConfig(f"{method}-{rate}-{time.monotonic()}", "", method=method, settings=settings))
    trained = 0

    def pulse() -> Any:
        nonlocal trained
        if not trained and resident.learner:
            trained = sum(tensor.numel() for tensor in resident.learner.tensors().values() if tensor.requires_grad)
        return ""

    train(run, Sides(examples, ()), method, resident, pulse, Meter(resident.device))
    status = run.status()
    if status.state != "finished":
        return {"method": method, "error": status.bug or status.error}
    losses = [event.loss for event in run.events() if isinstance(event, StepLogged)]
    times = [event.time for event in run.events() if isinstance(event, StepLogged)]
    gaps = sorted(after - before for before, after in itertools.pairwise(times))
    assert run.resolved is not None
    found = {
        "method": method,
        "learning_rate": run.resolved.learning_rate,
        "trained": trained,
        "saved_bytes": sum(path.stat().st_size for path in run.adapter.iterdir()),
        "step_seconds": gaps[len(gaps) // 2],
        "first": sum(losses[:3]) / 3,
        "last": sum(losses[-3:]) / 3,
        "exact": exact(resident, run.id, examples),
        "checks": all(check.ok for check in status.checks),
    }
    resident.detach(run.id)
    return found


def exact(resident: Resident, adapter: str, examples: Sequence[Example]) -> int:
    decoder = Decoder(resident)
    for index, example in enumerate(examples):
        request = ChatRequest(str(index), STARTER, (Pane(adapter, example.context),), Sampling(0.0, 80))
        decoder.add(replies_to(request, resident, [Voice(adapter)]))
    said: dict[str, str] = {}
    with resident.chatting():
        while not decoder.idle:
            said |= {event.request: event.text for event in decoder.advance() if isinstance(event, ReplyDone)}
    return sum(said[str(index)] == example.completion for index, example in enumerate(examples))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--methods", nargs="*", default=[method for method in METHODS if method not in ("auto", "qlora")]
    )
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rates", nargs="*", type=float, default=[1.0])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as home:
        runs, resident = RunStore(Path(home)), Resident(STARTER, "float32", torch.device("cpu"))
        for method in arguments.methods:
            own = None
            for factor in arguments.rates:
                row = measure(resident, runs, method, arguments.steps, own and own * factor)
                if "error" in row:
                    print(method, row["error"])
                    break
                own = own or row["learning_rate"]
                found.append(row)
                print(
                    f"{method:9} rate {row['learning_rate']:<9g} trained {row['trained']:>9,}"
                    f" saved {row['saved_bytes']:>11,} step {row['step_seconds']:.3f} s loss {row['first']:.2f}"
                    f" -> {row['last']:.3f} exact {row['exact']}/{PAIRS} checks {row['checks']}",
                    flush=True,
                )
    if arguments.json:
        machine = {"machine": platform.processor(), "cores": os.cpu_count(), "threads": torch.get_num_threads()}
        arguments.json.write_text(json.dumps({"steps": arguments.steps, **machine, "rows": found}, indent=1))


if __name__ == "__main__":
    main()
