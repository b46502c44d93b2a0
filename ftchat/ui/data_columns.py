"""Which column is what: the columns that were used, and another choice with its first row; and whether the first row
names them. Why it was read so, the findings say.

Only for tables whose bytes were kept; Apply and the switch read them again.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import gradio as gr

from ftchat.data import Problem
from ftchat.data.summary import Summary
from ftchat.ui.markup import DRAWING, OFF, ON, QUEUED, esc, html
from ftchat.ui.messages import told
from ftchat.ui.reader import finish
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import i18n, t

FIELDS = ("prompt", "completion", "input", "system")
_NONE = "–"
_TABLES = frozenset(("csv", "tsv", "xlsx"))
_KEPT = 8  # first rows
_SAMPLE = 24  # characters of a cell
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
        named = gr.Checkbox(label=i18n("ft_header"), interactive=True, elem_id="ft-header")
        first = html(elem_id="ft-first-row")
        apply = gr.Button(i18n("ft_apply_columns"), size="sm", elem_id="ft-apply-columns")

    store = studio.datasets

    def draw_columns(chosen: str | None, lang: str) -> tuple:
        hidden = (gr.Accordion(elem_classes=OFF), *(gr.skip(),) * (len(FIELDS) + 2))
        if chosen is None:
            return hidden
        root = store.info(store.info(chosen).root)
        found = store.summary(root.hash)
        if not root.raw or len(found.columns) < 2:
            return hidden
        used = dict(root.mapping or {}) or guessed(found)
        unnamed = all(column.isdigit() for column in found.columns)
        cells = first_row(chosen, ())["cells"] if unnamed else {}
        choices = [(_NONE, _NONE), *((_labelled(column, cells), column) for column in found.columns)]
        picks = [gr.Dropdown(choices=choices, value=used.get(field, _NONE)) for field in FIELDS]
        doubtful = not root.mapping and any("guess" in problem.message for problem in _reasons(found))
        table = set(found.format.split(", ")) <= _TABLES
        is_named = root.header if root.header is not None else not unnamed
        switch = gr.Checkbox(value=is_named, elem_classes=ON if table else OFF)
        return gr.Accordion(elem_classes=ON, open=doubtful), *picks, switch, ""

    @lru_cache(maxsize=_KEPT)
    def first_row(chosen: str, mapping: tuple[tuple[str, str], ...]) -> dict[str, Any]:
        return json.loads(finish(studio.editor.first_row(chosen, dict(mapping))))

    def show(chosen: str, lang: str, *picked: str) -> str:
        mapping = _mapping(picked)
        if not {"prompt", "completion"} <= mapping.keys():
            return f'<p class="ft-sub">{esc(t("ft_columns_needed", lang))}</p>'
        row = first_row(chosen, tuple(mapping.items()))
        turns = "".join(f"<dt>{esc(role)}</dt><dd>{esc(text[:400])}</dd>" for role, text in row["turns"])
        body = f'<dl class="ft-settings">{turns}</dl>' if turns else f'<p class="ft-sub">{esc(row["why"])}</p>'
        return f'<h3 class="ft-h3">{esc(t("ft_first_row", lang))}</h3>{body}'

    def reread(chosen: str, lang: str, *picked: str) -> str:
        return finish(studio.reader.reread(chosen, _mapping(picked), store.info(store.info(chosen).root).header))

    def rename(chosen: str, lang: str, is_named: bool) -> str:
        """With or without a header row; the columns have other names then, so which is what is guessed anew."""
        return finish(studio.reader.reread(chosen, {}, is_named))

    asked = [shell.dataset, shell.lang]
    shell.dataset.change(told(draw_columns), asked, [panel, *fields, named, first], **DRAWING)

    def translate(shown: str, chosen: str | None, lang: str, *picked: str) -> list[Any]:
        """What was picked stays; only the first row that it gives has words."""
        return [show(chosen, lang, *picked) if chosen and shown else gr.skip()]

    shell.pulse.speak(translate, [first, *asked, *fields], [first])
    gr.on([field.input for field in fields], told(show), [*asked, *fields], first, trigger_mode="always_last", **QUEUED)
    named.input(told(rename), [*asked, named], shell.dataset, **QUEUED)
    apply.click(told(reread), [*asked, *fields], shell.dataset, **QUEUED)


def _reasons(found: Summary) -> list[Problem]:
    """What is said of the columns."""
    return [one.first[0] for group in found.groups if group.kind == "columns" for one in group.reasons]


def guessed(found: Summary) -> dict[str, str]:
    """The columns that the report says were used: the last that it names is the answer's."""
    for problem in _reasons(found):
        if "the prompt is read from" not in problem.message:
            continue
        named = _QUOTED.findall(problem.message.partition("; not used: ")[0].rpartition(": ")[2])
        fields = ("prompt", "completion") if len(named) == 2 else ("prompt", "input", "completion")
        return {field: name for field, name in zip(fields, named, strict=False) if name in found.columns}
    return {}


def _labelled(column: str, cells: dict[str, str]) -> str:
    """A column that has a number for a name, with what its first row holds."""
    cell = " ".join(cells.get(column, "").split())
    return f"{column} · {cell[:_SAMPLE]}{'…' * (len(cell) > _SAMPLE)}" if cell else column


def _mapping(picked: tuple[Any, ...]) -> dict[str, str]:
    return {field: column for field, column in zip(FIELDS, picked, strict=True) if column and column != _NONE}
