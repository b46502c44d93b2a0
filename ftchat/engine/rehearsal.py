"""The dry step: one real step on the longest batch before a run commits to its size, measured and then undone.

Knows nothing of histories. Weights, optimizer and random state are as before when it returns.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from ftchat.engine.divergence import no_number
from ftchat.engine.loading import computes_in_float16, half
from ftchat.engine.memory import Meter
from ftchat.engine.models import Resident
from ftchat.engine.packing import packed
from ftchat.engine.template import Encoded
from ftchat.engine.trainer import answer_loss
from ftchat.errors import TrainingError
from ftchat.records import ResolvedConfig

_TRAINER_OVERHEAD = 1.3  # allowed for a step of the trainer over bare forward and backward


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`memory`: bytes at the peak, above the idle process. `seconds` that an optimizer step takes on the average."""

    memory: int
    seconds: float


def rehearse(
    resident: Resident, resolved: ResolvedConfig, rows: Sequence[Encoded], meter: Meter, timed: bool
) -> Rehearsal:
    """The longest batch tells the memory. `timed`: the seconds are to be exact, of a batch of rows of all lengths,
    the faster of two; otherwise they are reckoned from the longest one's. TrainingError where its loss is no number."""
    assert resident.peft is not None
    on_gpu = resident.device.type == "cuda"
    trained = [parameter for parameter in resident.peft.parameters() if parameter.requires_grad]
    batch, by_length = resolved.per_device_train_batch_size, sorted(rows, key=lambda row: len(row.ids))
    longest = by_length[-batch:]
    with torch.random.fork_rng(), _checkpointing(resident, resolved.gradient_checkpointing):
        resident.peft.train()
        meter.mark()
        try:
            # At a rate of 0 the weights stay where they are.
            optimizer = torch.optim.AdamW(trained, lr=0.0, weight_decay=0.0, fused=on_gpu or None)
            for parameter in trained:
                parameter.grad = torch.zeros_like(parameter)
            optimizer.step()  # so that its two numbers a weight are there, as in every step but the first
            optimizer.zero_grad()
            for _ in range(1 if on_gpu else 2):  # on a CPU a heap fills with holes from the second pass on
                seconds, loss = _pass(resident, longest, resolved.packing)
            if not math.isfinite(loss):
                float16 = computes_in_float16(resident.device)
                raise TrainingError(no_number(resolved.base, 0, resolved.learning_rate, float16))
            began = time.monotonic()
            if all(p.grad is None or p.grad.isfinite().all() for p in trained):  # else zero times it is no number
                optimizer.step()
            if on_gpu:
                torch.cuda.synchronize()
            seconds += time.monotonic() - began
            memory = meter.since_mark - meter.idle
            if timed:
                mixed = [by_length[i * len(by_length) // batch] for i in range(batch)]
                seconds = min(_pass(resident, mixed, resolved.packing)[0] for _ in range(2))
            else:
                mean = sum(len(row.ids) for row in rows) / len(rows)
                seconds *= mean / len(longest[-1].ids)
        finally:
            for parameter in trained:
                parameter.grad = None
    return Rehearsal(memory, seconds * resolved.gradient_accumulation_steps * _TRAINER_OVERHEAD)


def _pass(resident: Resident, rows: Sequence[Encoded], packing: bool) -> tuple[float, float]:
    """Seconds of a forward and backward pass, and its loss."""
    assert resident.peft is not None
    collate = DataCollatorForLanguageModeling(pad_token_id=resident.template.end_id)
    tensors = collate([{"input_ids": list(row.ids), "labels": row.labels} for row in rows])
    tensors = {name: tensor.to(resident.device) for name, tensor in tensors.items()}
    for parameter in resident.peft.parameters():
        parameter.grad = None
    began = time.monotonic()
    with _autocast(resident.device):
        loss = answer_loss(resident.peft, packed(tensors) if packing else tensors)
    loss.backward()
    if resident.device.type == "cuda":
        torch.cuda.synchronize()
    return time.monotonic() - began, loss.item()


def _autocast(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """As the trainer has it."""
    if device.type != "cuda":
        return contextlib.nullcontext()
    return torch.autocast("cuda", half())


@contextmanager
def _checkpointing(resident: Resident, wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    model = resident.peft
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    try:
        yield
    finally:
        model.gradient_checkpointing_disable()
        model.disable_input_require_grads()
