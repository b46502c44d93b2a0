"""For tests of the Compare tab: runs that ended, and HTML as it is seen."""

from __future__ import annotations

from html.parser import HTMLParser

from ftchat.events import RunFinished, RunQueued, RunStarted, StepLogged
from ftchat.records import STARTER, RunConfig
from ftchat.runs import Run, RunStore


class Seen(HTMLParser):
    """The tags, the attributes' names and the text of a piece of HTML."""

    def __init__(self, source: str):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def step(number: int) -> StepLogged:
    numbers = {
        "loss": 1.0,
        "learning_rate": 1e-4,
        "grad_norm": 1.0,
        "epoch": 1.0,
        "tokens_per_second": 9.0,
        "memory": 1,
    }
    return StepLogged(step=number, **numbers)


def finished(runs: RunStore, name: str, base: str = STARTER, dataset: str = "data") -> Run:
    run = runs.create(RunConfig(name, dataset, base))
    run.append(RunQueued())
    run.append(RunStarted(total_steps=2, base=base, method="lora"))
    end(run)
    return run


def end(run: Run) -> None:
    run.append(RunFinished(steps=2, train_loss=0.1, seconds=1.0, tokens_per_second=9.0, peak_memory=1))
