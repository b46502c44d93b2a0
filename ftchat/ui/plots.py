"""Curves as inline SVG with HTML labels, drawn on the server. Knows nothing of runs or languages.

The SVG is stretched to its box with strokes that keep their width; ticks, labels and points are HTML placed in
percent, so that text never scales. Colours are classes, so a change of theme needs no redraw.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ftchat.ui.markup import esc

Point = tuple[float, float]

MOST_POINTS = 200
_LABEL_GAP = 8.5  # percent of the plot's height that one label takes


@dataclass(frozen=True, slots=True)
class Curve:
    """`kind` is its look: train thin, held thick with a ring at each point, quiet grey; c0 to c3 are told apart by
    colour and by dashes."""

    name: str
    points: Sequence[Point]
    kind: Literal["train", "held", "quiet", "c0", "c1", "c2", "c3"] = "quiet"


# A crosshair that names the nearest point of every curve of a plot with data-curves, and stays through a redraw.
CROSSHAIR = """
let pointer = null;
const show = () => {
  element.querySelectorAll('.ft-cross, .ft-tip').forEach(part => part.remove());
  const plot = pointer && document.elementFromPoint(pointer.x, pointer.y)?.closest('.ft-plot[data-curves]');
  if (!plot || !element.contains(plot)) return;
  const box = plot.getBoundingClientRect(), {end, word, curves} = JSON.parse(plot.dataset.curves);
  const at = Math.min(1, Math.max(0, (pointer.x - box.left) / box.width)) * end;
  const near = points => points.reduce((a, b) => Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a);
  const step = near(curves[0][1])[0], left = step / end * 100;
  const line = document.createElement('i'), tip = document.createElement('div');
  line.className = 'ft-cross'; line.style.left = left + '%';
  tip.className = 'ft-tip'; tip.style[left > 60 ? 'right' : 'left'] = `calc(${left > 60 ? 100 - left : left}% + 8px)`;
  tip.textContent = word + ' ' + step + curves.map(([name, points]) => ' · ' + name + ' ' + near(points)[1]).join('');
  plot.append(line, tip) };
element.addEventListener('pointermove', event => { pointer = {x: event.clientX, y: event.clientY}; show() });
element.addEventListener('pointerleave', () => { pointer = null; show() });
watch('value', show);
"""


def thin(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most `most` points: groups of neighbours become their mean, at the group's last step."""
    finite = [point for point in points if math.isfinite(point[1])]
    size = max(1, math.ceil(len(finite) / most))
    groups = [finite[start : start + size] for start in range(0, len(finite), size)]
    return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]


def ticks(high: float, about: int) -> list[float]:
    """Round values from 0 up to `high`, about that many steps apart."""
    if high <= 0:
        return [0.0]
    rough = high / about
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * times for times in (1, 2, 2.5, 5, 10) if unit * times >= rough * 0.999)
    return [step * n for n in range(int(high / step + 1e-9) + 1)]


