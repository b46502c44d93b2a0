"""The table of pairs: browsed, searched, edited in place, added to. It is read a page at a time; every edit makes a new
version of the dataset.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from ftchat.data import Add, Change, Delete, Edit, Page
from ftchat.errors import DataError
from ftchat.records import Example, Message
from ftchat.ui import pairs_view
from ftchat.ui.markup import DRAWING, OFF, ON, QUEUED, QUIETLY, html
from ftchat.ui.messages import told
from ftchat.ui.pairs_view import PAGE_ROWS
from ftchat.ui.reader import finish
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import i18n


def build(studio: Studio, shell: Shell, root: gr.State) -> gr.HTML:
    """`root` is what the dataset that is shown was read as: with another one, the table begins at its top."""
    number = gr.State(0)  # of the page of the table
    begun = gr.State(None)  # the root that the table shows
    with gr.Column(elem_classes="ft-card"):
        with gr.Row(elem_id="ft-th"):
            head = html(clicks=True, elem_id="ft-pairs-head")
            add = gr.Button(i18n("ft_add_pair"), size="sm", scale=0, elem_id="ft-add")
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
        with gr.Column(elem_classes=OFF, elem_id="ft-adding") as adding:
            with gr.Row():
                prompt = gr.Textbox(label=i18n("ft_instruction"), lines=2, max_lines=8, elem_id="ft-add-prompt")
                answer = gr.Textbox(label=i18n("ft_response"), lines=2, max_lines=8, elem_id="ft-add-answer")
            with gr.Row(elem_classes="ft-adds"):
                save = gr.Button(i18n("ft_add_save"), size="sm", scale=0, elem_id="ft-add-save")
                close = gr.Button(i18n("ft_close"), size="sm", scale=0)
        body = html(clicks=True, script=pairs_view.EDITING, elem_id="ft-pairs")

    def draw(chosen: str | None, lang: str, query: str, page: int) -> tuple:
        """Page, head and body; the last page where there is no such page any more."""
        if chosen is None:
            return (gr.skip(),) * 3
        found = _page(studio, chosen, query, page)
        last = max(0, -(-found.total // PAGE_ROWS) - 1)
        if page > last:
            page, found = last, _page(studio, chosen, query, last)
        return page, pairs_view.head(found, page, lang), pairs_view.table(found, lang)

    def renew(chosen: str | None, lang: str, query: str, page: int, before: str | None) -> tuple:
        now = studio.datasets.info(chosen).root if chosen else None
        if now != before:
            return now, "", *draw(chosen, lang, "", 0)
        return now, gr.skip(), *draw(chosen, lang, query, page)  # what is being typed stays

    def turn(chosen: str, lang: str, query: str, event: gr.EventData) -> tuple:
        return draw(chosen, lang, query, int(event._data["page"]))

    def search(chosen: str, lang: str, query: str) -> tuple:
        return draw(chosen, lang, query, 0)

    asked, table = [shell.dataset, shell.lang, find], [number, head, body]
    shell.dataset.change(told(renew), [*asked, number, begun], [begun, find, *table], **DRAWING)
    shell.pulse.speak(draw, [*asked, number], table)
    head.pick(told(turn), asked, table, **QUIETLY)
    find.change(told(search), asked, table, **DRAWING)

    def edit(chosen: str, lang: str, event: gr.EventData) -> Any:
        """A cell that was written in, or rows to delete. Clicks that open a row are not meant."""
        asked = event._data
        if "edit" in asked:
            example = _example(studio, chosen, int(asked["at"]), json.loads(asked["place"]))
            change: Change = Edit(example.place, _with(example, asked["edit"], asked["text"]))
        elif "rows" in asked:
            change = Delete(tuple(_example(studio, chosen, at, place).place for at, place in json.loads(asked["rows"])))
        else:
            return gr.skip()
        return finish(studio.editor.change(chosen, [change]))

    body.pick(told(edit), [shell.dataset, shell.lang], shell.dataset, **QUEUED)

    def append(chosen: str, lang: str, prompt: str, answer: str) -> tuple[str, str, str]:
        pair = Add((Message("user", prompt.strip()), Message("assistant", answer.strip())))
        return finish(studio.editor.change(chosen, [pair])), "", ""

    written = [shell.dataset, shell.lang, prompt, answer]
    save.click(told(append), written, [shell.dataset, prompt, answer], **QUEUED)
    add.click(lambda: gr.Column(elem_classes=ON), None, adding, **QUIETLY)
    close.click(lambda: gr.Column(elem_classes=OFF), None, adding, **QUIETLY)
    return body


def exported(studio: Studio, chosen: str, cache: str) -> str:
    """The cleaned data as a file that the browser may fetch."""
    path = Path(cache) / chosen / f"{chosen[:8]}.jsonl"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(studio.datasets.export(chosen))
    return str(path)


def _page(studio: Studio, chosen: str, query: str, page: int) -> Page:
    wanted, first = query.strip(), page * PAGE_ROWS
    if wanted:
        return studio.datasets.search(chosen, wanted, first, PAGE_ROWS)
    return studio.datasets.page(chosen, first, PAGE_ROWS)


def _example(studio: Studio, chosen: str, index: int, place: list[Any]) -> Example:
    """The example that the browser means, which must still be where it was shown."""
    for _, example in studio.datasets.page(chosen, index, 1).rows:
        if list(example.place) == place:
            return example
    raise DataError("the table has changed since; look at the pair again", "table_changed")


def _with(example: Example, side: str, text: str) -> tuple[Message, ...]:
    """The messages with another last prompt, or another last answer."""
    role = {"prompt": "user", "completion": "assistant"}[side]
    last = max(at for at, message in enumerate(example.messages) if message.role == role)
    messages = list(example.messages)
    messages[last] = replace(messages[last], content=text)
    return tuple(messages)
