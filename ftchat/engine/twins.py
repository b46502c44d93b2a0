"""A model of which some weights are its own and all others are the base's: a full or a layer-freezing fine-tune.

Only what changes is copied, for training and for chat alike, so the base stays what it is. Knows nothing of rows.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ftchat.errors import ModelError

KIND = "WEIGHTS"  # stands as `peft_type` in the adapter's config, though PEFT does not know it


def twin(base: PreTrainedModel, own: Iterable[str], dtype: torch.dtype | None = None) -> PreTrainedModel:
    """A model of its own layers: the parameters named in `own` are copies, in `dtype`; all other tensors are shared."""
    wanted = set(own)
    shared: dict[int, Any] = {id(tensor): tensor for tensor in base.buffers()}
    for module in base.modules():
        if state := getattr(module, "quant_state", None):  # the scales of a layer of four bits
            shared[id(state)] = state
    for name, parameter in base.named_parameters():
        if name in wanted:
            made = parameter.detach().to(dtype or parameter.dtype, copy=True)
            shared[id(parameter)] = torch.nn.Parameter(made, requires_grad=False)
        else:
            shared[id(parameter)] = parameter
    return copy.deepcopy(base, shared)


class Twin:
    """One that answers. `changed` are the weights, by their names in the base."""

    def __init__(self, name: str, base: PreTrainedModel, changed: Mapping[str, Tensor]):
        originals = dict(base.named_parameters())
        for key, tensor in changed.items():
            if key not in originals or originals[key].shape != tensor.shape:
                raise ModelError(f"adapter {name} was not made for this base: {key} differs; choose the base it names")
            if not tensor.isfinite().all():
                raise ModelError(f"adapter {name} holds weights that are no numbers; train it again")
        if not changed:
            raise ModelError(f"adapter {name} is empty; train it again")
        self._model = twin(base, changed)
        own = dict(self._model.named_parameters())
        self._tensors = [(own[key], originals[key], tensor) for key, tensor in changed.items()]
        self._strength = 0.0  # at which the weights stand
        device = base.device
        squares = [(tensor.to(device) - original.float()).square().sum() for _, original, tensor in self._tensors]
        self.norm = float(torch.stack(squares).sum().sqrt())
        self._tensors = [(mine, original, tensor.to(mine, copy=True)) for mine, original, tensor in self._tensors]
        self.model(1.0)

    @torch.no_grad()
    def model(self, strength: float) -> PreTrainedModel:
        """The model at this strength: that far from the base to what was learned."""
        if strength != self._strength:
            for mine, original, learned in self._tensors:
                mine.copy_(learned if strength == 1 else original.lerp(learned, strength))
            self._strength = strength
        return self._model
