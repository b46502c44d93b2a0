"""The adapters that answer in chat: read from PEFT's files, and applied to the rows of a batch, each row with its own.

A low-rank change of a linear layer is kept as two factors. Those of all adapters that a batch uses stand side by side:
two products a layer, whatever the number of adapters, with zeros between them for the rows that an adapter does not
answer. The base's tensors are never written to. Knows nothing of PEFT's layers, training or replies.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft.utils.other import get_pattern_key
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from ftchat.errors import ModelError

FILE_PREFIX = "base_model.model."  # of the names of layers in PEFT's file
# What an adapter's config may ask for that two factors a layer cannot express.
_BEYOND = (
    "use_dora",
    "lora_bias",
    "modules_to_save",
    "layer_replication",
    "trainable_token_indices",
    "target_parameters",
)


class Voice(NamedTuple):
    """Who answers a row: an adapter at a strength, or with None the base alone."""

    adapter: str | None
    strength: float = 1.0


class Factors(NamedTuple):
    """One layer's change: the layer's output grows by `x @ down @ up`."""

    down: Tensor  # [in, rank]
    up: Tensor  # [rank, out], the adapter's own scaling included


class AdapterStack:
    """The resident adapters of one base. One thread only."""

    def __init__(self, model: nn.Module):
        linear = (nn.Linear, Conv1D)
        self._layers = {name: module for name, module in model.named_modules() if isinstance(module, linear)}
        self._adapters: dict[str, dict[str, Factors]] = {}
        self._norms: dict[str, float] = {}
        self._rows: tuple[Voice, ...] = ()
        self._applied: list[_Applied] = []
        self._joined: tuple[tuple[str, ...], dict[str, Factors]] = ((), {})

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._adapters)

    def load(self, name: str, folder: Path) -> None:
        """A saved adapter, from PEFT's two files. Nothing happens if it is resident."""
        if name in self._adapters:
            return
        weights = folder / "adapter_model.safetensors"
        if not weights.exists():
            raise ModelError(f"there is no adapter in {folder}: the run saved none, or its folder was moved")
        try:
            config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
            tensors = load_file(weights)
        except (OSError, ValueError, SafetensorError) as error:
            raise ModelError(f"the adapter in {folder} cannot be read ({error}); copy its two files again") from None
        self.put(name, tensors, config)

    def put(self, name: str, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
        """An adapter from its tensors, by the names that PEFT's file has for them. They are copied."""
        _check_config(name, config)
        factors = {}
        for key in tensors:
            layer, _, kind = key.removeprefix(FILE_PREFIX).rpartition(".lora_")
            if kind == "A.weight":
                factors[layer] = self._factors(name, layer, key, tensors, config)
            elif kind != "B.weight":
                raise ModelError(f"adapter {name} holds {key}, which is no part of a LoRA of linear layers")
        if not factors:
            raise ModelError(f"adapter {name} is empty; train it again")
        # ||down up||^2 = tr((down'down)(up up')): products of rank x rank only
        squares = torch.stack([((f.down.T @ f.down) * (f.up @ f.up.T)).sum() for f in factors.values()])
        if not squares.isfinite().all() and not all(t.isfinite().all() for f in factors.values() for t in f):
            raise ModelError(f"adapter {name} holds weights that are no numbers; train it again")
        self.drop(name)
        self._adapters[name] = factors
        self._norms[name] = math.sqrt(max(0.0, float(squares.sum())))

    def drop(self, name: str) -> None:
        """Frees an adapter."""
        self.select(())
        if name in self._joined[0]:
            self._joined = ((), {})
        self._adapters.pop(name, None)
        self._norms.pop(name, None)

    def norm(self, voice: Voice) -> float:
        """Frobenius norm of the whole weight change, over all layers."""
        return self._norms.get(voice.adapter or "", 0.0) * voice.strength

    def select(self, rows: Sequence[Voice]) -> None:
        """From now on row i of every batch is answered by rows[i]; with no rows, every row by the base alone."""
        rows = tuple(rows)
        if rows == self._rows:
            return
        used = tuple(sorted({voice.adapter for voice in rows if voice.adapter and voice.strength}))
        factors = self._side_by_side(used)
        if [one.name for one in self._applied] != list(factors):
            for one in self._applied:
                one.remove()
            self._applied = [_Applied(name, self._layers[name]) for name in factors]
        alike = len(used) == 1 and len(set(rows)) == 1
        shares: dict[tuple[tuple[str, int], ...], Tensor] = {}
        for one in self._applied:
            one.down, one.up = factors[one.name]
            one.alpha, one.share = (rows[0].strength, None) if alike else (1.0, None)
            if not alike:
                columns = tuple((n, f.down.shape[1]) for n in used if (f := self._adapters[n].get(one.name)))
                if columns not in shares:
                    shares[columns] = _share(rows, columns).to(one.down)
                one.share = shares[columns]
        self._rows = rows

    def _side_by_side(self, used: tuple[str, ...]) -> dict[str, Factors]:
        """The factors of each layer that these adapters change."""
        if len(used) < 2:
            return self._adapters[used[0]] if used else {}
        if self._joined[0] != used:
            layers = [name for name in self._layers if any(name in self._adapters[adapter] for adapter in used)]
            joined = {}
            for layer in layers:
                parts = [found for adapter in used if (found := self._adapters[adapter].get(layer))]
                joined[layer] = Factors(torch.cat([p.down for p in parts], 1), torch.cat([p.up for p in parts], 0))
            self._joined = (used, joined)
        return self._joined[1]

    def _factors(
        self, name: str, layer: str, key: str, tensors: Mapping[str, Tensor], config: Mapping[str, Any]
    ) -> Factors:
        a, b = tensors[key], tensors.get(key.replace("lora_A", "lora_B"))
        module = self._layers.get(layer)
        if module is None or b is None or (a.shape[1], b.shape[0]) != _shape(module) or a.shape[0] != b.shape[1]:
            raise ModelError(f"adapter {name} was not made for this base: {layer} differs; choose the base it names")
        patterns = config.get("alpha_pattern") or {}
        alpha = patterns.get(get_pattern_key(list(patterns), layer), config["lora_alpha"])
        scaling = alpha / (math.sqrt(a.shape[0]) if config.get("use_rslora") else a.shape[0])
        device = module.weight.device
        return Factors(
            a.detach().to(device, torch.float32, copy=True).T, b.detach().to(device, torch.float32).T * scaling
        )


class _Applied:
    """One linear layer whose output is changed, until `remove`; `share` [rows, 1, rank] says how much of each column a
    row gets. It stands in for the layer's forward: a hook costs a small model as much again as the two products."""

    down: Tensor
    up: Tensor
    alpha: float
    share: Tensor | None

    def __init__(self, name: str, layer: nn.Module):
        self.name, self._layer = name, layer
        self._placed = layer.__dict__.get("forward")  # by a library that did the same
        self._forward = layer.forward
        layer.forward = self.forward

    def forward(self, x: Tensor) -> Tensor:
        output, down = self._forward(x), self.down
        inner = (x if x.dtype == down.dtype else x.to(down.dtype)) @ down
        if self.share is not None:
            inner = inner * self.share
        inner = inner.view(-1, inner.shape[-1])
        if output.dtype == down.dtype:
            output.view(-1, output.shape[-1]).addmm_(inner, self.up, alpha=self.alpha)
            return output
        return output + (inner @ self.up * self.alpha).view_as(output).to(output.dtype)

    def remove(self) -> None:
        if self._placed is None:
            del self._layer.forward
        else:
            self._layer.forward = self._placed


def _share(rows: Sequence[Voice], columns: Sequence[tuple[str, int]]) -> Tensor:
    own = [[voice.strength * (voice.adapter == n) for n, rank in columns for _ in range(rank)] for voice in rows]
    return torch.tensor(own).unsqueeze(1)


def _shape(layer: nn.Module) -> tuple[int, int]:
    """Inputs and outputs; a quantised weight's own shape says nothing of them."""
    return tuple(layer.weight.shape) if isinstance(layer, Conv1D) else (layer.in_features, layer.out_features)


def _check_config(name: str, config: Mapping[str, Any]) -> None:
    if config.get("peft_type") != "LORA" or "lora_alpha" not in config:
        raise ModelError(f"adapter {name} is of the kind {config.get('peft_type')}; only LoRA adapters can answer here")
    beyond = [key for key in _BEYOND if config.get(key)] + ["bias"] * (config.get("bias", "none") != "none")
    if beyond:
        raise ModelError(f"adapter {name} uses {beyond[0]}, which cannot be answered with here; train it without")
