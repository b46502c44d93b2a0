"""The two panes of the Compare tab as HTML: their turns, the line under them and the proof of who answered.

Knows chats, not components. Questions, answers and names are plain text: whatever they hold is shown as it stands.
"""

from __future__ import annotations

from ftchat.events import ReplyDone
from ftchat.ui.duet import BASE, TUNED, Answer, Chat, Turn
from ftchat.ui.header import model_name
from ftchat.ui.icons import icon
from ftchat.ui.markup import esc
from ftchat.ui.standing import Standing, Suggestion
from ftchat.ui.texts import t

SHOWN = 30  # turns of a chat that are drawn

_COPY = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round"'
    ' aria-hidden="true"><rect x="8.5" y="8.5" width="11" height="11" rx="2"/>'
    '<path d="M15.500 5.500v-1h-11v11h1"/></svg>'
)


def note(now: Standing, lang: str) -> str:
    """The heading of the tab, or what the right pane waits for."""
    progress = now.progress
    if progress is None or now.waiting is None:
        if now.run is not None:
            return f'<h1 class="ft-h2 ft-cmp-title">{esc(t("ft_cmp_title", lang))}</h1>'
        words = (
            f'{esc(t("ft_cmp_no_run", lang))} <a class="ft-link" role="button" tabindex="0" data-go="data">'
            f"{esc(t('ft_cmp_train_link', lang))}</a> {esc(t('ft_cmp_no_run_end', lang))}"
        )
    elif now.run is not None:
        words = esc(t("ft_cmp_next", lang, name=now.waiting.config.name))
    else:
        stage = "queued" if progress.state == "queued" else "running" if progress.step else "starting"
        name, step, total = now.waiting.config.name, progress.step, progress.total_steps
        words = esc(t(f"ft_cmp_{stage}", lang, name=name, step=step, total=total))
    hidden = f'<h1 class="ft-vh">{esc(t("ft_cmp_title", lang))}</h1>'
    return f'{hidden}<p class="ft-why">{icon("note")}<span>{words}</span></p>'


def base_head(chat: Chat, now: Standing, lang: str) -> str:
    chip = f'<span class="ft-chip base"><span class="ft-cut">{esc(model_name(now.base, lang))}</span></span>'
    name = f'<span class="ft-dot ring"></span><h2 class="ft-h2">{esc(t("ft_base", lang))}</h2>'
    return f'<div class="ft-pt">{name}{chip}<span class="ft-sp">{_base_proof(chat, now, lang)}</span></div>'


def tuned_head(lang: str) -> str:
    name = esc(t("ft_tuned", lang))
    return f'<div class="ft-pt"><span class="ft-dot tuned"></span><h2 class="ft-h2">{name}</h2></div>'


def tuned_proof(chat: Chat, now: Standing, lang: str) -> str:
    """Shown once it is true of the last answer, and of the adapter that is chosen."""
    if now.run is None:
        return f'<span class="ft-chip">{esc(t("ft_cmp_no_adapter_yet", lang))}</span>'
    turn = chat.last
    done = turn.tuned.done if turn and turn.tuned else None
    if turn is None or done is None or turn.run != now.run:
        return ""
    if done.adapter != turn.run or not done.adapter_norm > 0:
        more = t("ft_cmp_no_effect_more", lang, run=turn.run)
        return f'<span class="ft-chip warn" title="{esc(more)}">{esc(t("ft_cmp_no_effect", lang))}</span>'
    more = t("ft_cmp_answered_more", lang, run=turn.run, norm=f"{done.adapter_norm:.3g}")
    words = f'<span class="ft-cmp-by">{esc(t("ft_cmp_answered", lang))}</span>'
    if done.divergence is not None:
        more += " " + t("ft_cmp_divergence_more", lang, divergence=f"{done.divergence:.3f}")
        words += f'<span class="ft-cmp-by">·</span><span class="ft-num">Δ {done.divergence:.2f}</span>'
    if done.alternates:
        more += " " + t("ft_cmp_alternates_more", lang)
        words += f'<span class="ft-cmp-by">·</span><span class="ft-cmp-by">{esc(t("ft_cmp_alternates", lang))}</span>'
    return f'<span class="ft-chip line" title="{esc(more)}">✓ {words}</span>'


def talk(chat: Chat, pane: int, now: Standing, lang: str) -> str:
    """All turns of a pane. An answer that is being written is left open at the end: what follows then only adds to
    this string, and only the addition travels to the browser."""
    label = t("ft_cmp_tuned_log" if pane == TUNED else "ft_cmp_base_log", lang)
    if not chat.turns or (pane == TUNED and now.run is None and not any(turn.tuned for turn in chat.turns)):
        return _empty(pane, now, lang)
    cut = f'<p class="ft-cmp-aside">{esc(t("ft_cmp_cut", lang))}</p>' if len(chat.turns) > SHOWN else ""
    turns = "".join(_turn(turn, pane, now, lang) for turn in chat.turns[-SHOWN:])
    return f'<div class="ft-log" role="group" aria-label="{esc(label)}">{cut}{turns}'


