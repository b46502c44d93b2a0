"""Adapters that are a beginning: virtual tokens in front of every conversation. Knows nothing of rows or replies.

Whatever was learned, embeddings or keys and values, becomes the keys and values that the base would remember of these
tokens, computed once. A conversation then goes on from there with the base's own weights, as PEFT's forward does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from ftchat.engine.cache import Pairs, fits
from ftchat.errors import ModelError

KINDS = ("PREFIX_TUNING", "PROMPT_TUNING", "P_TUNING")
_KEY = "prompt_embeddings"


def start(name: str, tensors: Mapping[str, Tensor], config: Mapping[str, Any], model: PreTrainedModel) -> Pairs:
    """The keys and values of an adapter's virtual tokens. Call it while the model chats."""
    if not fits(model.config):
        raise ModelError(f"adapter {name} puts tokens in front, which this base cannot take over; train it with lora")
    learned = tensors.get(_KEY)
    count, width = config.get("num_virtual_tokens"), model.get_input_embeddings().weight.shape[1]
    if learned is None or len(tensors) > 1 or learned.shape[0] != count:
        raise ModelError(f"adapter {name} does not hold {count} virtual tokens and nothing else; train it again")
    with torch.no_grad():
        if config["peft_type"] == "PREFIX_TUNING":
            return _keys_and_values(name, learned, config, model)
        if learned.shape[1] != width:
            raise _foreign(name)
        embeddings = learned.to(model.device, model.get_input_embeddings().weight.dtype)
        cache = model(inputs_embeds=embeddings[None], past_key_values=DynamicCache(config=model.config)).past_key_values
    return [(layer.keys[0].clone(), layer.values[0].clone()) for layer in cache.layers if layer.keys is not None]


def _keys_and_values(name: str, learned: Tensor, config: Mapping[str, Any], model: PreTrainedModel) -> Pairs:
    """PEFT's order: each token's row holds, layer by layer, its keys and then its values, of all heads."""
    text = model.config.get_text_config(decoder=True)
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    if learned.shape[1] != text.num_hidden_layers * 2 * heads * size:
        raise _foreign(name)
    rows = learned.to(model.device, model.dtype).view(len(learned), text.num_hidden_layers, 2, heads, size)
    return [(layer[0].contiguous(), layer[1].contiguous()) for layer in rows.permute(1, 2, 3, 0, 4)]


def _foreign(name: str) -> ModelError:
    words = "its tokens are of another width; choose the base it names"
    return ModelError(f"adapter {name} was not made for this base: {words}")
