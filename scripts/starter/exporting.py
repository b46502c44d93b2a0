"""Checkpoint -> the folder that ftchat loads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from transformers import AutoTokenizer, GenerationConfig

from .training import new_model


def plain_settings(path: Path) -> None:
    """Says the tokenizer's class and special tokens in the words that older transformers read too."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    for name in ("backend", "is_local", "local_files_only"):
        settings.pop(name, None)
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    settings["additional_special_tokens"] = settings.pop(
        "extra_special_tokens", settings.get("additional_special_tokens")
    )
    path.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def export(work: Path, target: Path) -> dict[str, int]:
    """Writes model and tokenizer to `target`, and says how large they are. The card is left alone."""
    state = torch.load(work / "checkpoint.pt", weights_only=True)
    model = new_model()
    model.load_state_dict(state["masters"], strict=False)
    model.tie_weights()
    model.to(torch.bfloat16).eval()
    model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=0, max_new_tokens=256)
    tokenizer = AutoTokenizer.from_pretrained(work / "tokenizer")
    fresh = work / "export"
    shutil.rmtree(fresh, ignore_errors=True)
    model.save_pretrained(fresh)
    tokenizer.save_pretrained(fresh)
    plain_settings(fresh / "tokenizer_config.json")
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(fresh.iterdir()):
        shutil.copyfile(path, target / path.name)
        (target / path.name).chmod(0o644)
    return {"parameters": sum(p.numel() for p in model.parameters()), "bytes": (target / "model.safetensors").stat().st_size,
            "step": state["step"], "tokens": state["tokens"], "minutes": round(state["seconds"] / 60)}  # fmt: skip
