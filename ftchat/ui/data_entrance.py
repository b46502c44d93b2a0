"""The way in for pairs: a starter template, a paste, or files. What cannot be read gets its sentence in place.

Knows the reader and the store of datasets; knows nothing of what is shown of them.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from ftchat.data import Source, read
from ftchat.errors import FtchatError
from ftchat.ui import data_views as views
from ftchat.ui.markup import OFF, ON, QUEUED, QUIETLY, html
from ftchat.ui.messages import sentence, told
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.templates import cards, template
from ftchat.ui.texts import i18n, t

UPLOAD_LIMIT = 64  # MB of all files of one upload


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
            keep = gr.Button(i18n("ft_keep"), size="sm", elem_classes=OFF, elem_id="ft-keep")
    promises = html()

    def words(lang: str) -> tuple[str, ...]:
        return views.intro(lang), cards(lang), views.formats(lang), views.promises(lang)

    shell.lang.change(words, shell.lang, [intro, templates, formats, promises], **QUIETLY)

    def take(sources: list[Source], name: str, kind: str, before: str | None, lang: str) -> tuple:
        try:
            reading = read(sources)
            if not reading.examples:
                why = reading.report.problems[0].message if reading.report.problems else ""
                return refuse(t("ft_no_pairs", lang, why=why).strip(), before, lang)
            dataset = studio.datasets.put(reading, name, kind)
        except FtchatError as error:
            return refuse(sentence(error, lang), before, lang)
        return (
            dataset.hash,
            "",
            "",
            gr.Button(elem_classes=OFF),
            gr.Column(elem_classes=OFF),
            gr.Column(elem_classes=ON),
        )

    def refuse(said: str, before: str | None, lang: str) -> tuple:
        kept = f" {t('ft_kept_earlier', lang)}" if before else ""
        return before, gr.skip(), views.refusal(said + kept), gr.skip(), gr.skip(), gr.skip()

    def from_template(before: str | None, lang: str, event: gr.EventData) -> tuple:
        chosen = template(event._data["template"])
        return take([Source(chosen.file, chosen.content())], chosen.title[lang], "template", before, lang)

    def from_paste(text: str, before: str | None, lang: str) -> tuple:
        if not text.strip():
            return refuse(t("ft_paste_empty", lang), before, lang)
        name = t("ft_pasted", lang)
        return take([Source.from_text(text)], name, "paste", before, lang)

    def from_files(files: list[str], before: str | None, lang: str) -> tuple:
        paths = [Path(file) for file in files]
        if sum(path.stat().st_size for path in paths) > UPLOAD_LIMIT * 2**20:
            told_size = t("ft_too_big", lang, name=paths[0].name, limit=UPLOAD_LIMIT)
            return *refuse(told_size, before, lang), None
        name = paths[0].stem
        if len(paths) > 1:
            name = t("ft_and_files", lang, name=name, n=len(paths) if lang == "zh" else len(paths) - 1)
        sources = [Source.from_path(path) for path in paths]
        return *take(sources, name, "file", before, lang), None

    asked = [shell.dataset, shell.lang]
    outcome = [shell.dataset, paste, said, keep, entrance, loaded]
    templates.pick(told(from_template), asked, outcome, **QUEUED)
    read_paste.click(told(from_paste), [paste, *asked], outcome, **QUEUED)
    # A big file takes seconds, so that it is being read is said first.
    reading = drop.upload(views.reading, shell.lang, said, **QUIETLY)
    reading.then(told(from_files), [drop, *asked], [*outcome, drop], **QUEUED)

    def leave() -> tuple:
        return "", gr.Button(elem_classes=OFF), gr.Column(elem_classes=OFF), gr.Column(elem_classes=ON)

    keep.click(leave, None, [said, keep, entrance, loaded], **QUIETLY)
    return keep
