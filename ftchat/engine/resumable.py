"""A trainer that goes on, to the bit, from any of its checkpoints. Knows nothing of runs or of how it was set up.

A checkpoint holds what the learner keeps of itself, with which it can answer in chat, then optimizer, schedule, random
states and position as transformers keeps them, and the reporter's own numbers. Evaluation draws no random numbers of
the run's, so one that a break cut off can be made good later.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_pt_utils import LengthGroupedSampler

from ftchat.engine import checkpoints
from ftchat.engine.checkpoints import Checkpoint
from ftchat.engine.learners import Learner
from ftchat.engine.reporter import Reporter
from ftchat.engine.trainer import AnswerTrainer

_PROGRESS = "progress.json"


class ResumableTrainer(AnswerTrainer):
    def __init__(self, learner: Learner, reporter: Reporter, **arguments: Any):
        super().__init__(callbacks=[_Stepping(learner), reporter], **arguments)
        self._learner, self._reporter = learner, reporter

    def begin(self, checkpoint: Checkpoint | None) -> None:
        """Trains to the end, from the checkpoint where there is one. Where that is the end, nothing is trained."""
        if checkpoint is not None:
            self._reporter.restore(json.loads((checkpoint.folder / _PROGRESS).read_text("utf-8")))
            self._total_train_tokens = self._reporter.tokens
            self.args.eval_on_start = False
            if self._reporter.complete or self._reporter.evaluation_owed:
                self._learner.restore(checkpoint.folder)
                self.state.global_step = checkpoint.step
                if self._reporter.evaluation_owed:
                    self._evaluate(None, None)
            if self._reporter.complete:  # maybe by what was measured just now
                return
        self.train(resume_from_checkpoint=str(checkpoint.folder) if checkpoint else None)

    def checkpoint(self) -> None:
        """Saves one of the step that was taken last; weights that are no numbers any more are not worth it."""
        if not all(tensor.isfinite().all() for tensor in self._learner.tensors().values()):
            return
        began = time.monotonic()
        loss = self._reporter.held_out_loss(self.state.global_step)
        checkpoints.save(Path(self.args.output_dir), self.state.global_step, loss, self._write)
        self._reporter.checkpoint_saved(self.state.global_step, time.monotonic() - began)

    def save_after(self, error: Exception) -> None:
        """Memory was full in the middle of a step: saves what was learned up to the step before, if it still stands."""
        self.model.zero_grad(set_to_none=True)
        updating = any("optim" in Path(frame.filename).parts for frame in traceback.extract_tb(error.__traceback__))
        if 0 < self.state.global_step == self._reporter.step and not updating:
            with contextlib.suppress(Exception):  # there may be no memory for that either
                self.checkpoint()

    def _write(self, folder: Path) -> None:
        self._learner.checkpoint(folder)
        self._save_optimizer_and_scheduler(str(folder))
        self._save_scaler(str(folder))
        self._save_rng_state(str(folder))
        # The history has the logs; here they would grow with every step.
        dataclasses.replace(self.state, log_history=[]).save_to_json(str(folder / TRAINER_STATE_NAME))
        (folder / _PROGRESS).write_text(json.dumps(self._reporter.progress(), indent=1), "utf-8")

    # What transformers calls

    def compute_loss(self, model: Any, inputs: Any, *arguments: Any, **more: Any) -> torch.Tensor:
        loss = super().compute_loss(model, inputs, *arguments, **more)
        penalty = self._learner.penalty() if self.model.training else None
        if penalty is None:
            return loss
        share = penalty / self.args.gradient_accumulation_steps
        return loss + (share - share.detach())  # its gradient; the loss that is shown is that of the answers

    def create_scheduler(self, *arguments: Any, **more: Any) -> Any:
        schedule = super().create_scheduler(*arguments, **more)
        factors = [_times(factor, self._learner.rate) for factor in schedule.lr_lambdas]
        schedule.lr_lambdas = factors
        return schedule

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self.checkpoint()

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        lengths = [len(ids) for ids in self.train_dataset["input_ids"]]
        rows = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return _Grouped(rows, lengths=lengths, seed=self.args.data_seed)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self._learner.restore(Path(resume_from_checkpoint))

    def _evaluate(self, *arguments: Any, **more: Any) -> Any:
        if self._reporter.checkpoint_before_evaluation:
            self.checkpoint()
        owed = self._reporter.evaluation_owed
        with torch.random.fork_rng():
            metrics = super()._evaluate(*arguments, **more)
        if owed:
            loss = self._reporter.held_out_loss(self.state.global_step)
            checkpoints.note_loss(Path(self.args.output_dir), self.state.global_step, loss)
        return metrics


class _Stepping(TrainerCallback):
    """Tells the learner of each step."""

    def __init__(self, learner: Learner):
        self._learner = learner

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._learner.before_step(state.global_step)

    def on_optimizer_step(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._learner.after_step(state.global_step)


class _Grouped(LengthGroupedSampler):
    """Rows of like length together, in an order that depends on the seed and the epoch alone: transformers' own draws
    it from the random state of the moment, which a resumed run has not."""

    def __init__(self, rows: int, lengths: list[int], seed: int):
        super().__init__(rows, lengths=lengths, generator=torch.Generator())
        self._seed, self._epoch = seed, 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self.generator.manual_seed(self._seed + self._epoch)
        return super().__iter__()


def _times(one: Callable[[int], float], other: Callable[[int], float]) -> Callable[[int], float]:
    return lambda step: one(step) * other(step)
