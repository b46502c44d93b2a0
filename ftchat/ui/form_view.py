"""What the form of the Train tab says, as HTML and as choices. Pure functions."""

from __future__ import annotations

from ftchat.settings import METHODS, PRESETS, TRACKERS, held_out_share
from ftchat.ui.icons import icon
from ftchat.ui.markup import esc
from ftchat.ui.texts import t


def preset_radios(chosen: str, lang: str) -> str:
    cards = "".join(
        f'<button class="ft-preset" role="radio" data-value="{preset}" {_checked(preset == chosen)}>'
        f"<b>{esc(t(f'ft_{preset}', lang))}</b><small>{esc(t(f'ft_{preset}_is', lang))}</small></button>"
        for preset in PRESETS
    )
    title = esc(t("ft_how_long", lang))
    return f'<h2 class="ft-h2">{title}</h2><div class="ft-presets" role="radiogroup" aria-label="{title}">{cards}</div>'


def preset_note(preset: str, pairs: int, own: tuple[str, int], lang: str) -> str:
    """What the preset does with this many pairs; `own` are name and number of held-out pairs of the user's own."""
    if not pairs:
        said = t("ft_no_data_note", lang)
    elif own[1]:
        said = t("ft_own_held_note", lang, n=pairs, name=own[0], held=own[1])
    elif preset == "quick":
        said = t("ft_quick_note", lang, n=pairs)
    elif share := held_out_share(preset, pairs):
        said = t("ft_measured_note", lang, n=pairs, held=round(share * pairs))
    else:
        said = t("ft_unmeasured_note", lang, n=pairs)
    return f'<p class="ft-sub">{esc(said)}</p>'


def data_line(name: str, pairs: int, lang: str) -> str:
    """What will be trained on."""
    size = esc(t("ft_n_pairs", lang, n=pairs))
    return (
        f'<div class="ft-row ft-on"><span class="ft-mut">{esc(t("ft_trains_on", lang))}</span>'
        f'<b class="ft-cut">{esc(name)}</b><span class="ft-mut ft-sp">{size}</span></div>'
    )


def why_not(lang: str) -> str:
    """Why Start is disabled, with the way out."""
    link = f'<button class="ft-link" data-go="data">{esc(t("ft_add_data", lang))}</button>'
    return f'<p class="ft-why">{icon("note")}<span>{esc(t("ft_no_data", lang))} {link}</span></p>'


def methods(lang: str) -> list[tuple[str, str]]:
    return [(t(f"ft_method_{method}", lang), method) for method in METHODS]


def trackers(lang: str) -> list[tuple[str, str]]:
    none, *others = TRACKERS
    return [(t(f"ft_tracker_{none}", lang), ""), *((t(f"ft_tracker_{name}", lang), name) for name in others)]


def note_line(key: str, lang: str) -> str:
    return f'<p class="ft-sub">{esc(t(key, lang))}</p>'


def _checked(on: bool) -> str:
    return f'aria-checked="{"true" if on else "false"}" tabindex="{0 if on else -1}"'
