"""The way in for pairs: a starter template, a paste, or files. What cannot be read gets its sentence in place.

What is brought is read in another process. Knows nothing of what is shown of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import gradio as gr

from ftchat.errors import FtchatError
from ftchat.ui import data_views as views
from ftchat.ui.markup import OFF, ON, QUEUED, QUIETLY, html
from ftchat.ui.messages import sentence, told
from ftchat.ui.reader import Reader, Steps
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.templates import cards, template
from ftchat.ui.texts import i18n, t
from ftchat.ui.walls import FILES_LIMIT

_PAGE = re.compile(r"(?:https?://)?(?:huggingface\.co|hf\.co)/datasets/([^/?#]+/[^/?#]+).*")


class Brought(NamedTuple):
    """What is read (files, a text, or the id of a dataset on the Hub), under which name, and where it is from."""

    sources: tuple[Path, ...] | str
    name: str
    kind: str


def build(studio: Studio, shell: Shell, entrance: gr.Column, loaded: gr.Column) -> gr.Button:
    """Fills the entrance, which gives way to `loaded` when something was read. Returns the button that leaves with the
    earlier dataset, for whoever opens the entrance again."""
    intro = html()
    with gr.Row(elem_id="ft-src"):
        with gr.Column(min_width=0):
            templates = html(clicks=True, elem_id="ft-templates")
        with gr.Column(elem_classes="ft-card", min_width=0):
            paste = gr.Textbox(
                label=i18n("ft_paste"),
                info=i18n("ft_paste_info"),
                placeholder=i18n("ft_paste_hint"),
                lines=6,
                max_lines=6,
                elem_id="ft-paste",
            )
            read_paste = gr.Button(i18n("ft_read"), size="sm", elem_id="ft-read")
            drop = gr.File(label=i18n("ft_drop"), file_count="multiple", height=132, elem_id="ft-drop")
            formats = html()
            with gr.Row(elem_id="ft-from-hub"):
                hub = gr.Textbox(
                    "",
                    label=i18n("ft_hub_data"),
                    info=i18n("ft_hub_data_info"),
                    placeholder="owner/name",
                    lines=1,
                    max_lines=1,
                    min_width=0,
                    elem_id="ft-hub",
                )
                fetch = gr.Button(i18n("ft_hub_fetch"), size="sm", scale=0, min_width=80, elem_id="ft-fetch")
            said = html(elem_id="ft-said")
            with gr.Column(elem_classes=OFF, elem_id="ft-ask-columns") as asking:
                ask_prompt, ask_answer = (
                    gr.Dropdown([], label=i18n(f"ft_column_{field}"), interactive=True, elem_id=f"ft-ask-{field}")
                    for field in ("prompt", "completion")
                )
                read_columns = gr.Button(i18n("ft_read_columns"), size="sm", elem_id="ft-read-columns")
            cancel = gr.Button(i18n("ft_stop"), size="sm", elem_classes=OFF, elem_id="ft-cancel")
            keep = gr.Button(i18n("ft_keep"), size="sm", elem_classes=OFF, elem_id="ft-keep")
    promises = html()
    refused = gr.State(None)  # what was brought, where it is not clear which column is what

    def words(lang: str) -> tuple[str, ...]:
        return views.intro(lang), cards(lang), views.formats(lang), views.promises(lang)

    shell.pulse.speak(words, [shell.lang], [intro, templates, formats, promises])

    def take(steps: Steps, before: str | None, lang: str, brought: Brought) -> Iterator[tuple]:
        """Follows a reading to its end. Closed, it ends the reading."""
        rest = (gr.skip(),) * 3
        off, on = gr.Column(elem_classes=OFF), gr.Column(elem_classes=ON)
        try:
            with closing(steps):
                while True:
                    said = views.reading(next(steps), lang)
                    yield gr.skip(), gr.skip(), said, *rest, gr.Button(elem_classes=ON), *(gr.skip(),) * 4
        except StopIteration as end:
            quiet = gr.Button(elem_classes=OFF)
            # New data makes way for itself once it is drawn; what is shown already is only put back.
            ways = (off, on) if end.value == before else (gr.skip(), gr.skip())
            yield end.value, "", "", quiet, *ways, quiet, off, gr.skip(), gr.skip(), None
        except FtchatError as error:
            yield refuse(sentence(error, lang), before, lang, error.values.get("columns"), brought)

    def refuse(
        told_so: str, before: str | None, lang: str, columns: object = None, brought: Brought | None = None
    ) -> tuple:
        """The sentence in place, and where `columns` are known the question which of them is what."""
        kept = (" " * (lang != "zh") + t("ft_kept_earlier", lang)) if before else ""
        names = list(map(str, columns)) if isinstance(columns, list) else []
        picks = [gr.Dropdown(choices=names, value=name or None) for name in (names[:2] or ("", ""))]
        rest, quiet = (gr.skip(),) * 3, gr.Button(elem_classes=OFF)
        asking = gr.Column(elem_classes=ON if names else OFF)
        again = brought if names else None
        return gr.skip(), gr.skip(), views.refusal(told_so + kept), *rest, quiet, asking, *picks, again

    def from_template(before: str | None, lang: str, event: gr.EventData) -> Iterator[tuple]:
        chosen = template(event._data["template"])
        brought = Brought((chosen.path,), chosen.title[lang], "template")
        yield from take(studio.reader.read(*brought), before, lang, brought)

    def from_paste(text: str, before: str | None, lang: str) -> Iterator[tuple]:
        if not text.strip():
            yield refuse(t("ft_paste_empty", lang), before, lang)
            return
        brought = Brought(text, t("ft_pasted", lang), "paste")
        yield from take(studio.reader.read(*brought), before, lang, brought)

    def from_files(files: list[str], before: str | None, lang: str) -> Iterator[tuple]:
        paths = tuple(Path(file) for file in files)
        if sum(path.stat().st_size for path in paths) > FILES_LIMIT * 2**20:
            yield *refuse(t("ft_too_big", lang, name=paths[0].name, limit=FILES_LIMIT), before, lang), None
            return
        name = paths[0].stem
        if len(paths) > 1:
            name = t("ft_and_files", lang, name=name, n=len(paths) if lang == "zh" else len(paths) - 1)
        brought = Brought(paths, name, "file")
        for step in take(studio.reader.read(*brought), before, lang, brought):
            yield *step, None

    def from_id(typed: str, before: str | None, lang: str) -> Iterator[tuple]:
        address = _PAGE.fullmatch(typed.strip())
        name = address[1] if address else typed.strip()
        if not name:
            yield *refuse(t("ft_hub_empty", lang), before, lang), gr.skip()
            return
        brought = Brought(name, name, "hub")
        for step in take(coming(brought), before, lang, brought):
            yield *step, gr.skip() if step[0] == gr.skip() else ""

    def coming(brought: Brought, mapping: dict[str, str] | None = None) -> Steps:
        """From the Hub, in a process of its own: nobody else's reading waits for a download."""
        with closing(Reader(studio.home)) as reader:
            return (yield from reader.fetch(brought.name, mapping, shared=studio.bases.allowed is not None))

    def with_columns(brought: Brought, prompt: str, answer: str, before: str | None, lang: str) -> Iterator[tuple]:
        """What was refused, read by the columns that were chosen."""
        mapping = {"prompt": prompt, "completion": answer}
        steps = coming(brought, mapping) if brought.kind == "hub" else studio.reader.read(*brought, mapping)
        yield from take(steps, before, lang, brought)

    asked = [shell.dataset, shell.lang]
    outcome = [shell.dataset, paste, said, keep, entrance, loaded, cancel, asking, ask_prompt, ask_answer, refused]
    by_card = templates.pick(told(from_template), asked, outcome, **QUEUED)
    by_paste = read_paste.click(told(from_paste), [paste, *asked], outcome, **QUEUED)
    by_file = drop.upload(told(from_files), [drop, *asked], [*outcome, drop], **QUEUED)
    by_id = gr.on(
        [fetch.click, hub.submit], told(from_id), [hub, *asked], [*outcome, hub], concurrency_limit=8, **QUEUED
    )
    by_column = read_columns.click(told(with_columns), [refused, ask_prompt, ask_answer, *asked], outcome, **QUEUED)
    cancel.click(None, None, None, cancels=[by_card, by_paste, by_file, by_id, by_column])

    def cut_off(typed: str, lang: str) -> tuple:
        return views.stopped(t("ft_hub_stopped", lang)) if typed.strip() else "", gr.Button(elem_classes=OFF)

    # A listener that cancels does not apply outputs of its own.
    cancel.click(cut_off, [hub, shell.lang], [said, cancel], **QUIETLY)

    def leave() -> tuple:
        return "", gr.Button(elem_classes=OFF), gr.Column(elem_classes=OFF), gr.Column(elem_classes=ON)

    keep.click(leave, None, [said, keep, entrance, loaded], **QUIETLY)
    return keep
