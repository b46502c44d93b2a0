"""What was found in a dataset, as HTML: each kind of problem with its reasons, its places and its remedies, and the
remedies and edits that were applied. Knows no components.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ftchat.data import REMEDIES, Change, DatasetInfo, Problem, Remedy
from ftchat.data.remedies import UNUSED
from ftchat.data.summary import Group, Summary
from ftchat.ui.icons import icon
from ftchat.ui.markup import esc, heading
from ftchat.ui.texts import TEXTS, t
from ftchat.ui.texts.chinese import LAYOUTS, LEAKS, PERSONAL, REASONS, SENTENCES

_LINES = 12  # line numbers named for one kind of problem
_REASONS = 3  # reasons named for one kind of problem
_SEVERITIES = {"error": ("error", "e", "err"), "warning": ("warning", "w", "warn"), "info": ("note", "n", "")}
_PLACE = re.compile(r"(?:line|row) (\d+)")
_QUOTED = re.compile(r"'(.+?)'(?!\w)|(\{\{.*?\}\})")
_LEAK = re.compile(r"(.*): (this|its|nearly) .*?also trained on, at (.*)", re.DOTALL)
_NUMBER = re.compile(r"\d[\d,]*")
_UNUSED = re.compile(r"; not (?:used: |from )")


def report(groups: Sequence[Group], info: DatasetInfo, before: Summary, many: bool, lang: str) -> str:
    """Problems by kind, errors first, each with how many, why, where and what can be done; then what was done. `before`
    is about what was read, and `many` is whether more than one file was."""
    rows = dict.fromkeys(_SEVERITIES, 0)
    for group in groups:
        rows[group.severity] += group.rows or 1
    chips = "".join(
        f'<span class="ft-chip {_SEVERITIES[severity][2]}">{esc(t(f"ft_{severity}s", lang, n=n))}</span>'
        for severity, n in rows.items()
        if n
    )
    every = ""
    if len(recommended(groups)) > 1:
        every = f'<button class="ft-btn ghost ft-sp" data-fix="all">{esc(t("ft_fix_all", lang))}</button>'
    title = f'<div class="ft-row">{heading(t("ft_found", lang))}{chips}{every}</div>'
    if not rows["error"] and not rows["warning"]:
        title += f'<p class="ft-why">{icon("ok")}<span>{esc(t("ft_all_clear", lang))}</span></p>'
    else:
        title += f'<p class="ft-sub">{esc(t("ft_found_rule", lang))}</p>'
    drawn = "".join(_group(group, many, lang) for group in groups)
    return f'{title}<ul class="ft-rep">{drawn}{_done(info.changes, before, lang)}</ul>'


def recommended(groups: Sequence[Group]) -> list[Remedy]:
    """One remedy for each kind of problem that has one, errors first; but first of all what counts characters."""
    kinds = dict.fromkeys(group.kind for group in groups if _actions(group))
    return sorted((Remedy(kind, REMEDIES[kind][0]) for kind in kinds), key=lambda remedy: remedy.kind != "too_long")


def reason(problem: Problem, lang: str) -> str:
    """Why, without the place, which is said once for all that share it."""
    said = problem.message
    for place in (f" line {problem.line}", f" row {problem.row}", ""):
        start = f"{problem.source}{place}: "
        if problem.message.startswith(start):
            said = problem.message[len(start) :]
            break
    return _in_chinese(problem.kind, said) if lang == "zh" else said


def leak(said: str, lang: str) -> str:
    """That a held-out example is also trained on, and where."""
    found = _LEAK.fullmatch(said)
    if lang != "zh" or found is None:
        return said
    here, what, there = found.groups()

    def placed(where: str) -> str:
        return _PLACE.sub(lambda hit: f"第 {hit[1]} {'行' if hit[0].startswith('line') else '条'}", where)

    return LEAKS[what].format(placed(here), placed(there))


def _in_chinese(kind: str, said: str) -> str:
    """By the kind, with what the English sentence quotes; a rare kind keeps its English."""
    if said in SENTENCES:
        return SENTENCES[said]
    if kind not in REASONS:
        return said
    words = next((chinese for english, chinese in LAYOUTS.items() if said.startswith(english)), REASONS[kind])
    used, unused, *_ = *_UNUSED.split(said, maxsplit=1), ""
    quoted, left = (["".join(parts) for parts in _QUOTED.findall(text)] for text in (used, unused))
    place, number = _PLACE.search(said), _NUMBER.search(said)
    return words.format(
        said=said,
        what=f"（{'、'.join(quoted)}）" if quoted else "",
        unused=f"；未使用：{'、'.join(left) or unused}" if unused else "",
        place=place[1] if place else "?",
        n=number[0] if number else "",
        listed=used.partition(": ")[2],
        lines="、".join(re.findall(r"\d+", used)),
        personal="、".join(word for name, word in PERSONAL.items() if name in said),
    )


def _actions(group: Group) -> tuple[str, ...]:
    """What can be done about these; nothing about what is said of a file as a whole, or of what is left out already."""
    if not group.rows or (group.severity != "error" and group.kind in UNUSED):
        return ()
    return REMEDIES.get(group.kind, ())


def _do(kind: str, action: str, lang: str) -> str:
    """What the button says."""
    known = f"ft_do_{action}_{kind}"
    return t(known if known in TEXTS else f"ft_do_{action}", lang)


def _group(group: Group, many: bool, lang: str) -> str:
    """One kind of problem: its reasons with their lines, the commonest first, and its remedies."""
    shape, css_class, _ = _SEVERITIES[group.severity]
    merged: dict[str, tuple[int, list[Problem]]] = {}  # what differs in English may be said alike in Chinese
    for one in group.reasons:
        why = reason(one.first[0], lang)
        count, first = merged.get(why, (0, []))
        merged[why] = (count + one.count, [*first, *one.first])
    shown = list(merged.items())[:_REASONS]
    details = [f"{esc(why)}{esc(_places(first, count, many, lang))}" for why, (count, first) in shown]
    if left := group.count - sum(count for _, (count, _) in shown):
        details.append(esc(t("ft_other_reasons", lang, n=left)))
    drawn = "".join(f'<span class="d">{detail}</span>' for detail in details)
    label, name = esc(t(f"ft_{group.severity}", lang)), _name(group.kind, group.rows or 1, lang)
    return (
        f'<li class="{css_class}">{icon(shape, "s", label)}<div><b>{esc(name)}</b>{drawn}</div>'
        f"{_remedies(group.kind, _actions(group), name, lang)}</li>"
    )


def _remedies(kind: str, actions: Sequence[str], name: str, lang: str) -> str:
    """The recommended action as a button, the others in a small menu."""
    buttons = [
        f'<button class="ft-btn" data-kind="{kind}" data-action="{action}"'
        f' aria-label="{esc(_do(kind, action, lang))}: {esc(name)}">{esc(_do(kind, action, lang))}</button>'
        for action in actions
    ]
    if not buttons:
        return ""
    menu = ""
    if buttons[1:]:
        label = f"{esc(t('ft_other_remedies', lang))}: {esc(name)}"
        menu = f'<details class="ft-menu"><summary aria-label="{label}">⋯</summary>{"".join(buttons[1:])}</details>'
    return f'<div class="ft-acts">{buttons[0]}{menu}</div>'


def _done(changes: Sequence[Change], before: Summary, lang: str) -> str:
    """What was applied, each with its Undo. Edits by hand are told together; Undo takes the last of a sort back."""
    rows: list[tuple[str, str, int, int]] = []
    by_hand: dict[str, tuple[int, int]] = {}
    for place, change in enumerate(changes):
        if isinstance(change, Remedy):
            name = _name(change.kind, before.counts.get(change.kind) or len(change.places), lang)
            did = f"ft_did_{change.action}_{change.kind}"
            did = did if did in TEXTS else f"ft_did_{change.action}"
            rows.append((f"<s>{esc(name)}</s>", did, 1, place))
        else:
            kind = type(change).__name__.lower()
            by_hand[kind] = (by_hand.get(kind, (0, 0))[0] + 1, place)
    for kind, (n, place) in by_hand.items():
        rows.append((esc(t(f"ft_by_hand_{kind}", lang, n=n)), "ft_did_by_hand", n, place))
    return "".join(_applied(name, did, n, place, lang) for name, did, n, place in rows)


def _applied(name: str, did: str, n: int, place: int, lang: str) -> str:
    words, label = t("ft_undo" if n == 1 else "ft_undo_last", lang), re.sub("<.*?>", "", name)
    return (
        f'<li class="done">{icon("ok", "s", esc(t("ft_applied", lang)))}'
        f'<div><b>{name}</b><span class="d">{esc(t(did, lang))}</span></div><div class="ft-acts">'
        f'<button class="ft-btn ghost" data-undo="{place}" aria-label="{esc(words)}: {label}">{esc(words)}</button>'
        "</div></li>"
    )


def _name(kind: str, count: int, lang: str) -> str:
    """What a kind of problem is called, with the number of its rows where there are any."""
    known = f"ft_problem_{kind}"
    return t(known, lang, n=count) if known in TEXTS else kind.replace("_", " ")


def _places(problems: Sequence[Problem], count: int, many: bool, lang: str) -> str:
    """Where these are, which are the first of `count`."""
    named = [problem for problem in problems if problem.row is not None]
    if not named:
        return f" ({problems[0].source})" if many else ""
    numbers: dict[str, list[str]] = {}
    for problem in named[:_LINES]:
        numbers.setdefault(problem.source, []).append(str(problem.line or problem.row))
    key = "ft_lines" if named[0].line else "ft_rows"
    places = [
        f"{source} " * many + t(key, lang, n=len(found), numbers=", ".join(found)) for source, found in numbers.items()
    ]
    more = t("ft_and_more", lang, n=count - _LINES) if count > _LINES else ""
    return f": {'; '.join(places)}{more}"
