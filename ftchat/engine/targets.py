"""Which layers of a base can get an adapter. Knows nothing of adapters themselves, nor of runs."""

from __future__ import annotations

import torch
from peft import LoraConfig
from peft.tuners.tuners_utils import _check_lora_target_modules_mamba
from peft.utils.transformers_weight_conversion import convert_peft_config_for_transformers
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ftchat.engine.changes import shape

_READ_AS_WEIGHTS = {"dt_proj"}  # in Mamba's layers: what is put around such a layer learns nothing


def linear_layers(model: nn.Module) -> dict[str, nn.Module]:
    """By name, all that are a product and nothing else: a router may be one by its class, and give more than that."""
    found = {name: module for name, module in model.named_modules() if isinstance(module, (nn.Linear, Conv1D))}
    return {name: module for name, module in found.items() if _only_a_product(module)}


@torch.no_grad()
def _only_a_product(layer: nn.Module) -> bool:
    if not type(layer).__module__.startswith("transformers.models."):
        return True
    inputs, outputs = shape(layer)
    output = layer(torch.zeros(1, inputs, device=layer.weight.device, dtype=layer.weight.dtype))
    return isinstance(output, Tensor) and output.shape == (1, outputs)


def target_modules(model: PreTrainedModel) -> tuple[str, ...]:
    """The last names of the linear layers that an adapter goes on: all but the output layer, what is not asked for its
    output, and what PEFT does not take for what it is. It refuses the output of Mamba's layers, which their kernels
    read past the layer, and takes some names for the experts' weights, which older transformers called so."""
    output = model.get_output_embeddings()
    names = {name.rpartition(".")[2] for name, layer in linear_layers(model).items() if layer is not output}
    config = LoraConfig(target_modules=sorted(names - _READ_AS_WEIGHTS))
    convert_peft_config_for_transformers(config, model, None)
    return tuple(sorted(name for name in config.target_modules or () if _allowed(config, model, name)))


def _allowed(config: LoraConfig, model: PreTrainedModel, name: str) -> bool:
    try:
        _check_lora_target_modules_mamba(config, model, name)
    except ValueError:
        return False
    return True


def layers_of(model: PreTrainedModel) -> dict[str, nn.Module]:
    """The model's layers by their names, from the first to the last; none where they cannot be told apart."""
    depth = model.config.get_text_config(decoder=True).num_hidden_layers
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return {f"{name}.{index}": layer for index, layer in enumerate(module)}
    return {}
