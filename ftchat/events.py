"""What a run and a reply report, their JSON form, and the fold of a run's history into a RunStatus.

Knows nothing of files, models or pages. Every event has `time`, in seconds since the epoch.
"""

from __future__ import annotations

import dataclasses
import json
import time as clock
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

RunState = Literal["queued", "running", "finished", "stopped", "failed", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    time: float = field(default_factory=clock.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQueued(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """`dataset` and `held_out` are the hashes of what is learned and of the user's own held-out data."""

    total_steps: int
    base: str
    method: str
    dataset: str = ""
    held_out: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLogged(Event):
    """`loss` is the mean per trained token of this step, `tokens_per_second` the speed since the last of these.
    Memory in bytes."""

    step: int
    loss: float
    learning_rate: float
    grad_norm: float
    epoch: float
    tokens_per_second: float
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalLogged(Event):
    """`loss` on the held-out examples."""

    step: int
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Event):
    """Something that was checked, with its outcome. `name` is a key the page has words for."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """`early` says why not all steps were taken: everything was learned, or the time of a quick run was over."""

    steps: int
    train_loss: float
    seconds: float
    tokens_per_second: float
    peak_memory: int
    early: Literal["", "learned", "time"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStopped(RunFinished):
    """Ended early because the user asked; the adapter holds what was learned up to then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed(Event):
    """`error` is a sentence for the user; `bug` is the traceback where the fault was ours."""

    error: str
    bug: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyToken(Event):
    """More text of one pane; `tokens` counts all tokens of that reply so far."""

    request: str
    pane: int
    text: str
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyDone(Event):
    """`text` is the whole reply. `stop`: the model's own end, the length limit, or the user.

    Proof of who answered, from the forward pass that made this reply: `adapter` (run id or None; with `@step` behind
    it a checkpoint), the Frobenius norm of its weight change at its strength, and the Kullback-Leibler divergence in
    nats of the first token's distribution from the base's (None where no base pane was asked the same).
    """

    request: str
    pane: int
    text: str
    tokens: int
    stop: Literal["eos", "length", "stopped"]
    first_token_seconds: float
    seconds: float
    adapter: str | None
    adapter_norm: float
    divergence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFailed(Event):
    """The whole request failed, with a sentence for the user."""

    request: str
    error: str


ReplyEvent = ReplyToken | ReplyDone | ReplyFailed

_RUN_EVENTS = {
    cls.__name__: cls
    for cls in (RunQueued, RunStarted, StepLogged, EvalLogged, Checked, RunFinished, RunStopped, RunFailed)
}


def dumps(event: Event) -> str:
    """One line of events.jsonl, without its newline."""
    return json.dumps({"event": type(event).__name__, **dataclasses.asdict(event)}, ensure_ascii=False)


def loads(line: str) -> Event | None:
    """The event of one line; None where the line is torn or of a kind that this version does not know."""
    try:
        fields: dict[str, Any] = json.loads(line)
        return _RUN_EVENTS[fields.pop("event")](**fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run's history folded into what a page shows. Losses are (step, loss) in order."""

    state: RunState = "queued"
    base: str = ""
    method: str = ""
    total_steps: int = 0
    step: int = 0
    epoch: float = 0.0
    losses: tuple[tuple[int, float], ...] = ()
    eval_losses: tuple[tuple[int, float], ...] = ()
    learning_rates: tuple[tuple[int, float], ...] = ()
    speeds: tuple[tuple[int, float], ...] = ()
    memories: tuple[tuple[int, int], ...] = ()
    tokens_per_second: float = 0.0
    checks: tuple[Checked, ...] = ()
    queued_at: float = 0.0
    started_at: float = 0.0
    ended_at: float = 0.0
    last_at: float = 0.0
    seconds: float = 0.0
    train_loss: float | None = None
    peak_memory: int = 0
    early: str = ""
    error: str | None = None
    bug: str | None = None

    @property
    def closed(self) -> bool:
        """Whether the history has its closing event; nothing follows it."""
        return self.state in ("finished", "stopped", "failed")

    @property
    def over(self) -> bool:
        return self.closed or self.state == "interrupted"

    @property
    def usable(self) -> bool:
        """Whether an adapter was saved that can answer."""
        return self.state in ("finished", "stopped") and self.step > 0

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None before the first step."""
        if self.state != "running" or not self.step:
            return None
        return (self.total_steps - self.step) * (self.last_at - self.started_at) / self.step


def fold(events: Iterable[Event], held: bool = True) -> RunStatus:
    """The status after these events. `held`: whether some process still holds the run's lock; a run without a
    closing event that nobody holds was interrupted."""
    losses, evals, rates, speeds, memories, checks = [], [], [], [], [], []
    now: dict[str, Any] = {}
    for event in events:
        now["last_at"] = event.time
        match event:
            case RunQueued():
                now |= {"state": "queued", "queued_at": event.time}
            case RunStarted():
                now |= {"state": "running", "started_at": event.time, "total_steps": event.total_steps}
                now |= {"base": event.base, "method": event.method}
            case StepLogged():
                now |= {"step": event.step, "epoch": event.epoch, "tokens_per_second": event.tokens_per_second}
                losses.append((event.step, event.loss))
                rates.append((event.step, event.learning_rate))
                speeds.append((event.step, event.tokens_per_second))
                memories.append((event.step, event.memory))
            case EvalLogged():
                evals.append((event.step, event.loss))
            case Checked():
                checks.append(event)
            case RunFinished():
                now |= {"state": "stopped" if isinstance(event, RunStopped) else "finished", "step": event.steps}
                now |= {"train_loss": event.train_loss, "seconds": event.seconds, "ended_at": event.time}
                now |= {"tokens_per_second": event.tokens_per_second, "peak_memory": event.peak_memory}
                now |= {"early": event.early}
            case RunFailed():
                now |= {"state": "failed", "error": event.error, "bug": event.bug, "ended_at": event.time}
    if not held and now.get("state", "queued") in ("queued", "running"):
        now |= {"state": "interrupted"}
    return RunStatus(
        **now,
        losses=tuple(losses),
        eval_losses=tuple(evals),
        learning_rates=tuple(rates),
        speeds=tuple(speeds),
        memories=tuple(memories),
        checks=tuple(checks),
    )
