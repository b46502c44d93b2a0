"""Which column is what: the columns that were used, and another choice with its first row. Why, the findings say.

Only for tables whose bytes were kept; Apply reads them again.
"""

from __future__ import annotations

import json
import re
from typing import Any

import gradio as gr

from ftchat.data import Report
from ftchat.ui.markup import DRAWING, OFF, ON, QUEUED, esc, html
from ftchat.ui.messages import told
from ftchat.ui.reader import finish
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import i18n, t

FIELDS = ("prompt", "completion", "input", "system")
_NONE = "–"
_QUOTED = re.compile(r"'(.+?)'(?!\w)")


def build(studio: Studio, shell: Shell) -> None:
    with gr.Accordion(i18n("ft_columns"), open=False, elem_id="ft-columns", elem_classes=OFF) as panel:
        with gr.Row(elem_id="ft-colfields"):
            fields = [
                gr.Dropdown(
                    [_NONE],
                    value=_NONE,
                    label=i18n(f"ft_column_{field}"),
                    filterable=False,
                    interactive=True,
                    min_width=120,
                    elem_id=f"ft-col-{field}",
                )
                for field in FIELDS
            ]
        first = html(elem_id="ft-first-row")
        apply = gr.Button(i18n("ft_apply_columns"), size="sm", elem_id="ft-apply-columns")

    store = studio.datasets

    def draw(chosen: str | None, lang: str) -> tuple:
        hidden = (gr.Accordion(elem_classes=OFF), *(gr.skip(),) * (len(FIELDS) + 1))
        if chosen is None:
            return hidden
        root = store.info(store.info(chosen).root)
        found = store.report(root.hash)
        if not root.raw or len(found.columns) < 2:
            return hidden
        used = dict(root.mapping or {}) or guessed(found)
        reasons = [problem for problem in found.problems if problem.kind == "columns"]
        choices = [_NONE, *found.columns]
        picks = [gr.Dropdown(choices=choices, value=used.get(field, _NONE)) for field in FIELDS]
        doubtful = not root.mapping and any("guess" in problem.message for problem in reasons)
        return gr.Accordion(elem_classes=ON, open=doubtful), *picks, ""

    def show(chosen: str, lang: str, *picked: str) -> str:
        mapping = _mapping(picked)
        if not {"prompt", "completion"} <= mapping.keys():
            return f'<p class="ft-sub">{esc(t("ft_columns_needed", lang))}</p>'
        row = json.loads(finish(studio.editor.first_row(chosen, mapping)))
        turns = "".join(f"<dt>{esc(role)}</dt><dd>{esc(text[:400])}</dd>" for role, text in row["turns"])
        body = f'<dl class="ft-settings">{turns}</dl>' if turns else f'<p class="ft-sub">{esc(row["why"])}</p>'
        return f'<h3 class="ft-h3">{esc(t("ft_first_row", lang))}</h3>{body}'

    def reread(chosen: str, lang: str, *picked: str) -> str:
        return finish(studio.reader.reread(chosen, _mapping(picked)))

    asked = [shell.dataset, shell.lang]
    gr.on([shell.dataset.change, shell.lang.change], told(draw), asked, [panel, *fields, first], **DRAWING)
    gr.on([field.input for field in fields], told(show), [*asked, *fields], first, trigger_mode="always_last", **QUEUED)
    apply.click(told(reread), [*asked, *fields], shell.dataset, **QUEUED)


def guessed(found: Report) -> dict[str, str]:
    """The columns that the report says were used: the last that it names is the answer's."""
    for problem in found.problems:
        if problem.kind == "columns":
            named = _QUOTED.findall(problem.message.partition("; not used: ")[0].rpartition(": ")[2])
            fields = ("prompt", "completion") if len(named) == 2 else ("prompt", "input", "completion")
            return dict(zip(fields, named, strict=False))
    return {}


def _mapping(picked: tuple[Any, ...]) -> dict[str, str]:
    return {field: column for field, column in zip(FIELDS, picked, strict=True) if column and column != _NONE}
