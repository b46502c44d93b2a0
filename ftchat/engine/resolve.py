"""From what the user asked to numbers: every `auto` is turned into a value here, before step 1.

Knows nothing of trainers or weights; takes measured facts and returns a ResolvedConfig.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ftchat.errors import ConfigError
from ftchat.records import ResolvedConfig, RunConfig, Setting
from ftchat.settings import COPIES, LORA_KIN, SEED, VIRTUAL, versions

_EXAMPLES_SEEN = {"balanced": 600, "thorough": 1500}  # at least, by repeating a small dataset; of a 1 B base
_EPOCHS = {"quick": (1, 200), "balanced": (2, 20), "thorough": (4, 40)}
_QUICK_SECONDS = 70.0  # of optimizer steps; a quiet machine has learned little data by heart in a third of it
_QUICK_EPOCHS = 3  # at least, on however slow a machine
_QUICK_STEPS = 200  # at least planned, so that a moment of a busy machine does not make a plan too short to learn
_QUICK_LIMIT = 75.0  # seconds after which it ends: a machine can be slower than when the steps were planned
_LEARNED_BY_HEART = 0.003  # nats per token, at which greedy answers are the dataset's own; more steps only cost time
_VIRTUAL_TOKENS = 20
# Times the learning rate of LoRA: few numbers that act on much need larger steps, and whole weights smaller ones. Found
# on the embedded model by benchmarks/methods.py.
_RATE = {"pissa": 0.5, "adalora": 3.0, "ia3": 30.0, "prefix": 60.0, "prompt": 30.0, "freeze": 0.3, "full": 0.15}
# Of a batch's tokens. Above the first it is packed, which costs nothing else; above the second, where it cannot be,
# rows are grouped by length: about as fast (benchmarks/packing.py), but then batches are less mixed.
_PADDING_PACKED, _PADDING_GROUPED = 0.1, 0.25
_LOOKED_AT = 4096  # lengths, of many more, that tell how much padding there is
_BATCHES_TO_GROUP = 16  # at least, for grouped batches to differ from epoch to epoch
_PATIENCE = 3  # evaluations, of about ten in a run


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the machine, the base and the data. `lengths`: tokens of each training sequence. `keeps_apart`:
    whether the base can have several in a row that do not see each other."""

    device: str
    precision: str
    method: str
    threads: int
    parameters: int
    context: int
    examples: int
    held_out: int
    lengths: Sequence[int]
    target_modules: tuple[str, ...]
    layers: int = 1
    replayed: int = 0
    keeps_apart: bool = False


def resolve_method(method: str, device: str) -> str:
    """`auto` is QLoRA on a GPU and LoRA on a CPU."""
    if method != "auto":
        return method
    return "qlora" if device == "cuda" else "lora"


def length_limit(context: int, on_gpu: bool) -> int:
    """The longest row that is trained on whole, unless the user asks for another `max_length`."""
    return min(context, 4096 if on_gpu else 1024)


def padded_length(lengths: Sequence[int], batch: int, strategy: str) -> float:
    """The mean length of a row with its padding."""
    ordered = sorted(lengths, reverse=True)
    if strategy == "random":
        random.Random(0).shuffle(ordered)
    batches = [ordered[start : start + batch] for start in range(0, len(ordered), batch)]
    return sum(max(rows) * len(rows) for rows in batches) / max(1, len(ordered))


