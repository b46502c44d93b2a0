"""The Train tab: choose settings, start, watch. Knows the stores and the worker.

All that is shown of a run comes from its folder, once a second, so closing the page or a dead worker changes nothing
here. What the browser already shows is not sent again.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ftchat.errors import ConfigError
from ftchat.records import STARTER
from ftchat.runs import Run
from ftchat.ui import run_view, train_form
from ftchat.ui.markup import QUEUED, QUIETLY, esc, html
from ftchat.ui.messages import told
from ftchat.ui.plots import CROSSHAIR
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import t


@dataclass(frozen=True)
class _View:
    """The components that show a run."""

    title: gr.HTML
    left: gr.Column
    summary: gr.HTML
    stop: gr.Button
    new: gr.Button
    checked: gr.Column
    checks: gr.HTML
    empty: gr.HTML
    right: gr.Column
    head: gr.HTML
    compare: gr.Button
    loss: gr.HTML
    words: gr.HTML
    small: gr.HTML


def build(studio: Studio, shell: Shell) -> None:
    form, view = _lay_out(shell)
    stopping = gr.State(None)
    _wire_showing(studio, shell, form, view, stopping)
    _wire_acting(studio, shell, form, view, stopping)


def _lay_out(shell: Shell) -> tuple[train_form.Form, _View]:
    title = html(elem_classes="ft-zero")
    with gr.Row(elem_id="ft-train"):
        with gr.Column(min_width=0, elem_id="ft-left"):
            form = train_form.build(shell)
            with gr.Column(elem_classes="ft-card", min_width=0, visible=False, elem_id="ft-live") as left:
                summary = html()
                stop = gr.Button(variant="stop", elem_id="ft-stop-run")
                new = gr.Button(elem_id="ft-new-run")
            with gr.Column(elem_classes="ft-card", min_width=0, visible=False) as checked:
                checks = html(elem_id="ft-checked")
        with gr.Column(min_width=0, elem_id="ft-right"):
            empty = html()
            with gr.Column(visible=False) as right:
                with gr.Column(elem_classes="ft-card"):
                    head = html()
                    compare = gr.Button(variant="primary", visible=False, scale=0, elem_id="ft-open-compare")
                with gr.Column(elem_classes="ft-card"):
                    loss = html(script=CROSSHAIR, elem_id="ft-loss")
                    words = html(clicks=True, elem_id="ft-say")
                    small = html()
    view = _View(title, left, summary, stop, new, checked, checks, empty, right, head, compare, loss, words, small)
    return form, view


def _wire_showing(studio: Studio, shell: Shell, form: train_form.Form, view: _View, stopping: gr.State) -> None:
    components = {field.name: getattr(view, field.name) for field in dataclasses.fields(view)}
    components |= {name: getattr(form, name) for name in ("card", "data", "other", "note", "start", "why", "back")}
    shown = gr.State(())  # fingerprints of what the browser shows
    watched = gr.State(None)  # the run that was last seen in progress
    # The run that has then become usable: a component, because a State set outside the queue raises no change.
    ready = gr.Textbox("", visible="hidden")

    # What the tick found: drawing costs the browser something for each output, so only news is drawn.
    news = gr.Textbox("", visible="hidden")

    def look(selected: str | None) -> str:
        run = _run(studio, selected)
        status = run.status() if run else None
        return f"{selected} {status.state} {status.last_at}" if status else ""

    shell.tick.tick(look, shell.run, news, **QUIETLY)

    def redraw(
        selected: str | None,
        chosen: str | None,
        on_settings: bool,
        stops: str | None,
        base: str,
        preset: str,
        lang: str,
        before: tuple[int, ...],
        was_watched: str | None,
        was_ready: str,
    ) -> Any:
        run = _run(studio, selected)
        drawn = _form_parts(studio, run, chosen, on_settings, base, preset, lang)
        drawn |= _run_parts(studio, run, chosen, on_settings, stops, lang)
        parts = [drawn.get(name, gr.skip()) for name in components]
        prints = tuple(hash(repr(part)) for part in parts)
        status = run.status() if run else None
        watch = selected if status and not status.over else None
        done = selected if status and status.usable and was_watched == selected else was_ready
        if (prints, watch, done) == (before, was_watched, was_ready):
            return gr.skip()
        old = before or (None,) * len(parts)
        fresh = [gr.skip() if was == now else part for part, was, now in zip(parts, old, prints, strict=True)]
        return [*fresh, prints, watch, done]

    state = [shell.run, shell.dataset, shell.choosing, stopping, form.chosen_base, form.chosen_preset, shell.lang]
    gr.on(
        [news.change, *(part.change for part in state)],
        redraw,
        [*state, shown, watched, ready],
        [*components.values(), shown, watched, ready],
        trigger_mode="always_last",
        **QUIETLY,
    )

    def tell_ready(done: str | None, lang: str) -> None:
        run = _run(studio, done)
        if run:
            gr.Info(esc(t("ft_compare_ready", lang, name=run.config.name)), title=t("ft_state_finished", lang))

    ready.change(tell_ready, [ready, shell.lang], None, **QUEUED)


def _form_parts(
    studio: Studio, run: Run | None, chosen: str | None, on_settings: bool, base: str, preset: str, lang: str
) -> dict[str, Any]:
    """What the settings show, by component."""
    name, pairs = _data(studio, chosen)
    back = t("ft_back_to_run", lang, name=run.config.name) if run else ""
    return {
        "card": gr.update(visible=run is None or on_settings),
        "data": gr.update(value=train_form.data_line(name, pairs, lang), visible=pairs > 0),
        "other": gr.update(visible=base == train_form.OTHER),
        "note": train_form.preset_note(preset, pairs, lang),
        "start": gr.update(value=t("ft_start", lang), interactive=pairs > 0),
        "why": gr.update(value=train_form.why_not(lang), visible=not pairs),
        "back": gr.update(value=back, visible=run is not None),
    }


def _run_parts(
    studio: Studio, run: Run | None, chosen: str | None, on_settings: bool, stops: str | None, lang: str
) -> dict[str, Any]:
    """What is shown of the run, by component."""
    title = f'<h1 class="ft-vh">{esc(t("ft_train", lang))}</h1>'
    if run is None:
        hidden = gr.update(visible=False)
        empty = gr.update(value=_empty(_data(studio, chosen)[1], lang), visible=True)
        return {"title": title, "left": hidden, "checked": hidden, "empty": empty, "right": hidden}
    status, config, resolved = run.status(), run.config, run.resolved
    stopping = stops == run.id
    stop = t("ft_stopping" if stopping else "ft_stop_run", lang)
    loss = run_view.loss_plot(status, lang)
    small = run_view.small_plots(status, lang)
    return {
        "title": title,
        "left": gr.update(visible=not on_settings),
        "summary": run_view.summary(config, resolved, status, _data(studio, config.dataset)[0] or "–", lang),
        "stop": gr.update(value=stop, interactive=not stopping, visible=not status.over),
        "new": gr.update(value=t("ft_new_run", lang)),
        "checked": gr.update(visible=not on_settings and bool(status.checks)),
        "checks": run_view.checks(status, lang),
        "empty": gr.update(visible=False),
        "right": gr.update(visible=True),
        "head": run_view.head(config, resolved, status, lang),
        "compare": gr.update(value=t("ft_open_compare", lang), visible=status.usable),
        "loss": gr.update(value=loss, visible=bool(loss)),
        "words": run_view.words(status, lang),
        "small": gr.update(value=small, visible=bool(small)),
    }


def _wire_acting(studio: Studio, shell: Shell, form: train_form.Form, view: _View, stopping: gr.State) -> None:
    def hold(base: str, lang: str) -> Any:
        return gr.update(value=t("ft_starting" if base == STARTER else "ft_checking", lang), interactive=False)

    def begin(dataset: str | None, *answers: str) -> tuple[str, bool]:
        config = train_form.config(dataset, studio.run_name(_data(studio, dataset)[0]), answers)
        studio.runs.check_name(config.name)
        if config.base != STARTER:
            studio.worker.describe(config.base, config.method)
        return studio.begin(config), False

    def release(dataset: str | None, lang: str) -> Any:
        return gr.update(value=t("ft_start", lang), interactive=_data(studio, dataset)[1] > 0)

    begun = form.start.click(hold, [form.chosen_base, shell.lang], form.start, **QUIETLY).then(
        told(begin), [shell.dataset, *form.answers], [shell.run, shell.choosing], **QUEUED
    )
    for ended in (begun.success, begun.failure):  # Gradio runs a plain .then only after a success
        ended(release, [shell.dataset, shell.lang], form.start, **QUIETLY)

    def stop(selected: str) -> str:
        studio.worker.stop_run(selected)
        return selected

    def again(selected: str) -> str:
        config = studio.runs.get(selected).config
        stem, names = re.sub(r"-\d+$", "", config.name), {run.config.name for run in studio.runs.list()}
        name = studio.runs.free_name(stem if stem in names else config.name)
        return studio.begin(dataclasses.replace(config, name=name))

    view.stop.click(told(stop), shell.run, stopping, **QUEUED)
    view.words.pick(told(again), shell.run, shell.run, **QUEUED)
    view.new.click(lambda: True, None, shell.choosing, **QUEUED)
    form.back.click(lambda: False, None, shell.choosing, **QUEUED)
    view.compare.click(lambda: gr.Tabs(selected="compare"), None, shell.tabs, **QUIETLY)
    shell.run.change(lambda: False, None, shell.choosing, **QUEUED)

    def other_data(
        selected: str | None, chosen: str | None, before: str | None, on_settings: bool
    ) -> tuple[bool, str | None]:
        """New data in the place of earlier data: its settings are wanted, not the last run's curve."""
        run = _run(studio, selected)
        done_with = bool(before and run and run.status().over and run.config.dataset != chosen)
        return on_settings or done_with, chosen

    earlier = gr.State(None)
    shell.dataset.change(
        other_data, [shell.run, shell.dataset, earlier, shell.choosing], [shell.choosing, earlier], **QUEUED
    )


def _run(studio: Studio, selected: str | None) -> Run | None:
    """The selected run, if it is still there."""
    try:
        return studio.runs.get(selected) if selected else None
    except ConfigError:
        return None


def _data(studio: Studio, chosen: str | None) -> tuple[str, int]:
    """Name and number of pairs of a dataset; no name and none where it is gone."""
    return next(((info.name, info.count) for info in studio.datasets.list() if info.hash == chosen), ("", 0))


def _empty(pairs: int, lang: str) -> str:
    """What stands where the run will be."""
    head, text = ("ft_ready_head", "ft_ready_text") if pairs else ("ft_empty_head", "ft_empty_text")
    ghost = (
        '<svg class="ft-ghost" viewBox="0 0 320 90" aria-hidden="true"><path d="M0 8 C50 50 90 70 320 76"/>'
        '<path class="ref" d="M0 10H320"/><path class="axis" d="M0 89H320"/></svg>'
    )
    return f'<div class="ft-empty ft-fill">{ghost}<b>{esc(t(head, lang))}</b><span>{esc(t(text, lang))}</span></div>'
