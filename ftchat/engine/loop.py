"""The owner of the model: one thread that takes calls, trains, and serves replies between steps.

Nobody else touches the model, so there is no lock. Knows nothing of pages or command lines; verbs come down a
connection as `Call`s, answers and events go back as `Answer`s.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from ftchat.adapters import AdapterStore
from ftchat.data import DatasetStore
from ftchat.engine.arrivals import LOOKED_AT, Absent, Arrivals
from ftchat.engine.calls import Calls, Closed
from ftchat.engine.closing import BrokenOff, close_badly, close_unbegun
from ftchat.engine.counting import Counting, Countings, beside, told
from ftchat.engine.forecast import Forecaster
from ftchat.engine.loading import check_ready, default_precision
from ftchat.engine.machine import describe_machine
from ftchat.engine.memory import Meter, give_back
from ftchat.engine.models import Resident
from ftchat.engine.queue import RunQueue
from ftchat.engine.replies import Replies
from ftchat.engine.reporter import Asked
from ftchat.engine.resolve import length_limit, resolve_method
from ftchat.engine.search import search
from ftchat.engine.stats import batches, fitting, token_stats
from ftchat.engine.template import ChatTemplate
from ftchat.engine.train import train
from ftchat.errors import ConfigError, WorkerBusy
from ftchat.events import ReplyEvent
from ftchat.hub import absent
from ftchat.records import BaseInfo, Estimate, Example, Fit, Preview, RunConfig, Sides, TokenStats, WorkerState
from ftchat.runs import Run, RunStore
from ftchat.settings import chat_share
from ftchat.wire import Answer, Call

PREVIEW_LIMIT = 1024  # tokens of an example that a preview shows


def serve(connection: Connection, home: Path, owner: str) -> None:
    """The entry of the worker's process or thread. Returns when the other end is gone, or on a stop signal."""
    with contextlib.suppress(Closed), connection:
        loop = Loop(connection, home, owner)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: loop.end())
        try:
            loop.run()
        finally:
            loop.leave()