def resolve(config: RunConfig, facts: Facts, step_seconds: float | None = None) -> ResolvedConfig:
    """`step_seconds`: the measured time of one optimizer step; only the quick preset needs it, to fit its time."""
    asked: dict[str, Any] = dict(config.settings)
    on_gpu = facts.device == "cuda"

    def chosen(name: str, automatic: Setting) -> Any:
        return asked.get(name, automatic)

    virtual = chosen("num_virtual_tokens", _VIRTUAL_TOKENS) if facts.method in VIRTUAL else 0
    max_length = min(chosen("max_length", _max_length(facts, on_gpu)), facts.context - virtual)
    batch = chosen("per_device_train_batch_size", _batch(facts, max_length, on_gpu))
    accumulation = chosen("gradient_accumulation_steps", max(1, 8 // batch))
    per_epoch = max(1, math.ceil(len(facts.lengths) / (batch * accumulation)))
    epochs = chosen("num_train_epochs", _epochs(config.preset, facts))
    steps = max(1, math.ceil(epochs * per_epoch))
    time_limit = target_loss = 0.0
    if config.preset == "quick" and asked.keys().isdisjoint(("num_train_epochs", "max_steps")) and step_seconds:
        target_loss = _LEARNED_BY_HEART
        affordable = int(_QUICK_SECONDS / step_seconds)
        time_limit = _QUICK_LIMIT if _QUICK_EPOCHS * per_epoch <= affordable else 0.0
        steps = max(_QUICK_EPOCHS * per_epoch, _QUICK_STEPS, min(affordable, steps))
    steps = chosen("max_steps", steps)
    packing = chosen("packing", _packing(facts, asked, max_length, batch))
    if packing and not facts.keeps_apart:
        raise ConfigError(f"packing would let examples see each other in {config.base}; leave out packing")
    sampling = "random" if packing else _sampling(facts, max_length, batch)
    r = chosen("r", _rank(facts.parameters)) if facts.method in LORA_KIN else 0
    return ResolvedConfig(
        base=config.base,
        method=facts.method,
        device=facts.device,
        precision=facts.precision,
        seed=chosen("seed", SEED),
        train_sampling_strategy=chosen("train_sampling_strategy", sampling),
        packing=packing,
        threads=facts.threads,
        examples=facts.examples,
        held_out=facts.held_out,
        replayed=facts.replayed,
        max_length=max_length,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulation,
        learning_rate=chosen("learning_rate", _learning_rate(facts)),
        lr_scheduler_type=chosen("lr_scheduler_type", "linear"),
        warmup_steps=chosen("warmup_steps", min(20, steps // 20)),
        max_steps=steps,
        num_train_epochs=steps / per_epoch,
        weight_decay=chosen("weight_decay", 0.0),
        max_grad_norm=chosen("max_grad_norm", 1.0),
        gradient_checkpointing=chosen("gradient_checkpointing", on_gpu and facts.method != "prefix"),
        r=r,
        lora_alpha=chosen("lora_alpha", _alpha(facts.method, r)),
        lora_dropout=chosen("lora_dropout", 0.0),
        target_modules=() if facts.method in (*VIRTUAL, *COPIES) else facts.target_modules,
        eval_steps=chosen("eval_steps", max(1, steps // 10)),
        target_loss=target_loss,
        time_limit=time_limit,
        versions=versions(),
        dataset=config.dataset,
        held_out_dataset=config.held_out,
        save_steps=chosen("save_steps", 0),
        num_virtual_tokens=virtual,
        trainable_layers=_layers(facts, chosen) if facts.method == "freeze" else 0,
        neftune_noise_alpha=chosen("neftune_noise_alpha", 0.0),
        label_smoothing_factor=chosen("label_smoothing_factor", 0.0),
        report_to=chosen("report_to", "none"),
        early_stopping_patience=chosen("early_stopping_patience", _PATIENCE) if facts.held_out else 0,
    )


def with_choice(resolved: ResolvedConfig, config: RunConfig, learning_rate: float, r: int) -> ResolvedConfig:
    """As it would have been resolved with this learning rate and rank."""
    alpha: int = dict(config.settings).get("lora_alpha", _alpha(resolved.method, r))  # type: ignore[assignment]
    return replace(resolved, learning_rate=learning_rate, r=r, lora_alpha=alpha)


def _max_length(facts: Facts, on_gpu: bool) -> int:
    """The data's own longest row, rounded up to 8, within what the model holds and the device bears."""
    longest = max(facts.lengths, default=8)
    return min(math.ceil(longest / 8) * 8, length_limit(facts.context, on_gpu))


def _packing(facts: Facts, asked: Mapping[str, Setting], max_length: int, batch: int) -> bool:
    """Where padding would be too much of the work, and nothing else would change: noise on embeddings is scaled by a
    row's length."""
    if not facts.keeps_apart or facts.method in VIRTUAL or asked.get("neftune_noise_alpha"):
        return False
    sampling = str(asked.get("train_sampling_strategy", "random"))
    return _padding(facts, max_length, batch, sampling) > _PADDING_PACKED


def _sampling(facts: Facts, max_length: int, batch: int) -> str:
    """Rows of like length together, where padding would be too much of the work and batches can still be mixed."""
    if len(facts.lengths) < _BATCHES_TO_GROUP * batch:
        return "random"
    return "group_by_length" if _padding(facts, max_length, batch, "random") > _PADDING_GROUPED else "random"


def _padding(facts: Facts, max_length: int, batch: int, sampling: str) -> float:
    """The share of a batch that it is."""
    every = max(1, len(facts.lengths) // _LOOKED_AT)
    lengths = [min(length, max_length) for length in facts.lengths[::every]]
    return 1 - sum(lengths) / max(1, len(lengths)) / max(1, padded_length(lengths, batch, sampling))


def _batch(facts: Facts, max_length: int, on_gpu: bool) -> int:
    """Up to 8 rows, fewer where long rows would make a batch of more tokens than the device bears."""
    return max(1, min(8, (8192 if on_gpu else 2048) // max_length, len(facts.lengths)))


def _epochs(preset: str, facts: Facts) -> float:
    """Few passes over much data, more over little; a small base needs to see an example more often."""
    low, high = _EPOCHS[preset]
    if preset == "quick":  # as many as its time allows
        return float(high)
    slower = min(5.0, max(1.0, (1e9 / facts.parameters) ** (1 / 3)))
    wanted = _EXAMPLES_SEEN[preset] * slower / max(1, facts.examples)
    return float(min(math.ceil(high * slower), max(low, math.ceil(wanted))))


def _rank(parameters: int) -> int:
    """16, and more for toys, whose narrow layers leave an adapter little room."""
    return 16 if parameters >= 50_000_000 else 32 if parameters >= 3_000_000 else 64


def _alpha(method: str, r: int) -> int:
    """Twice the rank, a scaling of 2. Where PiSSA starts, the weights are full of it already; rsLoRA divides by the
    root of the rank only, and AdaLoRA by the ranks of the beginning."""
    return {"pissa": r, "rslora": round(2 * math.sqrt(r)), "adalora": 4 * r}.get(method, 2 * r)


def _layers(facts: Facts, chosen: Callable[[str, Setting], Any]) -> int:
    """A quarter of the layers in the first stage of layer freezing, half of them in the second."""
    layers: int = chosen("trainable_layers", max(1, facts.layers // 4))
    return min(layers, facts.layers)


def _learning_rate(facts: Facts) -> float:
    """Smaller models take larger steps: 2e-4 at 7 B for LoRA, as in the QLoRA paper (Dettmers et al., 2023, table 9),
    growing with a power of the ratio that suits the embedded model, to 5e-3 at most. Other methods by a factor."""
    lora = min(5e-3, max(1e-4, 2e-4 * (7e9 / facts.parameters) ** 0.4))
    return round(lora * _RATE.get(facts.method, 1.0), 6)
