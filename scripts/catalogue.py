"""Writes ftchat/catalogue.json: the base models that the page offers, each with the memory that training it needs.

    python -m scripts.catalogue

Shapes are those of the models' own config.json on the Hub. The memory is that of `ftchat.engine.estimate` for LoRA on
all linear layers, one row of 1,024 tokens of which half are learned, with gradient checkpointing: what a run comes
down to on a machine with little memory.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig

from ftchat.engine.counting import driven
from ftchat.engine.estimate import Step, needed

LENGTH = 1024
RANK = 16
_KINDS = {
    "nf4": ("nf4", "cuda"),
    "bfloat16": ("bfloat16", "cuda"),
    "nf4_cpu": ("nf4", "cpu"),
    "float32": ("float32", "cpu"),
}
_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "gate_proj", "up_proj", "gate_up_proj", "down_proj"]

_EUROPE = ("en", "fr", "es", "de", "it", "pt")
_MANY = ("en", "zh", "*")


def _llama_like(
    kind: str, hidden: int, layers: int, heads: tuple[int, int], head: int, inner: int, vocabulary: int, tied: bool
) -> dict[str, Any]:
    return {
        "model_type": kind,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads[0],
        "num_key_value_heads": heads[1],
        "head_dim": head,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
        "pad_token_id": 0,
    }


# Hub id, licence, languages (* for many more), context, whether its terms must be accepted first, and its config
_MODELS: list[tuple[str, str, tuple[str, ...], int, bool, dict[str, Any]]] = [
    ("HuggingFaceTB/SmolLM2-135M-Instruct", "Apache-2.0", ("en",), 8192, False,
     _llama_like("llama", 576, 30, (9, 3), 64, 1536, 49152, True)),
    ("google/gemma-3-270m-it", "Gemma", _MANY, 32768, True,
     _llama_like("gemma3_text", 640, 18, (4, 1), 256, 2048, 262144, True)),
    ("HuggingFaceTB/SmolLM2-360M-Instruct", "Apache-2.0", ("en",), 8192, False,
     _llama_like("llama", 960, 32, (15, 5), 64, 2560, 49152, True)),
    ("Qwen/Qwen2.5-0.5B-Instruct", "Apache-2.0", _MANY, 32768, False,
     _llama_like("qwen2", 896, 24, (14, 2), 64, 4864, 151936, True)),
    ("Qwen/Qwen3-0.6B", "Apache-2.0", _MANY, 40960, False,
     _llama_like("qwen3", 1024, 28, (16, 8), 128, 3072, 151936, True)),
    ("google/gemma-3-1b-it", "Gemma", ("en",), 32768, True,
     _llama_like("gemma3_text", 1152, 26, (4, 1), 256, 6912, 262144, True)),
    ("meta-llama/Llama-3.2-1B-Instruct", "Llama 3.2", _EUROPE, 131072, True,
     _llama_like("llama", 2048, 16, (32, 8), 64, 8192, 128256, True)),
    ("Qwen/Qwen2.5-1.5B-Instruct", "Apache-2.0", _MANY, 32768, False,
     _llama_like("qwen2", 1536, 28, (12, 2), 128, 8960, 151936, True)),
    ("HuggingFaceTB/SmolLM2-1.7B-Instruct", "Apache-2.0", ("en",), 8192, False,
     _llama_like("llama", 2048, 24, (32, 32), 64, 8192, 49152, True)),
    ("Qwen/Qwen3-1.7B", "Apache-2.0", _MANY, 40960, False,
     _llama_like("qwen3", 2048, 28, (16, 8), 128, 6144, 151936, True)),
    ("HuggingFaceTB/SmolLM3-3B", "Apache-2.0", _EUROPE, 65536, False,
     _llama_like("llama", 2048, 36, (16, 4), 128, 11008, 128256, True)),
    ("meta-llama/Llama-3.2-3B-Instruct", "Llama 3.2", _EUROPE, 131072, True,
     _llama_like("llama", 3072, 28, (24, 8), 128, 8192, 128256, True)),
    ("microsoft/Phi-4-mini-instruct", "MIT", _MANY, 131072, False,
     _llama_like("phi3", 3072, 32, (24, 8), 128, 8192, 200064, True)),
    ("Qwen/Qwen3-4B-Instruct-2507", "Apache-2.0", _MANY, 262144, False,
     _llama_like("qwen3", 2560, 36, (32, 8), 128, 9728, 151936, True)),
    ("mistralai/Mistral-7B-Instruct-v0.3", "Apache-2.0", ("en",), 32768, False,
     _llama_like("mistral", 4096, 32, (32, 8), 128, 14336, 32768, False)),
    ("Qwen/Qwen2.5-7B-Instruct", "Apache-2.0", _MANY, 32768, False,
     _llama_like("qwen2", 3584, 28, (28, 4), 128, 18944, 152064, False)),
    ("meta-llama/Llama-3.1-8B-Instruct", "Llama 3.1", _EUROPE, 131072, True,
     _llama_like("llama", 4096, 32, (32, 8), 128, 14336, 128256, False)),
    ("Qwen/Qwen3-8B", "Apache-2.0", _MANY, 40960, False,
     _llama_like("qwen3", 4096, 36, (32, 8), 128, 12288, 151936, False)),
    ("Qwen/Qwen3-14B", "Apache-2.0", _MANY, 40960, False,
     _llama_like("qwen3", 5120, 40, (40, 8), 128, 17408, 151936, False)),
]  # fmt: skip


def entry(model: tuple[str, str, tuple[str, ...], int, bool, dict[str, Any]]) -> dict[str, Any]:
    """One line of the catalogue."""
    name, licence, languages, context, gated, fields = model
    config: PretrainedConfig = AutoConfig.for_model(**fields)
    with torch.device("meta"):
        parameters = sum(weight.numel() for weight in AutoModelForCausalLM.from_config(config).parameters())
    memory = {}
    for kind, (precision, device) in _KINDS.items():
        adapter = LoraConfig(r=RANK, target_modules=_TARGETS, task_type="CAUSAL_LM")
        memory[kind] = driven(needed(config, adapter, Step(precision, 1, LENGTH, LENGTH // 2, True, device))).total
    return {
        "id": name,
        "parameters": parameters,
        "licence": licence,
        "languages": languages,
        "context": context,
        "gated": gated,
        "memory": memory,
    }


if __name__ == "__main__":
    lines = ",\n".join(" " + json.dumps(entry(model)) for model in _MODELS)
    (Path(__file__).parent.parent / "ftchat" / "catalogue.json").write_text(f"[\n{lines}\n]\n", "utf-8")