class Loop:
    """Holds the resident base, the queue of runs and the open replies."""

    def __init__(self, connection: Connection, home: Path, owner: str):
        self._calls = Calls(connection)
        self._datasets = DatasetStore(home, owner)
        self._runs = RunStore(home, owner)
        self._resident: Resident | None = None
        brought = AdapterStore(home, owner)
        brought.clear_leftovers()
        self._replies = Replies(self._runs, brought, self._load, self._deliver)
        self._queue = RunQueue(self._runs)
        self._counting = Countings(self._calls.send)
        self._step_ended = time.monotonic()
        self._share = chat_share()
        self._meter = Meter(_device())
        self._forecaster = Forecaster(self._meter, self._datasets)
        self._arrivals = Arrivals(_device(), self._meter, self._calls.send)

    def run(self) -> None:
        while not self._calls.over:
            busy = self._replies or self._counting or self._next_can_train()
            self._take_calls(0 if busy else LOOKED_AT if self._arrivals or self._queue else None)
            self._arrive()
            self._replies.advance()
            self._counting.advance()
            if self._next_can_train() and (not self._replies or self._is_resident(self._queue.first)):
                self._train()

    def end(self) -> None:
        """Of a signal: at once, but a run that trains is given the time to save a checkpoint."""
        if not self._queue.running:
            raise Closed
        self._calls.over = True

    def leave(self) -> None:
        """What still comes is not wanted any more."""
        self._arrivals.close()

    # Verbs: what a worker can be asked

    def describe(self, base: str, method: str) -> BaseInfo:
        return self._load(base, None if method == "auto" else _precision(method)).info

    def fetch(self, request: str, base: str, method: str) -> None:
        """Until it returns, `stop_reply(request)` ends it."""
        if absent(base):
            raise Absent(base, _precision(resolve_method(method, _device().type)))

    def machine(self) -> dict[str, Any]:
        return describe_machine()

    def estimate(self, config: RunConfig) -> Counting[Estimate]:
        resident = self._load(config.base)
        method = resolve_method(config.method, _device().type)

        def idle() -> bool:
            return not self._queue.running and not self._replies

        return self._forecaster.estimate(config, method, _precision(method), resident, idle)

    def preview(self, base: str, examples: Sequence[Example]) -> tuple[Preview, ...]:
        resident = self._load(base)
        limit = min(PREVIEW_LIMIT, resident.context)
        return tuple(resident.template.preview(example, limit) for example in examples)

    def token_stats(self, base: str, examples: Sequence[Example] | str) -> Counting[TokenStats]:
        return token_stats(*self._measured(base, examples))

    def fitting(self, base: str, examples: Sequence[Example] | str) -> Counting[tuple[Fit, ...]]:
        return fitting(*self._measured(base, examples))

    def _measured(
        self, base: str, examples: Sequence[Example] | str
    ) -> tuple[ChatTemplate, Iterator[Sequence[Example]], int]:
        """What lengths are counted by, of what, and the limit of training."""
        resident = self._load(base)
        some = batches(self._datasets, examples)
        return resident.template, some, length_limit(resident.context, _device().type == "cuda")

    def start_run(self, run_id: str, automatic: bool) -> None:
        self._queue.add(run_id, automatic)

    def stop_run(self, run_id: str) -> None:
        self._queue.stop(run_id)

    def pause_run(self, run_id: str) -> None:
        self._queue.pause(run_id)

    def stop_reply(self, request_id: str, pane: int | None = None) -> None:
        if pane is None:
            self._arrivals.give_up(request_id)
        self._replies.stop(request_id, pane)

    def attach(self, adapter: str) -> bool:
        return self._replies.attach(adapter, self._resident)

    def detach(self, adapter: str) -> None:
        self._replies.detach(adapter, self._resident)

    def state(self) -> WorkerState:
        return WorkerState(
            base=self._resident.name if self._resident else None,
            adapters=self._resident.adapters if self._resident else (),
            replies=len(self._replies),
        )

    # Calls

    def _take_calls(self, wait: float | None) -> None:
        for call in self._calls.take(wait):
            self._answer(call)

    def _deliver(self, call: int, event: ReplyEvent | None) -> None:
        self._calls.send(Answer(call, event, last=event is None))

    def _answer(self, call: Call) -> None:
        try:
            if call.verb == "close":
                self._calls.close()
            if call.verb == "chat":
                self._replies.open(call.id, *call.arguments)
                return
            value: Any = getattr(self, call.verb)(*call.arguments)
            if isinstance(value, Generator):
                self._counting.add(call, value)
                return
        except Absent as missing:
            self._arrivals.wait(call, missing)
            return
        except Exception as error:
            value = told(error)
        self._calls.send(Answer(call.id, value))

    # Training

    def _train(self) -> None:
        self._step_ended = time.monotonic()
        with self._queue.next() as run:
            try:
                method, precision = self._needs(run)
                resident = self._load(run.config.base, precision, own=True)
                self._replies.make_room(resident)
                way = search if run.config.search_minutes else train
                sides = self._read(run)
                gc.freeze()  # there is no garbage in data: to look for some in much of it would hold everything up
                way(run, sides, method, resident, self._pulse, self._meter)
            except BrokenOff:
                close_unbegun(run, "interrupt" if self._calls.over else self._queue.asked)
            except Exception as error:
                close_badly(run, error)
        gc.unfreeze()
        give_back()

    def _read(self, run: Run) -> Sides:
        """Its data. What is large takes a while: chat goes on beside, if slower."""

        def go_on() -> None:
            if self._pulse():
                raise BrokenOff

        return beside(lambda: self._datasets.split_for(run.config), go_on)

    def _needs(self, run: Run) -> tuple[str, str]:
        """The method and the precision of the base that a run trains with; one that was begun keeps its own."""
        if resolved := run.resolved:
            return resolved.method, resolved.precision
        method = resolve_method(run.config.method, _device().type)
        return method, _precision(method)

    def _is_resident(self, run: Run) -> bool:
        resident = self._resident
        return resident is not None and (resident.name, resident.precision) == (run.config.base, self._needs(run)[1])

    def _pulse(self) -> Asked:
        """Between two steps of a run: answers calls and gives open replies their share of the time."""
        step_seconds = time.monotonic() - self._step_ended
        with contextlib.suppress(Closed):
            self._take_calls(0)
            self._arrive()
            self._counting.advance()
            deadline, asked = time.monotonic() + step_seconds * self._share / (1 - self._share), self._queue.asked
            if self._replies and self._resident:
                with self._resident.chatting():
                    while self._replies and time.monotonic() < deadline and self._queue.asked == asked:
                        self._replies.advance()
                        self._take_calls(0)
        self._step_ended = time.monotonic()
        return "interrupt" if self._calls.over else self._queue.asked

    # The base

    def _arrive(self) -> None:
        """Bases that come from the Hub: who waited for one is answered, a run whose base does not come ends."""
        first = self._queue.first if self._queue else None
        if not (first or self._arrivals):
            return
        for call in self._arrivals.advance(first, self._needs(first)[1] if first else ""):
            self._answer(call)
        if first and not self._queue.running and (failure := self._arrivals.failure(first)):
            with self._queue.next() as run:
                close_badly(run, failure)

    def _next_can_train(self) -> bool:
        return bool(self._queue) and not absent(self._queue.first.config.base)

    def _load(self, base: str, precision: str | None = None, own: bool = False) -> Resident:
        """The resident base, loaded if it is another or, where one is asked for, of another precision."""
        device = _device()
        resident = self._resident
        if resident and resident.name == base and precision in (None, resident.precision):
            return resident
        if self._queue.running and not own:
            config = self._queue.running.config
            raise WorkerBusy(
                f"run {config.name} is training on {config.base}; use that base, or wait until the run ends",
                "busy_training",
                run=config.name,
                base=config.base,
            )
        if self._replies:
            raise WorkerBusy(
                "a reply is being given by another base model; wait until it ends, then ask again", "busy_reply"
            )
        if not base.strip():
            raise ConfigError("no base model named; use starter, a folder or a Hub id")
        precision = precision or _precision(resolve_method("auto", device.type))
        if absent(base):
            raise Absent(base, precision)
        check_ready(base, precision, device, self._meter.available)
        self._counting.finish("estimate")
        if resident:
            resident.stack.select(())  # what stands in for a layer would hold it
        self._replies.release()
        self._resident = resident = None  # the old base goes before the new one comes
        gc.collect()  # layers of four bits and their weights know each other
        give_back()
        self._resident = Resident(base, precision, device)
        return self._resident


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _precision(method: str) -> str:
    return default_precision(_device(), quantised=method == "qlora")
