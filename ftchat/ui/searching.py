"""What the Train tab's form asks for, and a search of that, whose recommendation goes back into the form.

Knows the stores and the worker.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import gradio as gr

from ftchat.continuing import continued
from ftchat.records import RunConfig
from ftchat.settings import parse_minutes
from ftchat.ui import train_form
from ftchat.ui.form_view import FIELDS
from ftchat.ui.markup import QUEUED, esc
from ftchat.ui.messages import told
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import t


def config_of(
    studio: Studio, name: str, dataset: str | None, held_out: str | None, answers: Sequence[str]
) -> RunConfig:
    """All that is chosen, as a run's config. `answers`: the run to go on from, the share to replay, and the form's."""
    origin, replay, *rest = answers
    if not origin:
        return dataclasses.replace(train_form.config(dataset, name, rest), held_out=held_out)
    earlier = studio.runs.get(origin)
    config = train_form.config(dataset, name, [earlier.config.base, "", *rest[2:]])
    return continued(dataclasses.replace(config, held_out=held_out), earlier, replay, studio.datasets)


def wire(studio: Studio, shell: Shell, form: train_form.Form, stage: gr.HTML) -> None:
    def begin_search(
        dataset: str | None, held_out: str | None, minutes: str, lang: str, *answers: str
    ) -> tuple[str, bool]:
        budget = parse_minutes(minutes.strip())
        name = studio.run_name(t("ft_search_name", lang, name=studio.data(dataset)[0]))
        config = config_of(studio, name, dataset, held_out, answers)
        return studio.begin(dataclasses.replace(config, search_minutes=budget)), False

    form.find.click(
        told(begin_search),
        [
            shell.dataset,
            shell.held_out,
            form.minutes,
            shell.lang,
            form.origin.run,
            form.origin.replay,
            *form.answers,
        ],
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

    fields = dict(zip(FIELDS, form.fields, strict=True))
    stage.pick(
        use,
        [shell.run, shell.lang],
        [fields["learning_rate"], fields["r"], form.advanced, shell.choosing],
        **QUEUED,
    )