def foot(chat: Chat, pane: int, lang: str) -> str:
    """Counts of the last answer, live while it is written."""
    turn = chat.last
    answer = _answer(turn, pane)
    if turn is None or answer is None:
        return ""
    if answer.done is None:
        if turn.error is not None:
            words = "ft_cmp_failed"
        elif turn.over:
            words = "ft_cmp_stopped"
        else:
            words = "ft_cmp_answering" if answer.tokens else "ft_cmp_waiting"
        count = f"<span>{_tokens(answer.tokens, lang)}</span>" if answer.tokens else ""
        return f'<div class="ft-pf">{count}<span>{esc(t(words, lang))}</span></div>'
    done = answer.done
    parts = (
        _tokens(done.tokens, lang),
        f"<b>{done.seconds:.2f}</b> {esc(t('ft_cmp_seconds', lang))}",
        esc(t("ft_cmp_first", lang, seconds=f"{done.first_token_seconds:.2f}")),
        esc(t(_ENDINGS[done.stop], lang)),
    )
    return f'<div class="ft-pf">{"".join(f"<span>{part}</span>" for part in parts)}</div>'


def said(chat: Chat, lang: str) -> str:
    """The last answers, for a screen reader, once they are whole."""
    turn = chat.last
    if turn is None or not turn.over:
        return ""
    names = ("ft_base", "ft_tuned")
    return " ".join(
        esc(t("ft_cmp_said", lang, name=t(name, lang), text=turn.error or answer.text))
        for name, answer in zip(names, turn.answers, strict=False)
    )


def chips(offered: list[Suggestion], lang: str) -> str:
    groups = []
    for held_out, label in ((True, "ft_cmp_held_out"), (False, "ft_cmp_from_data")):
        buttons = "".join(
            f'<button class="ft-exb" data-q="{esc(one.question)}" data-system="{esc(one.system)}"'
            f' title="{esc(one.question)}">{esc(one.question)}</button>'
            for one in offered
            if one.held_out == held_out
        )
        if buttons:
            groups.append(f'<span class="ft-exl">{esc(t(label, lang))}</span>{buttons}')
    label = esc(t("ft_cmp_suggested", lang))
    return f'<div class="ft-ex" role="group" aria-label="{label}">{"".join(groups)}</div>' if groups else ""


def keys(lang: str) -> str:
    pairs = ((("Enter",), "send"), (("Shift", "Enter"), "line"), (("Esc",), "stop"))
    return (
        '<div class="ft-keys">'
        + "".join(
            f"<span>{''.join(f'<kbd>{key}</kbd>' for key in names)}{esc(t(f'ft_cmp_key_{what}', lang))}</span>"
            for names, what in pairs
        )
        + "</div>"
    )


_ENDINGS = {"eos": "ft_cmp_eos", "length": "ft_cmp_limit", "stopped": "ft_cmp_stopped"}


def _answer(turn: Turn | None, pane: int) -> Answer | None:
    return turn.answers[pane] if turn and len(turn.answers) > pane else None


def _turn(turn: Turn, pane: int, now: Standing, lang: str) -> str:
    start = f'<div class="ft-turn"><p class="ft-q">{esc(turn.question)}</p>'
    answer = _answer(turn, pane)
    if answer is None:
        return f'{start}<p class="ft-cmp-aside">{esc(t("ft_cmp_only_base", lang))}</p></div>'
    if turn.base != now.base or (pane == TUNED and turn.run != now.run):  # not the model that the pane's head names
        key = "ft_cmp_other_adapter" if pane == TUNED else "ft_cmp_other_base"
        start += f'<p class="ft-cmp-aside">{esc(t(key, lang))}</p>'
    written = f'{start}<div class="ft-a">{esc(answer.text)}'
    if answer.done is None and not turn.over:
        return written
    if turn.error is not None:
        failed = f'<p class="ft-cmp-fail">{icon("error")}<span>{esc(turn.error)}</span></p></div>'
        return (f"{written}</div>" if answer.text else start) + failed
    if not answer.text:
        silent = answer.done is not None and answer.done.stop == "eos"
        words = t("ft_cmp_silent" if silent else "ft_cmp_stopped", lang)
        return f'{start}<p class="ft-cmp-aside">{esc(words)}</p></div>'
    label = esc(t("ft_cmp_copy", lang))
    return f'{written}</div><button class="ft-copy" aria-label="{label}" title="{label}">{_COPY}</button></div>'


def _empty(pane: int, now: Standing, lang: str) -> str:
    more, button = "", ""
    if pane == BASE:
        head, more = "ft_cmp_base_empty", t("ft_cmp_base_empty_more", lang)
    elif now.run is not None:
        head, more = "ft_cmp_tuned_empty", t("ft_cmp_tuned_empty_more", lang, name=now.name)
    elif now.waiting is not None:
        head, more = "ft_cmp_none_yet", t("ft_cmp_soon_more", lang)
    else:
        head, more = "ft_cmp_none_yet", t("ft_cmp_none_yet_more", lang)
        button = f'<button class="ft-btn" data-go="data">{esc(t("ft_cmp_go_data", lang))}</button>'
    return f'<div class="ft-empty ft-cmp-empty"><b>{esc(t(head, lang))}</b><span>{esc(more)}</span>{button}</div>'


def _base_proof(chat: Chat, now: Standing, lang: str) -> str:
    answer = _answer(chat.last, BASE)
    done: ReplyDone | None = answer.done if answer else None
    if done is None or done.adapter is not None or chat.last is None or chat.last.base != now.base:
        return ""
    more, words = t("ft_cmp_unchanged_more", lang), t("ft_cmp_unchanged", lang)
    return f'<span class="ft-chip line" title="{esc(more)}">✓ {esc(words)}</span>'


def _tokens(count: int, lang: str) -> str:
    return f"<b>{count}</b> {esc(t('ft_cmp_tokens', lang, n=count))}"
