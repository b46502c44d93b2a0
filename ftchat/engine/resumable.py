"""A trainer that goes on, to the bit, from any of its checkpoints. Knows nothing of runs or of how it was set up.

A checkpoint holds what the learner keeps of itself, with which it can answer in chat, then optimizer, schedule, random
states and position as transformers keeps them, and the reporter's own numbers. An evaluation that a break cut off is
made good later.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
import traceback
from pathlib import Path
from typing import Any

from transformers.trainer import TRAINER_STATE_NAME

from ftchat.engine import checkpoints
from ftchat.engine.checkpoints import Checkpoint
from ftchat.engine.learners import Learner
from ftchat.engine.learning import LearnerTrainer
from ftchat.engine.reporter import Reporter

_PROGRESS = "progress.json"


class ResumableTrainer(LearnerTrainer):
    def __init__(self, learner: Learner, reporter: Reporter, **arguments: Any):
        super().__init__(learner, reporter, **arguments)
        self._reporter = reporter

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
        traceback.clear_frames(error.__traceback__)  # which hold the activations of the step
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

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self.checkpoint()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self._learner.restore(Path(resume_from_checkpoint))

    def _evaluate(self, *arguments: Any, **more: Any) -> Any:
        if self._reporter.checkpoint_before_evaluation:
            self.checkpoint()
        owed = self._reporter.evaluation_owed
        metrics = super()._evaluate(*arguments, **more)
        if owed:
            loss = self._reporter.held_out_loss(self.state.global_step)
            checkpoints.note_loss(Path(self.args.output_dir), self.state.global_step, loss)
        return metrics
