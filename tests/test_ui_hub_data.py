"""A dataset of the Hub, brought on the Data tab: told of on its way, stopped, refused in a sentence, and kept."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import gradio as gr
import pytest
from hub_server import HubServer
from pages import handler, last

from ftchat.data import DatasetStore
from ftchat.ui.bases import Bases
from ftchat.ui.page import build_page
from ftchat.worker import open_worker

Bring = Callable[..., Iterator[Any]]
ROWS = 400


def put(hub: HubServer, name: str, size: int = 2000) -> None:
    folder = hub.folder("datasets", name)
    folder.mkdir(parents=True)
    rows = {
        "prompt": [f"{n}?" for n in range(ROWS)],
        "completion": [random.Random(n).randbytes(size // 2).hex() for n in range(ROWS)],
    }
    datasets.Dataset.from_dict(rows).to_parquet(folder / "train.parquet")


@pytest.fixture
def bring(hub: HubServer, page: gr.Blocks) -> Bring:
    return handler(page, "from_id")


def said(step: Any) -> str:
    return step[2]


@pytest.mark.parametrize("name", ["me/pairs", " https://huggingface.co/datasets/me/pairs/viewer/default/train "])
def test_it_is_a_dataset_like_any_other(hub: HubServer, home: Path, bring: Bring, name: str) -> None:
    put(hub, "me/pairs", size=10)
    steps = list(bring(name, None, "en"))
    assert "Asking the Hub" in said(steps[0]) and steps[0][6].elem_classes == []
    info = DatasetStore(home).info(steps[-1][0])
    assert (info.name, info.kind, info.count, info.raw) == ("pairs", "hub", ROWS, True)
    assert said(steps[-1]) == "" == steps[-1][-1] and steps[-1][6].elem_classes == ["ft-off"]


def test_it_says_how_far_it_is_and_what_is_stopped_goes_on_from_there(hub: HubServer, bring: Bring) -> None:
    put(hub, "me/pairs")
    hub.rate = 2e5
    coming, told = bring("me/pairs", None, "zh"), ""
    while "正在从 Hub 获取 me/pairs：" not in told or hub.partial() < 50_000:
        told = said(next(coming))
    assert "<progress max=" in told and "每秒" in told
    coming.close()  # as Stop does
    time.sleep(0.3)
    kept, hub.rate = hub.partial(), 0
    assert kept >= 50_000
    assert last(bring("me/pairs", None, "en"))[0]
    assert hub.fetched("train.parquet")[-1] == f"bytes={kept}-"


def test_after_stop_it_is_said_that_what_has_come_is_kept(page: gr.Blocks) -> None:
    cut_off = handler(page, "cut_off")
    assert "goes on from there" in cut_off("me/pairs", "en")[0]
    assert cut_off(" ", "en")[0] == ""


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        ("me/nothing", "no dataset of that name on the Hub", "Hub 上没有可读取的 me/nothing"),
        ("me/gated", "this dataset is gated: accept its terms at ", "需要授权"),
        ("me", "write it as owner/name", "请写成 owner/name"),
        ("../me/pairs", "write it as owner/name", "请写成 owner/name"),
        ("tests/pages", "no dataset of that name on the Hub", "Hub 上没有可读取的 tests/pages"),
        (" ", "Which dataset?", "哪个数据集？"),
        ("me/parts", "write me/parts:one or me/parts:two", "请写明要哪一个：me/parts:one or me/parts:two"),
    ],
)
def test_what_cannot_be_had_is_said_in_place_and_what_was_typed_stays(
    hub: HubServer, bring: Bring, name: str, english: str, chinese: str
) -> None:
    put(hub, "me/gated", size=10)
    put(hub, "me/parts", size=10)
    (hub.folder("datasets", "me/parts") / "train.parquet").unlink()
    for part in ("one", "two"):
        (hub.folder("datasets", "me/parts") / f"{part}.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    card = "---\nconfigs:\n- config_name: default\n  data_files:\n"
    card += "".join(f"  - split: {part}\n    path: {part}.jsonl\n" for part in ("one", "two"))
    (hub.folder("datasets", "me/parts") / "README.md").write_text(card + "---\n")
    hub.gated = {"me/gated"}
    for lang, words in (("en", english), ("zh", chinese)):
        end = last(bring(name, "0" * 16, lang))
        assert words in said(end) and 'role="alert"' in said(end)
        assert end[0] == end[-1] == gr.skip() and end[6].elem_classes == ["ft-off"]


def test_where_no_column_is_known_they_are_asked_for_as_of_a_file(hub: HubServer, home: Path, page: gr.Blocks) -> None:
    (folder := hub.folder("datasets", "me/pairs")).mkdir(parents=True)
    rows = [json.dumps({"foo": f"a{n} x", "bar": f"b{n} y", "baz": f"c{n} z"}) for n in range(9)]
    (folder / "train.jsonl").write_text("\n".join(rows))
    *_, refused, _ = last(handler(page, "from_id")("me/pairs", None, "en"))
    chosen = last(handler(page, "with_columns")(refused, "baz", "foo", None, "en"))[0]
    assert DatasetStore(home).page(chosen, 0, 1).rows[0][1].prompt == "c0 z"


def test_on_a_shared_page_no_token_is_used_and_no_more_is_taken_than_of_an_upload(
    hub: HubServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    put(hub, "me/own", size=10)
    hub.private = {"me/own"}
    bring = handler(build_page(home, open_worker("process", home), Bases.listed(())), "from_id")
    assert "no dataset of that name" in said(last(bring("me/own", None, "en")))
    put(hub, "me/big", size=10)
    with (hub.folder("datasets", "me/big") / "train.parquet").open("r+b") as file:
        file.truncate(300 << 20)
    assert "up to 0.3 GB are taken" in said(last(bring("me/big", None, "en")))
    assert not [one for one in hub.log if one.token] and not hub.partial()
