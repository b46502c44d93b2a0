"""Adapters from elsewhere in the Compare tab: brought as files or from the Hub, chosen with a click, deleted.

Knows the store of what was brought and the worker; what a pane then shows is the tab's. What is wrong with an adapter
stands in place, and the chat goes on as it was.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from ftchat.adapters import BroughtAdapter, fetch
from ftchat.errors import ConfigError, FtchatError, WorkerError
from ftchat.events import Downloading
from ftchat.ui import numbers
from ftchat.ui.header import model_name
from ftchat.ui.icons import icon
from ftchat.ui.markup import OFF, ON, QUEUED, QUIETLY, esc
from ftchat.ui.messages import sentence
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import t

if TYPE_CHECKING:
    from ftchat.ui.compare_layout import CompareLayout

_log = logging.getLogger(__name__)


class Bringing:
    """Wires the part of the tab that brings adapters. An adapter that is ready is told to `shell.chosen`."""

    def __init__(self, tab: CompareLayout, studio: Studio, shell: Shell):
        self.studio, self.tab = studio, tab
        outcome = [tab.told, tab.brought, tab.drop, tab.hub, shell.chosen]
        tab.drop.upload(self.from_files, [tab.drop, shell.lang], outcome, **QUEUED)
        coming = gr.on(
            [tab.fetch.click, tab.hub.submit],
            self.from_hub,
            [tab.hub, shell.lang],
            [*outcome, tab.stop_fetch],
            **QUEUED,
        )
        tab.stop_fetch.click(None, None, None, cancels=coming)
        # A listener that cancels does not apply outputs of its own.
        tab.stop_fetch.click(self.stopped, shell.lang, [tab.told, tab.stop_fetch], **QUIETLY)
        tab.brought.pick(self.do, shell.lang, outcome, **QUEUED)
        tab.outline.change(self.listed, shell.lang, tab.brought, **QUIETLY)
        shell.pulse.speak(lambda lang: [self.listed(lang)], [shell.lang], [tab.brought])

    def from_files(self, files: Sequence[str], lang: str) -> Iterator[tuple]:
        paths = [Path(file) for file in files]
        name = paths[0].stem if len(paths) == 1 else t("ft_brg_name", lang)
        yield from self._bring(paths, name, lang)

    def from_hub(self, name: str, lang: str) -> Iterator[tuple]:
        name = name.strip().removeprefix("https://huggingface.co/").strip("/")
        if not name:
            return
        on, off = gr.Button(elem_classes=ON), gr.Button(elem_classes=OFF)
        yield (_quiet(t("ft_hub_fetching", lang, name=name)), *(gr.skip(),) * 4, on)
        try:
            with self.studio.brought.coming() as folder:
                for now in fetch(name, folder, private=self.studio.bases.allowed is None):
                    yield (_quiet(_how_far(now, lang)), *(gr.skip(),) * 5)
                for step in self._bring([folder], name.rpartition("/")[2], lang):
                    yield (*step, off)
        except FtchatError as error:
            yield (_refusal(sentence(error, lang)), *(gr.skip(),) * 4, off)

    def stopped(self, lang: str) -> tuple:
        return _quiet(t("ft_hub_stopped", lang)), gr.Button(elem_classes=OFF)

    def do(self, event: gr.EventData, lang: str) -> tuple:
        """Chooses one of the list, or deletes it."""
        data = event._data
        if adapter := data.get("talk"):
            return (*(gr.skip(),) * 4, _chosen(adapter))
        with suppress(ConfigError):  # gone already
            self.studio.brought.delete(data.get("delete", ""))
        threading.Thread(target=self._free, args=(data.get("delete", ""),), daemon=True).start()
        return "", self.listed(lang), None, gr.skip(), gr.skip()

    def listed(self, lang: str) -> str:
        kept = self.studio.brought.list()
        if not kept:
            return f'<p class="ft-sub">{esc(t("ft_brg_none", lang))}</p>'
        return f'<ul class="ft-brought">{"".join(_row(adapter, lang) for adapter in kept)}</ul>'

    def _bring(self, files: Sequence[Path], name: str, lang: str) -> Iterator[tuple]:
        """Keeps an adapter and makes it ready, if its base is; else that is done with the first question."""
        yield (_quiet(t("ft_brg_reading", lang, name=name)), *(gr.skip(),) * 4)
        try:
            adapter = self.studio.brought.add(files, name, self.studio.bases.check)
            try:
                ready = self.studio.worker.attach(adapter.id)
            except WorkerError:
                ready = False
            except FtchatError:
                self.studio.brought.delete(adapter.id)
                raise
        except FtchatError as error:
            yield _refusal(sentence(error, lang)), self.listed(lang), None, gr.skip(), gr.skip()
            return
        words = t(
            "ft_brg_ready" if ready else "ft_brg_kept", lang, name=adapter.name, base=model_name(adapter.base, lang)
        )
        if adapter.passed_over:
            words += " " + t("ft_brg_passed", lang, files=adapter.passed)
        yield _quiet(words), self.listed(lang), None, "", _chosen(adapter.id)

    def _free(self, adapter: str) -> None:
        try:
            self.studio.worker.detach(adapter)
        except WorkerError:
            _log.info("no adapter to free: the worker is gone")


def _how_far(now: Downloading, lang: str) -> str:
    sizes = {name: numbers.gigabytes(size) for name, size in (("done", now.done), ("total", now.total))}
    return t("ft_hub_coming", lang, name=now.base, rate=numbers.megabytes(now.rate), **sizes)


def _chosen(adapter: str) -> str:
    return f"{adapter} {time.time_ns()}"


def _row(adapter: BroughtAdapter, lang: str) -> str:
    talk, delete = (esc(t(f"ft_brg_{what}_name", lang, name=adapter.name)) for what in ("talk", "delete"))
    return (
        f'<li><span class="ft-dot tuned"></span><b class="ft-cut">{esc(adapter.name)}</b>'
        f'<span class="ft-chip base"><span class="ft-cut">{esc(model_name(adapter.base, lang))}</span></span>'
        f'<button class="ft-btn" data-talk="{adapter.id}" aria-label="{talk}">{esc(t("ft_brg_talk", lang))}</button>'
        f'<button class="ft-btn ghost" data-delete="{adapter.id}" aria-label="{delete}">{esc(t("ft_brg_delete", lang))}'
        "</button></li>"
    )


def _quiet(words: str) -> str:
    return f'<p class="ft-sub" role="status">{esc(words)}</p>'


def _refusal(words: str) -> str:
    return f'<p class="ft-cmp-fail" role="alert">{icon("error")}<span>{esc(words)}</span></p>'
