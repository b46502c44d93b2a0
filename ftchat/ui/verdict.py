"""What a run's numbers say, in words: pure functions from a RunStatus. Knows nothing of HTML.

It claims only what the numbers show: without held-out pairs there is nothing to say about pairs the model has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ftchat.events import RunStatus
from ftchat.ui.numbers import loss
from ftchat.ui.texts import t

_TURNED_UP = 1.02  # a held-out loss this much above its lowest is a rise and not noise


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
        case "queued":
            place = t("ft_say_queued_behind", lang, n=ahead) if ahead else t("ft_say_queued", lang)
            return Verdict("calm", place, t("ft_say_queued_text", lang))
        case "stopped" if not status.usable:
            return Verdict("warn", t("ft_say_dropped", lang), t("ft_say_dropped_text", lang))
        case "stopped":
            steps = t("ft_say_stopped_text", lang, step=status.step, total=status.total_steps)
            return Verdict("calm", t("ft_say_stopped", lang), _joined(lang, steps, _numbers(status, lang)))
        case "finished":
            text = _numbers(status, lang)
            if status.early:
                said = t(f"ft_say_early_{status.early}", lang, step=status.step, total=status.total_steps)
                text = _joined(lang, said, text)
            return Verdict("calm", t("ft_say_finished", lang), text)
    return _running(status, lang)


def _running(status: RunStatus, lang: str) -> Verdict:
    losses = _finite(status.losses)
    if not losses:
        return Verdict("calm", t("ft_say_starting", lang), t("ft_say_starting_text", lang))
    if status.step >= status.total_steps:
        return Verdict("calm", t("ft_say_closing", lang), _numbers(status, lang))
    if _rising(status):
        text = _joined(lang, _numbers(status, lang), t("ft_say_rising_text", lang))
        return Verdict("warn", t("ft_say_rising", lang), text)
    head = "ft_say_first" if len(losses) < 4 else "ft_say_learning" if _falling(status) else "ft_say_flat"
    return Verdict("calm", t(head, lang), _numbers(status, lang))


def _numbers(status: RunStatus, lang: str) -> str:
    """First and last, of the held-out loss where there is one, else of the train loss."""
    losses, held = _finite(status.losses), _finite(status.eval_losses)
    if len(held) > 1:
        (_, first), (_, last) = held[0], held[-1]
        low = min(held, key=lambda point: point[1])
        key = "ft_say_held" if last < first else "ft_say_held_up"
        said = t(key, lang, first=loss(first), last=loss(last))
        if low != held[-1] and last > low[1] * _TURNED_UP:
            said = _joined(lang, said, t("ft_say_lowest", lang, step=low[0], low=loss(low[1])))
        return said
    if not losses:
        return ""
    key = "ft_say_train" if losses[-1][1] < losses[0][1] else "ft_say_train_up"
    if len(losses) == 1:
        key = "ft_say_train_once"
    said = t(key, lang, first=loss(losses[0][1]), last=loss(losses[-1][1]))
    return said if held else _joined(lang, said, t("ft_say_no_held", lang))


def _joined(lang: str, *sentences: str) -> str:
    """Chinese has no space between sentences."""
    return ("" if lang == "zh" else " ").join(filter(None, sentences))


def _falling(status: RunStatus) -> bool:
    """Whether the newest fifth of the curve lies below the fifth before it."""
    values = [value for _, value in _finite(status.eval_losses)]
    if len(values) < 3:
        values = [value for _, value in _finite(status.losses)]
    size = max(1, len(values) // 5)
    return sum(values[-size:]) < sum(values[-2 * size : -size]) if len(values) >= 2 * size else True


def _rising(status: RunStatus) -> bool:
    """Whether the held-out loss has been above its lowest for two checks, while the train loss is lower than then."""
    held, losses = _finite(status.eval_losses), _finite(status.losses)
    if len(held) < 3:
        return False
    low = min(range(len(held)), key=lambda index: held[index][1])
    then = [value for step, value in losses if step <= held[low][0]]
    fell = bool(then) and losses[-1][1] < then[-1]
    return fell and len(held) - 1 - low >= 2 and held[-1][1] > held[low][1] * _TURNED_UP


def _finite(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    return [point for point in points if math.isfinite(point[1])]
