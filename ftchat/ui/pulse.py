"""The page's pulse: one request for all that is drawn, once a second with only its news, and once for another language.

Knows nothing of what is drawn. A request costs the server, and each output of an answer costs the browser, even where
nothing in it is new; so the tabs hand in what they draw, and one handler asks them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ftchat.errors import FtchatError
from ftchat.ui.markup import DRAWING, QUIETLY
from ftchat.ui.messages import warned


@dataclass(frozen=True)
class _Part:
    """`draw` gives a value for each of the outputs, gr.skip() for one that it did not look at."""

    draw: Callable[..., Sequence[Any]]
    inputs: Sequence[Component]
    outputs: Sequence[Component]


class Pulse:
    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._spoken: list[_Part] = []
        self._triggers: list[Any] = []
        self._shown = gr.State(())  # fingerprints of what the browser shows

    def follow(
        self,
        draw: Callable[..., Sequence[Any]],
        inputs: Sequence[Component],
        outputs: Sequence[Component],
        triggers: Sequence[Any] = (),
    ) -> None:
        """Hands in what is to be drawn with every beat, and what shall not wait for the next. Nobody else may draw in
        the same outputs, as what the browser shows would not be what is remembered here; but parts may, alike."""
        self._parts.append(_Part(draw, inputs, outputs))
        self._triggers += triggers

    def speak(
        self, draw: Callable[..., Sequence[Any]], inputs: Sequence[Component], outputs: Sequence[Component]
    ) -> None:
        """Hands in what is to be drawn when the language changes, from what is known already: what asks the model or
        another process first would keep all the others waiting."""
        self._spoken.append(_Part(draw, inputs, outputs))

    def start(self, triggers: Sequence[Any]) -> Dependency:
        """One listener for all that follows; whatever changes what is drawn triggers it too."""
        inputs, outputs = _inputs(self._parts), _outputs(self._parts)

        def beat(before: tuple[int, ...], *values: Any) -> list[Any]:
            return self._beat(before, dict(zip(inputs, values, strict=True)))

        return gr.on(
            [*triggers, *self._triggers],
            beat,
            [self._shown, *inputs],
            [self._shown, *outputs],
            trigger_mode="always_last",
            **QUIETLY,
        )

    def translate(self, lang: gr.Textbox) -> Dependency:
        """One listener for another language: it draws what was handed in for that, and what every beat draws."""
        inputs = _inputs([_Part(tuple, [lang], []), *self._parts, *self._spoken])
        outputs = [*_outputs(self._parts), *_outputs(self._spoken)]

        def translated(before: tuple[int, ...], *values: Any) -> list[Any]:
            given = dict(zip(inputs, values, strict=True))
            return [*self._beat(before, given), *_drawn(self._spoken, given, given[lang])]

        return lang.change(translated, [self._shown, *inputs], [self._shown, *outputs], **DRAWING)

    def _beat(self, before: tuple[int, ...], given: dict[Component, Any]) -> list[Any]:
        """The fingerprints, and what is new since those of `before`."""
        drawn = [value for part in self._parts for value in part.draw(*(given[one] for one in part.inputs))]
        old = before or (0,) * len(drawn)
        prints = tuple(was if _skipped(value) else hash(repr(value)) for value, was in zip(drawn, old, strict=True))
        return [
            prints,
            *(value if now != was else gr.skip() for value, now, was in zip(drawn, prints, old, strict=True)),
        ]


def _drawn(parts: Iterable[_Part], given: dict[Component, Any], lang: str) -> list[Any]:
    """What all of them draw. One that cannot be drawn keeps no other from it."""
    values: list[Any] = []
    for part in parts:
        try:
            values += part.draw(*(given[one] for one in part.inputs))
        except FtchatError as error:
            warned(error, lang)
            values += [gr.skip()] * len(part.outputs)
    return values


def _inputs(parts: Iterable[_Part]) -> list[Component]:
    return list(dict.fromkeys(component for part in parts for component in part.inputs))


def _outputs(parts: Iterable[_Part]) -> list[Component]:
    return [component for part in parts for component in part.outputs]


def _skipped(value: Any) -> bool:
    return value == gr.skip()
