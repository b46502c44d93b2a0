"""The page's pulse: once a second one request for all that follows the runs, with only news in its answer.

Knows nothing of what is drawn. A request costs the server, and each output of an answer costs the browser, even where
nothing in it is new; so the tabs hand in what they draw, and one handler asks them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ftchat.ui.markup import QUIETLY


@dataclass(frozen=True)
class _Part:
    """`draw` gives a value for each of the outputs, gr.skip() for one that it did not look at."""

    draw: Callable[..., Sequence[Any]]
    inputs: Sequence[Component]
    outputs: Sequence[Component]


class Pulse:
    def __init__(self) -> None:
        self._parts: list[_Part] = []

    def follow(
        self, draw: Callable[..., Sequence[Any]], inputs: Sequence[Component], outputs: Sequence[Component]
    ) -> None:
        """Hands in what is to be drawn with every beat. What others draw in the same outputs, they draw alike."""
        self._parts.append(_Part(draw, inputs, outputs))

    def start(self, triggers: Sequence[Any]) -> Dependency:
        """One listener for all that was handed in; whatever changes what is drawn triggers it too."""
        shown = gr.State(())  # fingerprints of what the browser shows
        inputs = list(dict.fromkeys(component for part in self._parts for component in part.inputs))
        outputs = [component for part in self._parts for component in part.outputs]

        def beat(before: tuple[int, ...], *values: Any) -> list[Any]:
            given = dict(zip(inputs, values, strict=True))
            drawn = [value for part in self._parts for value in part.draw(*(given[one] for one in part.inputs))]
            old = before or (0,) * len(drawn)
            prints = tuple(was if _skipped(value) else hash(repr(value)) for value, was in zip(drawn, old, strict=True))
            news = [value if now != was else gr.skip() for value, now, was in zip(drawn, prints, old, strict=True)]
            return [prints, *news]

        return gr.on(triggers, beat, [shown, *inputs], [shown, *outputs], trigger_mode="always_last", **QUIETLY)


def _skipped(value: Any) -> bool:
    return value == gr.skip()
