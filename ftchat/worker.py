"""The worker: where the one process that owns the model is started, spoken to and replaced.

Knows nothing of what is said: verbs and their records go down a pipe, answers and events come back. `engine` is
imported only inside the child's entry function, so that a page starts without torch.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import queue
import signal
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from ftchat.errors import WorkerDied
from ftchat.events import Downloading, ReplyEvent
from ftchat.files import LOCAL_OWNER
from ftchat.records import BaseInfo, ChatRequest, Estimate, Example, Fit, Preview, RunConfig, TokenStats, WorkerState
from ftchat.wire import Answer, Call

_LAST_STEP = 20.0  # seconds for a loop that is told to end: the step that it is in, and a checkpoint


class Worker(ABC):
    """Speaks to the loop that owns the model. Safe to use from many threads; a dead loop is replaced at the next
    call, and whatever was waiting on it raises WorkerDied."""

    def __init__(self, home: Path, owner: str = LOCAL_OWNER):
        self.home, self.owner = home, owner
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._listener: threading.Thread | None = None
        self._waiting: dict[int, queue.SimpleQueue[Answer]] = {}

    def describe(self, base: str, method: str = "auto") -> BaseInfo:
        """Loads the base model as this method needs it, if it is not the resident one."""
        return self._ask("describe", base, method)

    def preview(self, base: str, examples: Sequence[Example]) -> tuple[Preview, ...]:
        """The exact tokens of these examples, in order."""
        return self._ask("preview", base, tuple(examples))

    def token_stats(self, base: str, examples: Sequence[Example] | str) -> TokenStats:
        """Of these examples, or of the dataset of that hash, which is then read at the other end."""
        return self._ask("token_stats", base, examples if isinstance(examples, str) else tuple(examples))

    def fitting(self, base: str, examples: Sequence[Example] | str) -> tuple[Fit, ...]:
        """How much stays of those of them that are too long, as far as anything does."""
        return self._ask("fitting", base, examples if isinstance(examples, str) else tuple(examples))

    def estimate(self, config: RunConfig) -> Estimate:
        """What a run with this config would take of memory and time, beside what there is, and every number chosen."""
        return self._ask("estimate", config)

    def start_run(self, run: str, automatic: bool = False) -> None:
        """Begins a run, or goes on with one from where it was. Returns once it is accepted and held; it trains when
        those before it are done. `automatic` says that nobody asked for it."""
        self._ask("start_run", run, automatic)

    def stop_run(self, run: str) -> None:
        """Ends a run at its next step and keeps what it learned; one that waits is taken back."""
        self._ask("stop_run", run)

    def pause_run(self, run: str) -> None:
        """Leaves a run at its next step, or in the queue, to be resumed later."""
        self._ask("pause_run", run)

    def fetch(self, base: str, method: str = "auto") -> Generator[Downloading]:
        """How far the base is on its way from the Hub, until it is here; nothing where it is here already. What can be
        said against it is said before the first of these. Closing it ends the download if nobody else wants it."""
        request = uuid.uuid4().hex
        return self._stream(request, "fetch", request, base, method)

    def chat(self, request: ChatRequest) -> Iterator[ReplyEvent]:
        """The panes' events as they come: a ReplyDone for each, or one ReplyFailed. Closing it stops the reply."""
        return self._stream(request.id, "chat", request)

    def _stream(self, request: str, verb: str, *arguments: Any) -> Generator[Any]:
        answers = self._send(verb, *arguments)
        ended = False
        try:
            while not ended:
                answer = answers.get()
                ended = answer.last
                if isinstance(answer.value, BaseException):
                    raise answer.value
                if answer.value is not None:
                    yield answer.value
        finally:
            if not ended:
                self.stop_reply(request)

    def stop_reply(self, request: str, pane: int | None = None) -> None:
        """Ends the replies to a request, or that of one pane, at the next token, with stop 'stopped'."""
        self._ask("stop_reply", request, pane)

    def attach(self, adapter: str) -> bool:
        """Makes an adapter that was brought ready to answer, if its base is the resident one. ModelError where it
        cannot answer."""
        return self._ask("attach", adapter)

    def detach(self, adapter: str) -> None:
        """Frees an adapter, after the replies that it is giving."""
        self._ask("detach", adapter)

    def state(self) -> WorkerState:
        return self._ask("state")

    def machine(self) -> dict[str, Any]:
        """What this machine is, what fits on it, what is missing."""
        return self._ask("machine")

    def close(self) -> None:
        """Ends the loop. A run in progress saves a checkpoint first and is left as interrupted."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(OSError):
                    connection.send(Call(0, "close"))
        self._join()
        if self._listener is not None:
            self._listener.join(timeout=_LAST_STEP)

    def _ask(self, verb: str, *arguments: Any) -> Any:
        value = self._send(verb, *arguments).get().value
        if isinstance(value, BaseException):
            raise value
        return value

    def _send(self, verb: str, *arguments: Any) -> queue.SimpleQueue[Answer]:
        answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        call = Call(next(self._numbers), verb, arguments)
        with self._lock:
            if self._connection is None:
                self._connection = self._start()
                self._listener = threading.Thread(target=self._listen, args=(self._connection,), daemon=True)
                self._listener.start()
            self._waiting[call.id] = answers
            try:
                self._connection.send(call)
            except OSError:
                self._waiting.pop(call.id, None)
                answers.put(Answer(call.id, WorkerDied("the model's process has just died; try again", "worker_died")))
        return answers

    def _listen(self, connection: Connection) -> None:
        """Hands each answer to whoever waits for it, until the other end is gone. Then it closes this end, and nobody
        else does: the next pipe may get the number of a closed one, and who still reads there takes what is not his."""
        while True:
            try:
                answer = connection.recv()
            except (EOFError, OSError):
                break
            waiting = self._waiting.pop(answer.call, None) if answer.last else self._waiting.get(answer.call)
            if waiting is not None:
                waiting.put(answer)
        with self._lock:
            if self._connection is connection:
                self._connection = None
            connection.close()
            orphans, self._waiting = self._waiting, {}
        for number, waiting in orphans.items():
            sentence = "the model's process died; nothing saved is lost, and a new one starts with your next action"
            waiting.put(Answer(number, WorkerDied(sentence, "worker_died")))

    @abstractmethod
    def _start(self) -> Connection:
        """Starts the loop; returns this end of the pipe to it."""

    @abstractmethod
    def _join(self) -> None:
        """Waits for the loop's end, after it was told to close."""


