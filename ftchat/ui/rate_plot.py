"""Losses over learning rates as inline SVG with HTML labels, a line for each rank. Knows nothing of runs or languages.

Drawn in the way of `plots`: rates on a logarithmic scale, and losses from the lowest to the highest of what ended, so
that near ones are told apart. What was given up, or lies above, stands hollow at its height or at the upper edge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ftchat.ui.markup import esc
from ftchat.ui.plots import ticks

_KINDS = ("c0", "c1", "c2", "c3")
_ROOM = 0.12  # of the losses' range, above and below


@dataclass(frozen=True, slots=True)
class Mark:
    """One trial. `words` are its tooltip; `label` is written beside it; `best` is filled."""

    rate: float
    loss: float
    rank: int
    whole: bool
    words: str
    best: bool = False
    label: str = ""


def rate_plot(marks: Sequence[Mark], name: Callable[[int], str], show: Callable[[float], str], words: str) -> str:
    """`name` names a rank in the legend, `show` writes a rate, `words` say in one sentence what can be seen."""
    whole = [mark for mark in marks if mark.whole] or list(marks)
    if not whole:
        return ""
    lowest, highest = min(mark.loss for mark in marks), max(mark.loss for mark in whole)
    room = _ROOM * (highest - lowest) or 0.1 * abs(lowest) or 1.0
    bottom, top = lowest - room, highest + room
    rates = sorted({mark.rate for mark in marks})
    left, right = (math.log(edge) for edge in (rates[0] / 1.3, rates[-1] * 1.3))
    ranks = sorted({mark.rank for mark in marks})
    kinds = {rank: _KINDS[number % len(_KINDS)] for number, rank in enumerate(ranks)}

    def x(mark: Mark) -> float:
        return (math.log(mark.rate) - left) / (right - left) * 100

    def y(loss: float) -> float:
        return max(0.0, 100 - (loss - bottom) / (top - bottom) * 100)

    step = [*ticks(top - bottom, 4), top - bottom][1]
    lines = [number * step for number in range(math.ceil(bottom / step), math.floor(top / step) + 1)]
    parts = [
        f'<span class="g" style="top:{y(value):.2f}%"></span>'
        f'<span class="y" style="top:{y(value):.2f}%">{value:.6g}</span>'
        for value in lines
    ]
    shown = list(dict.fromkeys((rates[0], rates[len(rates) // 2], rates[-1])))
    places = {mark.rate: x(mark) for mark in marks}
    parts += [f'<span class="xl" style="left:{places[rate]:.2f}%">{esc(show(rate))}</span>' for rate in shown]
    paths = []
    for rank in ranks:
        points = sorted((x(mark), y(mark.loss)) for mark in marks if mark.rank == rank and mark.whole)
        if len(points) > 1:
            path = "L".join(f"{across:.2f} {down:.2f}" for across, down in points)
            paths.append(f'<path class="{kinds[rank]}" d="M{path}"/>')
    parts.append(f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{"".join(paths)}</svg>')
    for mark in sorted(marks, key=lambda mark: mark.best):
        place = f'style="left:{x(mark):.2f}%;top:{y(mark.loss):.2f}%"'
        look = f"mk {kinds[mark.rank]}{'' if mark.whole else ' off'}{' best' if mark.best else ''}"
        parts.append(f'<span class="{look}" {place} title="{esc(mark.words)}"></span>')
        if mark.label:
            parts.append(f'<span class="bl" {place}>{esc(mark.label)}</span>')
    legend = "".join(
        f'<span><svg class="ft-dash" viewBox="0 0 36 8" aria-hidden="true"><path class="{kinds[rank]}" d="M0 4H36"/>'
        f'</svg><i class="mk {kinds[rank]}"></i>{esc(name(rank))}</span>'
        for rank in ranks
    )
    return (
        f'<div class="ft-rates"><div class="ft-plot" role="img" aria-label="{esc(words)}">{"".join(parts)}</div>'
        f'<div class="ft-row ft-ranks">{legend}</div></div>'
    )
