"""The fold of a run's history into what a page shows of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ftchat.events.kinds import (
    Checked,
    CheckpointSaved,
    Downloading,
    DryStepPassed,
    EvalLogged,
    Event,
    RunFailed,
    RunFinished,
    RunHealed,
    RunInterrupted,
    RunPaused,
    RunQueued,
    RunResumed,
    RunStarted,
    RunStopped,
    SampleLogged,
    SearchPlanned,
    StepLogged,
    TrialBegun,
    TrialEnded,
    TrialMeasured,
)
from ftchat.events.search import Recommendation, Trial, follow, recommend

RunState = Literal["queued", "running", "paused", "interrupted", "finished", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run's history folded into what a page shows. Losses are (step, loss) in order, each step once.

    `checkpoint` is the step it can go on from; `attempts` counts how often it went on unasked since that was saved;
    `idle` are the seconds between breaks and resumes; `kept` is the step whose adapter was kept, where that is
    not the last: the best, or what a failed run left; `tried` is the dry step, `healed` the last time that memory was
    full; `download` is how far the base had come from the Hub, while a queued run waits for it; `origin` the run whose
    adapter it started from. `plan` and `trials` are of a run that searches, which takes no steps of its own.
    """

    state: RunState = "queued"
    base: str = ""
    method: str = ""
    origin: str | None = None
    total_steps: int = 0
    step: int = 0
    epoch: float = 0.0
    losses: tuple[tuple[int, float], ...] = ()
    eval_losses: tuple[tuple[int, float], ...] = ()
    learning_rates: tuple[tuple[int, float], ...] = ()
    speeds: tuple[tuple[int, float], ...] = ()
    memories: tuple[tuple[int, int], ...] = ()
    tokens_per_second: float = 0.0
    samples: tuple[SampleLogged, ...] = ()
    checks: tuple[Checked, ...] = ()
    checkpoint: int = 0
    attempts: int = 0
    worker: int = 0
    queued_at: float = 0.0
    started_at: float = 0.0
    last_at: float = 0.0
    idle: float = 0.0
    seconds: float = 0.0
    train_loss: float | None = None
    peak_memory: int = 0
    early: str = ""
    error: str | None = None
    bug: str | None = None
    kept: int = 0
    tried: DryStepPassed | None = None
    healed: RunHealed | None = None
    plan: SearchPlanned | None = None
    trials: tuple[Trial, ...] = ()
    download: Downloading | None = None

    @property
    def closed(self) -> bool:
        """Whether the history has its closing event; nothing follows it."""
        return self.state in ("finished", "stopped", "failed")

    @property
    def resumable(self) -> bool:
        """Whether it can go on from where it was."""
        return self.state in ("paused", "interrupted")

    @property
    def over(self) -> bool:
        return self.closed or self.resumable

    @property
    def usable(self) -> bool:
        """Whether an adapter was saved that can answer."""
        return (self.state in ("finished", "stopped") and self.step > 0) or self.kept > 0

    @property
    def held_loss(self) -> float | None:
        """The held-out loss of what was kept, else the last that was measured; None where none was, but the base's."""
        measured = {step: loss for step, loss in self.eval_losses if step}
        return measured.get(self.kept, next(reversed(measured.values()), None))

    @property
    def busy_seconds(self) -> float:
        """Since it started, without the time that it lay idle."""
        return max(0.0, self.last_at - self.started_at - self.idle) if self.started_at else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far, or of a search's budget; None before the first step."""
        if self.state == "running" and self.plan:
            return max(0.0, self.plan.seconds - self.busy_seconds)
        if self.state != "running" or not self.step:
            return None
        return (self.total_steps - self.step) * self.busy_seconds / self.step

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.state == "finished":  # also where it ended early
            return 1.0
        if self.state == "queued" and self.download:
            return self.download.done / max(1, self.download.total)
        if self.plan:
            return min(1.0, self.busy_seconds / self.plan.seconds)
        return self.step / self.total_steps if self.total_steps else 0.0

    @property
    def recommended(self) -> Recommendation | None:
        """What a search has come to so far."""
        return recommend(self.trials, self.plan.tokens) if self.plan else None


