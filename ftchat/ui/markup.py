"""Building HTML on the server: escaping, the HTML component and its clicks. Knows nothing of what is shown.

Every text that comes from data, models or users goes through `esc` on its way into HTML.
"""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

# For listeners that are no API and never grey the page out. QUIETLY answers at once. QUEUED waits its turn, and is the
# one for whatever sets shell.dataset or shell.run: Gradio raises a gr.State's `change` after queued events alone.
QUEUED: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
QUIETLY: dict[str, Any] = {"queue": False, **QUEUED}
# Of what is asked for while an earlier answer is on its way, the last is done, where Gradio would drop it.
DRAWING: dict[str, Any] = {**QUIETLY, "trigger_mode": "always_last"}

# Classes that show and hide. `visible=False` takes a component out of the page, and Gradio does not translate its
# labels any more when it is put back.
ON: list[str] = []
OFF = ["ft-off"]
CARD = ["ft-card"]

# One listener per component: a click on a control tells the server its data-* attributes as `event._data`, except
# data-go (a tab to open) and data-act, which the browser does itself, at once. Radios answer at once and to arrows.
_CLICKS = """
element.addEventListener('click', event => {
  const hit = event.target.closest('button, a[role=button], [role=radio]');
  if (!hit || !element.contains(hit) || hit.getAttribute('aria-disabled') === 'true') return;
  const group = hit.closest('[role=radiogroup]');
  if (group) group.querySelectorAll('[role=radio]').forEach(radio => {
    radio.setAttribute('aria-checked', radio === hit); radio.tabIndex = radio === hit ? 0 : -1 });
  const {go, act, ...picked} = hit.dataset;
  if (go || act) window.ft.act({go, act});
  if (Object.keys(picked).length) trigger('pick', picked) });
element.addEventListener('keydown', event => {
  if (event.target.matches('a[role=button]') && (event.key === 'Enter' || event.key === ' ')) {
    event.preventDefault(); event.target.click(); return }
  const radio = event.target.closest('[role=radio]');
  const step = {ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1}[event.key];
  if (!radio || !step) return;
  event.preventDefault();
  const all = [...radio.closest('[role=radiogroup]').querySelectorAll('[role=radio]:not([aria-disabled=true])')];
  const next = all[(all.indexOf(radio) + step + all.length) % all.length];
  next.focus(); next.click() });
"""


def esc(text: object) -> str:
    """Text as it stands, safe in HTML and in quoted attributes."""
    return escape(str(text), quote=True)


def heading(text: str) -> str:
    """The title of a section."""
    return f'<h2 class="ft-h2">{esc(text)}</h2>'


def html(value: str = "", *, clicks: bool = False, script: str | None = None, **options: Any) -> gr.HTML:
    """An HTML component without Gradio's own styles. With `clicks`, its controls raise `.pick(fn)`, where the event's
    `_data` holds the data-* attributes of what was clicked. `script` runs once, with `element` and `trigger`."""
    on_load = (_CLICKS if clicks else "") + (script or "")
    return gr.HTML(value, js_on_load=on_load or None, apply_default_css=False, **options)
