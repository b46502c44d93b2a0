"""Which files of a repository on the Hub a base model needs: no second copy of its weights, and never code."""

from __future__ import annotations

from pathlib import Path

from ftchat.errors import ModelError
from ftchat.hub.cache import INDEX, WEIGHTS

_SMALL = frozenset(
    "config.json generation_config.json tokenizer.json tokenizer_config.json special_tokens_map.json added_tokens.json "
    f"vocab.json merges.txt vocab.txt tekken.json chat_template.json chat_template.jinja {INDEX}".split()
)
_SENTENCEPIECE = ".model"
_TOKENIZERS = frozenset("tokenizer.json vocab.json vocab.txt tekken.json".split())


def is_small(file: str) -> bool:
    if file.startswith("additional_chat_templates/"):
        return file.endswith(".jinja")
    return file in _SMALL or ("/" not in file and file.endswith(_SENTENCEPIECE))


def check(name: str, files: dict[str, int]) -> None:
    """Refuses what cannot be a base model, by the names of its files."""
    kinds = {Path(file).suffix for file in files}
    if ".gguf" in kinds and ".safetensors" not in kinds:
        raise ModelError(
            f"{name} holds GGUF files, which cannot be trained on; give the model that they were made of, often of the "
            "same name without -GGUF"
        )
    if "config.json" not in files:
        if "adapter_config.json" in files:
            raise ModelError(f"{name} is an adapter, not a base model; give the base that it was trained on")
        raise ModelError(f"{name} has no config.json, so it is no language model; choose a chat model")
    if not any(file in _TOKENIZERS or ("/" not in file and file.endswith(_SENTENCEPIECE)) for file in files):
        raise ModelError(
            f"{name} has no tokenizer (tokenizer.json or tokenizer.model); choose a model that has one, often the one "
            "that it was made of"
        )
    if not {WEIGHTS, INDEX} & set(files):
        others = (".safetensors", ".bin", ".pt", ".pth", ".h5", ".msgpack", ".onnx")
        other = next((file for kind in others for file in sorted(files) if file.endswith(kind)), None)
        found = f"only {other}" if other else "no weights at all"
        raise ModelError(
            f"{name} has no {WEIGHTS} ({found}); other files of weights are not read, some can run code: choose a "
            "model that has its weights as safetensors"
        )
