"""Tokens as HTML: those of one example, and how long all examples are. Knows nothing of where they come from."""

from __future__ import annotations

import math

from ftchat.records import Preview, TokenStats, TokenView
from ftchat.ui.header import model_name
from ftchat.ui.icons import icon
from ftchat.ui.markup import esc, heading
from ftchat.ui.texts import t

_SHOWN = 2000  # tokens of one example that are sent to the browser
_BARS = 20
_VISIBLE = str.maketrans({" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍"})


def token_panel(preview: Preview | None, index: int, total: int, base: str, lang: str, sentence: str = "") -> str:
    """The tokens of example `index` (from 0) of `total` as this base has them; without a preview, the sentence that
    says why."""
    head = f'<div class="ft-row">{heading(t("ft_seen", lang))}{pager("pair", index, total, lang)}</div>'
    head += f'<p class="ft-sub">{esc(t("ft_seen_by", lang, base=model_name(base, lang)))}</p>'
    if preview is None:
        return f'{head}<p class="ft-why ft-wait" role="status">{icon("note")}<span>{esc(sentence)}</span></p>'
    shown = preview.tokens[:_SHOWN]
    earlier = (None, None, *shown[1:])  # a first special token keeps its line to share
    spans = "".join(_span(token, before) for before, token in zip(earlier, shown, strict=False))
    if len(preview.tokens) > _SHOWN:
        spans += f'<p class="ft-sub">{esc(t("ft_tokens_more", lang, n=len(preview.tokens) - _SHOWN))}</p>'
    count = t("ft_tokens_learned", lang, trained=preview.trained, n=len(preview.tokens))
    notes = [preview.problem] if preview.problem else []
    notes += [t("ft_tokens_cut", lang, n=preview.cut)] if preview.cut else []
    warnings = "".join(f'<p class="ft-why warn">{icon("warning")}<span>{esc(note)}</span></p>' for note in notes)
    label = esc(t("ft_tokens_of", lang))
    return (
        f'{head}<div class="ft-toks" tabindex="0" role="group" aria-label="{label}">{spans}</div>'
        f'<div class="ft-leg"><span><i class="t"></i>{esc(t("ft_learned", lang))}</span>'
        f"<span><i></i>{esc(t('ft_only_read', lang))}</span>"
        f'<span><i class="sp"></i>{esc(t("ft_special", lang))}</span>'
        f'<span class="ft-sp ft-num">{esc(count)}</span></div>{warnings}'
    )


def histogram(stats: TokenStats, base: str, lang: str) -> str:
    """How many examples have how many tokens; the limit is drawn where it is near enough to matter."""
    end = _axis_end(stats.max)
    bars = [0] * _BARS
    for length in stats.lengths:
        bars[min(_BARS - 1, length * _BARS // end)] += 1
    tallest = max(bars)
    width = end // _BARS
    drawn = "".join(
        f'<i style="height:{count / tallest * 100:.0f}%" title="{i * width:g}–{(i + 1) * width:g}: {count}"></i>'
        for i, count in enumerate(bars)
    )
    limit = ""
    if stats.limit <= end:
        limit = f'<span class="lim" style="left:{stats.limit / end * 100:.1f}%"></span>'
    notes = [t("ft_limit", lang, base=model_name(base, lang), limit=stats.limit)]
    notes += [t("ft_over_limit", lang, n=stats.over_limit)] if stats.over_limit else []
    notes += [t("ft_answer_lost", lang, n=stats.answer_lost)] if stats.answer_lost else []
    ticks = "".join(f"<span>{end * part // 4}</span>" for part in range(5))
    return (
        f'<div class="ft-row ft-histhead"><h3>{esc(t("ft_tokens_per_pair", lang))}</h3>'
        f'<span class="ft-mut ft-sp ft-num">{esc(" · ".join(notes))}</span></div>'
        f'<div class="ft-hist" role="img" aria-label="{esc(t("ft_hist_label", lang, p50=stats.p50, max=stats.max))}">'
        f'{drawn}{limit}</div><div class="ft-axis">{ticks}</div>'
    )


def pager(what: str, index: int, total: int, lang: str, words: str = "") -> str:
    """‹ 3 of 48 ›, whose buttons carry data-<what> = the index that they lead to."""
    words = words or t("ft_pair_of", lang, k=index + 1, n=total)
    buttons = []
    for target, name, shape in ((index - 1, "ft_previous", "left"), (index + 1, "ft_next", "right")):
        off = "" if 0 <= target < total else ' aria-disabled="true"'
        label = f'aria-label="{esc(t(name, lang))}"'
        buttons.append(f'<button class="ft-btn ghost pg" data-{what}="{target}" {label}{off}>{icon(shape)}</button>')
    return f'<span class="ft-pager ft-sp">{buttons[0]}<span class="ft-num">{esc(words)}</span>{buttons[1]}</span>'


def _span(token: TokenView, before: TokenView | None) -> str:
    """One token. Where one special token follows another, a turn begins, and so does a line."""
    classes = " ".join(["ft-tok"] + ["learned"] * token.trained + ["special"] * token.special)
    text = esc(token.text.translate(_VISIBLE)) if token.text else "▫"  # a part of a character
    broken = "<br>" * (before is not None and (before.text.endswith("\n") or (before.special and token.special)))
    return f'{broken}<span class="{classes}" title="{token.id}">{text}</span>'


def _axis_end(longest: int) -> int:
    """A round number past the longest, of which twentieths are whole tokens."""
    step = 10 ** max(1, int(math.log10(max(longest, 1))))
    return next(step * part for part in (2, 4, 6, 8, 10, 20) if longest < step * part)
