"""The keys and values of a batch, in place: rows come and go, and a token writes one column.

Every row ends at the same column and is padded on the left, as transformers' models expect of a batch. Knows nothing
of adapters, tokens or text.
"""

from __future__ import annotations

import functools
import inspect
import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PretrainedConfig, PreTrainedModel
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicLayer, DynamicSlidingWindowLayer

Pairs = list[tuple[Tensor, Tensor]]  # keys and values of one row, [heads, length, size], by layer; empty where unused

_ROOM = 128  # columns beyond what is known to be needed
_AS_WHOLE = 0.02  # how far apart, in parts of the whole, an answer in steps may be, in any precision


def fits(config: PretrainedConfig) -> bool:
    """Whether all that a model of this kind remembers are keys and values, one of each per token."""
    kinds = {type(layer) for layer in DynamicCache(config=config).layers}
    return kinds <= {DynamicLayer, DynamicSlidingWindowLayer}


def longest_alike(config: PretrainedConfig) -> float:
    """The tokens beyond which a model of this kind gives all positions of a row, and of those beside it, other numbers
    (longrope): it then reads a conversation anew."""
    parameters: Any = getattr(config.get_text_config(decoder=True), "rope_parameters", None) or {}
    kinds = [parameters, *(kind for kind in parameters.values() if isinstance(kind, dict))]
    turns = [kind["original_max_position_embeddings"] for kind in kinds if kind.get("rope_type") == "longrope"]
    return min(turns, default=math.inf)


def asked_with(model: PreTrainedModel, cache: Cache, positions: Tensor) -> dict[str, Any]:
    """The arguments that a model of this kind takes beside ids and mask to say the next token."""
    accepted = _accepted(type(model).forward)
    memory = "past_key_values" if "past_key_values" in accepted else "cache_params"  # as Mamba calls it
    options = {"position_ids": positions, "logits_to_keep": 1}
    return {memory: cache, "use_cache": True} | {name: value for name, value in options.items() if name in accepted}


@functools.cache
def _accepted(forward: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(forward).parameters)


@torch.no_grad()
def remembers(model: PreTrainedModel) -> bool:
    """Whether all that the model remembers of a conversation is in these caches: some keep it in themselves, or want a
    cache of their own. Call it in evaluation mode."""
    ids = torch.arange(3, device=model.device)[None]

    def says(cache: Cache, start: int, end: int) -> Tensor:
        options = asked_with(model, cache, torch.arange(start, end, device=model.device)[None])
        return model(input_ids=ids[:, start:end], **options).logits[0, -1].float()

    try:
        if fits(model.config):
            shared = KeyValues(model.config, [1], 0)
            says(shared, 0, 1)
            return any(layer.is_initialized for layer in shared.layers)
        one, other = OneRow(model.config), OneRow(model.config)
        says(one, 0, 2)
        says(other, 0, 1)  # in between
        whole = says(OneRow(model.config), 0, 3)
        return bool((says(one, 2, 3) - whole).norm() <= _AS_WHOLE * whole.norm())
    except (TypeError, ValueError, AttributeError):
        return False


