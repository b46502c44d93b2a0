"""What was read: numbers, findings, tokens, the table of pairs, and the bar that leads on to training.

What needs the model is asked for in a second step, so that nothing else waits for it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from ftchat.data import Dataset
from ftchat.errors import FtchatError
from ftchat.records import Example, RunConfig, TokenStats
from ftchat.ui import data_views as views
from ftchat.ui.markup import OFF, ON, QUEUED, QUIETLY, html
from ftchat.ui.messages import sentence, told
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import i18n, t
from ftchat.ui.tokens import histogram, token_panel

# Of what is asked for while an earlier answer is on its way, the last is done, where Gradio would drop it.
_DRAWING: dict[str, Any] = {**QUIETLY, "trigger_mode": "always_last"}
# The worker may take seconds to load the model: these wait in the queue, a few at a time.
_WAITING: dict[str, Any] = {**QUEUED, "concurrency_limit": 4, "trigger_mode": "always_last"}


def build(studio: Studio, shell: Shell, entrance: gr.Column, loaded: gr.Column, keep: gr.Button) -> None:
    """Fills `loaded`, which gives way to the entrance (with its `keep` button) by Change data."""
    pair, page = gr.State(0), gr.State(0)  # the example whose tokens are shown; the page of the table
    with gr.Row(elem_classes="ft-card", elem_id="ft-stat"):
        stats = html(elem_id="ft-stats")
        with gr.Row(elem_id="ft-statb", scale=0):
            change = gr.Button(i18n("ft_change"), size="sm", scale=0, elem_id="ft-change")
            download = gr.DownloadButton(i18n("ft_download"), size="sm", scale=0, elem_id="ft-download")
    with gr.Row(elem_id="ft-checks"):
        with gr.Column(elem_classes="ft-card", min_width=0):
            report = html(elem_id="ft-report")
        with gr.Column(elem_classes="ft-card", min_width=0):
            tokens = html(clicks=True, elem_id="ft-tokens")
            lengths = html(elem_id="ft-lengths")
    with gr.Column(elem_classes="ft-card"):
        with gr.Row(elem_id="ft-th"):
            pairs_head = html(clicks=True, elem_id="ft-pairs-head")
            find = gr.Textbox(
                "",
                label=i18n("ft_find"),
                placeholder=i18n("ft_find"),
                show_label=False,
                container=False,
                lines=1,
                scale=0,
                min_width=220,
                elem_id="ft-find",
            )
        pairs = html(clicks=True, elem_id="ft-pairs")
    with gr.Row(elem_id="ft-go"):
        ready = html(elem_id="ft-ready")
        choose = gr.Button(i18n("ft_choose_settings"), scale=0, min_width=140, elem_id="ft-choose-settings")
        train = gr.Button(i18n("ft_train_now"), scale=0, min_width=140, elem_classes="tuned", elem_id="ft-train-now")

    dataset_of = lru_cache(maxsize=2)(studio.datasets.get)  # a dataset never changes; a big one takes seconds to read
    counted: dict[tuple[str, str], TokenStats] = {}  # by dataset and base

    def draw(chosen: str | None, base: str, lang: str, pair: int, query: str, page: int) -> tuple:
        if chosen is None:
            return (gr.skip(),) * 8
        dataset = dataset_of(chosen)
        return (
            *numbers(chosen, base, lang),
            views.report(dataset.report, lang),
            token_panel(None, pair, len(dataset.examples), base, lang, t("ft_waiting_for_model", lang)),
            *_table(dataset, query, page, lang),
            views.ready(dataset, base, lang),
            save_bytes_to_cache(studio.datasets.export(chosen), f"{chosen[:8]}.jsonl", download.GRADIO_CACHE),
        )

    def numbers(chosen: str, base: str, lang: str) -> tuple[str, str]:
        """The numbers, and the lengths in tokens as far as this base's are known."""
        tokens = counted.get((chosen, base))
        return views.stats(dataset_of(chosen), tokens, lang), histogram(tokens, base, lang) if tokens else ""

    def draw_new(chosen: str | None, base: str, lang: str) -> tuple:
        """New data comes into view."""
        there = chosen is not None
        ways = (gr.Column(elem_classes=OFF if there else ON), gr.Column(elem_classes=ON if there else OFF))
        return 0, 0, "", *ways, *draw(chosen, base, lang, 0, "", 0)

    def draw_again(chosen: str | None, base: str, lang: str, pair: int, query: str, page: int) -> tuple:
        """Other words or another base, and the same view; the first words of a page without data open the way in."""
        way_in = gr.Column(elem_classes=ON) if chosen is None else gr.skip()
        return way_in, *draw(chosen, base, lang, pair, query, page)

    def look(chosen: str | None, base: str, lang: str, pair: int) -> Any:
        if chosen is None:
            return gr.skip()
        examples = dataset_of(chosen).examples
        pair = max(0, min(pair, len(examples) - 1))
        try:
            (preview,) = studio.worker.preview(base, [examples[pair]])
        except FtchatError as error:
            return token_panel(None, pair, len(examples), base, lang, sentence(error, lang))
        return token_panel(preview, pair, len(examples), base, lang)

    def count(chosen: str | None, base: str, lang: str) -> tuple:
        if chosen is None:
            return gr.skip(), gr.skip()
        with suppress(FtchatError):  # the panel of tokens says why
            if (chosen, base) not in counted:
                counted[chosen, base] = studio.worker.token_stats(base, dataset_of(chosen).examples)
        return numbers(chosen, base, lang)

    drawn = [stats, lengths, report, tokens, pairs_head, pairs, ready, download]
    shown = [shell.dataset, shell.base, shell.lang, pair]
    steps = (
        shell.dataset.change(told(draw_new), shown[:3], [pair, page, find, entrance, loaded, *drawn], **_DRAWING),
        gr.on(
            [shell.lang.change, shell.base.change],
            told(draw_again),
            [*shown, find, page],
            [entrance, *drawn],
            **_DRAWING,
        ),
    )
    for step in steps:
        step.then(look, shown, tokens, **_WAITING).then(count, shown[:3], [stats, lengths], **_WAITING)

    # A run on another base keeps the model to itself: when it ends, what could not be looked at is.
    shell.training.change(
        lambda training, *asked: gr.skip() if training else look(*asked), [shell.training, *shown], tokens, **_WAITING
    ).then(count, shown[:3], [stats, lengths], **_WAITING)

    def pick_pair(event: gr.EventData) -> int:
        return int(event._data["pair"])

    for listed in (tokens, pairs):
        listed.pick(pick_pair, None, pair, **QUIETLY).then(look, shown, tokens, **_WAITING)

    def turn(chosen: str, lang: str, query: str, event: gr.EventData) -> tuple:
        page = int(event._data["page"])
        return page, *_table(dataset_of(chosen), query, page, lang)

    def search(chosen: str, lang: str, query: str) -> tuple:
        return 0, *_table(dataset_of(chosen), query, 0, lang)

    asked, table = [shell.dataset, shell.lang, find], [page, pairs_head, pairs]
    pairs_head.pick(told(turn), asked, table, **QUIETLY)
    find.change(told(search), asked, table, **_DRAWING)

    def start(chosen: str, base: str, lang: str) -> str:
        return studio.begin(RunConfig(studio.run_name(dataset_of(chosen).name), chosen, base, preset="quick"))

    # The browser opens the tab at once; the run follows when the worker has taken it.
    opening = "(...all) => { ft.act({go: 'train'}); return all }"
    train.click(told(start), [shell.dataset, shell.base, shell.lang], shell.run, js=opening, **QUEUED)
    choose.click(lambda: True, None, shell.choosing, js="() => { ft.act({go: 'train'}); return [] }", **QUEUED)

    def come_back() -> tuple:
        return gr.Button(elem_classes=ON), gr.Column(elem_classes=ON), gr.Column(elem_classes=OFF)

    change.click(come_back, None, [keep, entrance, loaded], **QUIETLY)


def _table(dataset: Dataset, query: str, page: int, lang: str) -> tuple[str, str]:
    """Head and body of one page of the examples that contain the query."""
    wanted = query.strip().casefold()
    rows = [(index, example) for index, example in enumerate(dataset.examples) if _contains(example, wanted)]
    first = page * views.PAGE_ROWS
    shown = rows[first : first + views.PAGE_ROWS]
    return views.pairs_head(first, len(shown), len(rows), page, lang), views.pairs_table(shown, lang)


def _contains(example: Example, wanted: str) -> bool:
    return not wanted or any(wanted in message.content.casefold() for message in example.messages)
