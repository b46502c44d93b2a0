"""The whole page: its frame, its tabs in order, and what the browser gets with it. Knows no tab from inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ftchat.data import DatasetStore
from ftchat.runs import RunStore
from ftchat.ui import compare_tab, data_tab, header, runs_tab, train_tab
from ftchat.ui.markup import QUEUED, QUIETLY
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


def build_page(home: Path, worker: Worker) -> gr.Blocks:
    studio = Studio(home, worker, DatasetStore(home), RunStore(home))
    with gr.Blocks(title="ftchat", fill_width=True, analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        live, switches = header.build()
        lang = gr.Textbox("", visible="hidden", elem_id="ft-lang")
        dataset, run, choosing, tick = gr.State(None), gr.State(None), gr.State(False), gr.Timer(1)
        labels = []
        with gr.Tabs(selected="data", elem_id="ft-tabs") as tabs:
            shell = Shell(lang, dataset, run, choosing, tabs, tick)
            for name, (tab, element) in TABS.items():
                with gr.Tab(i18n(f"ft_{name}"), id=name, elem_id=element) as label:
                    tab.build(studio, shell)
                labels.append(label)
        header.wire(live, switches, studio, shell)

        def open_page(lang: str) -> tuple[str, str | None, str | None]:
            datasets, runs = studio.datasets.list(), studio.runs.list()
            run = header.active_run(studio.runs) or (runs[0] if runs else None)
            return lang, datasets[0].hash if datasets else None, run.id if run else None

        page.load(open_page, shell.lang, [shell.lang, shell.dataset, shell.run], js="() => [ft.lang()]", **QUEUED)
        # Gradio leaves the labels of tabs that were never opened in the old language, and puts them back to it while it
        # changes, so they are set after that.
        shell.lang.change(
            lambda lang: [gr.Tab(label=t(f"ft_{name}", lang)) for name in TABS],
            shell.lang,
            labels,
            js="async lang => { await ft.spoken; return [lang] }",
            **QUIETLY,
        )
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
