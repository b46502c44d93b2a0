"""What every part of the page shares: the stores, the worker, and the few components that the tabs talk through."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import gradio as gr

from ftchat.adapters import AdapterStore
from ftchat.data import DatasetInfo, DatasetStore
from ftchat.errors import ConfigError, DataError
from ftchat.records import STARTER, Badge, RunConfig
from ftchat.runs import Run, RunStore
from ftchat.settings import check_search
from ftchat.ui.bases import EVERYTHING, Bases
from ftchat.ui.pulse import Pulse
from ftchat.ui.reader import Reader
from ftchat.worker import Worker


@dataclass(frozen=True)
class Studio:
    """The server's side: one for all tabs and visitors."""

    home: Path
    worker: Worker
    datasets: DatasetStore
    runs: RunStore
    bases: Bases = EVERYTHING
    _infos: dict[str, DatasetInfo] = field(default_factory=dict)
    _notes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def brought(self) -> AdapterStore:
        """Adapters from elsewhere."""
        return AdapterStore(self.home)

    @cached_property
    def reader(self) -> Reader:
        """Brings data."""
        return Reader(self.home)

    @cached_property
    def editor(self) -> Reader:
        """Changes data; a process of its own, so that no change waits for what somebody else brings."""
        return Reader(self.home)

    @cached_property
    def fits(self) -> Mapping[str, Badge]:
        """Of each base model of the catalogue whether it fits on the worker's machine."""
        return self.worker.machine()["bases"]

    @property
    def fits_known(self) -> Mapping[str, Badge]:
        """The same as far as the worker was asked already: nothing else."""
        return vars(self).get("fits", {})

    def describe(self, base: str, method: str = "auto") -> None:
        """Has the worker load a base model, and keeps what there is to say of it."""
        self._notes[base] = self.worker.describe(base, method).notes

    def notes(self, base: str) -> tuple[str, ...] | None:
        """What there is to say of a base model; None where it was not described yet."""
        return () if base == STARTER else self._notes.get(base)

    def begin(self, config: RunConfig, like: Run | None = None) -> str:
        """Creates a run, or does one again, and hands it to the worker; returns its id as soon as it is accepted."""
        self.bases.check(config.base)
        self.runs.check_name(config.name)
        if config.search_minutes:
            check_search(config, self.datasets.info(config.dataset).count)
        coming = self.worker.fetch(config.base, config.method)
        if next(coming, None) is None and config.base != STARTER:  # it is here
            self.describe(config.base, config.method)
        run = self.runs.create(config, like)
        self.worker.start_run(run.id)
        coming.close()  # the run waits for it now
        return run.id

    def run_name(self, dataset: str) -> str:
        """A free name for a run on this dataset."""
        return self.runs.free_name(dataset[:100].lstrip("- ") or "run")

    def run(self, selected: str | None) -> Run | None:
        """The selected run, if it is still there."""
        try:
            return self.runs.get(selected) if selected else None
        except ConfigError:
            return None

    def data(self, chosen: str | None) -> tuple[str, int]:
        """Name and number of pairs of a dataset; no name and none where it is gone."""
        if chosen and chosen not in self._infos:
            with suppress(DataError):
                self._infos[chosen] = self.datasets.info(chosen)
        info = self._infos.get(chosen or "")
        return (info.name, info.count) if info else ("", 0)


@dataclass(frozen=True)
class Shell:
    """The browser's side: components that every tab may read, and the ids it holds."""

    lang: gr.Textbox  # hidden; "en" or "zh"
    dataset: gr.State  # hash of the selected dataset, or None
    run: gr.State  # id of the selected run, or None
    held_out: gr.State  # hash of the user's own held-out data for that dataset, or None
    base: gr.State  # the base model that is chosen, by a name that this page takes
    choosing: gr.State  # whether the settings are looked at although there is a run to show
    training: gr.Textbox  # hidden; id of the run that trains or waits to, or ""
    tabs: gr.Tabs  # ids: data, train, compare, runs
    pulse: Pulse  # what follows the runs is handed in here
    chosen: gr.Textbox  # hidden; the run to talk to, and a number that makes every choice a change
