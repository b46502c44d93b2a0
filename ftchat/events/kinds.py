"""What a run reports, and its JSON form. Every event has `time`, in seconds since the epoch.

A line is an event only where each of its fields is of the type that is said here: who folds them need not ask again.
"""

from __future__ import annotations

import dataclasses
import json
import time as clock
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

_MOST = 2**53  # a float holds every whole number up to here
Count = Annotated[int, Field(ge=0, le=_MOST)]
Seconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1e15, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    time: Seconds = field(default_factory=clock.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQueued(Event):
    """Accepted, for the first time or to go on. `worker`: the process it waits in; `automatic`: nobody asked."""

    worker: Count = 0
    automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloading(Event):
    """What is called `base`, mostly the weights of a base model, comes from the Hub: so many bytes of all, so many a
    second, `file` now."""

    base: str
    file: str
    done: Count
    total: Count
    rate: Amount

    @property
    def seconds_left(self) -> float | None:
        """At this speed; None while there is none."""
        return (self.total - self.done) / self.rate if self.rate else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """`dataset` and `held_out` are the hashes of what is learned and of the user's own held-out data; `origin` is the
    id of the run whose adapter it starts from."""

    total_steps: Count
    base: str
    method: str
    dataset: str = ""
    held_out: str | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLogged(Event):
    """`loss` is the mean per trained token of this step, `tokens_per_second` the speed since the last of these.
    Memory in bytes."""

    step: Count
    loss: float
    learning_rate: Amount
    grad_norm: float
    epoch: Amount
    tokens_per_second: Amount
    memory: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalLogged(Event):
    """`loss` on the held-out examples."""

    step: Count
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLogged(Event):
    """What the base and the adapter of this step answer to a prompt, greedily. `reference` is the right answer;
    `whole`: the tuned reply ended by itself; `held_out`: the prompt is not trained on."""

    step: Count
    prompt: str
    reference: str
    base: str
    tuned: str
    whole: bool
    held_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved(Event):
    """The run can go on from here. `best`: its held-out loss is the lowest so far."""

    step: Count
    best: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaused(Event):
    """The user wants it to wait."""

    step: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInterrupted(Event):
    """It could not go on, but can be resumed. No `error` where the process was told to end; a process that is killed
    writes nothing at all. `bug` is the traceback where the fault was ours."""

    step: Count
    error: str | None = None
    bug: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed(Event):
    """It goes on after `step`; what was logged of later steps is done again."""

    step: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class DryStepBegun(Event):
    """The longest batch is tried. `kills`: how many processes the system had killed for want of memory by then."""

    kills: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class DryStepPassed(Event):
    """Its memory in bytes above the idle process, as it was reckoned and as it was; `seconds` of a mean step."""

    estimated: Count
    measured: Annotated[int, Field(ge=-_MOST, le=_MOST)]
    seconds: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHealed(Event):
    """Memory was full after `step`; it goes on with fewer rows at a time, and as many to a step. `batch` and
    `accumulation` hold from here on, `checkpointing` says that activations are computed again, not kept."""

    step: Count
    batch: Count
    accumulation: Count
    checkpointing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Event):
    """Something that was checked, with its outcome. `name` is a key the page has words for."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlanned(Event):
    """Of a run that searches: its budget in seconds, the steps of every trial, and how many tokens are measured in each
    of the held-out examples that judge them."""

    seconds: Positive
    steps: Count
    tokens: tuple[Count, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBegun(Event):
    """The first trial, of number 1, is of what `auto` chose. `r` is 0 for methods that have no rank."""

    number: Count
    learning_rate: Positive
    r: Count
    seed: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialMeasured(Event):
    """`loss` on the held-out examples, of the trial that was begun last."""

    step: Count
    loss: float


TrialState = Literal["complete", "pruned", "diverged", "cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnded(Event):
    """`loss` is the last that was measured, None where it is no number. `nll` is the sum over the tokens of each
    held-out example. A trial is pruned where it is hopeless beside the others, and cut where the budget ends."""

    state: TrialState
    loss: float | None
    steps: Count
    seconds: Seconds
    nll: tuple[float, ...] = ()


Early = Literal["", "learned", "time", "overfit", "again"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """`early` says why not all steps were taken: everything was learned, the time of a quick run was over, the held-out
    loss had turned up, or the run that this one repeats ended there. `kept` is the step whose adapter was saved, 0 for
    the last."""

    steps: Count
    train_loss: float
    seconds: Seconds
    tokens_per_second: Amount
    peak_memory: Count
    early: Early = ""
    kept: Count = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStopped(RunFinished):
    """Ended early because the user asked; the adapter holds what was learned up to then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed(Event):
    """`error` is a sentence for the user; `bug` is the traceback where the fault was ours. `kept` is the step whose
    adapter was saved all the same, 0 where none was."""

    error: str
    bug: str | None = None
    kept: Count = 0


_PROGRESS = (RunQueued, Downloading, RunStarted, StepLogged, EvalLogged, SampleLogged, CheckpointSaved, Checked)
_MEMORY = (DryStepBegun, DryStepPassed, RunHealed)
_SEARCH = (SearchPlanned, TrialBegun, TrialMeasured, TrialEnded)
_BREAKS = (RunPaused, RunInterrupted, RunResumed)
_ENDS = (RunFinished, RunStopped, RunFailed)
_READERS = {cls.__name__: TypeAdapter(cls) for cls in (*_PROGRESS, *_MEMORY, *_SEARCH, *_BREAKS, *_ENDS)}


def dumps(event: Event) -> str:
    """One line of events.jsonl, without its newline."""
    return json.dumps({"event": type(event).__name__, **dataclasses.asdict(event)}, ensure_ascii=False)


def loads(line: str) -> Event | None:
    """The event of one line; None where the line is torn, damaged, or of a kind that this version does not know."""
    try:
        return _READERS[json.loads(line)["event"]].validate_json(line, strict=True)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
