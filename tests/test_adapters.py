"""Adapters beside each other: each acts on its own rows only, and the base is never touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from duets import Studio, make_adapters, said
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig
from safetensors.torch import load_file, save_file

from ftchat.engine.adapters import Voice
from ftchat.engine.models import Resident
from ftchat.errors import ModelError
from ftchat.records import STARTER

voices = st.builds(Voice, st.sampled_from(("one", "two", "few")), st.sampled_from((0.0, 0.5, 1.0, 1.5)))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("adapters"))


def logits(resident: Resident, rows: list[Voice]) -> torch.Tensor:
    """Of the same prompt in every row, each row with its own voice."""
    ids = torch.tensor([resident.template.prompt_ids(said("Who are you?"))] * len(rows))
    with resident.chatting():
        resident.stack.select(rows)
        found = resident.model(input_ids=ids).logits
        resident.stack.select(())
    return found


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.just(Voice(None)), voices), min_size=1, max_size=6))
def test_a_row_is_the_base_to_the_bit_where_no_adapter_answers(studio: Studio, rows: list[Voice]) -> None:
    base = logits(studio.resident, [Voice(None)] * len(rows))
    together = logits(studio.resident, rows)
    for row, voice in enumerate(rows):
        assert torch.equal(together[row], base[row]) == (voice.adapter is None or not voice.strength)


def test_strength_scales_the_change_of_the_weights(studio: Studio, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(studio.folders["one"], tmp_path / "half"))
    tensors = load_file(folder / "adapter_model.safetensors")
    save_file({k: t / 2 if "lora_B" in k else t for k, t in tensors.items()}, folder / "adapter_model.safetensors")
    studio.resident.attach("halved", folder)
    rows = logits(studio.resident, [Voice("one", 0.5), Voice("halved"), Voice("one")])
    assert torch.allclose(rows[0], rows[1], atol=1e-4) and not torch.allclose(rows[0], rows[2], atol=1e-2)
    assert studio.resident.stack.norm(Voice("one", 0.5)) == pytest.approx(studio.resident.adapter_norm("halved"))
    studio.resident.detach("halved")


def test_the_norm_is_that_of_the_whole_weight_change(studio: Studio) -> None:
    tensors = load_file(studio.folders["two"] / "adapter_model.safetensors")
    scaling = 4 / 8**0.5  # rank stabilised
    total = sum(
        float((scaling * tensors[key.replace("lora_A", "lora_B")] @ tensors[key]).square().sum())
        for key in tensors
        if "lora_A" in key
    )
    assert studio.resident.adapter_norm("two") == pytest.approx(total**0.5, rel=1e-4)


def test_training_attaching_and_detaching_leave_the_base_as_it_was(tmp_path: Path) -> None:
    made = Resident(STARTER, "float32", torch.device("cpu"))
    before = {name: tensor.clone() for name, tensor in made.model.state_dict().items()}
    alone = logits(made, [Voice(None)])
    folders = make_adapters(made, tmp_path, ["one"])
    assert sorted(path.name for path in folders["one"].iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    made.attach("one", folders["one"])
    assert not torch.equal(logits(made, [Voice("one")]), alone)
    made.detach("one")
    assert made.adapters == () and torch.equal(logits(made, [Voice(None)]), alone)
    after = made.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_chat_passes_by_what_is_being_trained_and_a_snapshot_stays_what_it_was(tmp_path: Path) -> None:
    made = Resident(STARTER, "float32", torch.device("cpu"))
    folders = make_adapters(made, tmp_path, ["one", "two"])
    made.attach("two", folders["two"])
    alone, tuned = logits(made, [Voice(None)]), logits(made, [Voice("two")])
    peft = made.add_adapter("run", LoraConfig(task_type="CAUSAL_LM", target_modules=list(made.target_modules())))
    trained = [(name, tensor) for name, tensor in peft.named_parameters() if tensor.requires_grad]
    peft.train()
    for _, tensor in trained:
        tensor.data += 0.05
    assert torch.equal(logits(made, [Voice(None)]), alone) and torch.equal(logits(made, [Voice("two")]), tuned)
    made.snapshot("then")
    then = logits(made, [Voice("then")])
    for _, tensor in trained:
        tensor.data += 0.05
    assert torch.equal(logits(made, [Voice("then")]), then) and not torch.equal(then, alone)
    assert made.model.training and all(tensor.requires_grad for _, tensor in trained)
    assert [name for name, tensor in peft.named_parameters() if tensor.requires_grad] == [name for name, _ in trained]
    made.detach("run")
    assert torch.equal(logits(made, [Voice("then")]), then)


def changed(folder: Path, tmp_path: Path, config: dict | None = None, tensors: dict | None = None) -> Path:
    """A copy of a saved adapter with other entries in its files."""
    copy = Path(shutil.copytree(folder, tmp_path / "changed"))
    path = copy / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | (config or {})))
    weights = copy / "adapter_model.safetensors"
    save_file(load_file(weights) | (tensors or {}), weights)
    return copy


FIRST = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
REFUSED = {
    "without its magnitudes": ({"use_dora": True}, {}, "not made for this base"),
    "another kind": ({"peft_type": "LOHA"}, {}, "LOHA"),
    "other parts": ({"peft_type": "IA3"}, {}, "no part of an IA3"),
    "trained biases": ({"bias": "all"}, {}, "uses bias"),
    "whole modules": ({"modules_to_save": ["lm_head"]}, {}, "modules_to_save"),
    "only behind some tokens": ({"alora_invocation_tokens": [5, 6]}, {}, "alora_invocation_tokens"),
    "of another size": ({}, {FIRST: torch.zeros(4, 128)}, "not made for this base"),
    "of another model": ({}, {FIRST.replace("layers.0", "layers.99"): torch.zeros(4, 256)}, "not made for this base"),
    "no numbers": ({}, {FIRST: torch.full((4, 256), float("nan"))}, "no numbers"),
    "something else": ({}, {"base_model.model.lm_head.weight": torch.zeros(2, 2)}, "no part of a LoRA"),
}


@pytest.mark.parametrize("config,tensors,words", REFUSED.values(), ids=REFUSED)
def test_an_adapter_that_cannot_answer_is_refused_in_a_sentence(
    studio: Studio, tmp_path: Path, config: dict, tensors: dict, words: str
) -> None:
    folder = changed(studio.folders["one"], tmp_path, config, tensors)
    before = studio.resident.adapters
    with pytest.raises(ModelError, match=words):
        studio.resident.attach("refused", folder)
    assert studio.resident.adapters == before


def test_a_damaged_file_is_refused_in_a_sentence(studio: Studio, tmp_path: Path) -> None:
    folder = changed(studio.folders["one"], tmp_path)
    (folder / "adapter_model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ModelError, match="cannot be read"):
        studio.resident.attach("refused", folder)
    with pytest.raises(ModelError, match="no adapter in"):
        studio.resident.attach("refused", tmp_path / "nothing")
