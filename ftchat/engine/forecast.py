"""What a run will take of memory and time, told from its base and its data. Knows nothing of histories.

The tensors of a step are counted by `estimate`; what a process takes beyond them was measured, as was how much longer a
step takes than a forward pass.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import time
import weakref
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from ftchat.catalogue import smaller
from ftchat.data import DatasetStore, outlook, split_key
from ftchat.engine import methods
from ftchat.engine.counting import Counting
from ftchat.engine.encoding import at_least_one, encoding, within
from ftchat.engine.estimate import Needed, Step, needed
from ftchat.engine.memory import Meter
from ftchat.engine.models import Resident
from ftchat.engine.packing import layout, width
from ftchat.engine.resolve import Facts, padded_length, resolve
from ftchat.engine.template import Encoded
from ftchat.engine.trainer import answer_loss
from ftchat.records import STARTER, Badge, Estimate, ResolvedConfig, RunConfig
from ftchat.settings import COPIES

# What a process on a CPU takes beyond tensors: code, tables and lists of tokens, in bytes, and holes in the heap of its
# allocator, in parts of the most that lies there. A layer's adapter makes holes, for what it frees is of one size, into
# which glibc puts no aligned tensor of that size. Measured as growth over the idle process, on four bases.
_CPU_PROCESS = 45_000_000
_CPU_HOLES = {True: 0.6, False: 0.2}  # whether layers have adapters
# What cuBLAS takes of PyTorch's allocator for the threads of the forward and the backward pass: on GPUs before Hopper,
# and since. So it stands in PyTorch's source; it was not measured.
_WORKSPACE = {False: 2 * 8_519_680, True: 2 * 33_554_432}
_GPU_USABLE = 0.9  # of its memory; the rest goes to what its allocator cannot use
_BACKWARD = 2.0  # times a forward pass; the frozen weights need no gradients of their own
_TRAINER = 1.15  # times the passes of a step: the optimizer, and what the trainer does beside
_KEPT = 4  # splits whose count is kept
_TIMED_ROWS = 8
_TIMED_TOKENS = 1024  # of these rows, fewer of a model that is slow
_TIMED_WORK = 2e10  # weights times tokens, a second or less on most machines
_SHORTEST = 16  # tokens of a length that is still worth proposing


def facts_of(resident: Resident, method: str, sizes: tuple[int, int, int], lengths: Sequence[int]) -> Facts:
    """`sizes` of the run's sides."""
    learned, held_out, replayed = sizes
    return Facts(
        device=resident.device.type,
        precision=resident.precision,
        method=method,
        threads=torch.get_num_threads(),
        parameters=resident.info.parameters,
        context=resident.context,
        examples=learned,
        held_out=held_out,
        replayed=replayed,
        lengths=lengths,
        target_modules=resident.target_modules(),
        layers=resident.model.config.get_text_config(decoder=True).num_hidden_layers,
        keeps_apart=resident.keeps_apart,
    )


class Forecaster:
    """Estimates for runs on the resident base. Keeps what was counted of the last data, so that another setting costs
    no second look at it: a version of a dataset never changes, and what another base counted is forgotten."""

    def __init__(self, meter: Meter, datasets: DatasetStore):
        self._meter, self._datasets = meter, datasets
        self._counted: dict[Hashable, _Counted] = {}
        self._base: Callable[[], Resident | None] = lambda: None  # that it was counted with, as long as it is there

    def estimate(
        self,
        config: RunConfig,
        method: str,
        precision: str,
        resident: Resident,
        idle: Callable[[], bool],
    ) -> Counting[Estimate]:
        """`idle`: whether nothing else uses the model, so that it can be timed. Gives way between its parts."""
        known = yield from self._known(config, resident)
        rows = at_least_one(known.rows, known.looked_at)
        if not known.speed and idle():
            known.speed = _forward_seconds(resident, rows)
        speed = known.speed
        lengths = [len(row.ids) for row in rows]
        times = max(1, round(known.sizes[0] / known.looked_at))
        facts = facts_of(resident, method, known.sizes, lengths * times)
        draft = resolve(config, facts)
        seconds = _step_seconds(draft, lengths, speed) if speed else None
        resolved = resolve(config, facts, seconds)
        found = yield from memory_of(resident, resolved, rows, precision)
        usable = self._meter.available * (_GPU_USABLE if resident.device.type == "cuda" else 1.0)
        badge: Badge = "fits" if found.total <= usable else "too_big"
        if badge == "too_big" and precision != "nf4" and resolved.method not in COPIES:
            packed = yield from memory_of(resident, resolved, rows, "nf4")
            badge = "fits_qlora" if packed.total <= usable else badge
        return Estimate(
            resolved=resolved,
            base=found.base,
            adapter=found.adapter,
            step=found.step,
            process=found.process,
            available=int(usable),
            fit=badge,
            seconds=seconds and _whole_time(resolved, seconds),
            ends_early=resolved.target_loss > 0,
        )

    def _known(self, config: RunConfig, resident: Resident) -> Counting[_Counted]:
        """What was counted of the data of this run."""
        for dataset in config.datasets:
            self._datasets.info(dataset)  # says so where it is gone
        if self._base() is not resident:
            self._base, self._counted = weakref.ref(resident), {}
        key = split_key(config)
        known = self._counted.pop(key, None)
        if known is None:
            sizes, sample = outlook(self._datasets, config)
            yield
            known = _Counted(sizes, len(sample), (yield from encoding(resident, sample)))
        self._counted[key] = known
        while len(self._counted) > _KEPT:
            del self._counted[next(iter(self._counted))]
        return known


