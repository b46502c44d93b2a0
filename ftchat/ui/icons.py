"""The page's pictures, drawn as inline SVG in the colour of the text around them."""

from __future__ import annotations

_STROKE = 'fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"'

LOGO = (
    '<svg viewBox="0 0 28 24" aria-hidden="true">'
    '<path d="M3 1h13a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3H8l-4.5 4v-4H3a3 3 0 0'
    ' 1-3-3V4a3 3 0 0 1 3-3z" fill="var(--ft-base-line)"/>'
    '<path d="M12 7h13a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3h-.5v4L20 20h-8a3 3 0 0 1-3-3v-7a3 3 0 0 1 3-3z"'
    ' fill="var(--ft-tuned)" stroke="var(--ft-surface)" stroke-width="1.6"/></svg>'
)

_SHAPES = {
    "headset": (
        '<path d="M4 13v-2a8 8 0 0 1 16 0v2"/><rect x="2.5" y="13" width="4.5" height="6" rx="1.5"/>'
        '<rect x="17" y="13" width="4.5" height="6" rx="1.5"/><path d="M19 19c0 2-2 2.5-5 2.5"/>'
    ),
    "bubble": (
        '<path d="M4 5h16v11H10l-4 4v-4H4z"/><path d="M8 9h8M12 7.5V9m-3 4c2-.6 4.5-2 5-4m-5 0c.5 2 3 3.5 5 4"/>'
    ),
    "persona": '<circle cx="12" cy="8" r="4"/><path d="M4.5 20c1-4 4-6 7.5-6s6.5 2 7.5 6"/>',
    "braces": (
        '<path d="M9 4c-3 0-3 2-3 4s0 3-2 4c2 1 2 2 2 4s0 4 3 4M15 4c3 0 3 2 3 4s0 3 2 4c-2 1-2 2-2 4s0 4-3 4"/>'
    ),
    "label": '<path d="M3 11V4h7l10 10-7 7z"/><circle cx="7.5" cy="8.5" r="1.2"/>',
    "pencil": '<path d="M4 20l1-5L16 4l4 4L9 19z"/><path d="M13.5 6.5l4 4"/>',
    "quill": '<path d="M4 20c1-7 5-14 16-16-1 9-6 13-12 13"/><path d="M4 20l7-8"/>',
    "error": '<circle cx="12" cy="12" r="9"/><path d="M12 7v6M12 16.5v.1"/>',
    "warning": '<path d="M12 4l9 16H3z"/><path d="M12 10v4.5M12 17.2v.1"/>',
    "note": '<circle cx="12" cy="12" r="9"/><path d="M12 11v5.5M12 7.5v.1"/>',
    "ok": '<circle cx="12" cy="12" r="9"/><path d="M8 12.5l2.7 2.7L16 9.5"/>',
    "curve": '<path d="M3 5v14h18"/><path d="M6 8c3 0 3 7 7 7 3 0 4 1 7 1"/>',
    "tune": '<path d="M4 8h9M17 8h3M4 16h3M11 16h9"/><circle cx="15" cy="8" r="2"/><circle cx="9" cy="16" r="2"/>',
    "again": '<path d="M5 12a7 7 0 1 0 2.2-5.1"/><path d="M7.500 3v4.200h4.200"/>',
    "stop": '<rect x="7" y="7" width="10" height="10" rx="2"/>',
    "erase": '<path d="M8.500 19.500L4 15l9.500-9.500 6 6-8 8zM9 10l6 6M8.500 19.500H20"/>',
    "close": '<path d="M6.500 6.500l11 11M17.500 6.500l-11 11"/>',
    "left": '<path d="M14.5 6l-6 6 6 6"/>',
    "right": '<path d="M9.5 6l6 6-6 6"/>',
    "sun": (
        '<circle cx="12" cy="12" r="4"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4'
        'M18.4 5.6L17 7M7 17l-1.4 1.4"/>'
    ),
    "moon": '<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z"/>',
}


def icon(name: str, css_class: str = "", label: str = "") -> str:
    """A picture beside a text; with a (plain, trusted) `label` where it stands alone."""
    named = f'role="img" aria-label="{label}"' if label else 'aria-hidden="true"'
    return f'<svg class="{css_class}" viewBox="0 0 24 24" {_STROKE} {named}>{_SHAPES[name]}</svg>'
