"""What the curves of a run mean: a kind and the numbers it rests on. Knows no words and nothing of pages.

The held-out loss is measured on the same rows each time and decides where there is one; the train loss is of other
rows at every step, so it is judged by the medians of stretches of it, within the noise between neighbours. Nothing is
said for want of evidence: that a loss is level is claimed where it cannot be far from level, not where a fall is not
proved; what lies between is unclear, and called so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

# `fell`: it has, and whether it still does cannot be told; `unclear`: not even that. `rising`: the held-out loss; the
# train loss does not fall. `no_gain`: what is trained on is learned, what is held out is not.
Meaning = Literal[
    "early",
    "unclear",
    "learning",
    "fell",
    "converged",
    "overfitting",
    "rising",
    "diverging",
    "no_gain",
    "no_effect",
]
Points = Sequence[tuple[int, float]]

_EARLY, _EARLY_TRAIN = 10, 20  # steps, below which nothing is said; the second where only the train loss can tell
_NO_EFFECT_FROM = 30, 0.25  # steps, and share of all, of a run in progress: the learning rate rises at first
_TURNED_UP = 1.02, 1.05  # times its lowest: a rise and not noise, of two evaluations, and of the last word alone
_SLIGHT = 0.02  # of the loss at first: less than that is no effect
_UNFELT = 0.05  # of the loss at first, that no effect may be at the most
_LEVEL = 0.01  # of itself: a held-out loss that fell by less over the newest fifth is level
_LEVEL_SHARE = 0.04  # of its whole fall: the same for a train loss
_DIVERGED, _DIVERGED_EARLY = 0.1, 1.0  # of the loss at first, that the train loss is above its lowest
_SURE, _LIKELY = 4.0, 2.0  # standard errors of a difference, and of an absence: a curve is looked at many times
_STRETCH = 4  # steps at the least
_MEDIAN = 1.25  # times the standard error of a mean


@dataclass(frozen=True, slots=True)
class Judgement:
    """`first`, `last` and `lowest` (a step and its loss) are of the held-out loss where `measured`, else of the train
    loss. An overfitting run is so since the step of `lowest`."""

    meaning: Meaning
    measured: bool
    first: float
    last: float
    lowest: tuple[int, float]


def judge(losses: Points, held: Points, ended: bool, total: int = 0) -> Judgement | None:
    """Of the train loss of each step and the held-out losses, that before training at step 0 among them. None where
    there are no numbers. `ended`: whether the last word is said, so that no later evaluation could take a rise back;
    `total`: the steps of the whole run."""
    wild = bool(losses) and not math.isfinite(losses[-1][1])
    losses, held = finite(losses), finite(held)
    measured = any(step for step, _ in held) and len(held) > 1
    points = held if measured else losses
    if not points:
        return None
    from_step, share = _NO_EFFECT_FROM
    far = ended or len(losses) >= max(from_step, share * total)
    values = [value for _, value in losses]
    if wild or _diverging(values):
        meaning: Meaning = "diverging"
    elif len(losses) < (_EARLY if measured else _EARLY_TRAIN):
        meaning = "early"
    elif measured:
        meaning = _of_held_out(held, losses, ended, far)
    else:
        meaning = _of_train(values, far)
    return Judgement(meaning, measured, points[0][1], points[-1][1], min(points, key=lambda point: point[1]))


def finite(points: Points) -> list[tuple[int, float]]:
    return [point for point in points if math.isfinite(point[1])]


def _of_held_out(held: Points, losses: Points, ended: bool, far: bool) -> Meaning:
    values = [value for _, value in held]
    low = min(range(len(values)), key=values.__getitem__)
    first, last = values[0], values[-1]
    since = len(values) - 1 - low
    twice, once = (times * values[low] for times in _TURNED_UP)
    if (since >= 2 and min(values[-2:]) > twice) or (ended and since and last > once):
        return "overfitting" if not low or _falls_after(losses, held[low][0]) else "rising"
    if abs(first - last) < _SLIGHT * first and min(values) > first * (1 - _SLIGHT):
        if not far:
            return "early"
        return "no_gain" if _fallen([value for _, value in losses]) else "no_effect"
    before = max((at for at, (step, _) in enumerate(held[:-1]) if step <= 0.8 * held[-1][0]), default=0)
    fall = values[before] - last
    if fall > 2 * _LEVEL * last:
        return "learning"
    level = len(losses) >= _EARLY_TRAIN and 0 < before < len(values) - 2
    if level and fall < _LEVEL * last and max(values[before:]) < (1 + 2 * _LEVEL) * min(values[before:]):
        return "converged"
    return "fell" if last < first * (1 - _SLIGHT) else "unclear"


def _falls_after(losses: Points, step: int) -> bool:
    """Whether the newest train losses are lower than those around that step."""
    size = max(_STRETCH, len(losses) // 10)
    around = sorted(losses, key=lambda point: abs(point[0] - step))[:size]
    return median(value for _, value in losses[-size:]) < median(value for _, value in around)


def _of_train(values: Sequence[float], far: bool) -> Meaning:
    size, first = _stretch(values), median(_oldest(values))
    last = median(values[-size:])
    if not _fallen(values):
        error = _error(values, len(_oldest(values)), size)
        slight = abs(first - last) < _SLIGHT * first and abs(first - last) + _LIKELY * error < _UNFELT * first
        return "unclear" if not slight else "no_effect" if far else "early"
    newest = values[-max(2 * size, 16) :]
    fall, error = median(values[-2 * size : -size]) - last, _error(newest, size, size)
    level = _LEVEL_SHARE * (first - last)
    if fall > max(_SURE * error, level):
        return "learning"
    return "converged" if abs(fall) + _LIKELY * error < level else "fell"


def _fallen(values: Sequence[float]) -> bool:
    """Whether the newest stretch lies below the oldest, beyond noise."""
    size, oldest = _stretch(values), _oldest(values)
    first = median(oldest)
    fall = first - median(values[-size:])
    return fall > max(_SLIGHT * first, _SURE * _error(values, len(oldest), size))


def _diverging(values: Sequence[float]) -> bool:
    """Whether the newest stretch lies far above the lowest one before it, beyond noise."""
    size = _stretch(values)
    if len(values) < 3 * size:
        return False
    last = median(values[-size:])
    low = min(median(values[start : start + size]) for start in range(0, len(values) - 2 * size + 1, size))
    high = max(median(_oldest(values)), low)
    far = (_DIVERGED if len(values) >= _EARLY_TRAIN else _DIVERGED_EARLY) * high
    return last - low > max(far, _SURE * _error(values, size, size))


def _stretch(values: Sequence[float]) -> int:
    """The length of a fifth."""
    return max(_STRETCH, len(values) // 5)


def _oldest(values: Sequence[float]) -> Sequence[float]:
    """A tenth: the loss falls fast at first."""
    return values[: max(_STRETCH, len(values) // 10)]


def _error(values: Sequence[float], one: int, other: int) -> float:
    """The standard error of the difference between the medians of two stretches of these lengths. The deviation around
    the curve is that between neighbours, which a trend hardly changes."""
    between = [abs(after - before) for before, after in pairwise(values)]
    return _MEDIAN * median(between) / 0.95 * math.hypot(one**-0.5, other**-0.5) if between else 0.0