@dataclass
class _Counted:
    """Of the data of runs: the sizes of its sides, how many of the examples learned were looked at, their tokens, and
    the seconds of a forward pass per token; 0 where they are not known."""

    sizes: tuple[int, int, int]
    looked_at: int
    rows: list[Encoded]
    speed: float = 0.0


def memory_of(
    resident: Resident, resolved: ResolvedConfig, rows: Sequence[Encoded], precision: str = ""
) -> Counting[Taken]:
    """Of a run on these rows with this config, in a precision of the base if it is not the run's own."""
    by_length = sorted(within(rows, resolved.max_length), key=lambda row: len(row.ids))
    batch = by_length[-resolved.per_device_train_batch_size :]
    learned = sum(sum(row.trained) for row in batch)
    lengths = [len(row.ids) for row in batch]
    packed = layout(lengths) if resolved.packing else [[place] for place in range(len(batch))]
    adapter = methods.layer_config(resolved, resident)
    put_on = sorted(map(str, adapter.to_dict().items())) if adapter else ""
    step = Step(
        precision or resolved.precision,
        len(packed),
        width(lengths, packed) + resolved.num_virtual_tokens,
        learned,
        resolved.gradient_checkpointing,
        resident.device.type,
        methods.copies(resolved),
        through=2 * resolved.trainable_layers,
    )
    traced = _traced(f"{resident.model.config.to_json_string()} {put_on}", step)
    if not traced:
        traced.append((yield from needed(resident.model.config, adapter, step)))
    found = traced[0]
    if resident.device.type == "cuda":
        process = _WORKSPACE[torch.cuda.get_device_capability()[0] >= 9]
    else:
        holes = 0.0 if resolved.gradient_checkpointing else _CPU_HOLES[bool(adapter)]
        process = _CPU_PROCESS + round(holes * found.heap)
    return Taken(found.base, found.adapter, found.step, process)


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes, as in an Estimate."""

    base: int
    adapter: int
    step: int
    process: int

    @property
    def total(self) -> int:
        return self.base + self.adapter + self.step + self.process


@functools.lru_cache(maxsize=256)
def _traced(model: str, step: Step) -> list[Needed]:
    """Where what is found of a model with its adapter, as they are written, is kept."""
    return []


def way_out(resident: Resident, resolved: ResolvedConfig, rows: Sequence[Encoded], meter: Meter) -> Counting[str]:
    """What to do where not even this fits: a shorter length, or a smaller model of the catalogue."""
    here = (yield from memory_of(resident, resolved, rows)).total
    room = min(meter.available, here - 1)
    ways = []
    length = max(len(row.ids) for row in within(rows, resolved.max_length))
    while length >= 2 * _SHORTEST:
        length //= 2
        kept = within(rows, length)
        shorter = dataclasses.replace(resolved, max_length=length)
        if kept and (yield from memory_of(resident, shorter, kept)).total <= room:
            ways.append(f"set max_length to {length}")
            break
    if offer := smaller(resident.info.parameters, resident.device.type, room):
        ways.append(f"choose the smaller model {offer.id}")
    elif resident.name != STARTER:
        ways.append("choose the starter")
    return ", or ".join(ways) or "close other programs, or use a machine with more memory"


def _forward_seconds(resident: Resident, rows: Sequence[Encoded]) -> float:
    """Seconds of a forward pass per token, on a few rows of all lengths; the faster of two."""
    tokens = max(_TIMED_ROWS, min(_TIMED_TOKENS, int(_TIMED_WORK / resident.info.parameters)))
    by_length = sorted(rows, key=lambda row: len(row.ids))
    batch = [by_length[i * len(by_length) // _TIMED_ROWS] for i in range(_TIMED_ROWS)]
    cut = [{"input_ids": list(row.ids[: tokens // _TIMED_ROWS])} for row in batch]
    collate = DataCollatorForLanguageModeling(pad_token_id=resident.template.end_id)
    tensors = {name: tensor.to(resident.device) for name, tensor in collate(cut).items()}
    seconds = math.inf
    with resident.chatting(), resident.rows([None] * _TIMED_ROWS):
        for _ in range(3):
            began = time.monotonic()
            answer_loss(resident.model, tensors)
            if resident.device.type == "cuda":
                torch.cuda.synchronize()
            seconds = min(seconds, time.monotonic() - began)
    return seconds / tensors["input_ids"].numel()


def _step_seconds(resolved: ResolvedConfig, lengths: Sequence[int], speed: float) -> float:
    """Of an optimizer step, at so many seconds per token of a forward pass."""
    batch = 1 if resolved.packing else resolved.per_device_train_batch_size
    wide = padded_length(lengths, batch, resolved.train_sampling_strategy)
    rows = resolved.per_device_train_batch_size * resolved.gradient_accumulation_steps
    passes = 1 + _BACKWARD + resolved.gradient_checkpointing
    return rows * min(wide, resolved.max_length) * speed * passes * _TRAINER


def _whole_time(resolved: ResolvedConfig, step_seconds: float) -> float:
    seconds = resolved.max_steps * step_seconds
    return min(seconds, resolved.time_limit) if resolved.time_limit else seconds
