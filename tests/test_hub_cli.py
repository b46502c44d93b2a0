"""The command line and a Hub: progress on standard error, one line where it cannot be, and datasets and adapters too."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hub_server import HubServer
from test_brought import made

from ftchat.adapters import AdapterStore, fetch
from ftchat.cli.fetching import show
from ftchat.engine.loading import STARTER_FOLDER
from ftchat.errors import ModelError
from ftchat.runs import RunStore

ROOT = Path(__file__).parents[1]
SIZE = (STARTER_FOLDER / "model.safetensors").stat().st_size
QUICK = ("--preset", "quick", "--set", "max_steps=1", "--json")


@pytest.fixture(autouse=True)
def offers(hub: HubServer) -> None:
    hub.put("me/chat")
    data = hub.folder("datasets", "me/pairs")
    data.mkdir(parents=True)
    rows = [json.dumps({"prompt": f"How much is {n} and {n}?", "completion": str(2 * n)}) for n in range(30)]
    (data / "train.jsonl").write_text("\n".join(rows))


def command(*arguments: str) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, "-m", "ftchat", *arguments], text=True, env=dict(os.environ), cwd=ROOT, **pipes
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=200)
    assert "Traceback" not in err, err
    return process.returncode, out, err


@pytest.mark.slow
def test_a_base_and_its_data_by_id_interrupted_and_begun_again(hub: HubServer, home: Path, tmp_path: Path) -> None:
    hub.rate = 2e6
    process = command("train", "me/pairs", "--base", "me/chat", *QUICK)
    while not [path for path in tmp_path.rglob("*.incomplete") if path.stat().st_size > SIZE // 10]:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    status, out, err = ended(process)
    assert status == 130 and not out and "downloading me/chat" in err and not RunStore(home).list()
    kept = next(tmp_path.rglob("*.incomplete")).stat().st_size
    hub.rate = 0
    status, out, err = ended(command("train", "me/pairs", "--base", "me/chat", *QUICK))
    assert status == 0 and json.loads(out.splitlines()[-1])["base"] == "me/chat"
    assert hub.fetched("model.safetensors")[-1] == f"bytes={kept}-"


@pytest.mark.slow
def test_one_that_may_not_be_read_ends_with_one_line(hub: HubServer, home: Path) -> None:
    hub.gated = {"me/chat"}
    status, out, err = ended(command("train", "me/pairs", "--base", "me/chat", *QUICK))
    assert status == 2 and not out and not RunStore(home).list()
    *_, last = err.strip().splitlines()
    assert last.startswith("ftchat: me/chat: this model is gated: accept its terms at ") and "HF_TOKEN" in last


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("me/pairs:test", "has these splits: ['train']"),
        ("me/nothing", "no dataset of that name on the Hub"),
        ("me/gated", "this dataset is gated: accept its terms at "),
    ],
)
def test_a_dataset_that_cannot_be_had_is_said_in_a_line(hub: HubServer, name: str, words: str) -> None:
    shutil.copytree(hub.folder("datasets", "me/pairs"), hub.folder("datasets", "me/gated"))
    hub.gated = {"me/gated"}
    status, out, err = ended(command("inspect", name))
    assert status == 2 and not out and words in err and len(err.strip().splitlines()) == 1


def test_an_adapter_by_its_id(hub: HubServer, home: Path, tmp_path: Path) -> None:
    folder = made(hub.folder("models", "me/adapter"))
    (folder / "training_args.bin").write_bytes(b"never to be fetched")
    store = AdapterStore(home)
    with store.coming() as coming:
        show(fetch("me/adapter", coming, private=True))
        kept = store.add([coming], "adapter", lambda base: None)
    assert (kept.folder / "adapter_model.safetensors").read_bytes() == (
        folder / "adapter_model.safetensors"
    ).read_bytes()
    assert not hub.fetched("training_args.bin")


@pytest.mark.slow
def test_base_and_adapter_by_their_ids_answer_beside_each_other(hub: HubServer) -> None:
    made(hub.folder("models", "me/adapter"), {"base_model_name_or_path": "me/chat"})
    arguments = ("--prompt", "Hello!", "--max-new-tokens", "4", "--json")
    status, out, err = ended(command("compare", "me/adapter", *arguments))
    assert status == 0 and "downloading me/chat" in err
    assert json.loads(out)["base"] == json.loads(out)["tuned"], "an adapter of zeros changes nothing"
    status, out, err = ended(command("compare", "me/nothing", *arguments))
    assert status == 2 and "no adapter of that name on the Hub" in err


@pytest.mark.parametrize("private", [True, False])
def test_an_adapter_behind_a_door_takes_the_token_only_where_it_may(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private: bool
) -> None:
    made(hub.folder("models", "me/secret"))
    hub.private = {"me/secret"}
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    if private:
        show(fetch("me/secret", tmp_path / "got", private=True))
        return
    with pytest.raises(ModelError, match=r"^me/secret: there is no adapter of that name on the Hub that may be read"):
        show(fetch("me/secret", tmp_path / "got", private=False))
    assert not any(one.token for one in hub.log if "me/secret" in one.path)