class ProcessWorker(Worker):
    """The loop in a spawned process: a crash, a CUDA assert or the out-of-memory killer takes only that."""

    _process: Any = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.is_alive() else None

    def _start(self) -> Connection:
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_child, args=(theirs, self.home, self.owner), name="ftchat-worker")
        self._process.start()
        theirs.close()
        return ours

    def _join(self) -> None:
        if self._process is not None:
            self._process.join(timeout=_LAST_STEP)
            self._process.kill()


class InlineWorker(Worker):
    """The same loop in a thread of this process, for the command line and for tests."""

    _thread: threading.Thread | None = None

    def _start(self) -> Connection:
        from ftchat.engine.loop import serve

        ours, theirs = multiprocessing.Pipe()
        self._thread = threading.Thread(target=serve, args=(theirs, self.home, self.owner), name="ftchat-loop")
        self._thread.daemon = True
        self._thread.start()
        return ours

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join(timeout=_LAST_STEP)


def open_worker(kind: Literal["process", "inline"], home: Path, owner: str = LOCAL_OWNER) -> Worker:
    """The one place that knows the kinds."""
    return {"process": ProcessWorker, "inline": InlineWorker}[kind](home, owner)


def _child(connection: Connection, home: Path, owner: str) -> None:
    """The process's entry: the parent decides about Ctrl-C, and nothing outlives the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=die_with_parent, daemon=True).start()
    from ftchat.engine.loop import serve

    serve(connection, home, owner)


def die_with_parent() -> None:
    """For a thread of a child process."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
