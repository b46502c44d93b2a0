"""Whether the weights of a base model fit into memory, told from its config alone: before they are downloaded, and
before they are read. Knows nothing of what a run needs beside them."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig

from ftchat.catalogue import smaller
from ftchat.engine.standins import quantise
from ftchat.errors import ModelError
from ftchat.records import STARTER


def check_room(name: str, config: PretrainedConfig, precision: str, device: torch.device, available: int) -> None:
    """ModelError where the weights alone are larger than `available` bytes, with what would fit."""
    parameters, needed = _weights(config, precision)
    if needed <= available:
        return
    ways = []
    if precision != "nf4" and _weights(config, "nf4")[1] <= available:
        ways.append("choose the method qlora, which keeps them in 4 bits")
    offer = smaller(parameters, device.type, available)
    ways.append(f"choose the smaller model {offer.id if offer else STARTER}")
    raise ModelError(
        f"{name} does not fit: its weights alone take {needed / 1e9:.1f} GB of memory in {precision} and "
        f"{available / 1e9:.1f} GB are free; {', or '.join(ways)}"
    )


def config_of(folder: Path) -> PretrainedConfig:
    return AutoConfig.from_pretrained(str(folder), trust_remote_code=False)


def _weights(config: PretrainedConfig, precision: str) -> tuple[int, int]:
    """How many there are, and their bytes; nothing is allocated. One thread only: transformers changes PyTorch's
    default type meanwhile."""
    dtype = torch.float32 if precision == "float32" else torch.bfloat16
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        if precision == "nf4":
            quantise(model)
    return parameters, sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
