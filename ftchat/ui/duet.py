"""One question, several answers: the chats of the Compare tab, and how a reply's events fold into them.

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
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ftchat.events import ReplyDone, ReplyEvent, ReplyFailed, ReplyLoading, ReplyToken
from ftchat.records import ChatRequest, Message, Sampling
from ftchat.ui.voices import Speaker

MAX_CHATS = 200
MAX_TURNS = 100  # of one chat; the oldest are forgotten
PANES = 4
BASE, TUNED = 0, 1  # the first two panes, which are always there

_PATIENCE = 1.0  # seconds that a model gets to end a reply by itself once it was told to stop
_PAUSE, _LONG_PAUSE, _LONG_CHAT = 0.05, 0.2, 40  # seconds between two pictures of two replies; by turns
_SILENCE, _LONGEST_PAUSE = 1.5, 2.0


@dataclass(slots=True)
class Answer:
    """What one pane says to one question; `done` once the model has ended it, `error` why it could not."""

    speaker: Speaker
    text: str = ""
    tokens: int = 0
    done: ReplyDone | None = None
    error: str | None = None


@dataclass(slots=True)
class Turn:
    """A question, how it was asked, and the answers by pane. `cleared` are panes that shall know nothing of it;
    `loading` is the base that is read first, or fetched before, and since when."""

    request: str
    question: str
    answers: dict[int, Answer]
    sampling: Sampling
    system: str = ""
    over: bool = False
    cleared: set[int] = field(default_factory=set)
    loading: tuple[ReplyLoading, float] | None = None

    @property
    def failed(self) -> bool:
        return bool(self.answers) and all(answer.error is not None for answer in self.answers.values())


@dataclass(slots=True)
class Chat:
    """What one visitor and some models said to each other. `live` is the id of the request being answered, `asked` the
    panes that it is for, `waiting` the request itself until somebody has taken it to the models."""

    id: str
    turns: list[Turn] = field(default_factory=list)
    live: str | None = None
    asked: tuple[int, ...] = ()
    waiting: ChatRequest | None = None
    stop_asked: float | None = None
    heard: float = 0.0

    @property
    def last(self) -> Turn | None:
        return self.turns[-1] if self.turns else None

    @property
    def failed(self) -> bool:
        return self.last is not None and self.last.failed

    def ask(self, question: str, speakers: Mapping[int, Speaker], sampling: Sampling, system: str = "") -> ChatRequest:
        """Opens a turn, with what to ask the worker. A turn that failed makes room."""
        self._drop_failed()
        answers = {pane: Answer(speaker) for pane, speaker in speakers.items()}
        self.turns.append(Turn("", question, answers, sampling, system))
        del self.turns[:-MAX_TURNS]
        return self._open(speakers)

    def ask_again(self, pane: int, speaker: Speaker) -> ChatRequest | None:
        """Asks one pane the last question once more, as the others were asked."""
        if self.last is None or self.live is not None:
            return None
        self.last.answers[pane] = Answer(speaker)
        self.last.answers = dict(sorted(self.last.answers.items()))
        self.last.over = False
        return self._open({pane: speaker})

    def _open(self, speakers: Mapping[int, Speaker]) -> ChatRequest:
        turn = self.turns[-1]
        panes = tuple(speaker.pane(self._messages(pane, speaker)) for pane, speaker in speakers.items())
        base = next(iter(speakers.values())).base
        request = ChatRequest(secrets.token_hex(8), base, panes, turn.sampling)
        turn.request, turn.loading, self.asked = request.id, None, tuple(speakers)
        self.live, self.waiting, self.stop_asked, self.heard = request.id, request, None, time.monotonic()
        return request

    def take(self) -> ChatRequest | None:
        """The request that waits to be taken to the models; once."""
        request, self.waiting = self.waiting, None
        return request

    def refuse(self, question: str, speakers: Mapping[int, Speaker], error: str) -> None:
        """A turn that the models never see, for the sentence that says why."""
        self._drop_failed()
        answers = {pane: Answer(speaker, error=error) for pane, speaker in speakers.items()}
        self.turns.append(Turn("", question, answers, Sampling(), over=True))

    def fold(self, event: ReplyEvent) -> None:
        """Takes one event of the live request into the turn that it answers."""
        if event.request != self.live:
            return
        turn = self.turns[-1]
        if isinstance(event, ReplyLoading):
            turn.loading = event, time.monotonic()
            return
        turn.loading = None
        if isinstance(event, ReplyFailed):
            self._fail(event.error)
            return
        answer = turn.answers.get(self.asked[event.pane])
        if answer is None:  # its pane was removed
            return
        if isinstance(event, ReplyToken):
            answer.text, answer.tokens = answer.text + event.text, event.tokens
        else:
            answer.text, answer.tokens, answer.done = event.text, event.tokens, event

    def end(self, error: str | None = None) -> None:
        """Closes the live turn, with what it holds or with the sentence that says what went wrong."""
        if self.live is not None:
            if error is not None:
                self._fail(error)
            self.turns[-1].over, self.turns[-1].loading = True, None
            self.live = self.waiting = None

    def _fail(self, error: str) -> None:
        for pane in self.asked:
            if (answer := self.turns[-1].answers.get(pane)) and answer.done is None:
                answer.error = answer.error or error

    def stop(self) -> str | None:
        """The request to stop, if one is being answered. One that nobody has taken just ends."""
        if self.waiting is not None:
            self.end()
        if self.live is not None and self.stop_asked is None:
            self.stop_asked = time.monotonic()
        return self.live

    def place(self, pane: int) -> int | None:
        """Where a pane stands in the request that is being answered; None where nothing is under way in it."""
        answer = self.last.answers.get(pane) if self.last else None
        going = self.live is not None and pane in self.asked and answer is not None and answer.done is None
        return self.asked.index(pane) if going else None

    @property
    def given_up(self) -> bool:
        """Whether a reply that was told to stop has been waited for long enough."""
        return self.stop_asked is not None and time.monotonic() - self.stop_asked > _PATIENCE

    @property
    def pause(self) -> float:
        """Seconds until the next picture of the reply, the more the more there is to draw. A page speaks up every
        second; the longer it is not heard, the further it is behind with drawing, and the fewer pictures it gets."""
        usual = (_PAUSE if len(self.turns) < _LONG_CHAT else _LONG_PAUSE) * max(1.0, len(self.asked) / 2)
        silence = time.monotonic() - self.heard - _SILENCE
        return min(_LONGEST_PAUSE, max(usual, silence / 4))

    def take_back(self) -> None:
        """Removes the last turn, so that it can be asked again."""
        if self.turns and self.live is None:
            self.turns.pop()

    def clear(self, pane: int | None = None) -> None:
        """Forgets everything, or what was said in one pane, which begins anew."""
        if pane is None:
            self.turns.clear()
            self.live = self.waiting = None
            return
        for turn in self.turns:
            turn.answers.pop(pane, None)
            turn.cleared.add(pane)
        self._drop_empty()

    def close(self, pane: int) -> None:
        """Takes a pane out of the chat; one that is opened in its place may know what the others know."""
        for turn in self.turns:
            turn.answers.pop(pane, None)
            turn.cleared.discard(pane)
        self._drop_empty()

    def _drop_empty(self) -> None:
        kept = [turn for turn in self.turns if turn.answers or turn.request == self.live]
        self.turns[:] = kept

    def _drop_failed(self) -> None:
        if self.failed:
            self.turns.pop()

    def _messages(self, pane: int, speaker: Speaker) -> tuple[Message, ...]:
        """What a pane is told of the last turn and of those before it: what this very model said, here or, where it did
        not speak here, in another pane."""
        *before, now = self.turns
        said = [Message("system", now.system)] if now.system else []
        for turn in before:
            own, others = turn.answers.get(pane), turn.answers.values()
            heard = [answer for answer in (own, *others) if answer and answer.speaker == speaker and answer.text]
            if heard and heard[0].error is None and pane not in turn.cleared:
                said += [Message("user", turn.question), Message("assistant", heard[0].text)]
        return (*said, Message("user", now.question))


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
