"""A trainer of whatever a learner trains, with its rates, its penalty and its stages. Knows nothing of checkpoints.

Evaluation draws no random numbers of the run's, so it may come at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_pt_utils import LengthGroupedSampler

from ftchat.engine.learners import Learner
from ftchat.engine.trainer import AnswerTrainer


class LearnerTrainer(AnswerTrainer):
    def __init__(
        self,
        learner: Learner,
        watcher: TrainerCallback,
        smoothing: float = 0.0,
        packing: bool = False,
        **arguments: Any,
    ):
        super().__init__(callbacks=[_Stepping(learner), watcher], **arguments)
        self.remove_callback(PrinterCallback)
        self._learner, self.smoothing, self.packing = learner, smoothing, packing

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

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        lengths = [len(ids) for ids in self.train_dataset["input_ids"]]
        rows = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return _Grouped(rows, lengths=lengths, seed=self.args.data_seed)

    def _evaluate(self, *arguments: Any, **more: Any) -> Any:
        with torch.random.fork_rng():
            return super()._evaluate(*arguments, **more)


class _Stepping(TrainerCallback):
    """Tells the learner of each step."""

    def __init__(self, learner: Learner):
        self._learner = learner

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._learner.step = state.global_step
        self._learner.before_step(state.global_step)

    def on_optimizer_step(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._learner.after_step(state.global_step)
        self._learner.step = state.global_step + 1


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
