"""What was read: its numbers, what was found and the remedies, the tokens, and the bar that leads on to training.

Every remedy makes a new version of the dataset, which then is the page's. What needs the model is asked for in a second
step, so that nothing else waits for it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import lru_cache
from typing import Any

import gradio as gr

from ftchat.data import Problem, Remedy
from ftchat.data.summary import Group, group, in_order
from ftchat.errors import DataError, FtchatError
from ftchat.records import Fit, Preview, RunConfig, TokenStats
from ftchat.ui import data_columns, data_heldout, data_table, findings
from ftchat.ui import data_views as views
from ftchat.ui.markup import DRAWING, OFF, ON, QUEUED, QUIETLY, html
from ftchat.ui.messages import sentence, told
from ftchat.ui.reader import NOTHING_YET, Steps, finish
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import i18n, t
from ftchat.ui.tokens import histogram, token_panel

# The worker may take seconds to load the model: these wait in the queue, a few at a time.
_WAITING: dict[str, Any] = {**QUEUED, "concurrency_limit": 4, "trigger_mode": "always_last"}

_SHORTEN = Remedy("too_long", "trim")
_KEPT = 8  # datasets: every edit makes another one


def build(studio: Studio, shell: Shell, entrance: gr.Column, loaded: gr.Column, keep: gr.Button) -> None:
    """Fills `loaded`, which gives way to the entrance (with its `keep` button) by Change data."""
    pair = gr.State(0)  # the example whose tokens are shown
    root = gr.State(None)  # what the dataset that is shown was read as
    unseen = gr.Textbox("", visible="hidden")  # another number whenever the model is still to be asked
    with gr.Row(elem_classes="ft-card", elem_id="ft-stat"):
        stats = html(elem_id="ft-stats")
        with gr.Row(elem_id="ft-statb", scale=0):
            change = gr.Button(i18n("ft_change"), size="sm", scale=0, elem_id="ft-change")
            download = gr.DownloadButton(i18n("ft_download"), size="sm", scale=0, elem_id="ft-download")
    with gr.Row(elem_id="ft-checks"):
        with gr.Column(elem_classes="ft-card", min_width=0):
            mending = html(elem_id="ft-mending")
            report = html(clicks=True, elem_id="ft-report")
            data_columns.build(studio, shell)
            data_heldout.build(studio, shell)
        with gr.Column(elem_classes="ft-card", min_width=0):
            tokens = html(clicks=True, elem_id="ft-tokens")
            lengths = html(elem_id="ft-lengths")
    table = data_table.build(studio, shell, root)
    with gr.Row(elem_id="ft-go"):
        ready = html(elem_id="ft-ready")
        choose = gr.Button(i18n("ft_choose_settings"), scale=0, min_width=140, elem_id="ft-choose-settings")
        train = gr.Button(i18n("ft_train_now"), scale=0, min_width=140, elem_classes="tuned", elem_id="ft-train-now")

    store = studio.datasets
    summary_of = lru_cache(maxsize=_KEPT)(store.summary)  # a version never changes
    # By dataset and base, the last few: the lengths in tokens, and what the length limit takes away.
    counted: dict[tuple[str, str], tuple[TokenStats, tuple[Problem, ...]]] = {}
    unknown: tuple[None, tuple[Problem, ...]] = (None, ())
    lately: dict[tuple[str, str], TokenStats] = {}  # by root and base: of the version that was counted last
    looked_at: dict[tuple[str, str, int], Preview] = {}  # by dataset, base and example

    def draw(chosen: str | None, base: str, lang: str, pair: int) -> tuple:
        if chosen is None:
            return (gr.skip(),) * 5
        info, waiting = store.info(chosen), t("ft_waiting_for_model", lang)
        return (
            *numbers(chosen, base, lang),
            found(chosen, base, lang),
            token_panel(looked_at.get((chosen, base, pair)), pair, info.count, base, lang, waiting),
            views.ready(info, base, lang),
        )

    def numbers(chosen: str, base: str, lang: str, counting: bool = True) -> tuple[str, str]:
        """The numbers, and the lengths in tokens as far as this base's are known; while they are counted, those of the
        version before."""
        info = store.info(chosen)
        tokens, _ = counted.get((chosen, base), unknown)
        old = tokens is None and counting
        tokens = lately.get((info.root, base)) if old else tokens
        drawn = f"<div{views.OLD * old}>{histogram(tokens, base, lang)}</div>" if tokens else ""
        return views.stats(info, summary_of(chosen), tokens, lang, old), drawn

    def found(chosen: str, base: str, lang: str) -> str:
        """The findings, with what this base's length limit takes away as far as that is known."""
        info = store.info(chosen)
        root = summary_of(info.root)
        return findings.report(all_of(chosen, base), info, root, root.sources > 1, lang)

    def all_of(chosen: str, base: str) -> tuple[Group, ...]:
        _, cut = counted.get((chosen, base), unknown)
        return in_order(summary_of(chosen).groups + group(cut))

    def draw_new(chosen: str | None, base: str, lang: str, pair: int, before: str | None) -> tuple:
        """New data comes into view; another version of the same leaves the view where it is."""
        there = chosen is not None
        ways = (gr.Column(elem_classes=OFF if there else ON), gr.Column(elem_classes=ON if there else OFF))
        now = store.info(chosen).root if chosen else None
        # Only news is sent: an answer that comes late must not take back which pair was chosen meanwhile.
        first = gr.skip() if now == before else 0
        return first, now, *ways, *draw(chosen, base, lang, pair if now == before else 0)

    def translate(chosen: str | None, base: str, lang: str, pair: int) -> tuple:
        """Other words, and the same view; the first words of a page without data open the way in."""
        way_in = gr.Column(elem_classes=ON) if chosen is None else gr.skip()
        known = chosen is None or ((chosen, base, pair) in looked_at and (chosen, base) in counted)
        return gr.skip() if known else str(time.time_ns()), way_in, *draw(chosen, base, lang, pair)

    def look(chosen: str | None, base: str, lang: str, pair: int) -> Any:
        if chosen is None:
            return gr.skip()
        count = store.info(chosen).count
        pair = max(0, min(pair, count - 1))
        place = chosen, base, pair
        try:
            if place not in looked_at:
                ((_, example),) = store.page(chosen, pair, 1).rows
                (looked_at[place],) = studio.worker.preview(base, [example])
                _forget(looked_at)
        except FtchatError as error:
            return token_panel(None, pair, count, base, lang, sentence(error, lang))
        return token_panel(looked_at.get(place), pair, count, base, lang)

    def count(chosen: str | None, base: str, lang: str) -> tuple:
        if chosen is None:
            return (gr.skip(),) * 3
        with suppress(FtchatError):  # the panel of tokens says why
            if (chosen, base) not in counted:
                tokens = studio.worker.token_stats(base, chosen)
                doubtful = tokens.over_limit or tokens.lost or 0 in tokens.lengths
                rows = json.loads(finish(studio.editor.cut(chosen, tokens))) if doubtful else ()
                counted[chosen, base] = tokens, tuple(Problem.from_json(row) for row in rows)
                lately[store.info(chosen).root, base] = tokens
                _forget(counted)
                _forget(lately)
        _, cut = counted.get((chosen, base), unknown)
        return *numbers(chosen, base, lang, counting=False), found(chosen, base, lang) if cut else gr.skip()

    drawn = [stats, lengths, report, tokens, ready]
    shown = [shell.dataset, shell.base, shell.lang, pair]
    steps = (
        shell.dataset.change(told(draw_new), [*shown, root], [pair, root, entrance, loaded, *drawn], **DRAWING),
        shell.base.change(told(draw), shown, drawn, **DRAWING),
    )
    shell.pulse.speak(translate, shown, [unseen, entrance, *drawn])
    for then in (*(step.then for step in steps), unseen.change):
        then(look, shown, tokens, **_WAITING).then(count, shown[:3], [stats, lengths, report], **_WAITING)
    # A run on another base keeps the model to itself: when it ends, what could not be looked at is.
    shell.training.change(
        lambda training, *asked: gr.skip() if training else look(*asked), [shell.training, *shown], tokens, **_WAITING
    ).then(count, shown[:3], [stats, lengths, report], **_WAITING)

    def pick_pair(event: gr.EventData) -> Any:
        return int(event._data["pair"]) if "pair" in event._data else gr.skip()

    for listed in (tokens, table):
        listed.pick(pick_pair, None, pair, **QUIETLY).then(look, shown, tokens, **_WAITING)

    def mend(chosen: str, base: str, lang: str, event: gr.EventData) -> Iterator[tuple]:
        """One remedy, all that are recommended, or one taken back. On much data it says that it is at work."""
        try:
            with closing(mended(chosen, base, event._data)) as steps:
                while True:
                    yield gr.skip(), views.working(next(steps), lang)
        except StopIteration as end:
            yield end.value, ""

    def mended(chosen: str, base: str, asked: dict[str, Any]) -> Steps:
        if "undo" in asked:
            return (yield from studio.editor.undo(chosen, int(asked["undo"])))
        if "fix" in asked:
            remedies = findings.recommended(all_of(chosen, base))
        else:
            remedies = [Remedy(asked["kind"], asked["action"])]
        fits: tuple[Fit, ...] = ()
        if _SHORTEN in remedies:
            yield NOTHING_YET
            fits = studio.worker.fitting(base, chosen)
            if not fits and "fix" not in asked:
                raise DataError("nothing of these answers fits behind their prompts; remove them instead", "none_fits")
            if not fits:
                remedies[remedies.index(_SHORTEN)] = Remedy("too_long", "drop")
        tokens, cut = counted.get((chosen, base), unknown)
        return (yield from studio.editor.change(chosen, remedies, tokens if cut else None, fits))

    asked = [shell.dataset, shell.base, shell.lang]
    done = report.pick(told(mend), asked, [shell.dataset, mending], **QUEUED)
    done.failure(lambda: "", None, mending, **QUIETLY)  # Gradio runs a plain .then only after a success

    def export(chosen: str) -> str:
        return data_table.exported(studio, chosen, download.GRADIO_CACHE)

    def offer(chosen: str | None) -> Any:
        with suppress(DataError):
            return export(chosen) if chosen else gr.skip()
        return gr.skip()

    shell.dataset.change(offer, shell.dataset, download, **DRAWING)

    def start(chosen: str, held_out: str | None, base: str, lang: str) -> str:
        name = studio.run_name(store.info(chosen).name)
        return studio.begin(RunConfig(name, chosen, base, preset="quick", held_out=held_out))

    # The browser opens the tab at once; the run follows when the worker has taken it.
    opening = "(...all) => { ft.act({go: 'train'}); return all }"
    begun = [shell.dataset, shell.held_out, shell.base, shell.lang]
    train.click(told(start), begun, shell.run, js=opening, **QUEUED)
    choose.click(lambda: True, None, shell.choosing, js="() => { ft.act({go: 'train'}); return [] }", **QUEUED)

    def come_back() -> tuple:
        return gr.Button(elem_classes=ON), gr.Column(elem_classes=ON), gr.Column(elem_classes=OFF)

    change.click(come_back, None, [keep, entrance, loaded], **QUIETLY)


def _forget(known: dict) -> None:
    """What has been known longest, where that is much."""
    if len(known) > _KEPT:
        known.pop(next(iter(known)), None)
