"""Adapters as PEFT, Unsloth and ms-swift write them: each answers as PEFT's own model does, or is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from duets import said
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

from ftchat.adapters.checks import CONFIG, WEIGHTS, check_adapter
from ftchat.engine.adapters import Voice
from ftchat.engine.loading import load_base
from ftchat.engine.models import Resident
from ftchat.errors import ModelError
from ftchat.records import STARTER

CPU = torch.device("cpu")
TWO = {"target_modules": ["q_proj", "v_proj"]}
Renamed = Callable[[str], str]


@pytest.fixture(scope="module")
def resident() -> Resident:
    return Resident(STARTER, "float32", CPU)


def made(
    folder: Path,
    base: str,
    asked: dict[str, Any],
    told: dict[str, Any] | None = None,
    renamed: Renamed = str,
    kind: Any = None,
) -> Path:
    """What PEFT saves of a LoRA of this kind; `told`: other entries of its config, `kind` of its numbers."""
    torch.manual_seed(0)
    model = get_peft_model(load_base(base, "float32", CPU).model, LoraConfig(task_type="CAUSAL_LM", r=4, **asked))
    for name, tensor in model.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(tensor, std=0.05)
    model.save_pretrained(folder)
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | {"base_model_name_or_path": base} | (told or {})))
    tensors = load_file(folder / WEIGHTS)
    save_file({renamed(name): tensor.to(kind) for name, tensor in tensors.items()}, folder / WEIGHTS)
    return folder


def by_peft(base: str, folder: Path, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The base's logits, and those with the adapter."""
    model = load_base(base, "float32", CPU).model.eval()
    with torch.no_grad():
        alone = model(input_ids=ids).logits
        return alone, PeftModel.from_pretrained(model, str(folder)).eval()(input_ids=ids).logits


def answered_alike(resident: Resident, folder: Path) -> bool:
    ids = torch.tensor([resident.template.prompt_ids(said("Who are you?"))])
    check_adapter(folder)
    resident.attach("odd", folder)
    with resident.chatting():
        resident.stack.select([Voice("odd")])
        ours = resident.model(input_ids=ids).logits
    resident.detach("odd")
    alone, theirs = by_peft(resident.name, folder, ids)
    assert (theirs - alone).abs().max() > 0.05
    return torch.allclose(ours, theirs, atol=1e-4)


# As Unsloth writes it for all layers of a language model.
UNSLOTH = (
    r"(?:.*?(?:language|text).*?(?:self_attn|attention|attn|mlp|feed_forward|ffn|dense).*?(?:q_proj|up_proj).*?)|"
    r"(?:\bmodel\.layers\.[\d]{1,}\.(?:self_attn|attention|attn|mlp|feed_forward|ffn|dense)\.(?:(?:q_proj|up_proj)))"
)
ALIKE: dict[str, Callable[..., Path]] = {
    "an expression": partial(made, asked={"target_modules": r".*\.layers\.[12]\..*(q|v)_proj"}),
    "Unsloth's expression": partial(made, asked={"target_modules": UNSLOTH}),
    "all-linear": partial(made, asked={"target_modules": "all-linear"}, told={"target_modules": "all-linear"}),
    "without some": partial(made, asked={"target_modules": "all-linear", "exclude_modules": r".*mlp.*"}),
    "without one": partial(made, asked={"target_modules": ["q_proj", "up_proj"], "exclude_modules": ["up_proj"]}),
    "some layers": partial(made, asked=TWO | {"layers_to_transform": [0, 2], "layers_pattern": "layers"}),
    "one layer": partial(made, asked=TWO | {"layers_to_transform": 1}),
    "ranks by expressions": partial(made, asked=TWO | {"rank_pattern": {r".*\.[01]\..*q_proj": 8, "v_proj": 2}}),
    "strengths by expressions": partial(
        made,
        asked=TWO | {"alpha_pattern": {r"layers\.\d+\.self_attn\.v_proj": 32, r"(0|1)\.self_attn\.q_proj": 24}},
    ),
    "options that are off": partial(
        made,
        asked=TWO,
        told={"modules_to_save": [], "bias": "none", "lora_bias": False, "layer_replication": None},
    ),
    "transposed by mistake": partial(made, asked=TWO, told={"fan_in_fan_out": True}),
    "of a newer PEFT": partial(made, asked=TWO, told={"brand_new": {"way": 1}, "peft_version": "9.0.0"}),
    "a whole model's names": partial(made, asked=TWO, renamed=lambda name: name.replace(".weight", ".default.weight")),
    "bfloat16": partial(made, asked=TWO, kind=torch.bfloat16),
    "float16": partial(made, asked=TWO, kind=torch.float16),
}


@pytest.mark.parametrize("make", ALIKE.values(), ids=ALIKE)
def test_an_adapter_from_elsewhere_answers_as_with_peft(
    resident: Resident, tmp_path: Path, make: Callable[..., Path]
) -> None:
    assert answered_alike(resident, make(tmp_path / "odd", STARTER))


def test_an_adapter_of_conv1d_layers_answers_as_with_peft(tmp_path: Path, models: dict[str, Path]) -> None:
    base = str(models["gpt2"])
    asked = {"target_modules": r"transformer\.h\.\d+\..*c_(attn|proj)", "fan_in_fan_out": True}
    assert answered_alike(Resident(base, "float32", CPU), made(tmp_path / "odd", base, asked))


REFUSED: dict[str, tuple[Callable[..., Path], str]] = {
    "biases": (partial(made, asked=TWO | {"bias": "lora_only"}), "uses bias"),
    "biases of its own": (partial(made, asked=TWO | {"lora_bias": True}), "lora_bias"),
    "embeddings": (partial(made, asked={"target_modules": ["embed_tokens", "q_proj"]}), "no part of a LoRA"),
    "tokens": (partial(made, asked=TWO | {"trainable_token_indices": [1, 2]}), "trainable_token_indices"),
    "no prefix": (
        partial(made, asked=TWO, renamed=lambda name: name.removeprefix("base_model.model.")),
        "passes over",
    ),
    "two prefixes": (partial(made, asked=TWO, renamed=lambda name: f"base_model.model.{name}"), "passes over"),
    "another family": (
        partial(made, asked=TWO, renamed=lambda name: name.replace("model.layers", "language_model.layers")),
        "not made for this base",
    ),
    "fewer kinds of layers": (partial(made, asked=TWO, told={"target_modules": ["q_proj"]}), "v_proj, which its own"),
    "fewer layers": (partial(made, asked=TWO, told={"layers_to_transform": [0]}), "layers.1.* which its own"),
    "excluded layers": (partial(made, asked=TWO, told={"exclude_modules": ["v_proj"]}), "v_proj, which its own"),
    "another rank": (partial(made, asked=TWO, told={"r": 8}), "not made for this base"),
}


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_one_that_would_answer_otherwise_is_refused_in_a_sentence(
    resident: Resident, tmp_path: Path, make: Callable[..., Path], words: str
) -> None:
    folder = make(tmp_path / "odd", STARTER)
    with pytest.raises(ModelError, match=words):
        check_adapter(folder)
        resident.attach("odd", folder)
    assert "odd" not in resident.adapters