class KeyValues(Cache):
    """`rows` rows of `width` columns, of which the last come with the next forward pass: `seen` says how many of them
    are known beforehand. A sliding window is left to the mask."""

    def __init__(self, config: PretrainedConfig, lengths: Sequence[int], seen: int):
        count = len(DynamicCache(config=config)) or config.get_text_config(decoder=True).num_hidden_layers
        width = max(lengths)
        self.rows, self.start, self.end = len(lengths), 0, seen
        self.first = [width - length for length in lengths]  # column of each row's first token
        self._capacity = (self.rows, width + _ROOM)
        self._mask: Tensor | None = None
        self.torn = False  # by memory that was full in the middle of a move
        super().__init__(layers=[_Layer(self) for _ in range(count)])

    def mask(self, fresh: int, device: torch.device) -> Tensor | None:
        """[rows, columns] of 1 where a token stands, the `fresh` ones that come next among them; None where they stand
        everywhere."""
        if all(first <= self.start for first in self.first):
            return None
        if self._mask is None:
            columns = torch.arange(self._capacity[1])
            self._mask = (columns >= torch.tensor(self.first)[:, None]).long().to(device)
        return self._mask[:, self.start : self.end + fresh]

    def advance(self, fresh: int) -> None:
        """Counts what a forward pass has written, and sees to it that there is room for the next token."""
        self.end += fresh
        if self.end >= self._capacity[1]:
            self._move(self._capacity[0], 2 * (self.end - self.start) + _ROOM, 0)

    def join(self, other: KeyValues) -> None:
        """Takes the rows of another batch over."""
        rows, width = self.rows + other.rows, other.end - other.start
        if rows > self._capacity[0] or width > self.end:
            before = max(0, width - (self.end - self.start))
            columns = max(self._capacity[1], before + self.end - self.start + _ROOM)
            self._move(max(rows, 2 * self.rows) if rows > self._capacity[0] else self._capacity[0], columns, before)
        for mine, theirs in zip(self.layers, other.layers, strict=True):
            if theirs.keys is not None:
                for into, from_ in ((mine.keys, theirs.keys), (mine.values, theirs.values)):
                    into[self.rows : rows, :, : self.end - width] = 0  # what left this row may not be a number
                    into[self.rows : rows, :, self.end - width : self.end] = from_[
                        : other.rows, :, other.start : other.end
                    ]
        self.first += [self.end - (other.end - first) for first in other.first]
        self.rows = rows
        self._window()

    def remove(self, row: int) -> None:
        """Frees a row; the last one takes its place."""
        self.rows -= 1
        last = self.first.pop()
        if row < self.rows:
            self.first[row] = last
            for layer in self.layers:
                if layer.keys is not None:
                    for tensor in (layer.keys, layer.values):
                        tensor[row, :, : self.end] = tensor[self.rows, :, : self.end]
        self._window()

    def row(self, row: int) -> Pairs:
        """A copy of what is known of a row."""
        columns = slice(self.first[row], self.end)
        return [
            (layer.keys[row, :, columns].clone(), layer.values[row, :, columns].clone())
            for layer in self.layers
            if layer.keys is not None
        ]

    def fill(self, row: int, known: Pairs) -> None:
        """Writes the beginning of a row, as far as it is known beforehand."""
        columns = slice(self.first[row], self.end)
        length = self.end - self.first[row]
        for layer, (keys, values) in zip(self.layers, known, strict=False):
            layer.prepare(keys, values)
            layer.keys[row, :, columns] = keys[:, :length]
            layer.values[row, :, columns] = values[:, :length]

    def _window(self) -> None:
        if self.first:
            self.start = min(self.first)
        self._mask = None

    def _move(self, rows: int, columns: int, before: int) -> None:
        """New room for what there is, with `before` free columns in front of it."""
        shift = before - self.start
        self._capacity, self.torn = (rows, columns), True
        for layer in self.layers:
            layer.move(shift)
        self.first = [first + shift for first in self.first]
        self.start, self.end = before, self.end + shift
        self._mask, self.torn = None, False


class OneRow(DynamicCache):
    """Whatever a model of another kind remembers, of one row that shares nothing."""

    torn = False

    def __init__(self, config: PretrainedConfig):
        super().__init__(config=config)

    def mask(self, fresh: int, device: torch.device) -> None:
        return None

    def advance(self, fresh: int) -> None:
        pass

    def remove(self, row: int) -> None:
        pass

    def row(self, row: int) -> Pairs:
        return []


class _Layer(CacheLayerMixin):
    """The keys and values of one layer: [rows, heads, columns, size], of which a window is in use."""

    is_sliding = False
    keys: Any
    values: Any

    def __init__(self, whole: KeyValues):
        super().__init__()
        self._whole = weakref.proxy(whole)  # or the memory of an ended reply would wait for Python's collector

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.prepare(key_states[0], value_states[0])

    def prepare(self, keys: Tensor, values: Tensor) -> None:
        """Makes room for keys and values of this kind."""
        if self.keys is None:
            self.keys, self.values = (self._room(like, self._whole.end) for like in (keys, values))
            self.is_initialized = True

    def _room(self, like: Tensor, before: int) -> Tensor:
        """Zeros before the columns that will be written: a row that begins later sees them, masked. No more than
        those, for to write all of the room costs as much as some tokens of the prompt."""
        rows, columns = self._whole._capacity
        room = like.new_empty((rows, like.shape[-3], columns, like.shape[-1]))
        room[:, :, :before] = 0
        return room

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        if self.keys is None:
            self.lazy_initialization(key_states, value_states)
        whole = self._whole
        end = whole.end + key_states.shape[2]
        self.keys[: whole.rows, :, whole.end : end] = key_states
        self.values[: whole.rows, :, whole.end : end] = value_states
        return self.keys[: whole.rows, :, whole.start : end], self.values[: whole.rows, :, whole.start : end]

    def move(self, shift: int) -> None:
        if self.keys is not None:
            whole = self._whole
            old = self.keys, self.values
            self.keys, self.values = (self._room(like, whole.start + shift) for like in old)
            for into, from_ in zip((self.keys, self.values), old, strict=True):
                into[: whole.rows, :, whole.start + shift : whole.end + shift] = from_[
                    : whole.rows, :, whole.start : whole.end
                ]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.get_seq_length() + query_length, 0

    def get_seq_length(self) -> int:
        return self._whole.end - self._whole.start

    def get_max_length(self) -> int:
        return -1
