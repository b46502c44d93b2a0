"""From the start of a program that trains on a template to the tuned model's first token, and where the time goes.

    python benchmarks/journey.py [data_templates/support_en.jsonl] [--preset quick] [--json FILE]

The same functions as `python -m ftchat train` in one process, which then chats with what it has learned. Held to: at
least 70 % of a 60-second run are optimizer steps.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from bases import write  # brings torch

from ftchat.data import DatasetStore, Source, read
from ftchat.engine import loop  # noqa: F401  # what a worker imports first
from ftchat.events import EvalLogged, Event, ReplyToken, RunQueued, RunStarted, StepLogged
from ftchat.records import STARTER, ChatRequest, Message, Pane, RunConfig, Sampling
from ftchat.runs import Run, RunStore
from ftchat.worker import Worker, open_worker

BEGAN, IMPORTED = psutil.Process().create_time(), time.time()
FILE = Path(__file__).parents[1] / "data_templates" / "support_en.jsonl"


def first_token(worker: Worker, run: Run) -> float:
    """When it came."""
    panes = tuple(Pane(who, (Message("user", "Where is my parcel?"),)) for who in (None, run.id))
    events = worker.chat(ChatRequest("journey", STARTER, panes, Sampling(0.0, 16)))
    return next(event.time for event in events if isinstance(event, ReplyToken) and event.pane == 1)


def parts(events: list[Event], closed: float, told: float) -> dict[str, float]:
    """Seconds of each part, in the order in which they come; evaluation is counted apart from the steps."""
    at = {type(event): event.time for event in reversed(events)}
    steps = [event for event in events if isinstance(event, StepLogged)]
    held_out = [event for event in events if isinstance(event, EvalLogged)]
    evaluating = sum(
        event.time - max(other.time for other in [*events[: events.index(event)]] if other.time <= event.time)
        for event in held_out
    )
    stepping = steps[-1].time - at[RunStarted] - evaluating
    return {
        "imports": IMPORTED - BEGAN,
        "data": at[RunQueued] - IMPORTED,
        "model, tokens and plan": at[RunStarted] - at[RunQueued],
        "steps": stepping,
        "evaluation": evaluating,
        "saving, loading and checks": closed - steps[-1].time,
        "first token": told - closed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=FILE)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        dataset = DatasetStore(home).put(read([Source.from_path(arguments.file)]), "journey")
        run = RunStore(home).create(RunConfig("journey", dataset.hash, preset=arguments.preset))
        worker = open_worker("inline", home)
        try:
            worker.start_run(run.id)
            while not run.status().over:
                time.sleep(0.5)  # to look costs what the steps could use
            told = first_token(worker, run)
        finally:
            worker.close()
        events = run.events()
        found = parts(events, events[-1].time, told)
    whole = sum(found.values())
    for what, seconds in found.items():
        print(f"{what:30} {seconds:8.2f} s {seconds / whole:7.1%}")
    print(f"{'whole':30} {whole:8.2f} s")
    share = found["steps"] / (whole - found["evaluation"])
    print(f"{'steps, without evaluation':30} {share:18.1%}")
    write(arguments.json, "journey", [found | {"whole": whole, "share of steps": share}])


if __name__ == "__main__":
    main()
