"""The Data tab: the way in for pairs, or what was read of them. Each of the two is a module of its own.

Which of them is shown is a class in the style sheet: Gradio does not translate the labels of what it hid and put back.
"""

from __future__ import annotations

import gradio as gr

from ftchat.ui import data_entrance, data_loaded
from ftchat.ui.markup import OFF
from ftchat.ui.studio import Shell, Studio


def build(studio: Studio, shell: Shell) -> None:
    entrance = gr.Column(elem_id="ft-bring", elem_classes=OFF)
    loaded = gr.Column(elem_id="ft-loaded", elem_classes=OFF)
    with entrance:
        keep = data_entrance.build(studio, shell, entrance, loaded)
    with loaded:
        data_loaded.build(studio, shell, entrance, loaded, keep)
