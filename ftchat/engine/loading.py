"""From a model's name to weights in memory, or one plain sentence why not. Knows nothing of adapters or chat.

Safetensors only, never remote code. transformers' and safetensors' errors are translated here and nowhere else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ftchat.engine.room import check_room, config_of
from ftchat.errors import ModelError
from ftchat.hub import Download, downloaded, is_hub_id, offline
from ftchat.records import STARTER

STARTER_FOLDER = Path(__file__).parent.parent / "starter"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tokenizer_config.json")
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Loaded:
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    parameters: int
    context: int


def default_precision(device: torch.device, quantised: bool) -> str:
    """float32 on a CPU; on a GPU bfloat16, or float16 where it knows no bfloat16; nf4 where quantised."""
    if quantised:
        return "nf4"
    if device.type == "cpu":
        return "float32"
    return "bfloat16" if half() == torch.bfloat16 else "float16"


def half() -> torch.dtype:
    """Of this GPU. One older than Ampere takes bfloat16 too, but only emulates it, far slower than float16."""
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def computes_in_float16(device: torch.device) -> bool:
    """Whether a run on this device does, whatever its base is kept in."""
    return device.type == "cuda" and half() == torch.float16


def load_base(name: str, precision: str, device: torch.device) -> Loaded:
    """Loads a base model and its tokenizer. ModelError says in one sentence what is wrong and what to do."""
    folder = folder_of(name)
    _check_folder(folder)
    where = str(folder)
    try:
        config = config_of(folder)
        tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=False)
        model, report = AutoModelForCausalLM.from_pretrained(
            where, config=config, use_safetensors=True, trust_remote_code=False, output_loading_info=True,
            **_weights_options(precision, device),
        )  # fmt: skip
    except Exception as error:  # whatever these libraries raise on a folder that they cannot read
        raise _translated(name, error) from error
    _check_weights(name, config, report)
    context = _context(config)
    tokenizer_size = tokenizer.vocab_size
    rows = model.get_input_embeddings().weight.shape[0]
    if tokenizer_size > rows:
        raise ModelError(
            f"{name}: its tokenizer has {tokenizer_size} tokens, but the model knows only {rows}; they do not belong "
            "together: use the tokenizer that came with the model"
        )
    if precision == "nf4" and device.type == "cpu":
        _keep_weights_for_training(model)
    freeze(model)
    return Loaded(model, tokenizer, _count_parameters(model), context)


def folder_of(name: str) -> Path:
    """Where the files of a base model lie; those of the Hub are fetched if they are not here yet."""
    folder = STARTER_FOLDER if name == STARTER else Path(name).expanduser()
    if folder.is_dir():
        return folder
    if not is_hub_id(name):
        raise ModelError(
            f"there is no folder {name}; give a model's folder or its Hub id, as in Qwen/Qwen2.5-0.5B-Instruct"
        )
    if found := downloaded(name):
        return found
    if offline():
        raise ModelError(
            f"{name} is not on this machine, and HF_HUB_OFFLINE forbids to ask the Hub for it; unset that, or give a "
            "local folder"
        )
    coming = Download(name)
    found = coming.prepare()
    coming.check_disk()
    coming.run()
    return found


def check_ready(name: str, precision: str, device: torch.device, available: int) -> None:
    """ModelError where a base that is here cannot be loaded, as far as a quick look tells."""
    if name != STARTER:
        folder = folder_of(name)
        _check_folder(folder)
        check_fits(name, folder, precision, device, available)


def check_fits(name: str, folder: Path, precision: str, device: torch.device, available: int) -> None:
    """ModelError where its weights are larger than memory, or its config says already that it cannot be loaded."""
    try:
        check_room(name, config_of(folder), precision, device, available)
    except Exception as error:
        raise _translated(name, error) from error


def _weights_options(precision: str, device: torch.device) -> dict[str, Any]:
    if precision != "nf4":
        return {"dtype": _DTYPES[precision], "device_map": {"": device}}
    compute = _DTYPES[default_precision(device, quantised=False)]
    quantisation = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )
    return {"quantization_config": quantisation, "dtype": compute, "device_map": {"": device}}


def _keep_weights_for_training(model: PreTrainedModel) -> None:
    """bitsandbytes repacks 4-bit weights for inference at the first evaluation on CPUs with AVX512-BF16, and
    gradients are silently wrong from then on. This switches that off."""
    import bitsandbytes

    for module in model.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            module.support_avx512bf16_for_cpu = False


def freeze(model: PreTrainedModel) -> None:
    """The base is only read: no gradients, and no dropout of its own, which would be noise in front of an adapter
    that has a dropout setting itself."""
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name, value in vars(module).items():  # what some hand to a function of theirs
            if isinstance(value, float) and ("dropout" in name or "layerdrop" in name):
                setattr(module, name, 0.0)


def _count_parameters(model: PreTrainedModel) -> int:
    """Weights of the model; a 4-bit tensor holds two in each byte."""
    sizes = (p.numel() * (2 if p.dtype == torch.uint8 else 1) for p in model.parameters())
    return sum(sizes)


def _context(config: Any) -> int:
    text = config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        value = getattr(text, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return 2048


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json, so it is no model folder; give the folder that holds it")
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except ValueError:
        raise ModelError(f"{folder / 'config.json'} is not valid JSON; download the model again") from None
    if not isinstance(config, dict) or "model_type" not in config:
        raise ModelError(f"{folder / 'config.json'} names no model_type; give the folder of a transformers model")
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        other = next((path.name for kind in ("*.bin", "*.pt", "*.pth", "*.gguf") for path in folder.glob(kind)), None)
        found = (
            f"only {other}, which is not read because such files can run code or are of another kind"
            if other
            else "none"
        )
        raise ModelError(
            f"{folder} has no *.safetensors weights ({found}); convert or download the safetensors version"
        )
    for path in weights:
        with path.open("rb") as file:
            if file.read(40).startswith(b"version https://git-lfs"):
                raise ModelError(
                    f"{path} is a Git LFS pointer, not the weights; run `git lfs pull` there, or download the file"
                )
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES[:4]):
        raise ModelError(
            f"{folder} has no tokenizer (tokenizer.json or tokenizer.model); copy the files of its tokenizer into it"
        )


def _check_weights(name: str, config: Any, report: dict[str, Any]) -> None:
    missing = sorted(report.get("missing_keys", ()))
    if getattr(config.get_text_config(), "tie_word_embeddings", False):
        missing = [key for key in missing if "lm_head" not in key]
    if missing or report.get("mismatched_keys"):
        what = missing[0] if missing else sorted(report["mismatched_keys"])[0][0]
        raise ModelError(f"{name}: its weights do not fit its config.json (first: {what}); download the model again")


def _translated(name: str, error: Exception) -> Exception:
    if isinstance(error, ModelError):
        return error
    text = " ".join(str(error).split())
    kind = type(error).__name__
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return ModelError(f"{name} does not fit into memory; choose a smaller model or --method qlora")
    if ("model type" in text and ("does not recognize" in text or "Unrecognized" in text)) or kind == "KeyError":
        return ModelError(
            f"{name}: its model type is unknown to transformers {transformers.__version__}; choose a chat model of a "
            "known type, such as Llama, Qwen, Gemma or Mistral"
        )
    if "trust_remote_code" in text or "custom code" in text:
        return ModelError(f"{name} needs code of its own, which ftchat never runs; choose a model of a standard type")
    if "Unrecognized configuration class" in text:
        return ModelError(f"{name} is not a text-generating model; choose a chat model such as Llama, Qwen or Gemma")
    if kind == "SafetensorError":
        return ModelError(f"{name}: its safetensors file is damaged or cut ({text[:80]}); download it again")
    if "tokenizer" in text.lower() or "sentencepiece" in text.lower() or "tiktoken" in text.lower():
        return ModelError(f"{name}: its tokenizer cannot be read ({text[:120]}); copy its tokenizer files again")
    return ModelError(f"{name} cannot be loaded ({kind}: {text[:160]})")
