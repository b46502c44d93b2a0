"""One short training that is judged by its held-out loss and then forgotten. Knows nothing of why it is tried.

It is what a run with the same resolved config is, step for step, but for its checkpoints and its sample replies.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, set_seed

from ftchat.engine import methods
from ftchat.engine.checks import base_left_as_it_was
from ftchat.engine.learning import LearnerTrainer
from ftchat.engine.memory import sparing
from ftchat.engine.models import Resident
from ftchat.engine.reporter import Asked
from ftchat.engine.template import Encoded
from ftchat.engine.train import start_from, trainer_parts
from ftchat.events import TrialState
from ftchat.records import ResolvedConfig
from ftchat.runs import Run


@dataclass(eq=False)
class Watch(TrainerCallback):
    """What a trial tells on its way, and what ends it: `pulse` as in a run; `measured` is told each step's held-out
    loss and says whether to give it up; where one more step like the last would be over after `ends`, in monotonic
    seconds, it is cut."""

    pulse: Callable[[], Asked]
    measured: Callable[[int, float], bool]
    ends: float
    asked: Asked = ""
    state: TrialState = "complete"
    curve: list[tuple[int, float]] = field(default_factory=list)
    _before: float = field(default_factory=time.monotonic)

    def on_substep_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._look_up(state, control)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._look_up(state, control)
        self._before = time.monotonic()  # so that what is measured after a step counts as well

    def on_prediction_step(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.asked = self.asked or self.pulse()

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any) -> None:
        if not all(math.isfinite(logs[name]) for name in ("loss", "eval_loss") if name in logs):
            self._end("diverged", control)
        elif "eval_loss" in logs:
            self.curve.append((state.global_step, logs["eval_loss"]))
            if self.measured(*self.curve[-1]) and state.global_step < state.max_steps:
                self._end("pruned", control)

    def _look_up(self, state: TrainerState, control: TrainerControl) -> None:
        self.asked = self.asked or self.pulse()
        now = time.monotonic()
        late = state.global_step < state.max_steps and 2 * now - self._before > self.ends
        if self.asked or late:
            self._end("cut", control)

    def _end(self, state: TrialState, control: TrainerControl) -> None:
        self.state = state
        control.should_training_stop, control.should_evaluate = True, False


@dataclass(frozen=True, slots=True)
class Outcome:
    """`nll` of each held-out row."""

    state: TrialState
    asked: Asked
    loss: float | None
    steps: int
    nll: Sequence[float]


def attempt(
    run: Run,
    resident: Resident,
    resolved: ResolvedConfig,
    rows: Sequence[Encoded],
    held_out: Sequence[Encoded],
    watch: Watch,
    base_too: bool = False,
) -> Outcome:
    """Trains on `rows`, measures on `held_out`, and leaves nothing behind. `base_too`: also before the first step."""
    set_seed(resolved.seed)
    learner = resident.teach(lambda: methods.learner(run.id, resolved, resident))
    try:
        start_from(run, learner)
        again = resolved.gradient_checkpointing
        with base_left_as_it_was(resident, again), sparing(again):
            learner.plan(resolved.max_steps)
            trainer = LearnerTrainer(
                watcher=watch, **trainer_parts(run.checkpoints, resident, resolved, rows, held_out, watch.pulse)
            )
            trainer.args.eval_on_start = base_too
            trainer.train()
            step = trainer.state.global_step
            if watch.state == "complete" and (not watch.curve or watch.curve[-1][0] < step):
                trainer.evaluate()
    finally:
        resident.detach(run.id)
    loss = watch.curve[-1][1] if watch.state != "diverged" and watch.curve and watch.curve[-1][0] else None
    return Outcome(watch.state, watch.asked, loss, step, trainer.held_out_nll)
