"""What every test gets: a home of its own, and no model hub."""

from __future__ import annotations

import os

# Before any library is imported: no hub, and threads that wait without burning a core another test could use.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
import small_models
from hub_server import HubServer, hub_server, point_at

from ftchat.hub import transfer
from ftchat.ui.page import build_page
from ftchat.worker import Worker, open_worker


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """FTCHAT_HOME of this test alone."""
    folder = tmp_path / "home"
    monkeypatch.setenv("FTCHAT_HOME", str(folder))
    return folder


@pytest.fixture
def worker(home: Path) -> Iterator[Worker]:
    """The loop in a thread of the test's own process."""
    worker = open_worker("inline", home)
    yield worker
    worker.close()


@pytest.fixture
def page(home: Path) -> gr.Blocks:
    """The whole page over a worker that nobody has asked for anything."""
    return build_page(home, open_worker("process", home))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub of this test's own, and a cache for what comes from it."""
    monkeypatch.setattr(transfer, "WAITS", (0.05, 0.05))
    with hub_server(tmp_path / "hub") as server:
        point_at(server, tmp_path / "hf" / "hub", monkeypatch)
        yield server


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of small foreign models that have learned nothing, made once."""
    root = tmp_path_factory.mktemp("models")
    return {make.__name__: make(root / make.__name__) for make in small_models.MAKERS}
