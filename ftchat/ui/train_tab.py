"""The Train tab: choose settings, start, watch. Knows the stores and the worker.

All that is shown of a run comes from its folder, once a second, so closing the page or a dead worker changes nothing
here. It is drawn as two pieces of HTML, its settings beside it and the run itself, for the page's pulse.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from ftchat.errors import FtchatError
from ftchat.hub import absent
from ftchat.records import STARTER, Estimate
from ftchat.ui import fit_view, form_view, run_view, search_view, searching, train_form, train_origin
from ftchat.ui.form_view import FIELDS
from ftchat.ui.markup import DRAWING, QUEUED, QUIETLY, esc, html
from ftchat.ui.messages import told
from ftchat.ui.plots import CROSSHAIR
from ftchat.ui.searching import config_of
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import t
from ftchat.ui.watch import TURNING


@dataclass(frozen=True, eq=False)
class _Ahead:
    """What is known of a run that might be begun: the id of the run that it would go on from, what it would take, its
    base where that is not on this machine, and what there is to say of one that is.

    Told apart by identity: Gradio hashes what a State holds, and an estimate has no hash of its own.
    """

    earlier: str
    found: Estimate | None = None
    absent: str = ""
    notes: tuple[str, ...] = ()


def build(studio: Studio, shell: Shell) -> None:
    title = html(elem_classes="ft-zero")
    with gr.Row(elem_id="ft-train"):
        with gr.Column(min_width=0, elem_id="ft-left"):
            form = train_form.build(studio, shell)
            aside = html(clicks=True, elem_id="ft-aside")
        with gr.Column(min_width=0, elem_id="ft-right"):
            stage = html(clicks=True, script=CROSSHAIR + TURNING, elem_id="ft-stage")
    _wire_form(studio, shell, form, title)
    _wire_run(studio, shell, form, aside, stage)
    searching.wire(studio, shell, form, stage)


def _wire_form(studio: Studio, shell: Shell, form: train_form.Form, title: gr.HTML) -> None:
    def redraw(
        selected: str | None,
        chosen: str | None,
        held_out: str | None,
        base: str,
        preset: str,
        lang: str,
    ) -> list[Any]:
        run, (name, pairs) = studio.run(selected), studio.data(chosen)
        back = t("ft_back_to_run", lang, name=run.config.name) if run else ""
        return [
            f'<h1 class="ft-vh">{esc(t("ft_train", lang))}</h1>',
            gr.HTML(form_view.data_line(name, pairs, lang), visible=pairs > 0),
            gr.Textbox(visible=base == fit_view.OTHER),
            form_view.preset_note(preset, pairs, studio.data(held_out), lang),
            gr.Button(t("ft_start", lang), interactive=pairs > 0),
            gr.HTML(form_view.why_not(lang), visible=not pairs),
            gr.Button(back, visible=run is not None),
        ]

    state = [shell.run, shell.dataset, shell.held_out, form.chosen_base, form.chosen_preset, shell.lang]
    parts = [title, form.data, form.other, form.note, form.start, form.why, form.back]
    gr.on([part.change for part in state[:-1]], redraw, state, parts, **DRAWING)
    shell.pulse.speak(redraw, state, parts)

    def look_ahead(dataset: str | None, held_out: str | None, named: str, *answers: str) -> _Ahead:
        """What a run would take; nothing where that cannot be told."""
        known = _Ahead(answers[0])
        with suppress(FtchatError):  # Start says what is wrong
            if studio.notes(named) is None:
                studio.describe(named)
            known = replace(known, notes=studio.notes(named) or ())
            config = config_of(studio, "estimate", dataset, held_out, answers)
            studio.bases.check(config.base)
            if config.base != named:
                return _Ahead(known.earlier, absent=config.base if absent(config.base) else "")
            return replace(known, found=studio.worker.estimate(config))
        return known

    def draw_ahead(ahead: _Ahead, lang: str) -> list[Any]:
        """What a run would take, and what stands in the empty fields."""
        earlier, found, said = studio.run(ahead.earlier), ahead.found, fit_view.notes(ahead.notes, lang)
        if found is None:
            here = fit_view.not_here_yet(ahead.absent, lang) if ahead.absent else ""
            about = train_origin.note(earlier, None, lang) if earlier else ""
            return [said, gr.HTML(here, visible=bool(here)), about, *[gr.skip()] * len(form.fields)]
        numbers = {name: getattr(found.resolved, name) for name in FIELDS}
        if not found.resolved.save_steps:  # by time alone
            numbers["save_steps"] = t("ft_auto", lang)
        return [
            said,
            gr.HTML(fit_view.estimate(found, lang), visible=True),
            train_origin.note(earlier, found, lang) if earlier else "",
            *(gr.Textbox(placeholder=fit_view.placeholder(value)) for value in numbers.values()),
        ]

    asked = [shell.dataset, shell.held_out, shell.base, form.chosen_base, form.chosen_preset, form.method]
    asked += [form.origin.run]
    ahead = gr.State(_Ahead(""))
    answers = [form.origin.run, form.origin.replay, *form.answers]
    gr.on(
        [*(part.change for part in asked), form.origin.replay.release, *(field.blur for field in form.fields)],
        look_ahead,
        [shell.dataset, shell.held_out, shell.base, *answers],
        ahead,
        trigger_mode="always_last",
        **QUEUED,
    )
    # Drawn in a second step, so that no answer of the model comes in the words of another language.
    taking = [form.told_of_base, form.takes, form.origin.note, *form.fields]
    ahead.change(draw_ahead, [ahead, shell.lang], taking, **DRAWING)
    shell.pulse.speak(draw_ahead, [ahead, shell.lang], taking)

    def hold(base: str, lang: str) -> Any:
        return gr.update(value=t("ft_starting" if base == STARTER else "ft_checking", lang), interactive=False)

    def begin(dataset: str | None, held_out: str | None, lang: str, *answers: str) -> tuple[str, bool]:
        config = config_of(studio, studio.run_name(studio.data(dataset)[0]), dataset, held_out, answers)
        return studio.begin(config), False

    def release(dataset: str | None, lang: str) -> Any:
        return gr.update(value=t("ft_start", lang), interactive=studio.data(dataset)[1] > 0)

    begun = form.start.click(hold, [form.chosen_base, shell.lang], form.start, **QUIETLY).then(
        told(begin), [shell.dataset, shell.held_out, shell.lang, *answers], [shell.run, shell.choosing], **QUEUED
    )
    for ended in (begun.success, begun.failure):  # Gradio runs a plain .then only after a success
        ended(release, [shell.dataset, shell.lang], form.start, **QUIETLY)
    begun.success(lambda: "", None, form.name, **QUIETLY)  # a second run of that name would be refused
    form.back.click(lambda: False, None, shell.choosing, **QUEUED)
    shell.run.change(lambda: False, None, shell.choosing, **QUEUED)

    def other_data(selected: str | None, chosen: str | None, before: str | None) -> tuple[Any, str | None]:
        """New data in the place of earlier data: its settings are wanted, not the last run's curve."""
        run = studio.run(selected)
        done_with = bool(before and run and run.status().over and run.config.dataset != chosen)
        return True if done_with else gr.skip(), chosen

    earlier = gr.State(None)
    shell.dataset.change(other_data, [shell.run, shell.dataset, earlier], [shell.choosing, earlier], **QUEUED)


