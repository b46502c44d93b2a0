"""The components of the Compare tab, and where they stand. Knows nothing of what they do."""

from __future__ import annotations

import gradio as gr

from ftchat.records import Sampling
from ftchat.ui.asking import MOST_TOKENS
from ftchat.ui.markup import html
from ftchat.ui.texts import i18n


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
            self.retry = gr.Button(
                i18n("ft_cmp_retry"), elem_id="ft-retry", size="sm", scale=0, min_width=80, interactive=False
            )
            self.clear = gr.Button(i18n("ft_cmp_new"), elem_id="ft-clear", size="sm", scale=0, min_width=90)
        with gr.Row(elem_id="ft-duet"):
            with gr.Column(elem_id="ft-pane-base", elem_classes="ft-pane", min_width=0):
                with gr.Row(elem_classes="ft-ph"):
                    self.base_head = html()
                self.base_talk, self.base_foot = self._talk()
            with gr.Column(elem_id="ft-pane-tuned", elem_classes=["ft-pane", "tuned"], min_width=0):
                with gr.Row(elem_classes="ft-ph"):
                    self.tuned_head = html()
                    self.picker = gr.Dropdown(
                        label=i18n("ft_cmp_adapter"),
                        elem_id="ft-adapter",
                        show_label=False,
                        container=False,
                        filterable=False,
                        interactive=True,
                        visible=False,
                        scale=0,
                        min_width=0,
                    )
                    self.tuned_proof = html()
                self.tuned_talk, self.tuned_foot = self._talk()
        self.said = html(elem_id="ft-heard", elem_classes="ft-vh")
        self.chips = html(clicks=True, elem_id="ft-chips")
        with gr.Row(elem_id="ft-box"):
            self.prompt = gr.Textbox(
                label=i18n("ft_cmp_prompt"), elem_id="ft-prompt", show_label=False, container=False, max_lines=6
            )
            self.ask = gr.Button(i18n("ft_cmp_ask_base"), elem_id="ft-ask", variant="primary", scale=0, min_width=96)
            self.halt = gr.Button(
                i18n("ft_cmp_stop"), elem_id="ft-stop", variant="stop", scale=0, min_width=96, visible=False
            )
        with gr.Row(elem_id="ft-under"):
            with gr.Accordion(i18n("ft_cmp_settings"), open=False, elem_id="ft-params"):
                self._build_settings()
            self.keys = html()

    def _talk(self) -> tuple[gr.HTML, gr.HTML]:
        return html(clicks=True, script="ft.duet.watch(element)", elem_classes="ft-talk"), html(elem_classes="ft-foot")

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
