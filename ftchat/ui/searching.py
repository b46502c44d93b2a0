"""Begins a search from the Train tab's form, and puts what it recommends into it. Knows the stores and the worker."""

from __future__ import annotations

import dataclasses
from typing import Any

import gradio as gr

from ftchat.errors import ConfigError
from ftchat.settings import parse_minutes
from ftchat.ui import train_form
from ftchat.ui.markup import QUEUED, esc
from ftchat.ui.messages import told
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import t


def wire(studio: Studio, shell: Shell, form: train_form.Form, stage: gr.HTML) -> None:
    def begin(
        dataset: str | None, held_out: str | None, minutes: str, lang: str, origin: str, *answers: str
    ) -> tuple[str, bool]:
        if origin:
            raise ConfigError("a search starts from the base; choose no earlier run to go on from", "search_of_base")
        budget = parse_minutes(minutes.strip())
        name = studio.run_name(t("ft_search_name", lang, name=studio.data(dataset)[0]))
        config = train_form.config(dataset, name, answers)
        return studio.begin(dataclasses.replace(config, held_out=held_out, search_minutes=budget)), False

    form.find.click(
        told(begin),
        [shell.dataset, shell.held_out, form.minutes, shell.lang, form.origin.run, *form.answers],
        [shell.run, shell.choosing],
        **QUEUED,
    )

    def use(selected: str | None, lang: str, event: gr.EventData) -> tuple[Any, ...]:
        run = studio.run(selected) if "use" in event._data else None
        found = run.status().recommended if run else None
        if found is None:
            return (gr.skip(),) * 4
        gr.Info(esc(t("ft_search_used", lang)))
        rate, r = f"{found.choice.learning_rate:g}", str(found.choice.r or "")
        return rate, r, gr.Accordion(open=True), True

    fields = dict(zip(train_form.FIELDS, form.fields, strict=True))
    stage.pick(
        use,
        [shell.run, shell.lang],
        [fields["learning_rate"], fields["r"], form.advanced, shell.choosing],
        **QUEUED,
    )