def plot(
    curves: Sequence[Curve],
    end: int,
    show: Callable[[float], str],
    words: str,
    *,
    last_step: str = "",
    step: str = "",
    best: str = "",
    reference: tuple[str, float] | None = None,
) -> str:
    """One plot from step 0 to `end`. `show` writes a value, `words` say in one sentence what can be seen.

    With `last_step` (the label of the axis' end) it is a large one: the curves are named at their ends, the lowest
    held-out point is called `best`, a `reference` value is dashed, and the crosshair works, counting in `step`.
    """
    large = bool(last_step)
    curves = [Curve(curve.name, thin(curve.points), curve.kind) for curve in curves]
    curves = [curve for curve in curves if curve.points]
    end = max(1, end, *(int(curve.points[-1][0]) for curve in curves))
    values = [value for curve in curves for _, value in curve.points] + ([reference[1]] if reference else [])
    high = max(values, default=0.0) * (1.06 if large else 1.12) or 1.0

    def x(value: float) -> str:
        return f"{value / end * 100:.2f}%"

    def y(value: float) -> str:
        return f"{100 - value / high * 100:.2f}%"

    parts = [
        f'<span class="g" style="top:{top}"></span><span class="y" style="top:{top}">{esc(_tick(value, show))}</span>'
        for value, top in ((value, y(value)) for value in ticks(high, 4 if large else 2))
    ]
    marks = [value for value in ticks(end, 4) if value == int(value) and value < end * 0.85] if large else [0]
    parts += [f'<span class="xl" style="left:{x(value)}">{value:.0f}</span>' for value in marks]
    parts.append(f'<span class="xl" style="left:100%">{esc(last_step or end)}</span>')
    paths = [f'<path class="{curve.kind}" d="{_path(curve.points, end, high)}"/>' for curve in curves]
    if reference:
        paths.append(f'<path class="ref" d="M0 {100 - reference[1] / high * 100:.2f}H100"/>')
    parts.append(f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{"".join(paths)}</svg>')
    if large:
        for curve in curves:
            if curve.kind == "held":
                lowest = min(curve.points, key=lambda point: point[1]) if len(curve.points) > 1 else None
                for point in curve.points:
                    place = f'style="left:{x(point[0])};top:{y(point[1])}"'
                    parts.append(f'<span class="pt{" best" if point == lowest else ""}" {place}></span>')
                    if point == lowest != curve.points[-1]:
                        parts.append(f'<span class="bl" {place}>{esc(best)}</span>')
        parts += _labels(curves, reference, end, high, show)
    tips = [[curve.name, [[at, show(value)] for at, value in curve.points]] for curve in curves]
    data = esc(json.dumps({"end": end, "word": step, "curves": tips})) if large and tips else ""
    return (
        f'<div class="ft-plot{"" if large else " sm"}" role="img" aria-label="{esc(words)}"'
        f'{f""" data-curves="{data}" """ if data else ""}>{"".join(parts)}</div>'
    )


def spark(points: Sequence[Point], words: str) -> str:
    """A curve the size of a word."""
    points = thin(points, 48)
    if len(points) < 2:
        return ""
    first, last, high = points[0][0], points[-1][0], max(value for _, value in points) or 1.0
    placed = [((at - first) / (last - first) * 90 + 2, 21 - value / high * 18) for at, value in points]
    line = " ".join(f"{left:.1f},{top:.1f}" for left, top in placed)
    return (
        f'<svg class="ft-spark" viewBox="0 0 96 24" role="img" aria-label="{esc(words)}"><polyline points="{line}"/>'
        f'<circle cx="{placed[-1][0]:.1f}" cy="{placed[-1][1]:.1f}" r="2.6"/></svg>'
    )


def _tick(value: float, show: Callable[[float], str]) -> str:
    return f"{value:,g}" if value >= 0.001 or not value else show(value)


def _path(points: Sequence[Point], end: float, high: float) -> str:
    """A single point becomes a line of no length, which its round ends make a dot."""
    placed = [f"{at / end * 100:.2f} {100 - value / high * 100:.2f}" for at, value in points]
    return "M" + "L".join(placed if len(placed) > 1 else placed * 2)


def _labels(
    curves: Sequence[Curve], reference: tuple[str, float] | None, end: float, high: float, show: Callable[[float], str]
) -> list[str]:
    """The names at the ends of the curves, moved apart where they would overlap."""
    edge = max((curve.points[-1][0] for curve in curves), default=0) / end * 100
    named: list[tuple[float, str, str, float]] = [
        (curve.points[-1][1], f"{curve.name} {show(curve.points[-1][1])}", curve.kind, edge) for curve in curves
    ]
    if reference:
        named.append((reference[1], f"{reference[0]} {show(reference[1])}", "ref", 100.0))
    named.sort(key=lambda label: -label[0])
    tops = [100 - value / high * 100 for value, *_ in named]
    for above, below in pairwise(range(len(tops))):
        tops[below] = max(tops[below], tops[above] + _LABEL_GAP)
    ceiling = 100.0
    for index in reversed(range(len(tops))):
        tops[index] = min(tops[index], ceiling)
        ceiling = tops[index] - _LABEL_GAP
    return [
        f'<span class="lab {kind}" style="left:{left:.2f}%;top:{top:.2f}%">{esc(text)}</span>'
        for top, (_, text, kind, left) in zip(tops, named, strict=True)
    ]
