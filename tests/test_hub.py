"""Bases by their Hub id, from a real HTTP server: what comes, what is said, and that nothing comes twice."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import HubServer, hub_server, point_at
from test_train import start

from ftchat.engine.loading import STARTER_FOLDER
from ftchat.errors import ModelError
from ftchat.events import Downloading, ReplyDone, ReplyFailed, ReplyLoading
from ftchat.hub import download, downloaded
from ftchat.records import STARTER, ChatRequest, Message, Pane, Sampling
from ftchat.runs import Run
from ftchat.worker import Worker

SIZE = (STARTER_FOLDER / "model.safetensors").stat().st_size


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.setattr(download, "WAITS", (0.05, 0.05))
    with hub_server(tmp_path / "hub") as server:
        point_at(server, tmp_path / "hf" / "hub", monkeypatch)
        yield server


def put(hub: HubServer, name: str) -> Path:
    """The starter, under this name on the Hub, with what else lies in such repositories."""
    folder = Path(shutil.copytree(STARTER_FOLDER, hub.folder("models", name)))
    for junk in ("pytorch_model.bin", "model.fp16.safetensors", "model-q4.gguf", "modeling.py", "onnx/model.onnx"):
        (folder / junk).parent.mkdir(exist_ok=True)
        (folder / junk).write_bytes(b"never to be fetched")
    return folder


def until(run: Run, *states: str) -> str:
    end = time.monotonic() + 60
    while (state := run.status().state) not in states:
        assert time.monotonic() < end, state
        time.sleep(0.02)
    return state


def ask(worker: Worker, base: str) -> list:
    panes = (Pane(None, (Message("user", "Hello!"),)),)
    return list(worker.chat(ChatRequest(f"ask-{base}", base, panes, Sampling(0.0, 4))))


def test_a_base_comes_with_its_progress_and_nothing_that_is_not_needed(hub: HubServer, worker: Worker) -> None:
    put(hub, "me/chat")
    hub.rate = 20e6
    seen = list(worker.fetch("me/chat"))
    assert seen and all(isinstance(one, Downloading) and one.total == SIZE for one in seen)
    assert seen[-1].file == "model.safetensors" and [one.done for one in seen] == sorted(one.done for one in seen)
    info = worker.describe("me/chat")
    assert (info.name, info.label) == ("me/chat", "chat")
    asked = len(hub.log)
    assert not list(worker.fetch("me/chat")) and isinstance(ask(worker, "me/chat")[-1], ReplyDone)
    assert len(hub.log) == asked, "what is here is not asked for again"
    fetched = {one.path.rpartition("main/")[2].rpartition("/")[2] for one in hub.log if "/resolve/" in one.path}
    assert fetched == {path.name for path in STARTER_FOLDER.iterdir()} - {"README.md"}


def test_a_run_waits_for_its_base_and_others_chat_meanwhile(hub: HubServer, home: Path, worker: Worker) -> None:
    put(hub, "me/chat")
    worker.describe(STARTER)
    hub.rate = 3e6
    run = start(home, worker, "waits", {"max_steps": 2}, base="me/chat")
    while run.status().download is None:
        time.sleep(0.02)
    done = ask(worker, STARTER)[-1]
    assert isinstance(done, ReplyDone) and done.seconds < 2 and run.status().state == "queued"
    hub.rate = 0
    assert until(run, "finished", "failed") == "finished"
    came = [event for event in run.events() if isinstance(event, Downloading)]
    assert came[0].done < came[-1].done == came[-1].total == SIZE
    assert run.status().usable


def test_stopped_half_way_it_goes_on_from_the_byte_that_is_there(hub: HubServer, home: Path, worker: Worker) -> None:
    put(hub, "me/chat")
    hub.rate = 2e6
    first = start(home, worker, "first", {"max_steps": 1}, base="me/chat")
    while not (here := first.status().download) or here.done < SIZE // 10:
        time.sleep(0.02)
        if here:
            list(map(len, [first.id]))
        if any(hub.log) and _partial(hub) > SIZE // 10:
            break
    began = time.monotonic()
    worker.stop_run(first.id)
    assert until(first, "stopped") and time.monotonic() - began < 1
    hub.rate = 0
    time.sleep(0.3)  # what was on the wire
    kept, asked = _partial(hub), len(hub.log)
    assert SIZE // 20 < kept < SIZE
    second = start(home, worker, "second", {"max_steps": 1}, base="me/chat")
    assert until(second, "finished", "failed") == "finished"
    again = [one for one in hub.log[asked:] if one.method == "GET" and "/resolve/" in one.path]
    assert {one.path.rpartition("/")[2] for one in again} == {"model.safetensors"}
    assert {one.range for one in again} == {f"bytes={kept}-"}


def _partial(hub: HubServer) -> int:
    return sum(path.stat().st_size for path in hub.root.parent.rglob("*.incomplete"))


def test_a_cut_connection_is_taken_up_again(hub: HubServer, worker: Worker) -> None:
    put(hub, "me/chat")
    hub.cuts = [SIZE // 3, 0, SIZE // 3]
    list(worker.fetch("me/chat"))
    folder = downloaded("me/chat")
    assert folder and (folder / "model.safetensors").read_bytes() == (STARTER_FOLDER / "model.safetensors").read_bytes()
    starts = [int((one or "bytes=0-")[6:-1]) for one in hub.fetched("model.safetensors")]
    assert starts[0] == 0 and sorted(starts) == starts and starts[-1] >= SIZE // 2


def test_one_that_stays_cut_is_said_in_a_sentence(hub: HubServer, home: Path, worker: Worker) -> None:
    put(hub, "me/chat")
    hub.cuts = [100_000] + [0] * 50
    run = start(home, worker, "cut", {"max_steps": 1}, base="me/chat")
    assert until(run, "failed")
    error = run.status().error
    assert error == "me/chat: the Hub cannot be reached; check the network, then start again" and not run.status().bug
    assert _partial(hub) == 100_000


def test_a_chat_says_how_far_its_base_is_and_can_be_stopped(hub: HubServer, worker: Worker) -> None:
    put(hub, "me/chat")
    hub.rate = 2e6
    panes = (Pane(None, (Message("user", "Hello!"),)),)
    events = []
    for event in worker.chat(ChatRequest("slow", "me/chat", panes, Sampling(0.0, 4))):
        events.append(event)
        if isinstance(event, ReplyLoading) and event.download and event.download.done:
            worker.stop_reply("slow")
    assert isinstance(events[-1], ReplyFailed) and "me/chat was being downloaded" in events[-1].error
    hub.rate = 0
    found = ask(worker, "me/chat")
    assert isinstance(found[-1], ReplyDone) and any(isinstance(one, ReplyLoading) for one in found)


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
    "pointer": "Git LFS pointer, not the weights; choose another",
    "image": "not a text-generating model; choose a chat model",
    "unknown": "model type is unknown to transformers",
    "memory": r"weights alone take \d+\.\d GB of memory in float32 .*choose the smaller model \w+",
    "disk": "is a download of .* free on the disk of .*; free some space there, set HF_HOME",
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_cannot_work_is_said_before_its_weights_come(hub: HubServer, worker: Worker, how: str) -> None:
    spoil(put(hub, "me/bad"), how)
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
    put(hub, "me/private"), put(hub, "me/gated")
    hub.private, hub.gated = {"me/private"}, {"me/gated"}
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(ModelError, match=f"^{name}: .*{words}") as caught:
        list(worker.fetch(name))
    assert "\n" not in str(caught.value) and "hf_expired" not in str(caught.value)


@pytest.mark.parametrize("name", ["me/private", "me/gated"])
def test_a_token_opens_the_door_and_stays_with_the_hub(
    hub: HubServer, worker: Worker, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    put(hub, name)
    hub.private, hub.gated = {"me/private"}, {"me/gated"}
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    list(worker.fetch(name))
    assert worker.describe(name).name == name
    assert all(one.token is None for one in hub.log if one.path.startswith("/cdn/"))


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
