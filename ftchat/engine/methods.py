"""The training methods: from a resolved config to what is trained, one small entry each. Knows nothing of trainers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from peft import (
    AdaLoraConfig,
    IA3Config,
    LoraConfig,
    PeftConfig,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    PromptTuningInit,
)
from torch import nn

from ftchat.engine.cache import fits
from ftchat.engine.changes import shape
from ftchat.engine.estimate import BYTES_TRAINED, Copies
from ftchat.engine.factored import AdaLoraLearner, PissaLearner
from ftchat.engine.learners import EncodedLearner, Learner, PeftLearner, PrefixLearner, TwinLearner, VirtualLearner
from ftchat.engine.memory import memory_free
from ftchat.engine.models import Resident
from ftchat.engine.targets import layers_of
from ftchat.errors import OutOfMemory, TrainingError
from ftchat.records import ResolvedConfig
from ftchat.settings import COPIES, VIRTUAL

_TASK = "CAUSAL_LM"
_ADALORA_SPARE = 1.5  # times the ranks that are left in the end, at the beginning: 12 and 8 in PEFT and in the paper


def learner(name: str, resolved: ResolvedConfig, resident: Resident) -> Learner:
    """What a run trains, put in place. The base's own tensors stay as they are."""
    if resolved.method in VIRTUAL and not fits(resident.model.config):
        raise TrainingError(
            f"{resolved.method} puts tokens in front of a conversation, which {resolved.base} has no place for; choose "
            "lora"
        )
    return _METHODS[resolved.method](name, resolved, resident)


def layer_config(resolved: ResolvedConfig, resident: Resident) -> PeftConfig | None:
    """What PEFT puts around the base's layers. None where the method leaves them alone."""
    if resolved.method in (*VIRTUAL, *COPIES):
        return None
    if resolved.method == "adalora":
        return _adalora_config(resolved, resident)
    if resolved.method == "ia3":
        return _ia3_config(resolved, resident)
    both = 2 if resolved.method == "pissa" else 1  # with the companion
    return _lora_config(replace(resolved, r=both * resolved.r), resident)


def copies(resolved: ResolvedConfig) -> Copies:
    """What a method trains on a copy of its own."""
    return "all" if resolved.method == "full" else "layers" if resolved.method == "freeze" else ""


def _lora(name: str, resolved: ResolvedConfig, resident: Resident) -> Learner:
    return PeftLearner(name, resident.model, _lora_config(resolved, resident))


def _pissa(name: str, resolved: ResolvedConfig, resident: Resident) -> Learner:
    return PissaLearner(name, resident.model, _lora_config(resolved, resident))


def _lora_config(resolved: ResolvedConfig, resident: Resident) -> LoraConfig:
    return LoraConfig(
        task_type=_TASK,
        use_dora=resolved.method == "dora",
        use_rslora=resolved.method == "rslora",
        r=resolved.r,
        lora_alpha=resolved.lora_alpha,
        lora_dropout=resolved.lora_dropout,
        target_modules=list(resolved.target_modules),
        fan_in_fan_out=resident.transposed,
    )


def _adalora(name: str, resolved: ResolvedConfig, resident: Resident) -> Learner:
    return AdaLoraLearner(name, resident.model, _adalora_config(resolved, resident))


def _adalora_config(resolved: ResolvedConfig, resident: Resident) -> AdaLoraConfig:
    return AdaLoraConfig(
        task_type=_TASK,
        target_r=resolved.r,
        init_r=round(_ADALORA_SPARE * resolved.r + 0.5),
        lora_alpha=resolved.lora_alpha,
        lora_dropout=resolved.lora_dropout,
        target_modules=list(resolved.target_modules),
        fan_in_fan_out=resident.transposed,
        total_step=max(3, resolved.max_steps),
    )


def _ia3(name: str, resolved: ResolvedConfig, resident: Resident) -> Learner:
    return PeftLearner(name, resident.model, _ia3_config(resolved, resident))


