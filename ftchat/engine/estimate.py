"""How much memory a run will need, before any of it is taken. Knows nothing of runs or of the machine.

A step is traced with tensors that have shapes and no storage: the same model class, adapter and loss as in training,
so that whatever an architecture keeps for its backward pass is counted. Layers are alike, so two shallow models are
traced and the rest is their difference, many times over.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftConfig, get_peft_model
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoModelForCausalLM, PretrainedConfig

from ftchat.engine.memory import MAPPED
from ftchat.engine.trainer import nll_at

_SHALLOW = (1, 3)  # layers of the two traces
_BLOCK = 64  # weights that share a 4-bit scale; of the scales, of one byte each, 256 share another (QLoRA, section 3)


@dataclass(frozen=True, slots=True)
class Needed:
    """Bytes. `base`: its weights; `adapter`: what is trained, with gradients and optimizer; `step`: what a forward
    and backward pass keep at their peak beside both, and `heap` what they have in smaller pieces at the most."""

    base: int
    adapter: int
    step: int
    heap: int

    @property
    def total(self) -> int:
        return self.base + self.adapter + self.step


def needed(
    config: PretrainedConfig,
    adapter: PeftConfig | None,
    precision: str,
    rows: int,
    length: int,
    learned: int,
    checkpointing: bool,
) -> Needed:
    """The memory of a step on `rows` x `length` tokens of which `learned` have a label. Without an adapter what is
    trained comes before the layers."""
    depth = config.get_text_config().num_hidden_layers
    depths = [min(depth, layers) for layers in _SHALLOW]
    shallow, deep = (
        _trace(_with_layers(config, layers), adapter, precision, rows, length, learned, checkpointing)
        for layers in depths
    )
    if depths[0] == depths[1]:
        return shallow

    def extended(low: int, high: int) -> int:
        return round(high + (high - low) * (depth - depths[1]) / (depths[1] - depths[0]))

    return Needed(
        extended(shallow.base, deep.base),
        extended(shallow.adapter, deep.adapter),
        extended(shallow.step, deep.step),
        extended(shallow.heap, deep.heap),
    )


def _with_layers(config: PretrainedConfig, layers: int) -> PretrainedConfig:
    fields = config.to_dict()
    for name, value in fields.items():
        if isinstance(value, list) and len(value) == config.num_hidden_layers:  # the kind of each layer
            fields[name] = value[:layers]
    depth = config.attribute_map.get("num_hidden_layers", "num_hidden_layers")
    return type(config).from_dict(fields | {depth: layers})


def _trace(
    config: PretrainedConfig,
    adapter: PeftConfig | None,
    precision: str,
    rows: int,
    length: int,
    learned: int,
    checkpointing: bool,
) -> Needed:
    dtype = {"float32": torch.float32, "float16": torch.float16}.get(precision, torch.bfloat16)
    with torch.device("meta"):
        base = AutoModelForCausalLM.from_config(config, dtype=dtype)
        base.requires_grad_(False)
        if precision == "nf4":
            quantise(base)
        model = get_peft_model(base, copy.deepcopy(adapter), low_cpu_mem_usage=True) if adapter else base
    if checkpointing or not adapter:
        model.enable_input_require_grads()
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.data = parameter.data.float()
    with torch.enable_grad(), FakeTensorMode(), Living() as living:  # also where a reply is being given
        _take_place(model)
        weights = living.now
        living.begin()
        ids = torch.ones((rows, length), dtype=torch.long)
        positions = torch.zeros(learned, dtype=torch.long)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision != "float32"):
            inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            loss = nll_at(model, inputs, positions, positions)
        loss.backward()
        learns = sum(4 * parameter.numel() for parameter in trained)
        return Needed(weights - learns, 4 * learns, living.peak - weights - learns, living.most_heap)


class Living(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive, and their peak; also that of those in the heap alone."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self._heap = 0
        self._sizes: dict[int, int] = {}
        self.begin()

    def begin(self) -> None:
        """The peaks begin again, that of the heap without what is there already."""
        self.peak, self.most_heap, self._heap = self.now, 0, 0

    def __torch_dispatch__(self, operation: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.count(tensor)
        return result

    def count(self, tensor: torch.Tensor) -> None:
        """From now on its storage counts, once, for as long as it lives."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._sizes:
            return
        size = self._sizes[key] = storage.nbytes()
        self._take(size)
        weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self._take(-self._sizes.pop(key, 0))

    def _take(self, size: int) -> None:
        self.now += size
        self.peak = max(self.peak, self.now)
        if abs(size) < MAPPED:
            self._heap += size
            self.most_heap = max(self.most_heap, self._heap)


def _take_place(model: torch.nn.Module) -> None:
    """Gives every parameter and buffer a tensor that is counted; tied ones stay tied."""
    placed: dict[int, Any] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                fake = torch.nn.Parameter(torch.empty(parameter.shape, dtype=parameter.dtype), parameter.requires_grad)
                module._parameters[name] = placed.setdefault(id(parameter), fake)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = placed.setdefault(id(buffer), torch.empty(buffer.shape, dtype=buffer.dtype))


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
