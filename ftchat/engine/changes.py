"""What an adapter changes in one linear layer, from the tensors of PEFT's file: LoRA and its kin, DoRA and IA3.

Every kind becomes the same few factors, so that rows with different kinds share a forward pass. Knows nothing of rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from peft.tuners.tuners_utils import check_target_module_exists
from peft.utils.integrations import dequantize_module_weight
from peft.utils.other import get_pattern_key
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from ftchat.errors import ModelError

FILE_PREFIX = "base_model.model."  # of the names of layers in PEFT's file
# What an adapter's config may ask for that these factors cannot express.
_BEYOND = (
    "lora_bias",
    "modules_to_save",
    "layer_replication",
    "trainable_token_indices",
    "target_parameters",
    "alora_invocation_tokens",  # acts only behind certain tokens
    "arrow_config",  # chooses among several adapters, token by token
    "use_bdlora",
    "use_qalora",  # its factors are those of groups of inputs
)
_PARTS = {"LORA": ("lora_A", "lora_B", "lora_magnitude_vector"), "IA3": ("ia3_l",)}
_ENDS = ("", ".weight", ".default.weight")  # of their names: the last where the tensors of a whole model were kept


class Change(NamedTuple):
    """Of one layer, at strength 1; what is None changes nothing. The layer's own output is y, its input x."""

    down: Tensor | None = None  # [in, rank]: y grows by x @ down @ up
    up: Tensor | None = None  # [rank, out], the adapter's own scaling included
    gain: Tensor | None = None  # [out]: y grows by gain * y
    offset: Tensor | None = None  # [out]: and by this
    entry: Tensor | None = None  # [in]: x grows by entry * x beforehand

    @property
    def tensors(self) -> list[Tensor]:
        return [part for part in self if part is not None]


def changes(
    name: str, tensors: Mapping[str, Tensor], config: Mapping[str, Any], layers: Mapping[str, nn.Module]
) -> dict[str, Change]:
    """By layer. ModelError says why an adapter cannot answer with this base."""
    kind = _check_config(name, config)
    found: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        layer, part = _place(key, kind)
        if not part:
            raise ModelError(f"adapter {name} holds {key}, which is no part of {_WORDS[kind]} of linear layers")
        if not key.startswith(FILE_PREFIX) or layer.startswith(FILE_PREFIX):
            raise ModelError(
                f"adapter {name} holds {key}, which PEFT passes over: a name begins with {FILE_PREFIX} once; save the "
                "adapter with PEFT's save_pretrained"
            )
        if not _is_targeted(layer, config):
            raise ModelError(
                f"adapter {name} changes {layer}, which its own config leaves out by target_modules, exclude_modules "
                "or layers_to_transform; bring the two files of one training"
            )
        found.setdefault(layer, {})[part] = tensor
    make = _ia3 if kind == "IA3" else _lora
    made = {}
    for layer, parts in found.items():
        change = make(layer, parts, config, layers[layer]) if layer in layers else None
        if change is None:
            raise ModelError(f"adapter {name} was not made for this base: {layer} differs; choose the base it names")
        made[layer] = change
    return made


def _place(key: str, kind: str) -> tuple[str, str]:
    """The layer that a tensor of the file belongs to, and which part of it it is: "" for none."""
    for part in _PARTS[kind]:
        for end in _ENDS:
            if key.endswith(f".{part}{end}"):
                return key.removeprefix(FILE_PREFIX).removesuffix(f".{part}{end}"), part
    return key, ""


def _is_targeted(layer: str, config: Mapping[str, Any]) -> bool:
    """Whether PEFT would change this layer, as far as lists say so. An expression is not asked: one from outside might
    never end."""
    targets, excluded = config.get("target_modules"), config.get("exclude_modules")
    asked = SimpleNamespace(
        target_modules=targets if isinstance(targets, list) else [layer],
        exclude_modules=excluded if isinstance(excluded, list) else None,
        layers_to_transform=config.get("layers_to_transform"),
        layers_pattern=config.get("layers_pattern"),
    )
    return bool(check_target_module_exists(asked, layer))


