"""What every part of the page shares: the stores, the worker, and the few components that the tabs talk through."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from ftchat.data import DatasetStore
from ftchat.records import RunConfig
from ftchat.runs import RunStore
from ftchat.worker import Worker


@dataclass(frozen=True)
class Studio:
    """The server's side: one for all tabs and visitors."""

    home: Path
    worker: Worker
    datasets: DatasetStore
    runs: RunStore

    def begin(self, config: RunConfig) -> str:
        """Creates a run and hands it to the worker; returns its id as soon as it is accepted."""
        run = self.runs.create(config)
        self.worker.start_run(run.id)
        return run.id

    def run_name(self, dataset: str) -> str:
        """A free name for a run on this dataset."""
        return self.runs.free_name(dataset[:100].lstrip("- ") or "run")


@dataclass(frozen=True)
class Shell:
    """The browser's side: components that every tab may read, and the ids it holds."""

    lang: gr.Textbox  # hidden; "en" or "zh"
    dataset: gr.State  # hash of the selected dataset, or None
    run: gr.State  # id of the selected run, or None
    choosing: gr.State  # whether the settings are looked at although there is a run to show
    tabs: gr.Tabs  # ids: data, train, compare, runs
    tick: gr.Timer  # every second while the tab is visible
