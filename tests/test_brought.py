"""Adapters from elsewhere: what is kept of them, and what is refused before anything of it is used."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from ftchat.adapters import AdapterStore, fetch
from ftchat.adapters.checks import CONFIG, WEIGHTS, check_adapter
from ftchat.adapters.store import check_names
from ftchat.errors import ConfigError, FtchatError, ModelError
from ftchat.records import STARTER
from ftchat.ui.bases import Bases

GOOD = {
    "peft_type": "LORA",
    "r": 4,
    "lora_alpha": 8,
    "target_modules": ["q_proj"],
    "base_model_name_or_path": STARTER,
    "modules_to_save": None,
    "alpha_pattern": {"down_proj|c_proj": 16},
}
LAYER = "base_model.model.model.layers.0.self_attn.q_proj.lora_"


def made(folder: Path, config: dict[str, Any] | None = None, rank: int = 4, fill: float = 0.0) -> Path:
    """A folder as PEFT saves it."""
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text(json.dumps(GOOD | (config or {})))
    tensors = {f"{LAYER}A.weight": torch.full((rank, 256), fill), f"{LAYER}B.weight": torch.zeros(256, rank)}
    save_file(tensors, folder / WEIGHTS)
    return folder


def packed(folder: Path, archive: Path, inside: str = "checkpoint/", extra: tuple[str, ...] = ()) -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name in (CONFIG, WEIGHTS):
            file.write(folder / name, inside + name)
        for name in extra:
            file.writestr(name, "more")
    return archive


def anything(base: str) -> None:
    pass


def test_a_folder_its_files_and_an_archive_of_it_are_one_and_the_same(home: Path, tmp_path: Path) -> None:
    store, folder = AdapterStore(home), made(tmp_path / "mine")
    (folder / "README.md").write_text("a model card")
    first = store.add([folder], "mine", anything)
    again = store.add([folder / WEIGHTS, folder / CONFIG], "other name", anything)
    archive = packed(folder, tmp_path / "mine.zip", extra=("checkpoint/README.md", "__MACOSX/x.bin"))
    assert store.add([archive], "third", anything) == first == again and store.list() == [first]
    assert (first.name, first.base, store.find(first.id)) == ("mine", STARTER, first)
    kept = sorted(path.name for path in first.folder.iterdir())
    assert kept == ["about.json", CONFIG, WEIGHTS] and first.folder.is_relative_to(home / "owners" / "local")
    second = store.add([made(tmp_path / "b", fill=1.0)], "mine", anything)
    assert second.name == "mine-2" and len(store.list()) == 2
    store.delete(first.id)
    assert store.list() == [second] and not first.folder.exists()
    with pytest.raises(ConfigError, match="gone"):
        store.delete(first.id)
    assert store.find("../runs") is None and store.find("") is None


CONFIGS: dict[str, tuple[dict[str, Any], str]] = {
    "another kind": ({"peft_type": "PREFIX_TUNING"}, "PREFIX_TUNING"),
    "code of its own": ({"auto_mapping": {"base_model_class": "X"}}, "auto_mapping"),
    "whole layers": ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
    "layers in another order": ({"layer_replication": [[0, 2]]}, "layer_replication"),
    "no layers": ({"target_modules": []}, "names of layers"),
    "an empty expression": ({"target_modules": ""}, "names of layers"),
    "layers by other than numbers": ({"layers_to_transform": ["first"]}, "numbers of some layers"),
    "a list of layers that runs away": ({"layers_pattern": "(a+)+"}, "name of the list of layers"),
    "a pattern that runs away": ({"alpha_pattern": {"(a+)+$": 1}}, "two of the signs"),
    "another": ({"alpha_pattern": {"a?" * 30: 1}}, "two of the signs"),
    "patterns that take long": ({"rank_pattern": {f".*.*{n}": 1 for n in range(30)}}, "two of the signs"),
    "a pattern that refers to none": ({"alpha_pattern": {r"\1": 1}}, "cannot be read"),
    "a changed base": ({"init_lora_weights": "pissa_niter_4"}, "pissa"),
    "a huge rank": ({"r": 10**9}, "rank"),
    "no strength": ({"lora_alpha": float("inf")}, "lora_alpha"),
    "no base": ({"base_model_name_or_path": None}, "which base"),
    "a folder that is not here": ({"base_model_name_or_path": "/content/drive/qwen"}, "/content/drive/qwen"),
}


@pytest.mark.parametrize(("config", "words"), CONFIGS.values(), ids=CONFIGS)
def test_a_config_that_asks_for_more_is_refused_and_nothing_is_kept(
    home: Path, tmp_path: Path, config: dict[str, Any], words: str
) -> None:
    store = AdapterStore(home)
    with pytest.raises(ModelError, match=words):
        store.add([made(tmp_path / "x", config)], "x", anything)
    assert store.list() == [] and list(store.folder.iterdir()) == []


def truncated(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[:-7])


def pointer(folder: Path) -> None:
    (folder / WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


def ranked(folder: Path) -> None:
    save_file({f"{LAYER}A.weight": torch.zeros(1025, 2), f"{LAYER}B.weight": torch.zeros(2, 1025)}, folder / WEIGHTS)


def counted(folder: Path) -> None:
    save_file({f"{LAYER}A.weight": torch.zeros(4, 2, dtype=torch.int64)}, folder / WEIGHTS)


def unreadable(folder: Path) -> None:
    (folder / CONFIG).write_text("[" * 100_000)


def vast(folder: Path) -> None:
    os.truncate(folder / WEIGHTS, 300 << 20)  # sparse: no disk is used


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (truncated, "damaged"),
        (pointer, "pointer"),
        (ranked, "rank"),
        (counted, "no matrix"),
        (unreadable, "JSON"),
        (vast, "256 MB"),
    ],
)
def test_files_that_are_not_what_they_say_are_refused(
    home: Path, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    folder = made(tmp_path / "x")
    spoil(folder)
    with pytest.raises(ModelError, match=words):
        AdapterStore(home).add([folder], "x", anything)
    assert AdapterStore(home).list() == []


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["adapter_model.bin", CONFIG], "adapter_model.bin"),
        (["a/adapter_model.bin", "a/optimizer.pt", "a/" + CONFIG], "adapter_model.bin"),
        ([CONFIG], "two files"),
        ([CONFIG, WEIGHTS, "b/" + WEIGHTS], "each once"),
        ([], "two files"),
    ],
)
def test_what_could_run_code_or_is_not_clear_is_not_opened(names: list[str], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        check_names(names)


def test_an_archive_that_lies_about_its_size_or_is_broken_is_refused(home: Path, tmp_path: Path) -> None:
    folder = made(tmp_path / "x")
    vast(folder)
    bomb = packed(folder, tmp_path / "bomb.zip")
    assert bomb.stat().st_size < 2 << 20
    broken = tmp_path / "broken.zip"
    broken.write_bytes(packed(made(tmp_path / "y"), tmp_path / "y.zip").read_bytes()[:-40])
    for archive, words in ((bomb, "256 MB"), (broken, "damaged")):
        with pytest.raises(ModelError, match=words):
            AdapterStore(home).add([archive], "x", anything)
    assert list(AdapterStore(home).folder.iterdir()) == []


def test_a_page_for_others_takes_no_adapter_of_a_base_that_it_does_not_take(home: Path, tmp_path: Path) -> None:
    folder = made(tmp_path / "x", {"base_model_name_or_path": "someone/huge-70b"})
    with pytest.raises(ConfigError, match="starter or one of"):
        AdapterStore(home).add([folder], "x", Bases.listed([]).check)
    assert AdapterStore(home).add([folder], "x", anything).base == "someone/huge-70b"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_in_the_files_the_answer_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = made(tmp_path_factory.mktemp("any") / "x")
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )
    config = GOOD | data.draw(st.dictionaries(st.sampled_from(sorted(GOOD)), values))
    (folder / CONFIG).write_text(json.dumps(config))
    header = json.dumps(data.draw(values)).encode()
    weights = data.draw(st.sampled_from((header, len(header).to_bytes(8, "little") + header)))
    if data.draw(st.booleans()):
        (folder / WEIGHTS).write_bytes(weights)
    try:
        check_adapter(folder)
    except FtchatError as error:
        assert 10 < len(str(error)) < 800
    shutil.rmtree(folder)


@pytest.mark.parametrize(("name", "words"), [("no such", "owner/name"), ("../x", "owner/name"), ("a/b", "Hub")])
def test_what_the_hub_does_not_give_is_said(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        list(fetch(name, tmp_path, private=False))