def shape(layer: nn.Module) -> tuple[int, int]:
    """Inputs and outputs; a quantised weight's own shape says nothing of them."""
    return tuple(layer.weight.shape) if isinstance(layer, Conv1D) else (layer.in_features, layer.out_features)


def square(change: Change, layer: nn.Module) -> Tensor:
    """Of the Frobenius norm of what it does to the layer's weight."""
    down, up, gain, _, entry = change
    if gain is None and entry is None:
        assert down is not None and up is not None
        # ||down up||^2 = tr((down'down)(up up')): products of rank x rank only
        return ((down.T @ down) * (up @ up.T)).sum()
    weight = _weight(layer)
    done = torch.zeros_like(weight) if gain is None else weight * gain
    if entry is not None:
        done += weight * entry[:, None]
    if down is not None and up is not None:
        done += down @ up
    return done.square().sum()


def _lora(layer: str, parts: Mapping[str, Tensor], config: Mapping[str, Any], module: nn.Module) -> Change | None:
    a, b, magnitude = (parts.get(f"lora_{part}") for part in ("A", "B", "magnitude_vector"))
    if a is None or b is None or (a.shape[1], b.shape[0]) != shape(module) or a.shape[0] != b.shape[1]:
        return None
    if bool(config.get("use_dora")) != (magnitude is not None):
        return None
    alpha, rank = _own(config, "lora_alpha", "alpha_pattern", layer), _own(config, "r", "rank_pattern", layer)
    if rank != a.shape[0]:
        return None
    scaling = alpha / (math.sqrt(a.shape[0]) if config.get("use_rslora") else a.shape[0])
    device = module.weight.device
    down = a.detach().to(device, torch.float32, copy=True).T
    # In this order in memory a lone row's product takes half as long as in the file's.
    up = b.detach().to(device, torch.float32).T.clone(memory_format=torch.contiguous_format).mul_(scaling)
    if magnitude is None:
        return Change(down, up)
    if magnitude.numel() != up.shape[1]:
        return None
    merged = _weight(module) + down @ up  # [in, out]
    factor = magnitude.detach().to(device, torch.float32).flatten() / merged.norm(dim=0)
    gain = factor - 1  # of what the weight gives, not of the bias
    offset = None if module.bias is None else -gain * module.bias.float()
    return Change(down, up * factor, gain, offset)


def _own(config: Mapping[str, Any], key: str, exceptions: str, layer: str) -> Any:
    """What a config says of one layer."""
    patterns = config.get(exceptions) or {}
    return patterns.get(get_pattern_key(list(patterns), layer), config.get(key))


def _ia3(layer: str, parts: Mapping[str, Tensor], config: Mapping[str, Any], module: nn.Module) -> Change | None:
    """A vector that lies (1, in) scales the input of a feed-forward layer; (out, 1), the output."""
    vector, (inputs, outputs) = parts["ia3_l"], shape(module)
    grown = vector.detach().to(module.weight.device, torch.float32).flatten() - 1
    if vector.shape == (1, inputs):
        return Change(entry=grown)
    if vector.shape == (outputs, 1):
        return Change(gain=grown)
    return None


@torch.no_grad()
def _weight(layer: nn.Module) -> Tensor:
    """[in, out] in float32, out of four bits too."""
    weight = dequantize_module_weight(layer).float()
    return weight if isinstance(layer, Conv1D) else weight.T


_WORDS = {"LORA": "a LoRA", "IA3": "an IA3"}


def _check_config(name: str, config: Mapping[str, Any]) -> str:
    kind = config.get("peft_type")
    if kind not in _PARTS or (kind == "LORA" and "lora_alpha" not in config):
        raise ModelError(f"adapter {name} is of the kind {kind}, which cannot answer here")
    beyond = [key for key in _BEYOND if config.get(key)] + ["bias"] * (config.get("bias", "none") != "none")
    if beyond:
        raise ModelError(f"adapter {name} uses {beyond[0]}, which cannot be answered with here; train it without")
    return str(kind)
