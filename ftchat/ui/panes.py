"""The panes of the Compare tab as HTML: their turns, the line under them and the proof of who answered.

Knows chats, not components. Questions, answers and names are plain text: whatever they hold is shown as it stands.
"""

from __future__ import annotations

import time

from ftchat.events import ReplyLoading
from ftchat.ui.duet import BASE, TUNED, Answer, Chat, Turn
from ftchat.ui.header import model_name
from ftchat.ui.icons import icon
from ftchat.ui.markup import esc
from ftchat.ui.numbers import gigabytes, megabytes
from ftchat.ui.standing import Standing
from ftchat.ui.suggested import Suggestion
from ftchat.ui.texts import t
from ftchat.ui.voices import Option, Speaker

_PLACE = '<span class="ft-place"></span>'

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
        if now.tuned is not None:
            title = "ft_cmp_title_many" if any(now.picks[1:]) else "ft_cmp_title"
            return f'<h1 class="ft-h2 ft-cmp-title">{esc(t(title, lang))}</h1>'
        link = f'<a class="ft-link" role="button" tabindex="0" data-go="data">{esc(t("ft_cmp_train_link", lang))}</a>'
        parts = esc(t("ft_cmp_no_run", lang)), link, esc(t("ft_cmp_no_run_end", lang))
        words = ("" if lang == "zh" else " ").join(parts)
    elif now.tuned is not None:
        words = esc(t("ft_cmp_next", lang, name=now.waiting.config.name))
    else:
        stage = "queued" if progress.state == "queued" else "running" if progress.step else "starting"
        name, step, total = now.waiting.config.name, progress.step, progress.total_steps
        words = esc(t(f"ft_cmp_{stage}", lang, name=name, step=step, total=total))
    hidden = f'<h1 class="ft-vh">{esc(t("ft_cmp_title", lang))}</h1>'
    return f'{hidden}<p class="ft-why">{icon("note")}<span>{words}</span></p>'


def label(option: Option, lang: str) -> str:
    """What an adapter is called where it is chosen."""
    if option.checkpoint is None:
        return option.name
    key = "ft_cmp_so_far" if option.checkpoint == "now" else "ft_cmp_step"
    return t(key, lang, name=option.name, step=option.checkpoint)


def head(pane: int, now: Standing, lang: str) -> str:
    """The model's kind, and for the first pane its name: the others have a list to choose from."""
    tuned = is_tuned(pane, now)
    title = esc(t("ft_tuned" if tuned else "ft_base", lang))
    dot = "tuned" if tuned else "ring"
    chip = ""
    if pane == BASE:
        chip = f'<span class="ft-chip base"><span class="ft-cut">{esc(model_name(now.base, lang))}</span></span>'
    return f'<div class="ft-pt"><span class="ft-dot {dot}"></span><h2 class="ft-h2">{title}</h2>{chip}</div>'


def is_tuned(pane: int, now: Standing) -> bool:
    return pane == TUNED or (pane != BASE and now.option(now.picks[pane - 1]) is not None)


def proof(chat: Chat, pane: int, now: Standing, lang: str) -> str:
    """Shown once it is true of the last answer, and of the model that is chosen."""
    if pane == TUNED and now.tuned is None:
        return _chip("", "", esc(t("ft_cmp_no_adapter_yet", lang)))
    answer = _answer(chat.last, pane)
    if answer is None or answer.done is None or not _is_chosen(answer.speaker, pane, now):
        return ""
    speaker, done = answer.speaker, answer.done
    if speaker.adapter is None:
        if done.adapter is not None:
            return ""
        more, words = t("ft_cmp_unchanged_more", lang), t("ft_cmp_unchanged", lang)
        return _chip("line", more, f'✓ <span class="ft-cmp-by">{esc(words)}</span>')
    if speaker.strength == 0:
        more, words = t("ft_cmp_zero_more", lang), t("ft_cmp_zero", lang)
        return _chip("line", more, esc(words))
    by = done.adapter or ""
    if by.partition("@")[0] != speaker.adapter or not done.adapter_norm > 0:
        more = t("ft_cmp_no_effect_more", lang, run=speaker.adapter)
        return _chip("warn", more, esc(t("ft_cmp_no_effect", lang)))
    norm = f"{done.adapter_norm:.3g}"
    more = t("ft_cmp_answered_more", lang, run=by, norm=norm)
    words = f'<span class="ft-cmp-by">{esc(t("ft_cmp_answered", lang))} ·</span>'
    words += f'<span class="ft-num">‖ΔW‖ {norm}{" ·" if done.divergence is not None else ""}</span>'
    if done.divergence is not None:
        more += " " + t("ft_cmp_divergence_more", lang, divergence=f"{done.divergence:.3f}")
        words += f'<span class="ft-num">Δ {done.divergence:.2f}</span>'
    if done.alternates:
        more += " " + t("ft_cmp_alternates_more", lang)
        words += f'<span class="ft-cmp-by">· {esc(t("ft_cmp_alternates", lang))}</span>'
    return _chip("line", more, f"✓ {words}")


