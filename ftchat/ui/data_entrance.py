"""The way in for pairs: a starter template, a paste, or files. What cannot be read gets its sentence in place.

What is brought is read in another process. Knows nothing of what is shown of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import gradio as gr

from ftchat.errors import FtchatError
from ftchat.ui import data_views as views
from ftchat.ui.markup import OFF, ON, QUEUED, QUIETLY, html
from ftchat.ui.messages import sentence, told
from ftchat.ui.reader import Steps
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.templates import cards, template
from ftchat.ui.texts import i18n, t
from ftchat.ui.walls import FILES_LIMIT


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
            said = html(elem_id="ft-said")
            cancel = gr.Button(i18n("ft_cancel"), size="sm", elem_classes=OFF, elem_id="ft-cancel")
            keep = gr.Button(i18n("ft_keep"), size="sm", elem_classes=OFF, elem_id="ft-keep")
    promises = html()

    def words(lang: str) -> tuple[str, ...]:
        return views.intro(lang), cards(lang), views.formats(lang), views.promises(lang)

    shell.lang.change(words, shell.lang, [intro, templates, formats, promises], **QUIETLY)

    def take(steps: Steps, before: str | None, lang: str) -> Iterator[tuple]:
        """Follows a reading to its end. Closed, it ends the reading."""
        rest = (gr.skip(),) * 3
        try:
            with closing(steps):
                while True:
                    done, total = next(steps)
                    yield gr.skip(), gr.skip(), views.reading(done, total, lang), *rest, gr.Button(elem_classes=ON)
        except StopIteration as end:
            dataset = end.value
            off, on = gr.Column(elem_classes=OFF), gr.Column(elem_classes=ON)
            yield dataset, "", "", gr.Button(elem_classes=OFF), off, on, gr.Button(elem_classes=OFF)
        except FtchatError as error:
            yield refuse(sentence(error, lang), before, lang)

    def refuse(said: str, before: str | None, lang: str) -> tuple:
        kept = f" {t('ft_kept_earlier', lang)}" if before else ""
        told_so = views.refusal(said + kept)
        return before, gr.skip(), told_so, gr.skip(), gr.skip(), gr.skip(), gr.Button(elem_classes=OFF)

    def from_template(before: str | None, lang: str, event: gr.EventData) -> Iterator[tuple]:
        chosen = template(event._data["template"])
        yield from take(studio.reader.read([chosen.path], chosen.title[lang], "template"), before, lang)

    def from_paste(text: str, before: str | None, lang: str) -> Iterator[tuple]:
        if not text.strip():
            yield refuse(t("ft_paste_empty", lang), before, lang)
            return
        yield from take(studio.reader.read(text, t("ft_pasted", lang), "paste"), before, lang)

    def from_files(files: list[str], before: str | None, lang: str) -> Iterator[tuple]:
        paths = [Path(file) for file in files]
        if sum(path.stat().st_size for path in paths) > FILES_LIMIT * 2**20:
            yield *refuse(t("ft_too_big", lang, name=paths[0].name, limit=FILES_LIMIT), before, lang), None
            return
        name = paths[0].stem
        if len(paths) > 1:
            name = t("ft_and_files", lang, name=name, n=len(paths) if lang == "zh" else len(paths) - 1)
        for step in take(studio.reader.read(paths, name, "file"), before, lang):
            yield *step, None

    asked = [shell.dataset, shell.lang]
    outcome = [shell.dataset, paste, said, keep, entrance, loaded, cancel]
    by_card = templates.pick(told(from_template), asked, outcome, **QUEUED)
    by_paste = read_paste.click(told(from_paste), [paste, *asked], outcome, **QUEUED)
    by_file = drop.upload(told(from_files), [drop, *asked], [*outcome, drop], **QUEUED)
    cancel.click(None, None, None, cancels=[by_card, by_paste, by_file])
    # A listener that cancels does not apply outputs of its own.
    cancel.click(lambda: ("", gr.Button(elem_classes=OFF)), None, [said, cancel], **QUIETLY)

    def leave() -> tuple:
        return "", gr.Button(elem_classes=OFF), gr.Column(elem_classes=OFF), gr.Column(elem_classes=ON)

    keep.click(leave, None, [said, keep, entrance, loaded], **QUIETLY)
    return keep
