"""What a run reports while the trainer runs, step by step, and when it is saved. Knows nothing of how the trainer was
made, nor of what a checkpoint holds beside its own numbers.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState

from ftchat.engine.divergence import exploded, no_number
from ftchat.engine.loading import computes_in_float16
from ftchat.engine.memory import Meter, memory_used
from ftchat.engine.samples import Sampler
from ftchat.engine.trackers import Tracker
from ftchat.events import CheckpointSaved, Early, EvalLogged, Event, StepLogged
from ftchat.records import ResolvedConfig
from ftchat.runs import Run

Asked = Literal["", "stop", "pause", "interrupt"]  # of a run that trains; the last is a process told to end

SAVE_AFTER = 45.0  # seconds of work since the last checkpoint; with the step and the writing, 60 at most
_EVERY_STEP_UP_TO = 2000  # steps; a longer run's history is thinned by time
_SECONDS_BETWEEN = 0.5
_EXPLODED = 2.0  # times the loss of a model that guesses every token
_EXPLODED_STEPS = 10  # in a row


class Reporter(TrainerCallback):
    """Writes the history while the trainer runs, lets chat in between steps, and asks for checkpoints.

    `pulse` says what is wanted of the run. `vocabulary` is the size of the vocabulary.
    """

    def __init__(
        self,
        run: Run,
        meter: Meter,
        resolved: ResolvedConfig,
        pulse: Callable[[], Asked],
        vocabulary: int,
        sampler: Sampler,
        tracker: Tracker,
    ):
        self._run, self._meter, self._resolved, self._pulse = run, meter, resolved, pulse
        self._sampler, self._tracker = sampler, tracker
        self._too_high = _EXPLODED * math.log(vocabulary)
        self.asked: Asked = ""
        self.early: Early = ""
        self.step = 0
        self.tokens = 0
        self.training_seconds = 0.0
        self._peak_before = 0  # of the processes that trained it up to here
        self.evaluation_owed = False  # of the step that was taken last
        self.checkpoint_before_evaluation = False
        self._losses: deque[float] = deque(maxlen=max(1, round(resolved.max_steps / resolved.num_train_epochs)))
        self._loss_sum = 0.0
        self._high = 0  # steps in a row
        self._evaluated: tuple[int, float] | None = None  # step and loss of the last evaluation
        self._best = math.inf
        self._since_best = 0  # evaluations
        self._tokens_before = 0
        self._since = self._saved = self._step_began = time.monotonic()
        self._elsewhere = 0.0  # seconds given to chat, evaluation and checkpoints since the last log
        self._evaluation_seconds = 0.0

    @property
    def complete(self) -> bool:
        """Whether no step is left to take."""
        return self.step >= self._resolved.max_steps or bool(self.early)

    @property
    def peak_memory(self) -> int:
        """The most bytes in use while it trained, in whichever process."""
        return max(self._peak_before, self._meter.peak)

    @property
    def train_loss(self) -> float:
        """The mean over all steps."""
        return self._loss_sum / max(1, self.step)

    @property
    def diverged(self) -> str:
        """What went wrong with the loss, if something did."""
        if self._losses and not math.isfinite(self._losses[-1]):
            float16 = computes_in_float16(self._meter.device)
            return no_number(self._resolved.base, self.step, self._resolved.learning_rate, float16)
        return exploded(self.step, self._resolved.learning_rate) if self._high >= _EXPLODED_STEPS else ""

    def held_out_loss(self, step: int) -> float | None:
        return self._evaluated[1] if self._evaluated and self._evaluated[0] == step else None

    # Its part of a checkpoint

    def progress(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "early": self.early,
            "tokens": self.tokens,
            "training_seconds": self.training_seconds,
            "peak_memory": self.peak_memory,
            "evaluation_owed": self.evaluation_owed,
            "losses": list(self._losses),
            "loss_sum": self._loss_sum,
            "high": self._high,
            "best": self._best,
            "since_best": self._since_best,
            "sampled_seconds": self._sampler.seconds,
        }

    def restore(self, progress: dict[str, Any]) -> None:
        self.step, self.early = progress["step"], progress["early"]
        self.tokens = self._tokens_before = progress["tokens"]
        self.training_seconds, self._peak_before = progress["training_seconds"], progress["peak_memory"]
        self.evaluation_owed = progress["evaluation_owed"]
        self._losses.extend(progress["losses"])
        self._loss_sum, self._high, self._best = progress["loss_sum"], progress["high"], progress["best"]
        self._since_best, self._sampler.seconds = progress.get("since_best", 0), progress.get("sampled_seconds", 0.0)

    def checkpoint_saved(self, step: int, seconds: float) -> None:
        loss = self.held_out_loss(step)
        self._run.append(CheckpointSaved(step=step, best=loss is not None and loss == self._best))
        self._saved = time.monotonic()
        self._elsewhere += seconds

    # What the trainer calls

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._since = self._saved = self._step_began = time.monotonic()

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._step_began = time.monotonic()

    def on_substep_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Half a step cannot be gone on from: whoever asks for a break gets it at the step's end."""
        if self._let_chat_in() == "stop":
            control.should_training_stop = True

    def on_prediction_step(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._let_chat_in()  # what is asked of the run is heard again at the next step's end

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        now = time.monotonic()
        at_risk, step_seconds = now - self._saved, now - self._step_began
        asked = self._let_chat_in()
        if not asked and self._sampler.due(self.training_seconds, step_seconds):
            began, before = time.monotonic(), self._elsewhere
            self._sampler.sample(state.global_step, self.training_seconds, self._let_chat_in)
            self._elsewhere = before + time.monotonic() - began
        self.evaluation_owed = self.checkpoint_before_evaluation = False
        if asked:
            control.should_training_stop = True
        if asked in ("pause", "interrupt") and state.global_step < self._resolved.max_steps:
            control.should_save = True
            self.evaluation_owed, control.should_evaluate = control.should_evaluate, False
        elif at_risk + step_seconds > SAVE_AFTER or self._save_at(state.global_step):
            control.should_save = True
        elif control.should_evaluate and at_risk + self._evaluation_seconds > SAVE_AFTER:
            self.checkpoint_before_evaluation = self.evaluation_owed = True

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any) -> None:
        if "eval_loss" in logs:
            self._measured(state.global_step, logs["eval_loss"], control)
        if "loss" not in logs:
            return
        self.step = state.global_step
        self._losses.append(logs["loss"])
        self._loss_sum += logs["loss"]
        self._high = self._high + 1 if logs["loss"] > self._too_high else 0
        if self.step < self._resolved.max_steps:
            again = self.step == self._resolved.last_step
            self.early = "learned" if self._learned() else "time" if self._late() else "again" if again else ""
        if self.early:
            control.should_training_stop = True
        if self.diverged:
            control.should_training_stop, control.should_save, control.should_evaluate = True, False, False
        now = time.monotonic()
        last = self.step >= self._resolved.max_steps or control.should_training_stop
        self.tokens = int(logs.get("num_tokens", 0))
        if self._resolved.max_steps > _EVERY_STEP_UP_TO and now - self._since < _SECONDS_BETWEEN and not last:
            return
        seconds = max(now - self._since - self._elsewhere, 1e-9)
        fresh, self._tokens_before = self.tokens - self._tokens_before, self.tokens
        self._since, self._elsewhere = now, 0.0
        self.training_seconds += seconds
        self._log(
            StepLogged(
                step=state.global_step,
                loss=logs["loss"],
                learning_rate=logs.get("learning_rate", 0.0),
                grad_norm=float(logs.get("grad_norm", 0.0)),
                epoch=logs.get("epoch", 0.0),
                tokens_per_second=fresh / seconds,
                memory=memory_used(self._meter.device),
            )
        )

    def _log(self, event: Event) -> None:
        self._run.append(event)
        self._tracker.follow(event)

    def _measured(self, step: int, loss: float, control: TrainerControl) -> None:
        """After an evaluation. The best so far is kept; that before training, at step 0, is nothing to keep. When the
        loss has turned up for long enough, training ends."""
        self._log(EvalLogged(step=step, loss=loss))
        self._evaluated = (step, loss)
        self.evaluation_owed = False
        if step and loss < self._best:
            self._best, self._since_best = loss, 0
            control.should_save = True
        elif step:
            self._since_best += 1
            if 0 < self._resolved.early_stopping_patience <= self._since_best and step < self._resolved.max_steps:
                self.early = "overfit"
                control.should_training_stop = True
        if step and self._sampler.held_out:
            self._sampler.sample(step, self.training_seconds, self._let_chat_in)
        now = time.monotonic()
        self._evaluation_seconds = now - self._since - self._elsewhere
        self._since, self._elsewhere = now, 0.0

    def _save_at(self, step: int) -> bool:
        return bool(self._resolved.save_steps) and step % self._resolved.save_steps == 0

    def _learned(self) -> bool:
        """Whether the last whole epoch was below the loss that is enough."""
        full = len(self._losses) == self._losses.maxlen
        return full and sum(self._losses) / len(self._losses) < self._resolved.target_loss

    def _late(self) -> bool:
        return 0 < self._resolved.time_limit < self.training_seconds

    def _let_chat_in(self) -> Asked:
        if self._meter.device.type == "cuda":
            torch.cuda.synchronize()  # the step is over when its kernels are: chat is not to pay for them
        began = time.monotonic()
        self.asked = self._pulse()
        self._elsewhere += time.monotonic() - began
        return self.asked
