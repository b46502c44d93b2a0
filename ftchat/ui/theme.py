"""Gradio's theme in the page's own tokens (the --ft- variables of assets/frame.css, which hold light and dark).

Knows nothing of components. Every colour is a variable, so a switch of theme redraws nothing.
"""

from __future__ import annotations

import inspect

import gradio as gr

# No Chinese face stands before "monospace": it would take the Latin letters too. No web font: nothing is fetched.
SANS = [
    *("system-ui", "-apple-system", "'Segoe UI'", "Roboto", "'PingFang SC'", "'Hiragino Sans GB'"),
    *("'Microsoft YaHei'", "'Noto Sans CJK SC'", "sans-serif"),
]
MONO = ["ui-monospace", "'SF Mono'", "'Cascadia Mono'", "Menlo", "Consolas", "'DejaVu Sans Mono'", "monospace"]

_SIZES = {
    "body_text_size": "14px",
    "layout_gap": "16px",
    "form_gap_width": "14px",
    "block_radius": "10px",
    "container_radius": "10px",
    "block_border_width": "0px",
    "block_padding": "0px",
    "block_label_text_size": "13px",
    "block_title_text_size": "13px",
    "block_title_text_weight": "570",
    "block_info_text_size": "12.5px",
    "input_radius": "8px",
    "input_padding": "8px 12px",
    "input_text_size": "14px",
    "button_large_radius": "9px",
    "button_medium_radius": "8px",
    "button_small_radius": "8px",
    "button_large_text_weight": "570",
    "button_small_text_weight": "550",
    "button_large_padding": "8px 18px",
    "button_small_padding": "4px 12px",
    "button_transition": "background .12s",
    "checkbox_border_radius": "4px",
    "slider_color": "var(--ft-ink)",
    "chatbot_text_size": "14.5px",
    "section_header_text_size": "14px",
    "section_header_text_weight": "570",
}

_COLOURS = {
    "body_background_fill": "var(--ft-bg)",
    "background_fill_primary": "var(--ft-surface)",
    "background_fill_secondary": "var(--ft-sunken)",
    "body_text_color": "var(--ft-ink)",
    "body_text_color_subdued": "var(--ft-ink-2)",
    "block_background_fill": "transparent",
    "block_border_color": "var(--ft-line)",
    "border_color_primary": "var(--ft-line)",
    "border_color_accent": "var(--ft-ink-3)",
    "color_accent": "var(--ft-ink)",
    "color_accent_soft": "var(--ft-sunken)",
    "block_title_text_color": "var(--ft-ink)",
    "block_label_text_color": "var(--ft-ink)",
    "block_info_text_color": "var(--ft-ink-2)",
    "block_label_background_fill": "transparent",
    "block_shadow": "none",
    "panel_background_fill": "transparent",
    "input_background_fill": "var(--ft-surface)",
    "input_background_fill_focus": "var(--ft-surface)",
    "input_border_color": "var(--ft-line-strong)",
    "input_border_color_focus": "var(--ft-ink)",
    "input_border_width": "1px",
    "input_placeholder_color": "var(--ft-ink-3)",
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "link_text_color": "var(--ft-ink)",
    "loader_color": "var(--ft-tuned)",
    "button_border_width": "1px",
    "button_primary_background_fill": "var(--ft-ink)",
    "button_primary_background_fill_hover": "var(--ft-ink-2)",
    "button_primary_text_color": "var(--ft-on-ink)",
    "button_primary_border_color": "var(--ft-ink)",
    "button_secondary_background_fill": "var(--ft-surface)",
    "button_secondary_background_fill_hover": "var(--ft-sunken)",
    "button_secondary_text_color": "var(--ft-ink)",
    "button_secondary_border_color": "var(--ft-line-strong)",
    "button_cancel_background_fill": "var(--ft-surface)",
    "button_cancel_background_fill_hover": "var(--ft-err-soft)",
    "button_cancel_text_color": "var(--ft-err)",
    "button_cancel_border_color": "var(--ft-line-strong)",
    "checkbox_label_background_fill": "transparent",
    "checkbox_label_background_fill_hover": "transparent",
    "checkbox_label_background_fill_selected": "transparent",
    "checkbox_label_border_width": "0px",
    "checkbox_label_padding": "0px",
    "checkbox_label_text_color": "var(--ft-ink)",
    "checkbox_label_text_color_selected": "var(--ft-ink)",
    "checkbox_background_color": "var(--ft-surface)",
    "checkbox_background_color_selected": "var(--ft-ink)",
    "checkbox_border_color": "var(--ft-line-strong)",
    "checkbox_border_color_selected": "var(--ft-ink)",
    "table_border_color": "var(--ft-line)",
    "table_even_background_fill": "var(--ft-surface)",
    "table_odd_background_fill": "var(--ft-surface)",
    "table_text_color": "var(--ft-ink)",
    "accordion_text_color": "var(--ft-ink)",
    "code_background_fill": "var(--ft-sunken)",
}


def page_theme() -> gr.themes.Base:
    """Every colour is given for both themes, where Gradio has a dark twin of it."""
    known = inspect.signature(gr.themes.Base.set).parameters
    colours = {twin: value for name, value in _COLOURS.items() for twin in (name, f"{name}_dark") if twin in known}
    texts = gr.themes.Size("11px", "12px", "13px", "14px", "15px", "18px", "24px")
    base = gr.themes.Base(
        font=SANS, font_mono=MONO, text_size=texts, radius_size=gr.themes.sizes.radius_md, neutral_hue="stone"
    )
    return base.set(**_SIZES, **colours)
