"""What stands, in a step that is traced without storage, for what has no rule for such tensors: layers of four bits,
experts, and an output layer in tiles. Each makes as many tensors, as large, and as long alive, as what it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from transformers.integrations import moe

_TILE = (4096, 32768)  # tokens and words of one of TRL's tiles
_BLOCK = 64  # weights that share a 4-bit scale; of the scales, of one byte each, 256 share another (QLoRA, section 3)


@contextmanager
def experts_by_shape() -> Iterator[None]:
    """The products of experts go another way, which has a rule for tensors without storage in every precision;
    torch's own has one for bfloat16 alone."""
    usual = moe._can_use_grouped_mm
    moe._can_use_grouped_mm = lambda *_: False
    try:
        yield
    finally:
        moe._can_use_grouped_mm = usual


def quantise(model: torch.nn.Module) -> None:
    """Puts 4-bit layers of the same shapes in place of all linear layers but the output layer."""
    output = model.get_output_embeddings()
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, torch.nn.Linear) and layer is not output:
                setattr(parent, name, _FourBit(layer))


class _FourBit(torch.nn.Linear):
    """As bitsandbytes' NF4 with double quantisation: half a byte a weight, and a whole copy only while it is used."""

    def __init__(self, layer: torch.nn.Linear):
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, dtype=layer.weight.dtype)
        self._compute = layer.weight.dtype
        numbers = layer.weight.numel()
        packed = torch.empty(numbers // 2 + numbers // _BLOCK + numbers // _BLOCK // 64, dtype=torch.uint8)
        self.weight = torch.nn.Parameter(packed, requires_grad=False)
        if self.bias is not None:
            self.bias.requires_grad_(False)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = _Dequantised.apply(input.to(self._compute), self.out_features)
        return result if self.bias is None else result + self.bias


class _Dequantised(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, features: int) -> torch.Tensor:
        ctx.shape = (features, input.shape[-1])
        return input @ input.new_empty(ctx.shape).T

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradients[0] @ gradients[0].new_empty(ctx.shape), None


def scored_in_tiles(
    base: torch.nn.Module, shift_labels: torch.Tensor, fused_lm_head: bool, labels: None = None, **inputs: Any
) -> SimpleNamespace:
    """As the forward that `score_in_tiles` makes, on a GPU."""
    return SimpleNamespace(log_probs=_Tiles.apply(base.base_model(**inputs).last_hidden_state.flatten(0, 1)))


class _Tiles(torch.autograd.Function):
    """Holds what TRL's compiled kernels hold: one tile, which they overwrite, and in the end the gradient."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(hidden)
        hidden.new_empty(min(len(hidden), _TILE[0]), _TILE[1])
        return hidden.new_empty(len(hidden), dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        (hidden,) = ctx.saved_tensors
        found = torch.empty_like(hidden, dtype=torch.float32)
        hidden.new_empty(min(len(hidden), _TILE[0]), _TILE[1])
        return found.to(hidden.dtype)
