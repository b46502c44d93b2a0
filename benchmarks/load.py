"""1 to 64 visitors compare at the same time, through the real page's endpoint on loopback.

    python benchmarks/load.py [--visitors 1 4 16 64] [--questions 3] [--rounds 3] [--tokens 128]
        [--json FILE]

Every visitor has a session of its own, opened beforehand, and asks base and tuned its own questions, one after the
other. Prints tokens per second of all together, over that of the first count; the first token's and the whole answer's
time; how many were answered; and whether each answer is the one that the same question gets when nobody else asks.
Visitors send plain HTTP, for they run on the server's own cores: `gradio_client` takes 50 ms of one for each question.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from bases import ratio, resident_with_adapters, write
from servers import Server, serving

from ftchat.events import RunFinished, RunQueued, RunStarted
from ftchat.records import STARTER, RunConfig
from ftchat.runs import RunStore

QUESTIONS = (
    "Tell me a short story about a fox.",
    "Who are you?",
    "What is 3 + 4?",
    "Write a poem about the sea.",
    "Why is the sky blue?",
    "Name three fruits.",
    "How do I make tea?",
    "Tell me about the moon.",
)


def a_run(home: Path) -> None:
    """A finished run, with a random adapter that babbles on, so that its answers are long."""
    run = RunStore(home).create(RunConfig("load", "data"))
    run.append(RunQueued())
    run.append(RunStarted(total_steps=1, base=STARTER, method="lora"))
    resident_with_adapters(STARTER, "float32", ["adapter"], run.folder, std=0.3)
    run.append(RunFinished(steps=1, train_loss=0.1, seconds=1.0, tokens_per_second=1.0, peak_memory=1))


class Visitor:
    """Asks through `/gradio_api/call/compare`, as a script with curl does."""

    def __init__(self, server: Server, number: int):
        self._server, self._number, self._session = server, number, secrets.token_hex(8)

    def ask(self, question: str, tokens: int) -> dict[str, Any]:
        body = {"data": [question, "load", 0.0, tokens, 0], "session_hash": self._session}
        asked = self._server.post("/gradio_api/call/compare", json.dumps(body)).text
        told = self._server.ask(f"/gradio_api/call/compare/{json.loads(asked)['event_id']}").text
        outcome, _, data = told.strip().rpartition("\ndata: ")
        if not outcome.endswith("event: complete"):
            raise RuntimeError(told)
        return json.loads(data)[0]

    def visit(self, questions: int, tokens: int, found: list[tuple[str, float, Any]]) -> None:
        for turn in range(questions):
            question = f"{QUESTIONS[(self._number + turn) % len(QUESTIONS)]} ({self._number % 16})"
            began = time.monotonic()
            try:
                reply: Any = self.ask(question, tokens)
            except Exception as error:
                reply = error
            found.append((question, time.monotonic() - began, reply))


def measure(visitors: list[Visitor], questions: int, tokens: int, alone: dict[str, Any]) -> dict[str, Any]:
    found: list[tuple[str, float, Any]] = []
    threads = [threading.Thread(target=visitor.visit, args=(questions, tokens, found)) for visitor in visitors]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    for sentence in {str(reply) for _, _, reply in found if isinstance(reply, Exception)}:
        print(f"not answered: {sentence}", file=sys.stderr)
    answered = [(question, took, reply) for question, took, reply in found if isinstance(reply, dict)]
    said = sum(reply[side]["tokens"] for _, _, reply in answered for side in ("base", "tuned"))
    first = sorted(max(reply[side]["first_token_seconds"] for side in ("base", "tuned")) for _, _, reply in answered)
    crossed = sum(
        any(reply[side]["text"] != alone[question][side]["text"] for side in ("base", "tuned"))
        for question, _, reply in answered
        if question in alone
    )
    return {
        "visitors": len(visitors),
        "asked": len(found),
        "answered": len(answered),
        "not as alone": crossed,
        "tokens/s": round(said / seconds, 1),
        "first token p50": round(first[len(first) // 2], 3),
        "first token p95": round(first[len(first) * 95 // 100], 3),
        "answer p95": round(sorted(took for _, took, _ in answered)[len(answered) * 95 // 100], 2),
    }


def together(rounds: Sequence[dict[str, Any]], first: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What as many visitors found in all rounds: counts are summed, all else is the median. `first` is what the fewest
    found in each."""
    found = {name: statistics.median_low(one[name] for one in rounds) for name in rounds[0]}
    found |= {name: sum(one[name] for one in rounds) for name in ("asked", "answered", "not as alone")}
    speeds = [[one["tokens/s"] for one in some] for some in (rounds, first)]
    return found | {"over the first": round(ratio(*speeds), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--questions", type=int, default=3, help="of each visitor, in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        a_run(home)
        with serving(home) as server:
            visitors = [Visitor(server, number) for number in range(max(arguments.visitors))]
            alone: dict[str, Any] = {}
            for visitor in visitors[:16]:
                told: list[tuple[str, float, Any]] = []
                visitor.visit(arguments.questions, arguments.tokens, told)
                alone |= {question: reply for question, _, reply in told if isinstance(reply, dict)}
            for visitor in visitors[16:]:
                visitor.ask("Hello!", 1)
            rounds = [
                [
                    measure(visitors[:count], arguments.questions * (8 if count == 1 else 1), arguments.tokens, alone)
                    for count in arguments.visitors
                ]
                for _ in range(arguments.rounds)
            ]
    found = [together(same, [one[0] for one in rounds]) for same in zip(*rounds, strict=True)]
    for one in found:
        print("  ".join(f"{name} {value}" for name, value in one.items()), flush=True)
    write(arguments.json, "load", found)


if __name__ == "__main__":
    main()
