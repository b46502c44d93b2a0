"""Held-out data of the user's own: a second file, to measure on. What of it is also trained on is said, and can be
removed. It belongs to one dataset and its versions; with other data it is forgotten.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import gradio as gr

from ftchat.ui import findings
from ftchat.ui.markup import OFF, ON, QUEUED, esc, html
from ftchat.ui.messages import told
from ftchat.ui.reader import finish
from ftchat.ui.studio import Shell, Studio
from ftchat.ui.texts import i18n, t

HELD_OUT = "held_out"  # the kind of dataset


def build(studio: Studio, shell: Shell) -> None:
    known: dict[tuple[str, str], dict[str, Any]] = {}  # by dataset and held-out data, the last: what leaks
    unknown = gr.Textbox("", visible="hidden")  # another number whenever that is still to be found
    about = gr.State(None)  # what the dataset that it belongs to was read as
    with gr.Accordion(i18n("ft_held"), open=False, elem_id="ft-held"):
        said = html(clicks=True, elem_id="ft-held-said")
        drop = gr.File(label=i18n("ft_drop"), height=132, elem_id="ft-held-drop")
        none = gr.Button(i18n("ft_held_none"), size="sm", elem_classes=OFF, elem_id="ft-held-none")

    def bring(file: str, lang: str) -> tuple[str, None]:
        path = Path(file)
        return finish(studio.reader.read([path], path.stem, HELD_OUT)), None

    def leaks(chosen: str, held_out: str) -> dict[str, Any]:
        pair = chosen, held_out
        if pair not in known:
            known.clear()
            known[pair] = json.loads(finish(studio.editor.leaks(chosen, held_out)))
        return known[pair]

    def translate(chosen: str | None, held_out: str | None, lang: str) -> tuple:
        """What is being looked for in another process is told when it is found."""
        if held_out and (chosen, held_out) not in known:
            return str(time.time_ns()), gr.skip(), gr.skip()
        return gr.skip(), *draw_held_out(chosen, held_out, lang)

    def draw_held_out(chosen: str | None, held_out: str | None, lang: str) -> tuple[str, Any]:
        if chosen is None or held_out is None:
            return f'<p class="ft-sub">{esc(t("ft_held_why", lang))}</p>', gr.Button(elem_classes=OFF)
        found = leaks(chosen, held_out)
        name, count = studio.data(held_out)
        lines = [f"<b>{esc(t('ft_held_is', lang, name=name, n=count))}</b>"]
        lines.append(esc(t("ft_held_leaks", lang, n=found["n"]) if found["n"] else t("ft_held_clean", lang)))
        drawn = "".join(f'<p class="ft-sub">{line}</p>' for line in lines)
        named = "".join(f"<li>{esc(findings.leak(one, lang))}</li>" for one in found["said"])
        drawn += f'<ul class="ft-leaks">{named}</ul>' if named else ""
        if 0 < found["n"] < count:
            drawn += f'<button class="ft-btn" data-leaks="drop">{esc(t("ft_held_drop", lang))}</button>'
        return drawn, gr.Button(elem_classes=ON)

    def clean(chosen: str, held_out: str, lang: str) -> str:
        return finish(studio.editor.without_leaks(chosen, held_out))

    def keep_held_out(chosen: str | None, before: str | None) -> tuple[str | None, Any]:
        now = studio.datasets.info(chosen).root if chosen else None
        return now, gr.skip() if now == before else None

    asked = [shell.dataset, shell.held_out, shell.lang]
    drop.upload(told(bring), [drop, shell.lang], [shell.held_out, drop], **QUEUED)
    said.pick(told(clean), asked, shell.held_out, **QUEUED)
    none.click(lambda: None, None, shell.held_out, **QUEUED)
    shell.dataset.change(keep_held_out, [shell.dataset, about], [about, shell.held_out], **QUEUED)
    changes = [shell.dataset.change, shell.held_out.change, unknown.change]
    gr.on(changes, told(draw_held_out), asked, [said, none], trigger_mode="always_last", **QUEUED)
    shell.pulse.speak(translate, asked, [unknown, said, none])
