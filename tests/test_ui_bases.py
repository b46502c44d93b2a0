"""Which base models a page takes: everything on one's own machine, a list where others are let in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from pages import handler
from servers import Server, serving

from ftchat.errors import ConfigError
from ftchat.records import STARTER
from ftchat.runs import RunStore
from ftchat.ui import launch
from ftchat.ui.bases import ANY, EVERYTHING, LISTED, Bases
from ftchat.ui.form_view import FIELDS
from ftchat.ui.page import build_page
from ftchat.worker import open_worker

FOLDERS = (
    "/etc",
    "/nowhere/at-all",
    ".",
    "..",
    "~",
    "~/models",
    "ftchat/starter",
    "C:\\models",
    "a/../../etc",
    "",
    "\0",
)


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("more", [(), ("me/mine",), (ANY,)])
def test_a_shared_page_takes_no_folder(folder: str, more: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="folders of its server are not read"):
        Bases.listed(more).check(folder)
    EVERYTHING.check(folder)


def test_a_shared_page_takes_what_is_listed_and_nothing_else() -> None:
    for base in (STARTER, *LISTED):
        Bases.listed(()).check(base)
    with pytest.raises(ConfigError, match="one of these base models"):
        Bases.listed(()).check("someone/else")


def test_its_operator_may_list_more_or_open_it() -> None:
    with pytest.raises(ConfigError, match=r"one of these base models: .*me/mine"):
        Bases.listed(["me/mine"]).check("me/other")
    Bases.listed(["me/mine", "/srv/models/mine"]).check("/srv/models/mine")
    Bases.listed([ANY]).check("me/other")


@pytest.mark.parametrize(
    ("arguments", "shared"),
    [
        ([], False),
        (["--allow-base", "me/mine"], False),
        (["--open"], True),
        (["--auth", "me:secret"], True),
        (["--allow-host", "box.example"], True),
        (["--host", "0.0.0.0", "--open"], True),
    ],
)
def test_a_page_is_shared_once_others_are_let_in(arguments: list[str], shared: bool) -> None:
    assert launch.where(launch.parser().parse_args(arguments)).shared is shared


class Stranger:
    """Calls the page's private functions over HTTP, by the component and the event that trigger them."""

    def __init__(self, server: Server):
        self.server, self.session = server, secrets.token_hex(6)
        self.config = json.loads(server.ask("/config").text)
        self.named = {part["props"].get("elem_id"): part["id"] for part in self.config["components"]}

    def functions(self, element: str, event: str) -> list[int]:
        wanted = [self.named[element], event]
        return [one["id"] for one in self.config["dependencies"] if wanted in [list(hit) for hit in one["targets"]]]

    def call(self, function: int, *data: Any, event: Any = None) -> dict[str, Any]:
        asked = {"data": data, "fn_index": function, "session_hash": self.session, "event_data": event}
        assert self.server.post("/gradio_api/queue/join", json.dumps(asked)).status == 200
        heard = self.server.ask(f"/gradio_api/queue/data?session_hash={self.session}").text
        messages = [json.loads(line[6:]) for line in heard.splitlines() if line.startswith("data: ")]
        return next(one for one in messages if one["msg"] == "process_completed")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("bases") / "home", "--open", "--allow-base", "me/mine") as running:
        yield running


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("base", ["/etc", "/nowhere/at-all", "stranger/model"])
def test_a_stranger_who_names_a_base_is_refused_by_the_server(shared: Server, base: str, lang: str) -> None:
    stranger = Stranger(shared)
    refused = []
    for function in stranger.functions("ft-other", "blur"):  # the radio's choice is kept on the server
        stranger.call(stranger.functions("ft-bases", "pick")[0], event={"value": "other"})
        refused.append(stranger.call(function, None, base, lang))
    assert refused and not any(answer["success"] for answer in refused)
    said = [answer["output"]["error"] for answer in refused]
    assert all("me/mine" in sentence and base not in sentence for sentence in said)
    assert all(("不读取" in sentence) == (lang == "zh") for sentence in said)


def test_no_run_begins_on_a_base_that_is_not_taken(home: Path) -> None:
    page = build_page(home, open_worker("process", home), Bases.listed(()))
    form = ("", 0.0, "other", "/etc", "quick", "auto", "", *[""] * len(FIELDS), "")
    with pytest.raises(gr.Error, match="folders of its server are not read"):
        handler(page, "begin")("0" * 16, None, "en", *form)
    assert RunStore(home).list() == []
