"""What the user chooses before a run: base, preset, name and the advanced settings. Knows no runs; which of them to go
on from is a part of its own.

The base is the whole page's: it is set as soon as it is named, so that previews show that model's tokens.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ftchat.catalogue import catalogue
from ftchat.errors import ConfigError
from ftchat.hub import absent
from ftchat.records import STARTER, RunConfig
from ftchat.settings import METHODS, PRESETS, check_choice, check_meant, parse_setting
from ftchat.ui import form_view, train_origin
from ftchat.ui.fit_view import OTHER, base_radios
from ftchat.ui.form_view import FIELDS, meant
from ftchat.ui.markup import CARD, DRAWING, OFF, ON, QUEUED, html
from ftchat.ui.messages import told
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import i18n
from ftchat.ui.train_origin import OriginPart


@dataclass(frozen=True)
class Form:
    """The form's components. `chosen_base` and `chosen_preset` hold what its radios say."""

    data: gr.HTML
    bases: gr.HTML
    other: gr.Textbox
    told_of_base: gr.HTML
    presets: gr.HTML
    note: gr.HTML
    name: gr.Textbox
    origin: OriginPart
    method: gr.Dropdown
    fields: tuple[gr.Textbox, ...]
    tracker: gr.Dropdown
    advanced: gr.Accordion
    minutes: gr.Textbox
    find: gr.Button
    takes: gr.HTML
    start: gr.Button
    why: gr.HTML
    back: gr.Button
    chosen_base: gr.State
    chosen_preset: gr.State

    @property
    def answers(self) -> list[gr.components.Component]:
        """The inputs of `config`, in its order after the dataset."""
        return [self.chosen_base, self.other, self.chosen_preset, self.method, self.name, *self.fields, self.tracker]