def _chip(kind: str, more: str, shown: str) -> str:
    return f'<div class="ft-pt"><span class="ft-chip {kind}" title="{esc(more)}">{shown}</span></div>'


def tools(chat: Chat, pane: int, now: Standing, strength: float, lang: str) -> str:
    """What can be done with one pane. `ft-tune` opens its slider, in the browser alone. Each has a place of its own,
    which stays empty while it cannot be done: a click on Stop that comes late must hit nothing else."""
    if pane == TUNED and now.tuned is None and chat.place(pane) is None:
        return ""  # nothing can be done with it
    named = _name(pane, now, lang)
    idle = bool(chat.turns) and chat.live is None and now.speaker(pane, strength) is not None
    said = any(pane in turn.answers for turn in chat.turns)
    buttons = [
        _tool("again", "", "again", "", named, pane, lang) if idle else _PLACE,
        _tool("erase", "", "erase", "", named, pane, lang) if idle and said else _PLACE,
        _tool("stop", "ft-halt", "stop", "", named, pane, lang) if chat.place(pane) is not None else _PLACE,
    ]
    if pane != BASE and now.option(now.picks[pane - 1]) is not None:
        shown = f"×{strength:g}" if strength != 1 else ""
        buttons.append(_tool("tune", "ft-tune", "", shown, named, pane, lang))
    if pane > TUNED:
        buttons.append(_tool("close", "", "close", "", named, pane, lang))
    return f'<div class="ft-tools">{"".join(buttons)}</div>'


def _tool(picture: str, css_class: str, does: str, shown: str, name: str, pane: int, lang: str) -> str:
    words = esc(t(f"ft_cmp_do_{picture}", lang, name=name))
    data = f'data-do="{does}" data-pane="{pane}"' if does else ""
    drawn = f"{icon(picture)}{esc(shown)}"
    return f'<button class="ft-ib {css_class}" {data} aria-label="{words}" title="{words}">{drawn}</button>'


def talk(chat: Chat, pane: int, now: Standing, lang: str) -> str:
    """All turns of a pane. An answer that is being written is left open at the end: what follows then only adds to
    this string, and only the addition travels to the browser."""
    turns = [turn for turn in chat.turns if pane in turn.answers]
    if not turns:
        return _empty(chat, pane, now, lang)
    words = t("ft_cmp_log", lang, name=_name(pane, now, lang))
    cut = f'<p class="ft-cmp-aside">{esc(t("ft_cmp_cut", lang))}</p>' if len(turns) > SHOWN else ""
    drawn = "".join(
        _turn(turn, turn.answers[pane], _is_chosen(turn.answers[pane].speaker, pane, now), lang)
        for turn in turns[-SHOWN:]
    )
    return f'<div class="ft-log" role="group" aria-label="{esc(words)}">{cut}{drawn}'


def foot(chat: Chat, pane: int, lang: str) -> str:
    """Counts of the last answer, live while it is written."""
    turn = chat.last
    answer = _answer(turn, pane)
    if turn is None or answer is None:
        return ""
    done = answer.done
    if done is None:
        words = t(_stage(turn, answer), lang)
        if turn.loading is not None and chat.place(pane) is not None:
            words = _loading(*turn.loading, lang)
        count = f"<span>{_tokens(answer.tokens, lang)}</span>" if answer.tokens else ""
        return f'<div class="ft-pf">{count}<span>{esc(words)}</span></div>'
    parts = [
        _tokens(done.tokens, lang),
        f"<b>{done.seconds:.2f}</b> {esc(t('ft_cmp_seconds', lang))}",
        esc(t("ft_cmp_first", lang, seconds=f"{done.first_token_seconds:.2f}")),
        esc(t(_ENDINGS[done.stop], lang)),
    ]
    taken = (done.adapter or "").partition("@")[2].partition("-")[0]  # of id@step-number
    if answer.speaker.checkpoint == "now" and taken:  # else training was over
        parts.insert(0, esc(t("ft_cmp_taken", lang, step=taken)))
    return f'<div class="ft-pf done">{"".join(f"<span>{part}</span>" for part in parts)}</div>'