def _wire_run(studio: Studio, shell: Shell, form: train_form.Form, aside: gr.HTML, stage: gr.HTML) -> None:
    ending = gr.State(("", ""))  # the run that was told to stop or to pause, and which
    watched = gr.State(None)  # the run that was last seen in progress
    # The run that has then become usable: a component, because a State set outside the queue raises no change.
    ready = gr.Textbox("", visible="hidden")

    def draw(
        selected: str | None,
        chosen: str | None,
        choosing: bool,
        ends: tuple[str, str],
        lang: str,
        was_watched: str | None,
        was_ready: str,
    ) -> tuple[str, str, str | None, str]:
        run = studio.run(selected)
        if run is None:
            return "", run_view.nothing(studio.data(chosen)[1], lang), None, was_ready
        status, config, resolved = run.status(), run.config, run.resolved
        data = studio.data(config.dataset)[0] or "–"
        told_to = ends[1] if ends[0] == run.id and status.state == "running" else ""
        ahead = studio.runs.ahead(run) if status.state == "queued" else 0
        return (
            "" if choosing else run_view.aside(config, resolved, status, data, told_to, lang),
            run_view.damaged(run.damages(), lang)
            + (search_view if config.search_minutes else run_view).stage(config, resolved, status, lang, ahead),
            None if status.over else run.id,
            run.id if status.usable and was_watched == run.id else was_ready,
        )

    shell.pulse.follow(
        draw,
        [shell.run, shell.dataset, shell.choosing, ending, shell.lang, watched, ready],
        [aside, stage, watched, ready],
        [ending.change],
    )

    def tell_ready(done: str | None, lang: str) -> None:
        run = studio.run(done)
        if run:
            gr.Info(esc(t("ft_compare_ready", lang, name=run.config.name)), title=t("ft_state_finished", lang))

    ready.change(tell_ready, [ready, shell.lang], None, **QUEUED)

    def act(selected: str, lang: str, event: gr.EventData) -> tuple[Any, bool, Any]:
        """The buttons beside a run: stop it, pause it, or choose settings for another, which may go on from it."""
        if "new" in event._data:
            return gr.skip(), True, train_origin.offered(studio.runs.list(), train_origin.NONE, lang)
        if "onward" in event._data:
            return gr.skip(), True, train_origin.offered(studio.runs.list(), selected, lang)
        way = "pause" if "pause" in event._data else "stop"
        if way == "pause":
            studio.worker.pause_run(selected)
        else:
            studio.worker.stop_run(selected)
        return (selected, way), False, gr.skip()

    outcome = [ending, shell.choosing, form.origin.run]
    aside.pick(told(act), [shell.run, shell.lang], outcome, **QUEUED)

    def again(selected: str, lang: str, event: gr.EventData) -> tuple[Any, Any]:
        """Goes on with a run, or trains another with the same settings."""
        if "use" in event._data:  # for the form
            return gr.skip(), gr.skip()
        if "resume" in event._data:
            studio.worker.start_run(selected)
            return selected, ("", "")
        run = studio.runs.get(selected)
        config = run.config
        stem, names = re.sub(r"-\d+$", "", config.name), {run.config.name for run in studio.runs.list()}
        name = studio.runs.free_name(stem if stem in names else config.name)
        return studio.begin(replace(config, name=name), like=run), ("", "")

    stage.pick(told(again), [shell.run, shell.lang], [shell.run, ending], **QUEUED)