def _ia3_config(resolved: ResolvedConfig, resident: Resident) -> IA3Config:
    """Layers that narrow, as the last of a feed-forward block, have their inputs scaled, all others their outputs."""
    width = resident.model.get_input_embeddings().weight.shape[1]
    linear = {key: m for key, m in resident.model.named_modules() if key.rpartition(".")[2] in resolved.target_modules}
    narrowing = {".".join(key.split(".")[-2:]) for key, layer in linear.items() if _narrows(layer, width)}
    return IA3Config(
        task_type=_TASK,
        target_modules=[*resolved.target_modules, *sorted(narrowing)],
        feedforward_modules=sorted(narrowing),
        fan_in_fan_out=resident.transposed,
    )


def _narrows(layer: nn.Module, width: int) -> bool:
    inputs, outputs = shape(layer)
    return inputs > outputs == width


def _prefix(name: str, resolved: ResolvedConfig, resident: Resident) -> Learner:
    config = PrefixTuningConfig(task_type=_TASK, num_virtual_tokens=resolved.num_virtual_tokens)
    return PrefixLearner(name, resident.model, config)


def _prompt(name: str, resolved: ResolvedConfig, resident: Resident) -> Learner:
    config = PromptTuningConfig(
        task_type=_TASK,
        num_virtual_tokens=resolved.num_virtual_tokens,
        prompt_tuning_init=PromptTuningInit.SAMPLE_VOCAB,
    )
    return VirtualLearner(name, resident.model, config)


def _ptuning(name: str, resolved: ResolvedConfig, resident: Resident) -> Learner:
    config = PromptEncoderConfig(task_type=_TASK, num_virtual_tokens=resolved.num_virtual_tokens)
    return EncodedLearner(name, resident.model, config)


def _full(name: str, resolved: ResolvedConfig, resident: Resident) -> Learner:
    return _twin(name, resident, [[key for key, _ in resident.model.named_parameters()]])


def _freeze(name: str, resolved: ResolvedConfig, resident: Resident) -> Learner:
    """The last layers, and half of the way through as many again before them. What comes after the layers, such as the
    last normalisation, stays frozen."""
    layers = [f"{name}." for name in layers_of(resident.model)]
    if not layers:
        raise TrainingError("the layers of this base cannot be told apart; choose --method lora")
    top = resolved.trainable_layers
    first, second = layers[-top:], layers[-2 * top : -top]
    return _twin(name, resident, [_under(resident, part) for part in (first, second)])


def _twin(name: str, resident: Resident, stages: list[list[str]]) -> Learner:
    own = {key for stage in stages for key in stage}
    check_copy(sum(p.numel() for key, p in resident.model.named_parameters() if key in own), resident.device)
    return TwinLearner(name, resident.stack.twin(own), stages, resident.name)


def check_copy(weights: int, device: torch.device) -> None:
    """Whether the memory holds a copy of so many weights, and what training it takes."""
    wanted, free = BYTES_TRAINED * weights, memory_free(device)
    if wanted > free:
        raise OutOfMemory(
            f"training a copy of these weights takes {wanted / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; "
            "choose --method lora, or freeze with fewer trainable_layers, or a smaller model"
        )


def _under(resident: Resident, layers: list[str]) -> list[str]:
    return [key for key, _ in resident.model.named_parameters() if key.startswith(tuple(layers))]


_METHODS: Mapping[str, Callable[[str, ResolvedConfig, Resident], Learner]] = {
    "lora": _lora,
    "qlora": _lora,  # on a base of four bits
    "dora": _lora,
    "rslora": _lora,
    "pissa": _pissa,
    "adalora": _adalora,
    "ia3": _ia3,
    "prefix": _prefix,
    "prompt": _prompt,
    "ptuning": _ptuning,
    "freeze": _freeze,
    "full": _full,
}