def _loading(event: ReplyLoading, since: float, lang: str) -> str:
    base, coming = model_name(event.base, lang), event.download
    if coming is None or coming.done == coming.total:
        return t("ft_cmp_loading", lang, base=base, seconds=int(time.monotonic() - since))
    done, total, rate = gigabytes(coming.done), gigabytes(coming.total), megabytes(coming.rate)
    return t("ft_cmp_downloading", lang, base=base, done=done, total=total, rate=rate, file=coming.file)


def _stage(turn: Turn, answer: Answer) -> str:
    if answer.error is not None:
        return "ft_cmp_failed"
    if turn.over:
        return "ft_cmp_stopped"
    return "ft_cmp_answering" if answer.tokens else "ft_cmp_waiting"


def said(chat: Chat, now: Standing, lang: str) -> str:
    """The last answers, for a screen reader, once they are whole."""
    turn = chat.last
    if turn is None or not turn.over:
        return ""
    return " ".join(
        esc(t("ft_cmp_said", lang, name=_name(pane, now, lang), text=answer.error or answer.text))
        for pane, answer in turn.answers.items()
        if pane <= len(now.picks)
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
    return turn.answers.get(pane) if turn else None


def _name(pane: int, now: Standing, lang: str) -> str:
    """Who answers in a pane, in words."""
    option = now.option(now.picks[pane - 1]) if pane != BASE else None
    return label(option, lang) if option else t("ft_tuned" if is_tuned(pane, now) else "ft_base", lang)


def _is_chosen(speaker: Speaker, pane: int, now: Standing) -> bool:
    """Whether the pane's head names this model, at whatever strength."""
    chosen = now.speaker(pane, speaker.strength)
    return chosen == speaker


def _turn(turn: Turn, answer: Answer, chosen: bool, lang: str) -> str:
    start = f'<div class="ft-turn"><p class="ft-q">{esc(turn.question)}</p>'
    if not chosen:  # not the model that the pane's head names
        key = "ft_cmp_other_adapter" if answer.speaker.adapter else "ft_cmp_other_base"
        start += f'<p class="ft-cmp-aside">{esc(t(key, lang))}</p>'
    elif answer.speaker.strength != 1:
        start += f'<p class="ft-cmp-aside">{esc(t("ft_cmp_at", lang, strength=f"{answer.speaker.strength:g}"))}</p>'
    written = f'{start}<div class="ft-a">{esc(answer.text)}'
    if answer.error is not None:
        failed = f'<p class="ft-cmp-fail">{icon("error")}<span>{esc(answer.error)}</span></p></div>'
        return (f"{written}</div>" if answer.text else start) + failed
    if answer.done is None and not turn.over:
        return written
    if not answer.text:
        silent = answer.done is not None and answer.done.stop == "eos"
        words = t("ft_cmp_silent" if silent else "ft_cmp_stopped", lang)
        return f'{start}<p class="ft-cmp-aside">{esc(words)}</p></div>'
    words = esc(t("ft_cmp_copy", lang))
    return f'{written}</div><button class="ft-copy" aria-label="{words}" title="{words}">{_COPY}</button></div>'


def _empty(chat: Chat, pane: int, now: Standing, lang: str) -> str:
    more, button = "", ""
    if pane == BASE:
        head, more = "ft_cmp_base_empty", t("ft_cmp_base_empty_more", lang)
    elif now.picks[pane - 1] is not None:
        key = "ft_cmp_tuned_empty" if is_tuned(pane, now) else "ft_cmp_base_too"
        head, more = key, t("ft_cmp_tuned_empty_more", lang, name=_name(pane, now, lang))
        if chat.turns and chat.live is None:
            button = _offer("again", "ft_cmp_ask_here", pane, lang)
    elif now.waiting is not None:
        head, more = "ft_cmp_none_yet", t("ft_cmp_soon_more", lang)
        if now.soon is not None:
            button = _offer("soon", "ft_cmp_try_now", pane, lang)
    else:
        head, more = "ft_cmp_none_yet", t("ft_cmp_none_yet_more", lang)
        button = f'<button class="ft-btn" data-go="data">{esc(t("ft_cmp_go_data", lang))}</button>'
    return f'<div class="ft-empty ft-cmp-empty"><b>{esc(t(head, lang))}</b><span>{esc(more)}</span>{button}</div>'


def _offer(does: str, words: str, pane: int, lang: str) -> str:
    return f'<button class="ft-btn" data-do="{does}" data-pane="{pane}">{esc(t(words, lang))}</button>'


def _tokens(count: int, lang: str) -> str:
    return f"<b>{count}</b> {esc(t('ft_cmp_tokens', lang, n=count))}"
