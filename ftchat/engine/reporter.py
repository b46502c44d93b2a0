"""What a run reports while the trainer runs, step by step. Knows nothing of how the trainer was made."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState

from ftchat.errors import TrainingError
from ftchat.events import EvalLogged, StepLogged
from ftchat.records import ResolvedConfig
from ftchat.runs import Run

_EVERY_STEP_UP_TO = 2000  # steps; a longer run's history is thinned by time
_SECONDS_BETWEEN = 0.5


class Reporter(TrainerCallback):
    """Writes the history while the trainer runs, and lets chat in between steps."""

    def __init__(self, run: Run, device: torch.device, resolved: ResolvedConfig, pulse: Callable[[], bool]):
        self._run, self._device, self._resolved, self._pulse = run, device, resolved, pulse
        self.stopped = False
        self.early: Literal["", "learned", "time"] = ""
        self.tokens = 0
        self.training_seconds = 0.0
        self.peak_memory = 0
        self._losses: deque[float] = deque(maxlen=max(1, round(resolved.max_steps / resolved.num_train_epochs)))
        self._tokens_before = 0
        self._since = time.monotonic()
        self._elsewhere = 0.0  # seconds given to chat and evaluation since the last log

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._since = time.monotonic()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._let_chat_in(control)

    def on_substep_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._let_chat_in(control)

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any) -> None:
        if "eval_loss" in logs:
            self._run.append(EvalLogged(step=state.global_step, loss=logs["eval_loss"]))
            self._since = time.monotonic()
        if "loss" not in logs:
            return
        self._losses.append(logs["loss"])
        if state.global_step < self._resolved.max_steps:
            self.early = "learned" if self._learned() else "time" if self._late() else ""
        if self.early or not math.isfinite(logs["loss"]):
            control.should_training_stop = True
        now = time.monotonic()
        last = state.global_step >= self._resolved.max_steps or control.should_training_stop
        if self._resolved.max_steps > _EVERY_STEP_UP_TO and now - self._since < _SECONDS_BETWEEN and not last:
            return
        seconds = max(now - self._since - self._elsewhere, 1e-9)
        self.tokens = int(logs.get("num_tokens", 0))
        fresh, self._tokens_before = self.tokens - self._tokens_before, self.tokens
        self._since, self._elsewhere = now, 0.0
        self.training_seconds += seconds
        memory = memory_used(self._device)
        self.peak_memory = max(self.peak_memory, memory)
        self._run.append(
            StepLogged(
                step=state.global_step,
                loss=logs["loss"],
                learning_rate=logs.get("learning_rate", 0.0),
                grad_norm=float(logs.get("grad_norm", 0.0)),
                epoch=logs.get("epoch", 0.0),
                tokens_per_second=fresh / seconds,
                memory=memory,
            )
        )

    def raise_if_diverged(self) -> None:
        if self._losses and not math.isfinite(self._losses[-1]):
            raise TrainingError(
                f"the loss is no longer a number: the learning rate {self._resolved.learning_rate:g} is too high for "
                "this model; try a third of it"
            )

    def _learned(self) -> bool:
        """Whether the last whole epoch was below the loss that is enough."""
        full = len(self._losses) == self._losses.maxlen
        return full and sum(self._losses) / len(self._losses) < self._resolved.target_loss

    def _late(self) -> bool:
        return 0 < self._resolved.time_limit < self.training_seconds

    def _let_chat_in(self, control: TrainerControl) -> None:
        began = time.monotonic()
        if self._pulse():
            self.stopped = control.should_training_stop = True
        self._elsewhere += time.monotonic() - began


def memory_used(device: torch.device) -> int:
    """Bytes: the peak of the GPU's tensors, or this process's resident memory."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else psutil.Process().memory_info().rss
