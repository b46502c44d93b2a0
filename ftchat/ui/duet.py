"""One question, two answers: the chats of the Compare tab, and how a reply's events fold into them.

Knows nothing of Gradio, HTML or languages. A chat is a list of turns; each pane has a history of its own, made of
what the model that answers there has said itself. Chats are changed on the event loop only, so they need no lock.
"""

from __future__ import annotations

import asyncio
import queue
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ftchat.events import ReplyDone, ReplyEvent, ReplyFailed, ReplyToken
from ftchat.records import ChatRequest, Message, Pane, Sampling

MAX_CHATS = 200
MAX_TURNS = 100  # of one chat; the oldest are forgotten
BASE, TUNED = 0, 1  # the panes, in the order of a request

_PATIENCE = 1.0  # seconds that a model gets to end a reply by itself once it was told to stop
_PAUSE, _LONG_PAUSE, _LONG_CHAT = 0.1, 0.2, 40  # seconds between two pictures of a reply; by turns
_SILENCE, _LONGEST_PAUSE = 1.5, 2.0


@dataclass(slots=True)
class Answer:
    """What one pane says to one question; `done` once the model has ended it."""

    text: str = ""
    tokens: int = 0
    done: ReplyDone | None = None


@dataclass(slots=True)
class Turn:
    """A question and an answer of each pane that was asked: the base's, and the tuned one's where `run` is given."""

    request: str
    question: str
    base: str
    run: str | None
    answers: list[Answer]
    error: str | None = None
    over: bool = False

    @property
    def tuned(self) -> Answer | None:
        return self.answers[TUNED] if self.run is not None else None


@dataclass(slots=True)
class Chat:
    """What one visitor and two models said to each other. `live` is the id of the request being answered, `waiting`
    the request itself until somebody has taken it to the models."""

    id: str
    turns: list[Turn] = field(default_factory=list)
    live: str | None = None
    waiting: ChatRequest | None = None
    stop_asked: float | None = None
    heard: float = 0.0

    @property
    def last(self) -> Turn | None:
        return self.turns[-1] if self.turns else None

    @property
    def failed(self) -> bool:
        return self.last is not None and self.last.error is not None

    def ask(self, question: str, base: str, run: str | None, sampling: Sampling, system: str = "") -> ChatRequest:
        """Opens a turn, with what to ask the worker. A turn that failed makes room."""
        self._drop_failed()
        panes = [Pane(None, self._messages(BASE, base, None, system, question))]
        if run is not None:
            panes.append(Pane(run, self._messages(TUNED, base, run, system, question)))
        request = ChatRequest(secrets.token_hex(8), base, tuple(panes), sampling)
        self.turns.append(Turn(request.id, question, base, run, _answers(run)))
        del self.turns[:-MAX_TURNS]
        self.live, self.waiting, self.stop_asked, self.heard = request.id, request, None, time.monotonic()
        return request

    def take(self) -> ChatRequest | None:
        """The request that waits to be taken to the models; once."""
        request, self.waiting = self.waiting, None
        return request

    def refuse(self, question: str, base: str, run: str | None, error: str) -> None:
        """A turn that the models never see, for the sentence that says why."""
        self._drop_failed()
        self.turns.append(Turn("", question, base, run, _answers(run), error, over=True))

    def fold(self, event: ReplyEvent) -> None:
        """Takes one event of the live request into the turn that it answers."""
        if event.request != self.live:
            return
        turn = self.turns[-1]
        match event:
            case ReplyToken():
                answer = turn.answers[event.pane]
                answer.text, answer.tokens = answer.text + event.text, event.tokens
            case ReplyDone():
                turn.answers[event.pane] = Answer(event.text, event.tokens, event)
            case ReplyFailed():
                turn.error = event.error

    def end(self, error: str | None = None) -> None:
        """Closes the live turn, with what it holds or with the sentence that says what went wrong."""
        if self.live is not None:
            self.turns[-1].over = True
            self.turns[-1].error = self.turns[-1].error or error
            self.live = self.waiting = None

    def stop(self) -> str | None:
        """The request to stop, if one is being answered. One that nobody has taken just ends."""
        if self.waiting is not None:
            self.end()
        if self.live is not None and self.stop_asked is None:
            self.stop_asked = time.monotonic()
        return self.live

    @property
    def given_up(self) -> bool:
        """Whether a reply that was told to stop has been waited for long enough."""
        return self.stop_asked is not None and time.monotonic() - self.stop_asked > _PATIENCE

    @property
    def pause(self) -> float:
        """Seconds until the next picture of the reply. A page speaks up every second; the longer it is not heard, the
        further it is behind with drawing, and the fewer pictures it gets."""
        usual = _PAUSE if len(self.turns) < _LONG_CHAT else _LONG_PAUSE
        silence = time.monotonic() - self.heard - _SILENCE
        return min(_LONGEST_PAUSE, max(usual, silence / 4))

    def take_back(self) -> None:
        """Removes the last turn, so that it can be asked again."""
        if self.turns and self.live is None:
            self.turns.pop()

    def clear(self) -> None:
        self.turns.clear()
        self.live = self.waiting = None

    def _drop_failed(self) -> None:
        if self.failed:
            self.turns.pop()

    def _messages(self, pane: int, base: str, run: str | None, system: str, question: str) -> tuple[Message, ...]:
        said = [Message("system", system)] if system else []
        for turn in self.turns:
            speaker = turn.run if pane == TUNED else None
            if turn.base == base and speaker == run and len(turn.answers) > pane and turn.answers[pane].text:
                said += [Message("user", turn.question), Message("assistant", turn.answers[pane].text)]
        return (*said, Message("user", question))


def _answers(run: str | None) -> list[Answer]:
    return [Answer()] if run is None else [Answer(), Answer()]


class ChatStore:
    """The chats that were used last, by ids that cannot be guessed; the longest unused are forgotten."""

    def __init__(self, limit: int = MAX_CHATS):
        self._limit = limit
        self._chats: OrderedDict[str, Chat] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, key: str) -> Chat:
        """The chat of that id, or a new one under an id of its own where there is none."""
        with self._lock:
            chat = self._chats.get(key) or Chat(secrets.token_urlsafe(16))
            self._chats[chat.id] = chat
            self._chats.move_to_end(chat.id)
            while len(self._chats) > self._limit:
                self._chats.popitem(last=False)
            return chat


async def batches(events: Iterator[Any], pause: Callable[[], float]) -> AsyncIterator[list[Any]]:
    """What a blocking iterator gives, drained by a thread of its own, as a batch every `pause()` seconds.

    A batch is empty where nothing came. What the iterator raises is raised here, after what came before it. Leaving
    early leaves the thread to drain the rest.
    """
    arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
    ending: list[Exception] = []

    def drain() -> None:
        try:
            for event in events:
                arrived.put(event)
        except Exception as error:
            ending.append(error)

    thread = threading.Thread(target=drain, name="ftchat-reply", daemon=True)
    thread.start()
    while True:
        await asyncio.sleep(pause())
        over = not thread.is_alive()
        yield [arrived.get() for _ in range(arrived.qsize())]
        if over:
            for error in ending:
                raise error
            return
