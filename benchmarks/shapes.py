"""Models of the shapes that people train, with random weights, written on the spot from their configs.

A shard is made, written and forgotten before the next, so that 8 B parameters take no more memory than their largest
tensor. The tokenizer is the starter's: far smaller than the vocabulary, whose whole width is computed all the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, GenerationConfig, Qwen3Config

from ftchat.engine.loading import STARTER_FOLDER

_QWEN3 = {"vocab_size": 151_936, "head_dim": 128, "num_key_value_heads": 8, "max_position_embeddings": 40_960}
# Those of Qwen3; `tiny` shows on any machine that the program runs.
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {
        "vocab_size": 5_120, "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "head_dim": 32,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2_048,
        "tie_word_embeddings": True,
    },
    "0.6b": _QWEN3 | {
        "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
        "tie_word_embeddings": True,
    },
    "1.7b": _QWEN3 | {
        "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28, "num_attention_heads": 16,
        "tie_word_embeddings": True,
    },
    "8b": _QWEN3 | {
        "hidden_size": 4096, "intermediate_size": 12_288, "num_hidden_layers": 36, "num_attention_heads": 32,
        "tie_word_embeddings": False,
    },
}  # fmt: skip


def write_model(shape: str, folder: Path, device: torch.device) -> None:
    """A model's folder, in bfloat16. The numbers are drawn on the device."""
    config = Qwen3Config(**SHAPES[shape], bos_token_id=1, eos_token_id=2, pad_token_id=0)
    config.architectures, config.dtype = ["Qwen3ForCausalLM"], torch.bfloat16
    with torch.device("meta"):
        parts = {name: part.shape for name, part in AutoModelForCausalLM.from_config(config).named_parameters()}
    folder.mkdir(parents=True)
    config.save_pretrained(folder)
    GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=0).save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / file).write_bytes((STARTER_FOLDER / file).read_bytes())
    shards: dict[str, list[str]] = {}
    for name in parts:
        layer = name.split(".")[2] if ".layers." in name else name
        shards.setdefault(f"model-{layer}.safetensors", []).append(name)
    dice = torch.Generator(device).manual_seed(0)
    for file, names in shards.items():
        save_file({name: _drawn(parts[name], dice) for name in names}, folder / file, {"format": "pt"})
    weight_map = {name: file for file, names in shards.items() for name in names}
    total = sum(2 * size.numel() for size in parts.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")


def _drawn(size: torch.Size, dice: torch.Generator) -> torch.Tensor:
    """A norm's weights are 1."""
    if len(size) == 1:
        return torch.ones(size, dtype=torch.bfloat16)
    return torch.empty(size, dtype=torch.bfloat16, device=dice.device).normal_(0, 0.02, generator=dice).cpu()
