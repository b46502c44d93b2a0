"""Folders that cannot work end in one sentence that says what is wrong and what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ftchat.engine.loading import STARTER_FOLDER
from ftchat.engine.models import Resident
from ftchat.errors import ModelError
from ftchat.records import STARTER

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the starter, to be spoiled."""
    return Path(shutil.copytree(STARTER_FOLDER, tmp_path / "model"))


def edit_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def pointer(folder: Path) -> None:
    (folder / "model.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 11481504\n"
    )


def no_tokenizer(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut_weights(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a Git LFS pointer": (pointer, "git lfs pull"),
    "no tokenizer": (no_tokenizer, "tokenizer"),
    "pickled weights only": (no_weights, "safetensors"),
    "cut weights": (cut_weights, "download it again"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "config.json"),
    "broken config": (lambda folder: (folder / "config.json").write_text("{"), "not valid JSON"),
    "unknown model type": (
        lambda folder: edit_config(folder, model_type="hal9000", architectures=["Hal"]),
        "model type",
    ),
    "another shape": (lambda folder: edit_config(folder, num_hidden_layers=12), "do not fit its config.json"),
    "a smaller vocabulary": (lambda folder: edit_config(folder, vocab_size=64), "."),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_a_folder_that_cannot_work_gets_one_plain_sentence(folder: Path, kind: str) -> None:
    spoil, words = SPOILED[kind]
    spoil(folder)
    with pytest.raises(ModelError, match=words) as caught:
        Resident(str(folder), "float32", CPU)
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)


def test_a_tokenizer_of_another_model_is_refused(folder: Path, models: dict[str, Path]) -> None:
    shutil.copy(STARTER_FOLDER / "tokenizer.json", models["gpt2"].parent / "kept.json")
    spoiled = Path(shutil.copytree(models["llama_without_template"], folder.parent / "mixed"))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(STARTER_FOLDER / name, spoiled / name)
    with pytest.raises(ModelError, match="do not belong together"):
        Resident(str(spoiled), "float32", CPU)


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere", "nobody/no-such-model"])
def test_a_model_that_is_not_there_says_what_to_give(name: str) -> None:
    with pytest.raises(ModelError, match=name):
        Resident(name, "float32", CPU)


def test_the_starter_fits_its_promises() -> None:
    resident = Resident(STARTER, "float32", CPU)
    assert resident.info.parameters <= 6_000_000
    assert (STARTER_FOLDER / "model.safetensors").stat().st_size <= 12_000_000
    assert not resident.info.notes
    assert "{% generation %}" in str(resident.tokenizer.chat_template)
    for name, module in resident.model.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            assert module.in_features % 64 == 0 and module.out_features % 32 == 0, name


def test_an_adapter_can_tell_the_tokens_of_the_starter_apart() -> None:
    """Tied embeddings that lie on one spot give the same logit, whatever is learned: `{` came out as `¥`."""
    resident = Resident(STARTER, "float32", CPU)
    directions = torch.nn.functional.normalize(resident.model.get_input_embeddings().weight.detach(), dim=1)
    likeness = (directions @ directions.T).fill_diagonal_(0).max(1).values
    likeness[resident.tokenizer.all_special_ids] = 0
    assert likeness.max() < 0.9


@pytest.mark.parametrize("text", ["", " a  b\n\n", "你好，世界！", "😀👩‍👩‍👧‍👦", "naïve Ω ⟨x⟩ \t\u200b", "<0x41> ▁x"])
def test_the_starter_knows_every_character(text: str) -> None:
    tokenizer = Resident(STARTER, "float32", CPU).tokenizer
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text
    assert tokenizer.unk_token_id not in ids
