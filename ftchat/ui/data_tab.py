"""The Data tab: the way in for pairs, or what was read of them. Each of the two is a module of its own.

What is not shown is hidden, never removed: Gradio does not translate labels again that it has put back.
"""

from __future__ import annotations

import gradio as gr

from ftchat.ui import data_entrance, data_loaded
from ftchat.ui.studio import Shell, Studio


def build(studio: Studio, shell: Shell) -> None:
    entrance = gr.Column(visible="hidden", elem_id="ft-bring")
    loaded = gr.Column(visible="hidden", elem_id="ft-loaded")
    with entrance:
        keep = data_entrance.build(studio, shell, entrance, loaded)
    with loaded:
        data_loaded.build(studio, shell, entrance, loaded, keep)
