"""How long after the last optimizer step the tuned model speaks, over the first token of a model that is resident.

    python benchmarks/hotload.py [starter 120m ...] [--rounds 5] [--precision float32] [--device cpu] [--shared]
        [--json FILE]

A few steps in each round. "at the last step": the pane is what has been learned so far. "at the end": it is what was
learned in the end, by the function that a run ends with, which saves it after that. "from its file": what a run of an
earlier day costs. "through a worker": a real run in a process of its own, which chooses the precision; who watches its
history asks as soon as the last step stands there, and the token has come back when it counts; over the same question
to the idle worker, in wall time, so not with --shared. Beside them a reload of base and adapter.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import ftchat.engine  # noqa: F401 - says how threads wait, as in the program, before torch is loaded

# isort: split
import torch
from bases import clock, for_each_base, ratio, resident_with_adapters
from duet import QUESTION
from peft import LoraConfig

from ftchat.data import DatasetStore, Source, read
from ftchat.engine.adapters import Voice
from ftchat.engine.closing import keep
from ftchat.engine.decode import Decoder
from ftchat.engine.models import Resident
from ftchat.engine.reply import replies_to
from ftchat.events import ReplyDone, ReplyToken, StepLogged
from ftchat.records import ChatRequest, Message, Pane, RunConfig, Sampling
from ftchat.runs import Run, RunStore
from ftchat.worker import Worker, open_worker

STEPS = 3


def first_token(resident: Resident, adapter: str) -> None:
    """Asks and returns as soon as something is said."""
    panes = (Pane(adapter, QUESTION),)
    decoder = Decoder(resident)
    decoder.add(replies_to(ChatRequest("x", resident.name, panes, Sampling(0.0, 2)), resident, [Voice(adapter)]))
    with resident.chatting():
        while not any(True for _ in decoder.advance()):
            pass


def train(resident: Resident, name: str) -> None:
    """Bare steps: what comes after the last one is measured, not they."""
    targets = list(resident.target_modules())
    peft = resident.add_adapter(name, LoraConfig(task_type="CAUSAL_LM", r=16, target_modules=targets))
    ids = torch.tensor([resident.template.prompt_ids(QUESTION)], device=resident.device)
    optimizer = torch.optim.AdamW([tensor for tensor in peft.parameters() if tensor.requires_grad], lr=1e-3)
    peft.train()
    for _ in range(STEPS):
        peft(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    if resident.device.type == "cuda":
        torch.cuda.synchronize()


def measure(base: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    rounds = arguments.rounds
    resident = resident_with_adapters(base, arguments.precision, ["known"], folder, device=arguments.device)
    resident.template.stop_ids = frozenset()
    runs, found = RunStore(folder), dict[str, list[float]]()

    def timed(what: str, began: float) -> float:
        found.setdefault(what, []).append(clock() - began)
        return clock()

    for number in range(rounds + 1):
        if number == 1:
            found.clear()  # a first round is not counted
        run = runs.create(RunConfig(f"run-{number}", "none"))
        began = clock()
        first_token(resident, "known")
        timed("resident", began)
        train(resident, run.id)
        began = clock()
        resident.snapshot("now")
        first_token(resident, "now")
        timed("at the last step", began)
        spoken: list[float] = []

        def first(run: Run = run, spoken: list[float] = spoken) -> None:
            first_token(resident, run.id)
            spoken.append(clock())

        began = clock()
        keep(run, resident, first)
        found.setdefault("at the end", []).append(spoken[0] - began)
        timed("saving after that", spoken[0])
        resident.detach(run.id)
        began = clock()
        resident.attach(run.id, run.adapter)
        first_token(resident, run.id)
        timed("from its file", began)
        resident.detach("now")
        began = clock()
        again = Resident(base, resident.precision, resident.device)
        again.attach(run.id, run.adapter)
        first_token(again, run.id)
        timed("reload of base and adapter", began)
        del again
        resident.detach(run.id)
    parts = {f"{what}, ms": round(statistics.median(seconds) * 1e3, 1) for what, seconds in found.items()}
    over = ("at the last step", "at the end", "from its file", "reload of base and adapter")
    return {f"{what}, over resident": ratio(found[what], found["resident"]) for what in over} | parts


def through_worker(base: str, rounds: int, home: Path) -> dict[str, Any]:
    """In wall time: the steps of another process cannot be told from what comes after them."""
    rows = "\n".join(f"Where is parcel {number}?\tIn the blue van {number}." for number in range(6))
    dataset = DatasetStore(home).put(read([Source.from_text(rows)]), "parcels")
    worker, runs = open_worker("process", home), RunStore(home)
    after, idle = [], []
    try:
        for number in range(rounds + 1):
            config = RunConfig(f"run-{number}", dataset.hash, base, settings={"max_steps": STEPS})
            run = runs.create(config)
            worker.start_run(run.id)
            last = _last_step(run)
            after.append(_first_token(worker, run, f"{number} now", "now") - last)
            while not run.status().over:
                time.sleep(0.1)
            began = time.time()
            idle.append(_first_token(worker, run, f"{number} end", None) - began)
    finally:
        worker.close()
    del after[0], idle[0]
    return {
        "through a worker, over resident": ratio(after, idle),
        "through a worker, ms": round(statistics.median(after) * 1e3, 1),
        "idle worker, ms": round(statistics.median(idle) * 1e3, 1),
    }


def _last_step(run: Run) -> float:
    """When it was taken; returns as soon as it stands in the history."""
    path, size = run.folder / "events.jsonl", 0
    while True:
        if path.exists() and path.stat().st_size != size:
            size = path.stat().st_size
            for event in run.events():
                if isinstance(event, StepLogged) and event.step == STEPS:
                    return event.time
        time.sleep(0.001)


def _first_token(worker: Worker, run: Run, asked: str, checkpoint: Any) -> float:
    """When it has come back. Two questions share no beginning that would be known."""
    pane = Pane(run.id, (Message("user", f"{asked}: {QUESTION[0].content}"),), checkpoint=checkpoint)
    for event in worker.chat(ChatRequest(asked, run.config.base, (pane,), Sampling(0.0, 2))):
        if isinstance(event, ReplyToken | ReplyDone):
            return time.time()
    raise RuntimeError(f"no answer to {asked}")


def everything(base: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    found = measure(base, folder, arguments)
    return found if arguments.shared else found | through_worker(base, arguments.rounds, folder / "home")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for_each_base(parser, "hotload", everything)


if __name__ == "__main__":
    main()
