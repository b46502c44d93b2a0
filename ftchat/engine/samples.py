"""Sample replies: what the base and an adapter answer to a few examples, all decoded in one batch.

Greedy, and outside the run's random numbers, so that a run is the same with and without them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ftchat.engine.adapters import Voice
from ftchat.engine.decode import Decoder
from ftchat.engine.models import Resident
from ftchat.engine.reply import replies_to
from ftchat.errors import ChatError, ModelError
from ftchat.events import ReplyDone, SampleLogged
from ftchat.records import ChatRequest, Example, Pane, Sampling
from ftchat.runs import Run

_BASE, _TUNED = 0, 1  # the panes
_MEASURED, _MEASURED_TOKENS = 3, 64  # held-out examples that are asked at every evaluation, and tokens of an answer
_LEARNED, _LEARNED_TOKENS = 3, 32  # examples that are asked where none are held out
_SHARE, _MEASURED_SHARE = 0.015, 0.05  # of the time of the steps, that replies without and with held-out examples take
_WORTH, _AT_LEAST = 0.25, 1.0  # seconds that one asking gets at the least, without and with held-out examples
_AT_MOST = 10.0


class Pair(NamedTuple):
    """What base and tuned answer to an example."""

    example: Example
    base: ReplyDone
    tuned: ReplyDone

    def logged(self, step: int, held_out: bool) -> SampleLogged:
        return SampleLogged(
            step=step,
            prompt=self.example.prompt,
            reference=self.example.completion,
            base=self.base.text,
            tuned=self.tuned.text,
            whole=self.tuned.stop == "eos",
            held_out=held_out,
        )


def spread(examples: Sequence[Example], most: int) -> list[Example]:
    """Up to so many of them, from all over."""
    count = min(most, len(examples))
    return [examples[number * len(examples) // count] for number in range(count)]


def ask_both(
    resident: Resident, adapter: str, examples: Sequence[Example], most: int, enough: Callable[[], bool]
) -> list[Pair]:
    """Answers of up to `most` tokens, and of twice what the right answer needs. After each token `enough` says whether
    to end there. What the context cannot hold is left out."""
    decoder, asked = Decoder(resident, prefix_bytes=0), dict(enumerate(examples))
    for number, example in asked.items():
        room = min(most, 2 * len(resident.template.answer_ids(example.completion)) + 16)
        panes = (Pane(None, example.context), Pane(adapter, example.context))
        request = ChatRequest(str(number), resident.name, panes, Sampling(0.0, room))
        with contextlib.suppress(ChatError):
            decoder.add(replies_to(request, resident, [Voice(None), Voice(adapter)]))
    done: dict[tuple[int, int], ReplyDone] = {}
    resident.needed.add(adapter)
    try:
        while not decoder.idle:
            with resident.chatting():
                for event in decoder.advance():
                    if isinstance(event, ReplyDone):
                        done[int(event.request), event.pane] = event
            if enough() or not any(reply.pane == _TUNED for reply in decoder.open):
                for reply in decoder.open:
                    reply.stopped = True
    finally:
        resident.needed.discard(adapter)
    return [
        Pair(example, done[number, _BASE], done[number, _TUNED])
        for number, example in asked.items()
        if {(number, _BASE), (number, _TUNED)} <= done.keys()
    ]


class Sampler:
    """Asks what a run has learned so far and writes it into its history: of held-out examples where there are some, of
    a few that are trained on otherwise."""

    def __init__(self, run: Run, resident: Resident, learned: Sequence[Example], held_out: Sequence[Example]):
        self._run, self._resident = run, resident
        self.held_out = bool(held_out)
        self._examples = spread(held_out, _MEASURED) if held_out else spread(learned, _LEARNED)
        self._most = _MEASURED_TOKENS if held_out else _LEARNED_TOKENS
        self.seconds = 0.0

    def due(self, training_seconds: float, step_seconds: float) -> bool:
        """Between evaluations: whether there is time for it in the share of the run's that it may take."""
        left = _SHARE * training_seconds - self.seconds
        return not self.held_out and left > max(_WORTH, step_seconds)

    def sample(self, step: int, training_seconds: float, pulse: Callable[[], object]) -> None:
        """`pulse` is called after each token. A model too slow for its time is cut short."""
        began = time.monotonic()
        share, least = (_MEASURED_SHARE, _AT_LEAST) if self.held_out else (_SHARE, _WORTH)
        ends = began + min(_AT_MOST, max(least, share * training_seconds - self.seconds))
        name = f"{self._run.id}@sample"

        def enough() -> bool:
            pulse()
            return time.monotonic() > ends

        try:
            self._resident.snapshot(name)
            pairs = ask_both(self._resident, name, self._examples, self._most, enough)
        except ModelError:  # of a kind that cannot answer while it trains
            pairs = []
        finally:
            self._resident.detach(name)
        for pair in pairs:
            self._run.append(pair.logged(step, self.held_out))
        self.seconds += time.monotonic() - began