def fold(events: Iterable[Event], held: bool = True) -> RunStatus:
    """The status after these events. `held`: whether some process still holds the run's lock; a run without a
    closing event that nobody holds was interrupted."""
    losses: list[tuple[int, float]] = []
    evals: list[tuple[int, float]] = []
    rates: list[tuple[int, float]] = []
    speeds: list[tuple[int, float]] = []
    memories: list[tuple[int, int]] = []
    samples: list[SampleLogged] = []
    trials: tuple[Trial, ...] = ()
    checks: dict[str, Checked] = {}  # looked at again after a resume, the last outcome counts
    now: dict[str, Any] = {}
    for event in events:
        match event:
            case RunQueued():
                now |= {"state": "queued", "queued_at": event.time, "worker": event.worker, "error": None, "bug": None}
                now |= {"download": None}
                now |= {"attempts": now.get("attempts", 0) + 1 if event.automatic else 0}
            case Downloading():
                now |= {"download": event}
            case RunStarted():
                now |= {"state": "running", "started_at": event.time, "total_steps": event.total_steps}
                now |= {"base": event.base, "method": event.method, "origin": event.origin}
            case StepLogged():
                now |= {"step": event.step, "epoch": event.epoch, "tokens_per_second": event.tokens_per_second}
                _from_here(losses, event.step).append((event.step, event.loss))
                _from_here(rates, event.step).append((event.step, event.learning_rate))
                _from_here(speeds, event.step).append((event.step, event.tokens_per_second))
                _from_here(memories, event.step).append((event.step, event.memory))
            case EvalLogged():
                _from_here(evals, event.step).append((event.step, event.loss))
            case SampleLogged():
                again = (event.step, event.prompt)
                samples = [known for known in samples if (known.step, known.prompt) != again] + [event]
            case Checked():
                checks[event.name] = event
            case DryStepPassed():
                now |= {"tried": event}
            case RunHealed():
                now |= {"healed": event}
            case SearchPlanned():
                now |= {"plan": event}
            case TrialBegun() | TrialMeasured() | TrialEnded():
                trials = follow(trials, event)
                now |= {"attempts": 0} if isinstance(event, TrialEnded) else {}
            case CheckpointSaved():
                now |= {"checkpoint": event.step, "attempts": 0}
            case RunPaused():
                now |= {"state": "paused", "step": event.step}
            case RunInterrupted():
                now |= {"state": "interrupted", "error": event.error, "bug": event.bug}
            case RunResumed():
                now |= {"state": "running", "step": event.step, "checkpoint": event.step}
                now |= {"idle": now.get("idle", 0.0) + event.time - now.get("last_at", event.time)}
                for series in (losses, evals, rates, speeds, memories):
                    _from_here(series, event.step + 1)
                samples = [known for known in samples if known.step <= event.step]
            case RunFinished():
                now |= {"state": "stopped" if isinstance(event, RunStopped) else "finished", "step": event.steps}
                now |= {"train_loss": event.train_loss, "seconds": event.seconds}
                now |= {"tokens_per_second": event.tokens_per_second, "peak_memory": event.peak_memory}
                now |= {"early": event.early, "kept": event.kept}
            case RunFailed():
                now |= {"state": "failed", "error": event.error, "bug": event.bug}
                now |= {"kept": event.kept}
        if not isinstance(event, RunQueued | Downloading):  # while it waits to go on, it is idle
            now["last_at"] = event.time
    if not held and now.get("state", "queued") in ("queued", "running"):
        now |= {"state": "interrupted"}
    return RunStatus(
        **now,
        losses=tuple(losses),
        eval_losses=tuple(evals),
        learning_rates=tuple(rates),
        speeds=tuple(speeds),
        memories=tuple(memories),
        samples=tuple(samples),
        checks=tuple(checks.values()),
        trials=trials,
    )


def _from_here(series: list[Any], step: int) -> list[Any]:
    """The series without what was logged of this step and later ones: they are done again after a resume."""
    while series and series[-1][0] >= step:
        series.pop()
    return series
