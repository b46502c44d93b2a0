"""What the curves of a run mean: a kind and the numbers it rests on. Knows no words and nothing of pages.

The held-out loss is measured on the same rows each time and decides where there is one; the train loss is of other
rows at every step, so it is judged by the means of stretches of it, within the noise between neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

Meaning = Literal["early", "learning", "converged", "overfitting", "diverging", "no_effect"]
Points = Sequence[tuple[int, float]]

_EARLY = 4  # steps, below which nothing is said
_NO_EFFECT_FROM = 30  # steps of a run in progress: the learning rate rises at first
_TURNED_UP = 1.02  # times its lowest: a held-out loss above that is a rise and not noise
_SLIGHT = 0.02  # of the loss at first: less than that is no effect
_LEVEL = 0.01  # of itself: a held-out loss that falls by less between two evaluations is level
_DIVERGED = 0.1  # of the loss at first, that the train loss is above its lowest
_SURE = 4.0  # standard errors: a curve is looked at many times


@dataclass(frozen=True, slots=True)
class Judgement:
    """`first`, `last` and `lowest` (a step and its loss) are of the held-out loss where `measured`, else of the train
    loss. An overfitting run is so since the step of `lowest`."""

    meaning: Meaning
    measured: bool
    first: float
    last: float
    lowest: tuple[int, float]


def judge(losses: Points, held: Points, ended: bool) -> Judgement | None:
    """Of the train loss of each step and the held-out losses, that before training at step 0 among them. None where
    there are no numbers. `ended`: whether the last word is said, so that no later evaluation could take a rise back."""
    wild = bool(losses) and not math.isfinite(losses[-1][1])
    losses, held = finite(losses), finite(held)
    measured = any(step for step, _ in held) and len(held) > 1
    points = held if measured else losses
    if not points:
        return None
    if wild or _diverging([value for _, value in losses]):
        meaning: Meaning = "diverging"
    elif len(losses) < _EARLY and not (ended and measured):
        meaning = "early"
    elif measured:
        meaning = _of_held_out(held, losses, ended)
    else:
        meaning = _of_train([value for _, value in losses], ended)
    return Judgement(meaning, measured, points[0][1], points[-1][1], min(points, key=lambda point: point[1]))


def finite(points: Points) -> list[tuple[int, float]]:
    return [point for point in points if math.isfinite(point[1])]


def _of_held_out(held: Points, losses: Points, ended: bool) -> Meaning:
    values = [value for _, value in held]
    low = min(range(len(values)), key=values.__getitem__)
    first, last = values[0], values[-1]
    since = len(values) - 1 - low
    if last > values[low] * _TURNED_UP and since >= (1 if ended else 2):
        return "overfitting"
    if abs(first - last) < _SLIGHT * first and min(values) > first * (1 - _SLIGHT):
        return "no_effect" if ended or len(losses) >= _NO_EFFECT_FROM else "early"
    falls = [before - after for before, after in zip(values[-3:], values[-2:], strict=False)]
    if len(values) > 3 and max(falls) < _LEVEL * values[-2]:
        return "converged"
    return "learning"


def _of_train(values: Sequence[float], ended: bool) -> Meaning:
    size, noise = _stretch(values), _noise(values)
    first, last = _mean(_oldest(values)), _mean(values[-size:])
    if first - last < max(_SLIGHT * first, _SURE * noise * math.hypot(len(_oldest(values)) ** -0.5, size**-0.5)):
        return "no_effect" if ended or len(values) >= _NO_EFFECT_FROM else "early"
    if len(values) < 2 * size:
        return "learning"
    fall = _mean(values[-2 * size : -size]) - last
    return "learning" if fall > max(_SURE * noise * math.sqrt(2 / size), _LEVEL * first) else "converged"


def _diverging(values: Sequence[float]) -> bool:
    """Whether the newest stretch lies far above the lowest one before it, beyond noise."""
    size, noise = _stretch(values), _noise(values)
    if len(values) < 3 * size:
        return False
    last = _mean(values[-size:])
    low = min(_mean(values[start : start + size]) for start in range(0, len(values) - 2 * size + 1, size))
    high = max(_mean(_oldest(values)), low)
    return last - low > max(_DIVERGED * high, _SURE * noise * math.sqrt(2 / size))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _stretch(values: Sequence[float]) -> int:
    """The length of a fifth."""
    return max(_EARLY, len(values) // 5)


def _oldest(values: Sequence[float]) -> Sequence[float]:
    """A tenth: the loss falls fast at first."""
    return values[: max(_EARLY, len(values) // 10)]


def _noise(values: Sequence[float]) -> float:
    """The standard deviation around the curve, by what lies between neighbours, which a trend hardly changes."""
    between = [abs(after - before) for before, after in pairwise(values)]
    return median(between) / 0.95 if between else 0.0
