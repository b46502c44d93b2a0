"""One run that is chosen in the list: its name, its notes, and deleting it. Knows the run store."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ftchat.ui.markup import CARD, DRAWING, OFF, ON, QUEUED, QUIETLY, esc
from ftchat.ui.messages import told
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import i18n, t


def build(studio: Studio, shell: Shell, marked: gr.State) -> gr.State:
    """`marked`: the ids of the runs that are chosen; the card shows while it is one. The state that is given back
    changes whenever a run was renamed, noted or deleted."""
    changes = gr.State(0)
    with gr.Column(elem_classes=CARD + OFF, elem_id="ft-keeping") as card:
        name = gr.Textbox("", label=i18n("ft_run_new_name"), max_lines=1, elem_id="ft-rename")
        notes = gr.Textbox("", label=i18n("ft_run_notes"), lines=2, max_lines=8, elem_id="ft-notes")
        with gr.Row():
            save = gr.Button(i18n("ft_run_save"), elem_id="ft-save-run")
            delete = gr.Button(i18n("ft_run_delete"), elem_id="ft-delete-run")
            sure = gr.Button(i18n("ft_run_sure"), elem_id="ft-delete-sure", elem_classes=OFF, variant="stop")
            keep = gr.Button(i18n("ft_run_keep"), elem_id="ft-delete-not", elem_classes=OFF)

    def look(marks: tuple[str, ...]) -> list[Any]:
        run = studio.run(marks[0]) if len(marks) == 1 else None
        if run is None:
            return [gr.Column(elem_classes=CARD + OFF), "", "", *_asking(False)]
        return [gr.Column(elem_classes=CARD), run.config.name, run.notes, *_asking(False)]

    marked.change(look, marked, [card, name, notes, delete, sure, keep], **DRAWING)

    def write(marks: tuple[str, ...], new: str, text: str, count: int, lang: str) -> int:
        run = studio.runs.get(marks[0])
        studio.runs.rename(run, new.strip())
        run.note(text)
        gr.Info(t("ft_run_saved", lang))
        return count + 1

    save.click(told(write), [marked, name, notes, changes, shell.lang], changes, **QUEUED)
    delete.click(lambda: _asking(True), None, [delete, sure, keep], **QUIETLY)
    keep.click(lambda: _asking(False), None, [delete, sure, keep], **QUIETLY)

    def remove(marks: tuple[str, ...], selected: str | None, count: int, lang: str) -> tuple[tuple[str, ...], Any, int]:
        run = studio.runs.get(marks[0])
        called = run.config.name
        studio.runs.delete(run)
        others = any(one.config.origin and one.config.origin.run == run.id for one in studio.runs.list())
        gr.Info(esc(t("ft_run_deleted_kept" if others else "ft_run_deleted", lang, name=called)))
        return (), None if selected == run.id else gr.skip(), count + 1

    sure.click(told(remove), [marked, shell.run, changes, shell.lang], [marked, shell.run, changes], **QUEUED)
    return changes


def _asking(really: bool) -> list[Any]:
    """The button that deletes, or the two that ask whether to."""
    asked, plain = (ON, OFF) if really else (OFF, ON)
    return [gr.Button(elem_classes=plain), gr.Button(elem_classes=asked), gr.Button(elem_classes=asked)]
