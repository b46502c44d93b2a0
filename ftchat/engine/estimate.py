"""How much memory a run will need, before any of it is taken. Knows nothing of runs or of the machine.

A step is traced with tensors that have shapes and no storage: the same model class, adapter and loss as in training,
so that whatever an architecture keeps for its backward pass is counted. Layers are alike, so two shallow models are
traced and the rest is their difference, many times over. An architecture that cannot be traced is reckoned by its sizes
alone: an estimate stops no run, for the dry step measures what it is about.
"""

from __future__ import annotations

import copy
import functools
import logging
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from peft import PeftConfig, PeftModel, get_peft_model
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoModelForCausalLM, PretrainedConfig

from ftchat.engine.counting import Counting
from ftchat.engine.loading import freeze
from ftchat.engine.memory import MAPPED
from ftchat.engine.standins import experts_by_shape, quantise, scored_in_tiles
from ftchat.engine.targets import layers_of
from ftchat.engine.tiles import tiled
from ftchat.engine.trainer import nll_at

_SHALLOW = (1, 3)  # layers of the two traces
# Numbers that a layer keeps of a token, in parts of its two widths, where it is not traced: about those of a Llama's.
_KEPT_HIDDEN, _KEPT_WIDE = 10, 5
BYTES_TRAINED = 16  # of each weight: itself, its gradient and two numbers of the optimizer, in float32
_BYTES_UPDATED = 8  # of the largest of them, on a CPU: what the optimizer computes with

Copies = Literal["", "layers", "all"]  # of which of the base's weights a run trains copies

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One on `rows` x `length` tokens of which `learned` have a label, on a device of that type. What is trained is an
    adapter, or `copies` of the base's weights, or else comes before the layers. The backward pass goes `through` so
    many of the last layers, with 0 through all, and of the layers' weights those have copies."""

    precision: str
    rows: int
    length: int
    learned: int
    checkpointing: bool
    device: str = "cpu"
    copies: Copies = ""
    through: int = 0


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


def needed(config: PretrainedConfig, adapter: PeftConfig | None, step: Step) -> Counting[Needed]:
    """The memory of a step on a base of this config. Gives way between its parts."""
    depth = config.get_text_config().num_hidden_layers
    through = min(depth, step.through) or depth
    depths = [min(depth, layers) for layers in _SHALLOW]
    try:
        shallow = yield from _trace(_with_layers(config, depths[0]), adapter, step)
        yield
        deep = yield from _trace(_with_layers(config, depths[1]), adapter, step)
    except Exception as error:
        _log.warning("a step of %s cannot be traced, so its memory is reckoned: %r", config.model_type, error)
        return _reckoned(config, adapter, step, through)
    if depths[0] == depths[1]:
        return shallow

    def extended(low: int, high: int, layers: int) -> int:
        return round(high + (high - low) * (layers - depths[1]) / (depths[1] - depths[0]))

    return Needed(
        extended(shallow.base, deep.base, depth),
        extended(shallow.adapter, deep.adapter, through),
        extended(shallow.step, deep.step, through),
        extended(shallow.heap, deep.heap, through),
    )


def _reckoned(config: PretrainedConfig, adapter: PeftConfig | None, step: Step, layers: int) -> Needed:
    """Of each token and layer, its inputs and what lies between its products; of what is learned, its logits."""
    model, weights = _model(config, adapter, step)
    text = config.get_text_config()
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    if step.copies == "layers":
        trained = trained * layers // text.num_hidden_layers
    wide = getattr(text, "intermediate_size", None) or 4 * text.hidden_size
    tokens, width = step.rows * step.length, 4 if step.precision == "float32" else 2
    layer = width * tokens * (_KEPT_HIDDEN * text.hidden_size + _KEPT_WIDE * wide)
    kept = layer + width * tokens * text.hidden_size * layers if step.checkpointing else layer * layers
    kept += 12 * step.learned * text.vocab_size
    return Needed(weights, BYTES_TRAINED * trained, kept, kept)


def _with_layers(config: PretrainedConfig, layers: int) -> PretrainedConfig:
    fields = config.to_dict()
    for name, value in fields.items():
        if isinstance(value, list) and len(value) == config.num_hidden_layers:  # the kind of each layer
            fields[name] = value[:layers]
    depth = config.attribute_map.get("num_hidden_layers", "num_hidden_layers")
    return type(config).from_dict(fields | {depth: layers})


def _trace(config: PretrainedConfig, adapter: PeftConfig | None, step: Step) -> Counting[Needed]:
    model, weights = _model(config, adapter, step)
    yield
    if step.checkpointing or not (adapter or step.copies):
        model.enable_input_require_grads()
    if step.checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.train()
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    in_tiles = tiled(step.learned * base.get_output_embeddings().weight.shape[0], step.device)
    if in_tiles and step.device == "cuda":
        base.forward = functools.partial(scored_in_tiles, base)
    fake, living = FakeTensorMode(), Living()

    @contextmanager
    def shapes_only() -> Iterator[None]:
        with torch.enable_grad(), fake, experts_by_shape(), living:  # also where a reply needs no gradients
            yield

    with shapes_only():
        _take_place(model)
        before = living.now
        living.begin()
        ids = torch.ones((step.rows, step.length), dtype=torch.long)
        positions = torch.zeros(step.learned, dtype=torch.long)
        with torch.autocast("cpu", torch.bfloat16, enabled=step.precision != "float32"):
            inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            loss = nll_at(model, inputs, positions, positions, in_tiles=in_tiles)
    yield
    with shapes_only():
        loss.backward()
        trained = [parameter.numel() for parameter in model.parameters() if parameter.requires_grad]
        kept = living.peak - before - 4 * sum(trained)  # the gradients are there as far as it has come
        if step.device == "cpu":
            kept = max(kept, _BYTES_UPDATED * max(trained, default=0))
        return Needed(weights, BYTES_TRAINED * sum(trained), kept, living.most_heap)


def _model(config: PretrainedConfig, adapter: PeftConfig | None, step: Step) -> tuple[Any, int]:
    """One without storage, with what is trained of it in float32, and the bytes of the base's own weights."""
    dtype = {"float32": torch.float32, "float16": torch.float16}.get(step.precision, torch.bfloat16)
    with torch.device("meta"):
        base = AutoModelForCausalLM.from_config(config, dtype=dtype)
        freeze(base)
        if step.precision == "nf4":
            quantise(base)
        weights = {id(tensor): tensor.nbytes for tensor in [*base.parameters(), *base.buffers()]}
        model = get_peft_model(base, copy.deepcopy(adapter), low_cpu_mem_usage=True) if adapter else base
    if step.copies:
        for part in layers_of(base).values() if step.copies == "layers" else [base]:
            for parameter in part.parameters():
                parameter.requires_grad_(parameter.is_floating_point())
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return model, sum(weights.values())


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
