"""The whole page: its frame, its tabs in order, and what the browser gets with it. Knows no tab from inside."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import gradio as gr

from ftchat.data import DatasetStore
from ftchat.records import STARTER
from ftchat.runs import RunStore
from ftchat.ui import compare_tab, data_tab, header, runs_tab, train_tab
from ftchat.ui.bases import EVERYTHING, Bases
from ftchat.ui.data_heldout import HELD_OUT
from ftchat.ui.markup import QUEUED, QUIETLY
from ftchat.ui.pulse import Pulse
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import i18n, t
from ftchat.ui.theme import page_theme
from ftchat.worker import Worker

ASSETS = Path(__file__).parent / "assets"
PARTS = ("frame", "data", "train", "compare")  # each may have a .css and a .js in assets/
TABS = {  # name: module, element id
    "data": (data_tab, "ft-data"),
    "train": (train_tab, "ft-trainp"),
    "compare": (compare_tab, "ft-comparep"),
    "runs": (runs_tab, "ft-runs"),
}


def build_page(home: Path, worker: Worker, bases: Bases = EVERYTHING) -> gr.Blocks:
    studio = Studio(home, worker, DatasetStore(home), RunStore(home), bases)
    with gr.Blocks(title="ftchat", fill_width=True, analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        live, switches = header.build()
        lang = gr.Textbox("", visible="hidden", elem_id="ft-lang")
        kept = gr.Textbox("", visible="hidden")  # the ids that the browser keeps beyond a reload
        named = gr.Textbox("", visible="hidden")  # and the base model
        dataset, run, held_out = gr.State(None), gr.State(None), gr.State(None)
        base, choosing = gr.State(STARTER), gr.State(False)
        training, chosen, pulse = gr.Textbox("", visible="hidden"), gr.Textbox("", visible="hidden"), Pulse()
        labels = []
        with gr.Tabs(selected="data", elem_id="ft-tabs") as tabs:
            shell = Shell(lang, dataset, run, held_out, base, choosing, training, tabs, pulse, chosen)
            for name, (tab, element) in TABS.items():
                with gr.Tab(i18n(f"ft_{name}"), id=name, elem_id=element) as label:
                    tab.build(studio, shell)
                labels.append(label)
        header.wire(live, switches, studio, shell)

        pulse.start([gr.Timer(1).tick, dataset.change, run.change, choosing.change])
        pulse.translate(lang)

        def open_page(lang: str, kept: str, named: str) -> tuple[str, str | None, str | None, Any]:
            """What was chosen here last, where it is still there; else the newest."""
            threading.Thread(target=studio.reader.warm, daemon=True).start()
            ids = kept.split(" ")
            datasets = [info.hash for info in studio.datasets.list() if info.kind != HELD_OUT]
            runs = [run.id for run in studio.runs.list()]
            running = header.active_run(studio.runs)
            newest = running.id if running else next(iter(runs), None)
            return (
                lang,
                next((known for known in datasets if known in ids), next(iter(datasets), None)),
                next((known for known in runs if known in ids), newest),
                named if named and bases.takes(named) else gr.skip(),
            )

        recalled = "() => { ft.settle(); return [ft.lang(), ft.kept('ids') || '', ft.kept('base') || ''] }"
        opened = page.load(open_page, [lang, kept, named], [lang, dataset, run, base], js=recalled, **QUEUED)
        # The language may have been switched before the answer came, which then takes that back.
        opened.then(None, None, lang, js="() => ft.lang()", api_visibility="private")
        gr.on([dataset.change, run.change], lambda *ids: " ".join(filter(None, ids)), [dataset, run], kept, **QUIETLY)
        kept.change(None, kept, None, js="ids => ft.keep('ids', ids)", api_visibility="private")
        base.change(lambda base: base, base, named, **QUIETLY)
        named.change(None, named, None, js="base => ft.keep('base', base)", api_visibility="private")
        # Gradio leaves the labels of tabs that were never opened in the old language, and puts them back to it while it
        # changes, so they are set after that.
        words = {
            lang: [{"__type__": "update", "label": t(f"ft_{name}", lang)} for name in TABS] for lang in ("en", "zh")
        }
        relabel = f"async lang => {{ await ft.spoken; return {json.dumps(words)}[lang] }}"
        shell.lang.change(None, shell.lang, labels, js=relabel, api_visibility="private")
    return page


def launch_options() -> dict[str, Any]:
    """What `launch` needs to know about the look of the page and its words."""
    return {
        "css": _joined("css"),
        "head": f"<script>{_joined('js')}</script>",
        "theme": page_theme(),
        "i18n": i18n,
        "favicon_path": str(ASSETS / "favicon.svg"),
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
    }


def _joined(suffix: str) -> str:
    paths = [ASSETS / f"{part}.{suffix}" for part in PARTS]
    return "\n".join(path.read_text("utf-8") for path in paths if path.exists())
