"""What the Hub, the disk and memory have against a base is said in one sentence, before its weights come."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from hub_server import HubServer, hub_server, point_at

from ftchat.engine.loading import STARTER_FOLDER
from ftchat.engine.room import check_room, config_of
from ftchat.errors import ModelError
from ftchat.records import STARTER
from ftchat.worker import Worker


def spoil(folder: Path, how: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    match how:
        case "bin" | "gguf" | "adapter":
            (folder / "model.safetensors").unlink()
            (folder / "model.fp16.safetensors").unlink()
            (folder / "model-q4.gguf").unlink()
            if how == "gguf":
                (folder / "model-q4.gguf").touch()
            if how == "adapter":
                (folder / "config.json").rename(folder / "adapter_config.json")
        case "pointer":
            (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
        case "image":
            (folder / "config.json").write_text(json.dumps({"model_type": "vit", "architectures": ["ViTModel"]}))
        case "unknown":
            (folder / "config.json").write_text(json.dumps(config | {"model_type": "hal9000"}))
        case "memory":
            huge = {"hidden_size": 16384, "intermediate_size": 65536, "num_hidden_layers": 200}
            huge |= {"num_attention_heads": 128, "num_key_value_heads": 128, "head_dim": 128}
            (folder / "config.json").write_text(json.dumps(config | huge))
        case "disk":
            with (folder / "model.safetensors").open("r+b") as file:
                file.truncate(shutil.disk_usage(folder).total + (1 << 30))


REFUSED = {
    "bin": r"no model\.safetensors \(only pytorch_model\.bin\).*choose a model that has its weights as safetensors",
    "gguf": "GGUF files, which cannot be trained on; give the model that they were made of",
    "adapter": "is an adapter, not a base model; give the base",
    "pointer": "a Git LFS pointer lies in its place; choose another",
    "image": "not a text-generating model; choose a chat model",
    "unknown": "model type is unknown to transformers",
    "memory": r"weights alone take \d+\.\d GB of memory in float32 .*choose the smaller model \w+",
    "disk": "is a download of .* free on the disk of .*; free some space there, set HF_HOME",
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_cannot_work_is_said_before_its_weights_come(hub: HubServer, worker: Worker, how: str) -> None:
    spoil(hub.put("me/bad"), how)
    with pytest.raises(ModelError, match=f"^me/bad.*{REFUSED[how]}") as caught:
        list(worker.fetch("me/bad"))
    assert "\n" not in str(caught.value)
    assert how == "pointer" or not hub.fetched("model.safetensors")


@pytest.mark.parametrize(
    ("name", "token", "words"),
    [
        ("me/nothing", None, "no model of that name on the Hub .* `hf auth login`, or set HF_TOKEN"),
        ("me/nothing", "hf_good", "no model of that name on the Hub"),
        ("me/private", None, "no model of that name on the Hub .* `hf auth login`, or set HF_TOKEN"),
        ("me/gated", None, r"gated: accept its terms at http://127\S+/me/gated, and log in with `hf auth login`"),
        ("me/gated", "hf_expired", "does not take the token of this machine"),
    ],
)
def test_what_may_not_be_read_is_said_with_the_way_out(
    hub: HubServer, worker: Worker, monkeypatch: pytest.MonkeyPatch, name: str, token: str | None, words: str
) -> None:
    hub.put("me/private"), hub.put("me/gated")
    hub.private, hub.gated = {"me/private"}, {"me/gated"}
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(ModelError, match=f"^{name}: .*{words}") as caught:
        list(worker.fetch(name))
    assert "\n" not in str(caught.value) and "hf_expired" not in str(caught.value)


def test_a_disk_that_becomes_full_is_said(hub: HubServer) -> None:
    hub.put("me/chat")
    script = (
        "import resource, sys; from ftchat.hub import Download; coming = Download('me/chat'); coming.prepare();"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))\n"
        "try: coming.run()\nexcept Exception as error: sys.exit(f'{type(error).__name__}: {error}')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.startswith("ModelError: the disk of ") and "it goes on from what has come" in done.stderr
    assert hub.partial() == 2_000_000


def test_a_folder_that_is_larger_than_memory_is_refused_and_the_base_stays(tmp_path: Path, worker: Worker) -> None:
    folder = Path(shutil.copytree(STARTER_FOLDER, tmp_path / "big"))
    spoil(folder, "memory")
    worker.describe(STARTER)
    with pytest.raises(ModelError, match=r"its weights alone take .* choose the smaller model"):
        worker.describe(str(folder))
    assert worker.state().base == STARTER


def test_where_four_bits_would_fit_they_are_named() -> None:
    config, cpu = config_of(STARTER_FOLDER), torch.device("cpu")
    check_room("me/chat", config, "float32", cpu, 24_000_000)
    with pytest.raises(ModelError, match=r"choose the method qlora, which keeps them in 4 bits, or .* model starter"):
        check_room("me/chat", config, "float32", cpu, 15_000_000)
    with pytest.raises(ModelError) as caught:
        check_room("me/chat", config, "nf4", cpu, 1_000_000)
    assert "qlora" not in str(caught.value)


def test_a_hub_that_does_not_answer_is_said_at_once(hub: HubServer, worker: Worker) -> None:
    with hub_server(hub.root) as other:
        pass  # its port is free again
    hub.port, old = other.port, hub.port
    with pytest.MonkeyPatch.context() as patch:
        point_at(hub, hub.root.parent / "hf" / "hub", patch)
        began = time.monotonic()
        with pytest.raises(ModelError, match=r"^me/chat: the Hub cannot be reached; check the network"):
            list(worker.fetch("me/chat"))
        assert time.monotonic() - began < 5
    hub.port = old
