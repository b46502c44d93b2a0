"""The adapters that answer in chat: read from their files, and applied to the rows of a batch, each row with its own.

A change of a linear layer is kept as factors. Those of all adapters that a batch uses stand side by side: two products
a layer, whatever the number of adapters, with zeros between them for the rows that an adapter does not answer. The
base's tensors are never written to. Knows nothing of training or replies.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from transformers import PreTrainedModel

from ftchat.engine import starts, twins
from ftchat.engine.cache import Pairs
from ftchat.engine.changes import Change, changes, square
from ftchat.engine.targets import linear_layers
from ftchat.errors import ModelError


class Voice(NamedTuple):
    """Who answers a row: an adapter at a strength, or with None the base alone."""

    adapter: str | None
    strength: float = 1.0


class AdapterStack:
    """The resident adapters of one base. One thread only."""

    def __init__(self, model: PreTrainedModel):
        self._model = model
        self._untouched = twins.twin(model, ())  # its layers stay as they are while PEFT's are in those of the base
        self._layers = linear_layers(model)
        self._adapters: dict[str, dict[str, Change]] = {}  # by layer; empty for the two other kinds
        self._starts: dict[str, Pairs] = {}
        self._twins: dict[str, twins.Twin] = {}
        self._norms: dict[str, float] = {}
        self._rows: tuple[Voice, ...] = ()
        self._applied: list[_Applied] = []
        self._joined: tuple[tuple[str, ...], dict[str, tuple[Tensor, Tensor]]] = ((), {})

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._adapters)

    def load(self, name: str, folder: Path) -> None:
        """A saved adapter, from its two files. Nothing happens if it is resident."""
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
        """An adapter from its tensors, by the names that its file has for them. They are copied."""
        tensors = dict(sorted(tensors.items()))  # a norm is to be the same sum wherever they come from
        kind = config.get("peft_type")
        start: Pairs = []
        own: twins.Twin | None = None
        layers: dict[str, Change] = {}
        norm: float | None = None
        self.select(())
        if kind == twins.KIND:
            own = twins.Twin(name, self._untouched, tensors)
            norm = own.norm
        elif kind in starts.KINDS:
            start = starts.start(name, tensors, config, self._model)
            norm = float(torch.stack([tensor.float().square().sum() for tensor in tensors.values()]).sum().sqrt())
            whole = math.isfinite(norm)
        else:
            layers = changes(name, tensors, config, self._layers)
            if not layers:
                raise ModelError(f"adapter {name} is empty; train it again")
            parts = [part for change in layers.values() for part in change.tensors]
            # Finite numbers may have a norm that is not.
            whole = bool(get_total_norm(parts).isfinite()) or all(part.isfinite().all() for part in parts)
        if own is None and not whole:
            raise ModelError(f"adapter {name} holds weights that are no numbers; train it again")
        self.drop(name)
        self._adapters[name] = layers
        if norm is not None:
            self._norms[name] = norm
        if start:
            self._starts[name] = start
        if own:
            self._twins[name] = own

    def drop(self, name: str) -> None:
        """Frees an adapter."""
        self.select(())
        if name in self._joined[0]:
            self._joined = ((), {})
        for held in (self._adapters, self._starts, self._twins, self._norms):
            held.pop(name, None)

    def norm(self, voice: Voice) -> float:
        """Frobenius norm of the whole weight change, over all layers; of virtual tokens, that of what was learned."""
        name = voice.adapter or ""
        if name not in self._norms and (layers := self._adapters.get(name)):  # takes as long as some tokens do
            squares = [square(change, self._layers[layer]) for layer, change in layers.items()]
            self._norms[name] = math.sqrt(max(0.0, float(torch.stack(squares).sum().nan_to_num())))
        return self._norms.get(name, 0.0) * voice.strength

    def twin(self, own: AbstractSet[str]) -> PreTrainedModel:
        """A model to train: copies in float32 of these weights of the base, and all others shared."""
        return twins.twin(self._untouched, own, torch.float32)

    def start(self, voice: Voice) -> Pairs:
        """Keys and values of the virtual tokens that this voice begins with."""
        found = self._starts.get(voice.adapter or "", []) if voice.strength else []
        if found and voice.strength != 1:
            raise ModelError("virtual tokens act wholly or not at all: choose strength 1, or 0 for the base")
        return found

    def lane(self, voice: Voice) -> Voice | None:
        """Rows of the same lane can share a forward pass. None is the one of the base's own weights."""
        return voice if voice.adapter in self._twins and voice.strength else None

    def select(self, rows: Sequence[Voice]) -> PreTrainedModel:
        """From now on row i of every batch is answered by rows[i], all of one lane; with no rows, every row by the
        base alone. Returns the model to ask."""
        rows = tuple(rows)
        if rows and (lane := self.lane(rows[0])):
            return self._twins[lane.adapter or ""].model(lane.strength)
        if rows == self._rows:
            return self._model
        used = tuple(sorted({voice.adapter for voice in rows if voice.adapter and voice.strength}))
        changed = [layer for layer in self._layers if any(layer in self._adapters[name] for name in used)]
        if [one.name for one in self._applied] != changed:
            for one in self._applied:
                one.remove()
            self._applied = [_Applied(name, self._layers[name]) for name in changed]
        products = self._side_by_side(used)
        acting = [row for row, voice in enumerate(rows) if voice.adapter and voice.strength]
        part = slice(acting[0], acting[-1] + 1) if acting else slice(0)
        told = rows[:1] if len(set(rows)) == 1 else rows
        alike = len(set(rows[part])) == 1
        shares: dict[tuple[tuple[str, int], ...], Tensor] = {}
        for one in self._applied:
            parts = [(n, change) for n in used if (change := self._adapters[n].get(one.name))]
            one.rows = len(told)
            one.down, one.up = products.get(one.name, (None, None))
            one.part = None if len(rows[part]) == len(rows) else part
            one.alpha, one.share = (rows[part][0].strength if alike else 1.0), None
            one.gain, one.entry = _by_row(told, parts, "gain", 1.0), _by_row(told, parts, "entry", 1.0)
            one.offset = _by_row(told, parts, "offset", 0.0)
            if not alike and one.down is not None:
                columns = tuple((n, change.down.shape[1]) for n, change in parts if change.down is not None)
                if columns not in shares:
                    shares[columns] = _share(rows[part], columns).to(one.down)
                one.share = shares[columns]
        self._rows = rows
        return self._model

    def _side_by_side(self, used: tuple[str, ...]) -> dict[str, tuple[Tensor, Tensor]]:
        """The two factors of each layer that these adapters change by products."""
        if len(used) < 2:
            alone = self._adapters[used[0]] if used else {}
            return {n: (c.down, c.up) for n, c in alone.items() if c.down is not None and c.up is not None}
        if self._joined[0] != used:
            parts: dict[str, list[Change]] = {}
            for adapter in used:
                for layer, change in self._adapters[adapter].items():
                    if change.down is not None:
                        parts.setdefault(layer, []).append(change)
            joined = {n: (_cat([c.down for c in own], 1), _cat([c.up for c in own], 0)) for n, own in parts.items()}
            self._joined = (used, joined)
        return self._joined[1]


