"""How long after the last optimizer step the tuned model speaks, over the first token of a model that is resident.

    python benchmarks/hotload.py [starter 120m ...] [--rounds 5] [--shared] [--json FILE]

A few steps in each round. "asked at the last step": the pane is what has been learned so far, and its snapshot answers
before anything is saved. "asked at the end": the adapter is saved, PEFT's layers leave the base, the saved file is
loaded, and the first token comes; the checks of a run are not in it. Beside them a reload of base and adapter.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from bases import clock, for_each_base, ratio, resident_with_adapters
from duet import QUESTION, answer
from peft import LoraConfig

from ftchat.engine.adapters import Voice
from ftchat.engine.models import Resident


def train(resident: Resident, name: str, steps: int = 3) -> None:
    """Bare steps: what comes after the last one is measured, not they."""
    targets = list(resident.target_modules())
    peft = resident.add_adapter(name, LoraConfig(task_type="CAUSAL_LM", r=16, target_modules=targets))
    ids = torch.tensor([resident.template.prompt_ids(QUESTION)], device=resident.device)
    optimizer = torch.optim.AdamW([tensor for tensor in peft.parameters() if tensor.requires_grad], lr=1e-3)
    peft.train()
    for _ in range(steps):
        peft(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def measure(base: str, rounds: int, folder: Path) -> dict[str, Any]:
    resident = resident_with_adapters(base, "float32", ["known"], folder)
    resident.template.stop_ids = frozenset()
    found: dict[str, list[float]] = {}

    def timed(what: str, began: float) -> float:
        found.setdefault(what, []).append(clock() - began)
        return clock()

    for number in range(rounds + 1):
        if number == 1:
            found.clear()  # a first round is not counted
        began = clock()
        answer(resident, [Voice("known")], 1)
        timed("resident", began)
        run = f"run-{number}"
        train(resident, run)
        began = clock()
        resident.snapshot("now")
        answer(resident, [Voice("now")], 1)
        timed("asked at the last step", began)
        began = part = clock()
        resident.save(run, folder / run)
        part = timed("saving", part)
        resident.detach(run)
        part = timed("leaving training", part)
        resident.attach(run, folder / run)
        part = timed("loading", part)
        answer(resident, [Voice(run)], 1)
        timed("first token", part)
        timed("asked at the end", began)
        resident.detach("now")
        began = clock()
        again = Resident(base, "float32", resident.device)
        again.attach(run, folder / run)
        answer(again, [Voice(run)], 1)
        timed("reload of base and adapter", began)
        del again
        resident.detach(run)
    parts = {f"{what}, ms": round(statistics.median(seconds) * 1e3, 1) for what, seconds in found.items()}
    return {
        "asked at the last step, over resident": ratio(found["asked at the last step"], found["resident"]),
        "asked at the end, over resident": ratio(found["asked at the end"], found["resident"]),
        "reload, over resident": ratio(found["reload of base and adapter"], found["resident"]),
        **parts,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for_each_base(parser, "hotload", lambda base, folder, a: measure(base, a.rounds, folder))


if __name__ == "__main__":
    main()
