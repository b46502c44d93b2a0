"""What a run's numbers say, in words, and what to do next: pure functions from a RunStatus. Knows nothing of HTML, and
leaves it to `events.curves` to judge the numbers.

It claims only what they show: without held-out pairs there is nothing to say about pairs the model has not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ftchat.events import Downloading, RunStatus
from ftchat.events.curves import Judgement, finite, judge
from ftchat.ui.header import clock, model_name
from ftchat.ui.numbers import gigabytes, loss, megabytes
from ftchat.ui.texts import t

_BAD = ("overfitting", "rising", "diverging", "no_gain", "no_effect")
_AFTER = {"worse": "lost", "no_effect": "no_change"}  # other words where a run went on from an earlier one


@dataclass(frozen=True, slots=True)
class Verdict:
    tone: Literal["calm", "warn", "err"]
    head: str
    text: str


def verdict(status: RunStatus, lang: str, ahead: int = 0) -> Verdict:
    """The words under the curve. `ahead`: how many runs go before one that waits."""
    match status.state:
        case "failed":
            return Verdict("err", t("ft_say_failed", lang), status.error or "")
        case "interrupted":
            where = t("ft_say_cut_at", lang, step=status.step) if status.step else t("ft_say_cut", lang)
            saved = status.checkpoint
            way = t("ft_say_cut_text", lang, saved=saved) if saved else t("ft_say_cut_start", lang)
            return Verdict("warn", where, status.error or way)
        case "paused":
            where = t("ft_say_paused_at", lang, step=status.step) if status.step else t("ft_say_paused", lang)
            return Verdict("calm", where, t("ft_say_paused_text", lang))
        case "queued" if status.download and status.download.done < status.download.total:
            return _downloading(status.download, lang)
        case "queued":
            place = t("ft_say_queued_behind", lang, n=ahead) if ahead else t("ft_say_queued", lang)
            return Verdict("calm", place, t("ft_say_queued_text", lang))
        case "stopped" if not status.usable:
            return Verdict("warn", t("ft_say_dropped", lang), t("ft_say_dropped_text", lang))
        case "stopped":
            steps = t("ft_say_stopped_text", lang, step=status.step, total=status.total_steps)
            return Verdict("calm", t("ft_say_stopped", lang), _joined(lang, steps, _numbers(status, lang)))
        case "finished":
            return _finished(status, lang)
    return _running(status, lang)


def _downloading(now: Downloading, lang: str) -> Verdict:
    done, total, rate = gigabytes(now.done), gigabytes(now.total), megabytes(now.rate)
    text = t("ft_say_downloading_slow", lang, file=now.file)
    if now.seconds_left is not None:
        text = t("ft_say_downloading_text", lang, rate=rate, left=clock(now.seconds_left), file=now.file)
    return Verdict("calm", t("ft_say_downloading", lang, name=model_name(now.base, lang), done=done, total=total), text)


def _running(status: RunStatus, lang: str) -> Verdict:
    found = judge(status.losses, status.eval_losses, ended=False, total=status.total_steps)
    if not status.losses or found is None:
        return Verdict("calm", t("ft_say_starting", lang), t("ft_say_starting_text", lang))
    if status.step >= status.total_steps:
        return Verdict("calm", t("ft_say_closing", lang), _numbers(status, lang))
    head, advice = _words(found, "now", status, lang)
    tone: Literal["calm", "warn"] = "warn" if found.meaning in _BAD else "calm"
    return Verdict(tone, head, _joined(lang, _numbers(status, lang), advice))


def _finished(status: RunStatus, lang: str) -> Verdict:
    """A loss that ended badly is not told calmly, unless what was kept is from before that."""
    found = judge(status.losses, status.eval_losses, ended=True)
    said = ""
    if status.early:
        values = {"step": status.step, "total": status.total_steps, "kept": status.kept}
        said = t(f"ft_say_early_{status.early}", lang, **values)
    head, advice = _words(found, "end", status, lang) if found else ("", "")
    saved = status.kept and found and found.lowest[0] == status.kept
    if found and found.meaning in _BAD and not saved:
        return Verdict("warn", head, _joined(lang, said, _numbers(status, lang), advice))
    if status.early or not found:
        advice = ""
    return Verdict("calm", t("ft_say_finished", lang), _joined(lang, said, _numbers(status, lang), advice))


def _words(found: Judgement, when: Literal["now", "end"], status: RunStatus, lang: str) -> tuple[str, str]:
    """What a judgement is called, and what to do next."""
    meaning: str = found.meaning
    if meaning == "overfitting" and not found.lowest[0]:
        meaning = "worse"  # than what it began with, from the first step on
    if status.origin is not None:
        meaning = _AFTER.get(meaning, meaning)
    if meaning == "early":
        return t("ft_say_first", lang), t("ft_do_early_end", lang, step=status.step) if when == "end" else ""
    values = {"step": found.lowest[0]}
    head = t(f"ft_say_{meaning}_{when}", lang, **values)
    return head, "" if (meaning, when) == ("learning", "now") else t(f"ft_do_{meaning}_{when}", lang, **values)


def _numbers(status: RunStatus, lang: str) -> str:
    """First and last, of the held-out loss where there is one, else of the train loss."""
    losses = finite(status.losses)
    found = judge(status.losses, status.eval_losses, ended=True)
    if found is None:
        return ""
    first, last, (step, low) = loss(found.first), loss(found.last), found.lowest
    fell = found.last < found.first
    if found.measured:
        said = t("ft_say_held" if fell else "ft_say_held_up", lang, first=first, last=last)
        return _joined(lang, said, t("ft_say_lowest", lang, step=step, low=loss(low)) if loss(low) != last else "")
    key = "ft_say_train_once" if len(losses) == 1 else "ft_say_train" if fell else "ft_say_train_up"
    said = t(key, lang, first=first, last=last)
    return said if status.eval_losses else _joined(lang, said, t("ft_say_no_held", lang))


def _joined(lang: str, *sentences: str) -> str:
    """Chinese has no space between sentences."""
    return ("" if lang == "zh" else " ").join(filter(None, sentences))