class _Applied:
    """One linear layer whose output is changed, until `remove`: that of the rows in `part`, or of all; `share`
    [rows, 1, rank] says how much of each column each of them gets. It stands in for the layer's forward: a hook costs a
    small model as much again as the two products."""

    rows: int  # that are told apart
    down: Tensor | None
    up: Tensor | None
    part: slice | None
    alpha: float
    share: Tensor | None
    gain: Tensor | None  # these three: [rows, 1, width]; what the output is multiplied by,
    offset: Tensor | None  # what is added to it
    entry: Tensor | None  # and what the input is multiplied by

    def __init__(self, name: str, layer: nn.Module):
        self.name, self._layer = name, layer
        self._placed = layer.__dict__.get("forward")  # by a library that did the same
        self._forward = layer.forward
        layer.forward = self.forward

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 3:  # some models hand a layer the tokens of all rows as one list, or by heads; row after row
            return self.forward(x.reshape(self.rows, -1, x.shape[-1])).view(*x.shape[:-1], -1)
        if self.entry is not None:
            x = (x * self.entry).to(x.dtype)
        output, down, up = self._forward(x), self.down, self.up
        if self.gain is not None:
            scaled = output * self.gain
            output = (scaled if self.offset is None else scaled + self.offset).to(output.dtype)
        if down is None or up is None:
            return output
        grown = output
        if self.part is not None:
            x, grown = x[self.part], output[self.part]
        inner = torch.mm(x.reshape(-1, x.shape[-1]).to(down.dtype), down)
        if self.share is not None:
            inner = (inner.view(len(x), -1, inner.shape[-1]) * self.share).view_as(inner)
        if grown.dtype == down.dtype:
            grown.view(-1, grown.shape[-1]).addmm_(inner, up, alpha=self.alpha)
        else:
            grown += (inner @ up * self.alpha).view_as(grown).to(grown.dtype)
        return output

    def remove(self) -> None:
        if self._placed is None:
            del self._layer.forward
        else:
            self._layer.forward = self._placed


def _by_row(
    rows: Sequence[Voice], parts: Sequence[tuple[str, Change]], kind: Literal["gain", "offset", "entry"], rest: float
) -> Tensor | None:
    """What each row's own adapter adds to `rest`, at its strength; None where no adapter adds anything."""
    having = {name: vector for name, change in parts if (vector := getattr(change, kind)) is not None}
    if not having:
        return None
    nothing = torch.zeros_like(next(iter(having.values())))
    own = [having.get(voice.adapter or "", nothing) * voice.strength for voice in rows]
    return (rest + torch.stack(own)).unsqueeze(1)


def _share(rows: Sequence[Voice], columns: Sequence[tuple[str, int]]) -> Tensor:
    own = [[voice.strength * (voice.adapter == n) for n, rank in columns for _ in range(rank)] for voice in rows]
    return torch.tensor(own).unsqueeze(1)


def _cat(parts: Sequence[Any], dimension: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dimension)
