"""What a run would take, which base models fit and what there is to say of one, as HTML: pure functions.

Knows nothing of components or of the worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftchat.catalogue import Offer, catalogue
from ftchat.records import STARTER, Badge, Estimate
from ftchat.ui import numbers
from ftchat.ui.bases import ANY
from ftchat.ui.header import clock, model_name
from ftchat.ui.icons import icon
from ftchat.ui.markup import esc
from ftchat.ui.texts import t
from ftchat.ui.texts.chinese import NOTES

OTHER = "other"  # the radio's value where the text field names the base
_LANGUAGES_NAMED = 3
_LANGUAGES = {"en": "ft_in_en", "zh": "ft_in_zh", "*": "ft_many_languages"}


def base_radios(chosen: str, allowed: Sequence[str] | None, fits: Mapping[str, Badge], lang: str) -> str:
    """The starter, the catalogue and a field for any other. `allowed` are the models that may be named, None for any;
    `fits` says of those of the catalogue whether they do, as far as it is known."""
    others = t("ft_other_model_is", lang)
    if allowed is not None:
        known = {offer.id for offer in catalogue()}
        more = [name for name in allowed if name not in known]
        names = t("ft_any_hub_id", lang) if ANY in allowed else ", ".join(more) or "–"
        others = t("ft_other_model_listed", lang, names=names)
    rows = [_radio(STARTER, t("ft_starter", lang), t("ft_starter_is", lang), "", chosen == STARTER)]
    for offer in catalogue():
        if allowed is None or offer.id in allowed or ANY in allowed:
            badge = _badge(fits.get(offer.id), offer, lang)
            rows.append(_radio(offer.id, model_name(offer.id, lang), _about(offer, lang), badge, chosen == offer.id))
    if allowed is None or ANY in allowed or more:
        rows.append(_radio(OTHER, t("ft_other_model", lang), others, "", chosen == OTHER))
    title = esc(t("ft_base_model", lang))
    return (
        f'<h2 class="ft-h2">{title}</h2>'
        f'<div class="ft-models" role="radiogroup" aria-label="{title}">{"".join(rows)}</div>'
    )


def _radio(value: str, name: str, about: str, badge: str, checked: bool) -> str:
    state = f'aria-checked="{"true" if checked else "false"}" tabindex="{0 if checked else -1}"'
    if 'class="ft-fit no"' in badge:
        state += ' aria-disabled="true"'
    return (
        f'<button class="ft-model" role="radio" data-value="{esc(value)}" {state}>'
        f'<span class="o"></span><span><b>{esc(name)}</b><small>{esc(about)}</small></span>{badge}</button>'
    )


def _about(offer: Offer, lang: str) -> str:
    spoken = offer.languages[:_LANGUAGES_NAMED]
    languages = t("ft_comma", lang).join(t(_LANGUAGES[code], lang) if code in _LANGUAGES else code for code in spoken)
    parts = [numbers.parameters(offer.parameters), languages, offer.licence]
    parts.append(t("ft_context", lang, n=numbers.grouped(offer.context)))
    if offer.gated:
        parts.append(t("ft_gated", lang))
    return " · ".join(parts)


def _badge(fit: Badge | None, offer: Offer, lang: str) -> str:
    if fit is None:
        return ""
    if fit == "too_big":
        needed = numbers.gigabytes(min(offer.memory.values()))
        return f'<span class="ft-fit no">{esc(t("ft_model_too_big", lang, size=needed))}</span>'
    return f'<span class="ft-fit">✓ {esc(t(f"ft_{fit}", lang))}</span>'


def estimate(found: Estimate, lang: str) -> str:
    """Memory and time beside what there is, and what auto chose, as numbers."""
    size, room = numbers.gigabytes(found.total), numbers.gigabytes(found.available)
    share = min(100.0, 100 * found.total / max(1, found.available))
    time = t("ft_time_unknown", lang)
    if found.seconds is not None:
        time = t("ft_time_at_most" if found.ends_early else "ft_time_about", lang, time=clock(found.seconds))
    parts = {"base": found.base, "adapter": found.adapter, "step": found.step, "process": found.process}
    named = ", ".join(t(f"ft_part_{key}", lang, size=numbers.gigabytes(part)) for key, part in parts.items() if part)
    warn = "" if found.fit == "fits" else f'<p class="ft-why">{esc(t(f"ft_estimate_{found.fit}", lang))}</p>'
    return (
        f'<div class="ft-row"><span class="ft-mut">{esc(t("ft_memory", lang))}</span>'
        f'<b class="ft-sp">{esc(t("ft_memory_of", lang, size=size, room=room))}</b></div>'
        f'<div class="ft-prog{"" if found.fit == "fits" else " bad"}" aria-hidden="true">'
        f'<i style="width:{share:.1f}%"></i></div><p class="ft-sub">{esc(named)}</p>'
        f'<div class="ft-row"><span class="ft-mut">{esc(t("ft_time", lang))}</span>'
        f'<b class="ft-sp">{esc(time)}</b></div>{warn}'
    )


def not_here_yet(base: str, lang: str) -> str:
    """Of a model that is still on the Hub; the size of those of the catalogue is known."""
    name = model_name(base, lang)
    offer = next((one for one in catalogue() if one.id == base), None)
    said = t("ft_not_downloaded_other", lang, name=name)
    if offer:
        said = t("ft_not_downloaded", lang, name=name, size=numbers.gigabytes(2 * offer.parameters))
    return f'<p class="ft-sub">{esc(said)}</p>'


def notes(found: Sequence[str] | None, lang: str) -> str:
    """What there is to say of a base model."""
    drawn = ""
    for note in found or ():
        said = NOTES.get(note, note) if lang == "zh" else f"{note[0].upper()}{note[1:]}."
        drawn += f'<p class="ft-why">{icon("note")}<span>{esc(said)}</span></p>'
    return drawn


def placeholder(value: Any) -> str:
    """A setting's automatic value, as it stands in an empty field and as the field would take it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
