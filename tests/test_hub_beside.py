"""Adapters and datasets come from a Hub as bases do: told of on their way, stopped, and gone on with from the byte."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import datasets
import gradio as gr
import pytest
from hub_server import HubServer
from pages import handler
from test_brought import made
from test_hub_cli import command, ended

from ftchat.adapters import AdapterStore, fetch
from ftchat.cli.fetching import show
from ftchat.data import from_hub
from ftchat.errors import DataError
from ftchat.events import Downloading
from ftchat.ui.texts import TEXTS

ROWS = 1500


@pytest.fixture(autouse=True)
def offers(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of about 2 MB, which come in two seconds."""
    # What that library has taken from its environment when it was imported.
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    made(hub.folder("models", "me/adapter"), rank=1024)
    dice = random.Random(0)
    answers = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz    ", k=2000)) for _ in range(ROWS)]
    folder = hub.folder("datasets", "me/pairs")
    folder.mkdir(parents=True)
    pairs = datasets.Dataset.from_dict({"prompt": [f"{n}?" for n in range(ROWS)], "completion": answers})
    pairs.to_parquet(folder / "train-00000-of-00001.parquet")
    hub.rate = 1e6


def an_adapter(folder: Path) -> Generator[Downloading, None, Any]:
    return fetch("me/adapter", folder, private=True)


def a_dataset(folder: Path) -> Generator[Downloading, None, Any]:
    return from_hub("me/pairs")


FILES = {an_adapter: "adapter_model.safetensors", a_dataset: "train-00000-of-00001.parquet"}


@pytest.mark.parametrize("coming", FILES)
def test_what_is_stopped_goes_on_from_the_byte_that_is_there(
    hub: HubServer, tmp_path: Path, coming: Callable[[Path], Generator[Downloading, None, Any]]
) -> None:
    first = coming(tmp_path / "first")
    seen = [next(first)]
    while seen[-1].done < 500_000:
        seen.append(next(first))
    first.close()
    assert [now.done for now in seen] == sorted(now.done for now in seen) and seen[-1].total > 2_000_000
    time.sleep(0.3)  # what was on the wire
    kept, hub.rate = hub.partial(), 0
    assert 500_000 <= kept < seen[-1].total
    found = show(coming(tmp_path / "second"))
    assert hub.fetched(FILES[coming])[-1] == f"bytes={kept}-" and not hub.partial()
    if coming is an_adapter:
        there = (tmp_path / "second" / FILES[coming]).read_bytes()
        assert there == (hub.folder("models", "me/adapter") / FILES[coming]).read_bytes()
    else:
        assert found.name == "me/pairs:train" and len(found.content) > 2_000_000


def test_a_dataset_that_is_here_is_not_fetched_again_and_one_that_stays_cut_is_said(hub: HubServer) -> None:
    hub.rate, hub.cuts = 0, [100_000] + [0] * 50
    with pytest.raises(DataError, match=r"^me/pairs: the Hub cannot be reached"):
        show(from_hub("me/pairs"))
    hub.cuts = []
    show(from_hub("me/pairs"))
    before = len(hub.fetched(FILES[a_dataset]))
    show(from_hub("me/pairs:train"))
    assert len(hub.fetched(FILES[a_dataset])) == before


def test_a_pointer_in_place_of_a_dataset_is_an_error_of_the_data(hub: HubServer) -> None:
    file = hub.folder("datasets", "me/pairs") / FILES[a_dataset]
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(DataError, match=r"^me/pairs: train-\S+parquet is not whole on the Hub: a Git LFS pointer"):
        show(from_hub("me/pairs"))


def test_the_page_tells_how_far_an_adapter_is_and_leaves_nothing_of_one_that_is_stopped(
    hub: HubServer, page: gr.Blocks, home: Path
) -> None:
    bring = handler(page, "from_hub")
    coming = bring("https://huggingface.co/me/adapter", "en")
    assert "Fetching me/adapter" in next(coming)[0]
    said, *_ = next(coming)
    assert " of 2 MB" in said
    coming.close()  # as Stop does
    assert not list(AdapterStore(home).folder.iterdir())
    told, button = handler(page, "stopped")("zh")
    assert TEXTS["ft_hub_stopped"][1] in told and button.elem_classes


@pytest.mark.slow
def test_ctrl_c_keeps_what_has_come_of_a_dataset(hub: HubServer) -> None:
    hub.rate = 2e5
    process = command("inspect", "me/pairs")
    while hub.partial() < 300_000:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    status, out, err = ended(process)
    assert status == 130 and not out and "what has come is kept" in err and "downloading me/pairs: " in err
    kept, hub.rate = hub.partial(), 0
    status, out, err = ended(command("inspect", "me/pairs"))
    assert status == 0 and f"{ROWS} rows" in out and hub.fetched(FILES[a_dataset])[-1] == f"bytes={kept}-"
