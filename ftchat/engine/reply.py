"""One pane's answer while it is being decoded: its tokens, its text, its end and the proof of who gave it.

Knows nothing of batches or of where its events go.
"""

from __future__ import annotations

import functools
import math
import random
import time
from collections.abc import Sequence
from typing import Literal

import torch
from torch.nn import functional

from ftchat.engine.adapters import Voice
from ftchat.engine.cache import Pairs
from ftchat.engine.models import Resident
from ftchat.engine.template import TokenReader
from ftchat.errors import ChatError, DataError, ModelError
from ftchat.events import ReplyDone, ReplyEvent, ReplyToken
from ftchat.records import ChatRequest, Message

Stop = Literal["eos", "length", "stopped"]

_VIRTUAL = -1  # the id of no token


class Reply:
    """What has been read and said, what is known of it, and when it ends. `ids` is all of that, with a placeholder for
    each virtual token in front."""

    def __init__(self, request: ChatRequest, pane: int, voice: Voice, resident: Resident, prompt: Sequence[int]):
        self.request, self.pane, self.voice = request.id, pane, voice
        self.sampling = request.sampling
        self.start = _start(resident, voice)  # keys and values of the virtual tokens that it begins with
        self._virtual = self.start[0][0].shape[1] if self.start else 0
        self.ids = [*[_VIRTUAL] * self._virtual, *prompt]
        if len(self.ids) >= resident.context:
            raise ChatError(
                f"this conversation has {len(self.ids)} tokens and the model holds {resident.context}; start a new "
                "chat or shorten the question"
            )
        self.stopped = False
        # Each reply draws from its own generator, so its company does not change it, nor does it change a run's.
        self.random = random.Random(self.sampling.seed)
        self.known: tuple[int, Pairs] = (0, [])  # of the ids, from a conversation before
        self.first: torch.Tensor | None = None  # log-probabilities of the first token
        self.base: Reply | None = None  # the base's answer to the very same, for comparison
        self._prompt_tokens = len(self.ids)
        self._limit = min(self.sampling.max_new_tokens, resident.context - len(self.ids))
        self._norm = functools.partial(resident.stack.norm, voice)  # not before the first token: it takes a while
        self._alternates = resident.stack.lane(voice) is not None
        self._stop_ids = resident.template.stop_ids
        self._reader = TokenReader(resident.tokenizer)
        self._text = ""
        self._started = time.monotonic()
        self._first_token_seconds = 0.0

    @property
    def tokens(self) -> int:
        return len(self.ids) - self._prompt_tokens

    @property
    def prompt(self) -> list[int]:
        return self.ids[self._virtual : self._prompt_tokens]

    @property
    def beginning(self) -> tuple[int, Pairs]:
        """What is known of every conversation with this voice: its virtual tokens."""
        return self._virtual, self.start

    @property
    def fresh(self) -> int:
        """How many tokens of the prompt are to be read."""
        return len(self.ids) - self.known[0]

    @property
    def readable(self) -> float:
        """How many columns of a pass it can fill: virtual tokens cannot be read, only known."""
        return len(self.ids) - self._virtual if self._virtual else math.inf

    def take(self, token: int) -> list[ReplyEvent]:
        """The next token: the text that it completes, and the end if it is one."""
        self.ids.append(token)
        if self.tokens == 1:
            self._first_token_seconds = time.monotonic() - self._started
        stop: Stop | None = "eos" if token in self._stop_ids else "length" if self.tokens >= self._limit else None
        fresh = "" if stop == "eos" else self._reader.push(token)
        fresh += self._reader.finish() if stop else ""
        self._text += fresh
        events: list[ReplyEvent] = []
        if fresh:
            events.append(ReplyToken(request=self.request, pane=self.pane, text=fresh, tokens=self.tokens))
        return [*events, self._done(stop)] if stop else events

    def stop(self) -> ReplyDone:
        self._text += self._reader.finish()
        return self._done("stopped")

    def _done(self, stop: Stop) -> ReplyDone:
        return ReplyDone(
            request=self.request,
            pane=self.pane,
            text=self._text,
            tokens=self.tokens,
            stop=stop,
            first_token_seconds=self._first_token_seconds,
            seconds=time.monotonic() - self._started,
            adapter=self.voice.adapter,
            adapter_norm=self._norm(),
            divergence=self._divergence(),
            alternates=self._alternates,
        )

    def _divergence(self) -> float | None:
        """KL(tuned || base) of the first token, where a base pane was asked the very same."""
        if self.base is None or self.base.first is None or self.first is None:
            return None
        return max(0.0, float(functional.kl_div(self.base.first, self.first, reduction="sum", log_target=True)))


def replies_to(request: ChatRequest, resident: Resident, voices: Sequence[Voice]) -> list[Reply]:
    """A reply for each pane; voices[i] answers pane i."""
    prompts = {messages: _prompt(resident, messages) for messages in {pane.messages for pane in request.panes}}
    replies = [
        Reply(request, pane, voice, resident, prompts[request.panes[pane].messages])
        for pane, voice in enumerate(voices)
    ]
    base = next((reply for reply in replies if reply.voice.adapter is None), None)
    for reply in replies:
        if base is not None and reply.voice.adapter and reply.prompt == base.prompt:
            reply.base = base
    return replies


def _start(resident: Resident, voice: Voice) -> Pairs:
    try:
        return resident.stack.start(voice)
    except ModelError as error:
        raise ChatError(str(error)) from None


def _prompt(resident: Resident, messages: Sequence[Message]) -> list[int]:
    try:
        return resident.template.prompt_ids(messages)
    except DataError as error:
        raise ChatError(str(error)) from None