def build(studio: Studio, shell: Shell) -> Form:
    chosen_base, chosen_preset = gr.State(STARTER), gr.State("quick")
    allowed = studio.bases.allowed
    with gr.Column(elem_classes=CARD, min_width=0, elem_id="ft-form"):
        data = html()
        bases = html(clicks=True, elem_id="ft-bases")
        other = gr.Textbox(
            "",
            label=i18n("ft_other_label" if studio.bases.allowed is None else "ft_other_label_hub"),
            info=i18n("ft_other_hint"),
            placeholder="Qwen/Qwen3-0.6B",
            lines=1,
            max_lines=1,
            visible=False,
            elem_id="ft-other",
        )
        told_of_base = html(elem_id="ft-base-told")
        presets = html(clicks=True, elem_id="ft-presets")
        note = html()
        name = gr.Textbox(
            "", label=i18n("ft_run_name"), placeholder=i18n("ft_run_name_hint"), lines=1, max_lines=1, elem_id="ft-name"
        )
        origin = train_origin.build()
        with gr.Accordion(i18n("ft_advanced"), open=False, elem_id="ft-adv") as advanced:
            explained = html()
            with gr.Row(elem_id="ft-fields"):
                method = gr.Dropdown(
                    form_view.methods("en"),
                    value="auto",
                    label=i18n("ft_method"),
                    info=i18n("ft_method_info"),
                    filterable=False,
                    interactive=True,
                    min_width=120,
                    elem_id="ft-method",
                )
                fields = tuple(
                    gr.Textbox(
                        "",
                        label=i18n(label),
                        placeholder=i18n("ft_auto"),
                        lines=1,
                        max_lines=1,
                        min_width=120,
                        elem_id=f"ft-set-{key}",
                        elem_classes=ON if meant("auto", key) else OFF,
                    )
                    for key, label in FIELDS.items()
                )
                tracker = gr.Dropdown(
                    form_view.trackers("en"),
                    value="",
                    label=i18n("ft_tracker"),
                    info=i18n("ft_tracker_info"),
                    filterable=False,
                    interactive=True,
                    min_width=120,
                    elem_id="ft-tracker",
                )
            searched = html()
            with gr.Row(elem_id="ft-search"):
                minutes = gr.Textbox(
                    "5",
                    label=i18n("ft_search_minutes"),
                    lines=1,
                    max_lines=1,
                    min_width=120,
                    elem_id="ft-minutes",
                )
                find = gr.Button(i18n("ft_search"), size="sm", elem_id="ft-find-rate")
        takes = html(elem_id="ft-takes")
        with gr.Column(elem_id="ft-startbar", min_width=0):
            start = gr.Button(i18n("ft_start"), elem_classes="tuned", interactive=False, elem_id="ft-start")
            why = html(clicks=True)
            back = gr.Button(visible=False, size="sm")

    def only_meant(chosen: str) -> list[gr.Textbox]:
        return [gr.Textbox(elem_classes=ON if meant(chosen, key) else OFF) for key in FIELDS]

    method.change(only_meant, method, [*fields], **DRAWING)
    # The radios mark themselves at once, so the last of quick clicks counts.
    last = {**QUEUED, "trigger_mode": "always_last"}
    bases.pick(_picked, None, chosen_base, **last)

    def name_base(chosen: str, typed: str, lang: str) -> Any:
        """What is named is checked where it enters; until something is named, the earlier base stays."""
        named = typed.strip() if chosen == OTHER else chosen
        if not named:
            return gr.skip()
        studio.bases.check(named)
        return gr.skip() if absent(named) else named  # to look at its tokens would fetch it; Start does

    gr.on(
        [chosen_base.change, other.submit, other.blur],
        told(name_base),
        [chosen_base, other, shell.lang],
        shell.base,
        **QUEUED,
    )

    def recall(base: str, chosen: str, typed: str) -> tuple:
        """A base that the browser knew from before, as if it had been named here."""
        if base == STARTER or chosen == base or (chosen, typed.strip()) == (OTHER, base):
            return (gr.skip(),) * 3
        known = any(offer.id == base for offer in catalogue())
        return base if known else OTHER, "" if known else base, f"{base} {time.time_ns()}"

    # Another value whenever the radios are to be drawn with what fits: a base and a number.
    unfitted = gr.Textbox("", visible="hidden")
    shell.base.change(recall, [shell.base, chosen_base, other], [chosen_base, other, unfitted], **QUEUED)
    presets.pick(_picked, None, chosen_preset, **last)
    # Not part of the redraw on every choice: the radios mark themselves, and must keep the keyboard's focus.
    shell.pulse.speak(
        lambda lang, base, preset: (
            gr.skip() if studio.fits_known else f"{base} {time.time_ns()}",
            base_radios(base, allowed, studio.fits_known, lang),
            form_view.preset_radios(preset, lang),
            form_view.note_line("ft_advanced_note", lang),
            form_view.note_line("ft_search_info", lang),
            gr.update(choices=form_view.methods(lang)),
            gr.update(choices=form_view.trackers(lang)),
        ),
        [shell.lang, chosen_base, chosen_preset],
        [unfitted, bases, presets, explained, searched, method, tracker],
    )

    def fitted(lang: str, base: str) -> str:
        """The worker may take a while to say what fits. Meanwhile another language may be wanted: one after the other,
        and the last again, so that no answer to an earlier question comes last."""
        return base_radios(base, allowed, studio.fits, lang)

    in_turn = {**QUEUED, "trigger_mode": "always_last", "concurrency_id": "bases"}
    unfitted.change(fitted, [shell.lang, chosen_base], bases, **in_turn)
    train_origin.wire(studio, shell, origin, [bases, other])
    return Form(
        data=data,
        bases=bases,
        other=other,
        told_of_base=told_of_base,
        presets=presets,
        note=note,
        name=name,
        origin=origin,
        method=method,
        fields=fields,
        tracker=tracker,
        advanced=advanced,
        minutes=minutes,
        find=find,
        takes=takes,
        start=start,
        why=why,
        back=back,
        chosen_base=chosen_base,
        chosen_preset=chosen_preset,
    )


def _picked(event: gr.EventData) -> str:
    return event._data["value"]


def config(dataset: str | None, name: str, answers: Sequence[str]) -> RunConfig:
    """What the form says, as a run's config; `name` stands where the user gave none."""
    base, other, preset, method, wanted, *values = answers
    if not dataset:
        raise ConfigError("there is nothing to train on yet: add data first", "no_data")
    if base == OTHER and not other.strip():
        raise ConfigError("which base model? Write its Hub id or its folder, or choose the starter", "no_base")
    named = zip((*FIELDS, "report_to"), values, strict=True)
    given = ((key, text.strip()) for key, text in named if meant(method, key))
    settings = {key: parse_setting(key, text) for key, text in given if text}
    check_meant(check_choice("method", method, METHODS), settings)
    return RunConfig(
        name=wanted.strip() or name,
        dataset=dataset,
        base=other.strip() if base == OTHER else base,
        method=method,
        preset=check_choice("preset", preset, PRESETS),
        settings=settings,
    )
