"""What every part of the page shares: the stores, the worker, and the few components that the tabs talk through."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from ftchat.data import DatasetStore
from ftchat.records import STARTER, RunConfig
from ftchat.runs import RunStore
from ftchat.worker import Worker


@dataclass(frozen=True)
class Studio:
    """The server's side: one for all tabs and visitors."""

    home: Path
    worker: Worker
    datasets: DatasetStore
    runs: RunStore

    def train(self, dataset: str, preset: str, base: str = STARTER, method: str = "auto", settings=None) -> str:
        """Creates a run named after its dataset and hands it to the worker; returns its id at once."""
        name = self.runs.free_name(self.datasets.get(dataset).name)
        run = self.runs.create(RunConfig(name, dataset, base, method, preset, settings or {}))
        self.worker.start_run(run.id)
        return run.id


@dataclass(frozen=True)
class Shell:
    """The browser's side: components that every tab may read, and the ids it holds."""

    lang: gr.Textbox  # hidden; "en" or "zh"
    dataset: gr.State  # hash of the selected dataset, or None
    run: gr.State  # id of the selected run, or None
    tabs: gr.Tabs  # ids: data, train, compare, runs
    tick: gr.Timer  # every second while the tab is visible
