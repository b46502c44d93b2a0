"""The components of the Compare tab, and where they stand. Knows nothing of what they do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import gradio as gr

from ftchat.records import Sampling
from ftchat.ui.asking import MOST_TOKENS
from ftchat.ui.duet import BASE, PANES, TUNED
from ftchat.ui.markup import OFF, html
from ftchat.ui.texts import i18n
from ftchat.ui.voices import STRONGEST

NAMES = {BASE: "base", TUNED: "tuned"}  # the others go by their numbers


@dataclass(frozen=True)
class PaneParts:
    """One pane. The base's own has nobody to choose, and no strength."""

    column: gr.Column
    head: gr.HTML
    picker: gr.Dropdown | None
    proof: gr.HTML
    tools: gr.HTML
    strength: gr.Slider | None
    talk: gr.HTML
    foot: gr.HTML


class CompareLayout:
    """Built where it is made: inside the tab."""

    def __init__(self) -> None:
        # Not gr.State, where the browser is to notice a change: that raises no `change` after events outside the queue.
        self.key = gr.Textbox("", visible="hidden", elem_id="ft-chat")  # id of the chat; the browser tab keeps it
        self.outline = gr.Textbox("", visible="hidden")  # what the browser shows, in short
        self.asked = gr.Textbox("", visible="hidden")  # id of the request that was opened last
        self.followed = gr.State(None)  # the selected run, once the picker has changed to it
        with gr.Row(elem_id="ft-ctl"):
            self.note = html(clicks=True)
            self.mark = gr.Checkbox(
                True, label=i18n("ft_cmp_mark"), elem_id="ft-mark", container=False, scale=0, min_width=0
            )
            self.add = gr.Button(i18n("ft_cmp_add"), elem_id="ft-add-pane", size="sm", scale=0, min_width=90)
            self.retry = gr.Button(
                i18n("ft_cmp_retry"), elem_id="ft-retry", size="sm", scale=0, min_width=80, interactive=False
            )
            self.clear = gr.Button(i18n("ft_cmp_new"), elem_id="ft-clear", size="sm", scale=0, min_width=90)
        with gr.Row(elem_id="ft-duet"):
            self.panes = [self._build_pane(pane) for pane in range(PANES)]
        self.said = html(elem_id="ft-heard", elem_classes="ft-vh")
        self.chips = html(clicks=True, elem_id="ft-chips")
        with gr.Row(elem_id="ft-box"):
            self.prompt = gr.Textbox(
                label=i18n("ft_cmp_prompt"), elem_id="ft-prompt", show_label=False, container=False, max_lines=6
            )
            self.ask = gr.Button(i18n("ft_cmp_ask_base"), elem_id="ft-ask", variant="primary", scale=0, min_width=96)
            self.halt = gr.Button(
                i18n("ft_stop"), elem_id="ft-stop", variant="stop", scale=0, min_width=96, visible=False
            )
        with gr.Row(elem_id="ft-under"):
            with gr.Accordion(i18n("ft_cmp_settings"), open=False, elem_id="ft-params", elem_classes="ft-fold"):
                self._build_settings()
            with gr.Accordion(i18n("ft_brg_title"), open=False, elem_id="ft-elsewhere", elem_classes="ft-fold"):
                self._build_bringing()
            self.keys = html()

    @cached_property
    def pickers(self) -> list[gr.Dropdown]:
        return [parts.picker for parts in self.panes if parts.picker is not None]

    @cached_property
    def strengths(self) -> list[gr.Slider]:
        return [parts.strength for parts in self.panes if parts.strength is not None]

    def _build_pane(self, pane: int) -> PaneParts:
        look = ["ft-pane", *(["tuned"] if pane == TUNED else []), *(OFF if pane > TUNED else [])]
        with gr.Column(elem_id=f"ft-pane-{NAMES.get(pane, pane)}", elem_classes=look, min_width=0) as column:
            with gr.Row(elem_classes="ft-ph"):
                head, picker = html(), None if pane == BASE else self._build_picker(pane)
                proof, tools = html(elem_classes="ft-sworn"), html(clicks=True, elem_classes="ft-do")
            if pane == BASE:
                self.told_of_base = html(elem_id="ft-base-said")
            strength = None if pane == BASE else self._build_strength()
            talk = html(clicks=True, script="ft.duet.watch(element)", elem_classes="ft-talk")
            return PaneParts(column, head, picker, proof, tools, strength, talk, html(elem_classes="ft-foot"))

    def _build_picker(self, pane: int) -> gr.Dropdown:
        return gr.Dropdown(
            label=i18n("ft_cmp_adapter"),
            elem_id="ft-adapter" if pane == TUNED else f"ft-adapter-{pane}",
            elem_classes="ft-adapter",
            show_label=False,
            container=False,
            filterable=False,
            interactive=True,
            visible=pane != TUNED,
            scale=0,
            min_width=0,
        )

    def _build_strength(self) -> gr.Slider:
        return gr.Slider(
            0,
            STRONGEST,
            1,
            step=0.05,
            label=i18n("ft_cmp_strength"),
            elem_classes="ft-strength",
            container=False,
            interactive=True,
        )

    def _build_bringing(self) -> None:
        self.brought = html(clicks=True, elem_id="ft-brought")
        with gr.Row():
            self.drop = gr.File(label=i18n("ft_brg_drop"), file_count="multiple", height=150, elem_id="ft-brg-drop")
            with gr.Column(min_width=240):
                self.hub = gr.Textbox(
                    label=i18n("ft_brg_hub"), placeholder="owner/name", lines=1, max_lines=1, elem_id="ft-brg-hub"
                )
                self.fetch = gr.Button(i18n("ft_hub_fetch"), size="sm", elem_id="ft-brg-fetch")
                self.stop_fetch = gr.Button(i18n("ft_stop"), size="sm", elem_classes=OFF, elem_id="ft-brg-stop")
        self.told = html(elem_id="ft-brg-said")

    def _build_settings(self) -> None:
        usual = Sampling()
        with gr.Row():
            self.temperature = gr.Slider(
                0,
                2,
                usual.temperature,
                step=0.05,
                label=i18n("ft_cmp_temperature"),
                info=i18n("ft_cmp_temperature_info"),
                elem_id="ft-temperature",
                min_width=180,
                interactive=True,
            )
            self.length = gr.Slider(
                16,
                MOST_TOKENS,
                usual.max_new_tokens,
                step=16,
                label=i18n("ft_cmp_length"),
                info=i18n("ft_cmp_length_info"),
                elem_id="ft-length",
                min_width=180,
                interactive=True,
            )
            with gr.Column(min_width=180):
                self.seed = gr.Number(
                    usual.seed,
                    label=i18n("ft_cmp_seed"),
                    info=i18n("ft_cmp_seed_info"),
                    elem_id="ft-seed",
                    precision=0,
                    interactive=True,
                )
                self.fresh = gr.Checkbox(
                    True, label=i18n("ft_cmp_fresh"), elem_id="ft-fresh", container=False, interactive=True
                )
        self.system = gr.Textbox(
            label=i18n("ft_cmp_system"),
            info=i18n("ft_cmp_system_info"),
            placeholder=i18n("ft_cmp_system_hint"),
            elem_id="ft-system",
            lines=2,
            max_lines=6,
            interactive=True,
        )
