"""The chat half of the loop: requests come in, their replies are decoded together, events go back to who asked.

Knows which adapters are asked for and keeps those resident, the last used ones longest. Knows nothing of how tokens are
made, of connections or of how a run trains.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from ftchat.adapters import AdapterStore
from ftchat.engine import checkpoints
from ftchat.engine.adapters import Voice
from ftchat.engine.decode import Decoder
from ftchat.engine.memory import give_back, memory_free
from ftchat.engine.models import Resident
from ftchat.engine.reply import Reply, replies_to
from ftchat.errors import ChatError, FtchatError
from ftchat.events import ReplyDone, ReplyEvent, ReplyFailed, ReplyLoading, ReplyToken
from ftchat.records import ChatRequest, Pane
from ftchat.runs import Run, RunStore

ADAPTERS_KEPT = 8  # resident at once, and fewer where memory holds no more; the least recently used go first
_WHILE_READ = 2  # times its files: what an adapter takes until it is resident
MOST_STRENGTH = 1.5
_RHYTHM = 0.05  # seconds between two pieces of a pane's text

Send = Callable[[int, ReplyEvent | None], None]  # an event for a call; None closes it
Load = Callable[[str, str | None], Resident]  # the base of that name, in that precision if one is named


class Replies:
    """The open requests. `send` and `load` are the loop's."""

    def __init__(self, runs: RunStore, brought: AdapterStore, load: Load, send: Send):
        self._runs, self._brought, self._load, self._send = runs, brought, load, send
        self._decoder: Decoder | None = None
        self._calls: dict[str, int] = {}  # of each open request, the call that asked
        self._panes: dict[str, int] = {}  # and how many of its panes have not ended
        self._told: dict[tuple[str, int], tuple[float, str]] = {}  # of a pane: when it was sent, and text since then
        self._used: dict[str, float] = {}  # when an adapter was last asked for
        self._snapshots = itertools.count(1)
        # Snapshots of a run in training, and what was deleted: they go after their replies.
        self._passing: set[str] = set()

    def __len__(self) -> int:
        return len(self._calls)

    def open(self, call: int, request: ChatRequest) -> None:
        """Takes a request; what is wrong with it is its only event."""
        try:
            decoder = self._decoder_for(call, request)
            voices: list[Voice] = []
            for pane in request.panes:
                voices.append(self._voice(pane, request.base, decoder.resident, voices))
            replies = replies_to(request, decoder.resident, voices)
        except FtchatError as error:
            if self._decoder is not None:
                self._drop_passing(self._decoder.resident)
            self._send(call, ReplyFailed(request=request.id, error=str(error)))
            self._send(call, None)
            return
        self._calls[request.id], self._panes[request.id] = call, len(replies)
        decoder.add(replies)

    def stop(self, request: str, pane: int | None = None) -> None:
        """Ends a request's replies, or that of one pane, at the next token."""
        for reply in self._open():
            if reply.request == request and pane in (None, reply.pane):
                reply.stopped = True

    def advance(self) -> None:
        """One token for every open reply."""
        if self._decoder is None or self._decoder.idle:
            return
        with self._decoder.resident.chatting():
            for event in self._decoder.advance():
                self._deliver(event)
        self._drop_passing(self._decoder.resident)

    def release(self) -> None:
        """Lets go of the base, and of all that is known of its conversations."""
        self._decoder = None
        self._used.clear()
        self._passing.clear()

    def _deliver(self, event: ReplyEvent) -> None:
        """Sends an event on; tokens that follow each other faster than anybody can look go together."""
        call = self._calls[event.request]
        if isinstance(event, ReplyToken):
            place = event.request, event.pane
            since, held = self._told.get(place, (0.0, ""))
            if time.monotonic() - since < _RHYTHM:
                self._told[place] = since, held + event.text
                return
            self._told[place] = time.monotonic(), ""
            event = replace(event, text=held + event.text)
        elif isinstance(event, ReplyDone):
            _, held = self._told.pop((event.request, event.pane), (0.0, ""))
            if held:
                self._send(call, ReplyToken(request=event.request, pane=event.pane, text=held, tokens=event.tokens))
        self._send(call, event)
        if isinstance(event, ReplyDone):
            self._panes[event.request] -= 1
        if isinstance(event, ReplyFailed) or not self._panes[event.request]:
            del self._calls[event.request], self._panes[event.request]
            self._told = {place: told for place, told in self._told.items() if place[0] != event.request}
            self._send(call, None)

    def _open(self) -> list[Reply]:
        return self._decoder.open if self._decoder else []

    # Adapters

    def _decoder_for(self, call: int, request: ChatRequest) -> Decoder:
        """Over the base of the request, as the runs that it asks for were trained on it."""
        if request.id in self._calls:
            raise ChatError("this very request is being answered already; ask again under an id of its own")
        asked = [pane.run for pane in request.panes if pane.run]
        runs = [self._runs.get(run) for run in asked if self._brought.find(run) is None]
        precisions = {resolved.precision for run in runs if (resolved := run.resolved)}
        if len(precisions) > 1:
            raise ChatError("these runs were trained on different precisions of the base; compare them one at a time")
        if self._decoder is None or self._decoder.resident.name != request.base:
            self._send(call, ReplyLoading(request=request.id, base=request.base))
        resident = self._load(request.base, next(iter(precisions), None))
        if self._decoder is None or self._decoder.resident is not resident:
            self._decoder = Decoder(resident)
        return self._decoder

    def _voice(self, pane: Pane, base: str, resident: Resident, others: Sequence[Voice]) -> Voice:
        """Who answers a pane; the adapter is resident afterwards, and so are those of the request's other panes."""
        if pane.run is None:
            return Voice(None)
        if not (math.isfinite(pane.strength) and 0 <= pane.strength <= MOST_STRENGTH):
            raise ChatError(f"an adapter's strength lies between 0 and {MOST_STRENGTH}, not at {pane.strength:g}")
        if brought := self._brought.find(pane.run):
            _check_base(f"adapter {brought.name}", brought.base, base)
            if pane.checkpoint is not None:
                raise ChatError(f"adapter {brought.name} was brought as it is and has no checkpoints")
            name, folder = brought.id, brought.folder
        else:
            run = self._runs.get(pane.run)
            _check_base(f"run {run.config.name}", run.config.base, base)
            learned = run.id in resident.adapters  # in the end, though it may not be on the disk yet
            if isinstance(pane.checkpoint, int):
                name, folder = f"{run.id}@{pane.checkpoint}", _checkpoint(run, pane.checkpoint)
            elif pane.checkpoint == "now" and resident.training == run.id and not learned:
                name = self._snapshot(run, resident)
                self._used[name] = time.monotonic()
                return Voice(name, pane.strength)
            else:
                name, folder = run.id, run.adapter if learned else _adapter(run)
        self._attach(name, folder, resident, {voice.adapter for voice in others if voice.adapter})
        return Voice(name, pane.strength)

    def _attach(self, name: str, folder: Path, resident: Resident, wanted: AbstractSet[str] = frozenset()) -> None:
        if name not in resident.adapters:
            self.make_room(resident, wanted, sum(path.stat().st_size for path in folder.glob("*.safetensors")))
        resident.attach(name, folder)
        self._passing.discard(name)
        self._used[name] = time.monotonic()

    def attach(self, adapter: str, resident: Resident | None) -> bool:
        """Makes a brought adapter ready to answer, if its base is resident; ModelError where it is not that base's."""
        brought = self._brought.find(adapter)
        if brought is None or resident is None or resident.name != brought.base:
            return False
        self._attach(brought.id, brought.folder, resident)
        return True

    def detach(self, adapter: str, resident: Resident | None) -> None:
        """Frees an adapter, after the replies that it is giving."""
        if resident is not None and adapter in resident.adapters:
            self._passing.add(adapter)
            self._drop_passing(resident)
            give_back()

    def _snapshot(self, run: Run, resident: Resident) -> str:
        """What a run has learned so far, under a name of its own, so that a reply ends as it began."""
        assert resident.learner is not None
        name = f"{run.id}@{resident.learner.step}-{next(self._snapshots)}"
        resident.snapshot(name)
        self._passing.add(name)
        return name

    def _busy(self) -> set[str]:
        return {reply.voice.adapter for reply in self._open() if reply.voice.adapter}

    def make_room(self, resident: Resident, wanted: AbstractSet[str] = frozenset(), size: int = 0) -> None:
        """For one more adapter, of so many bytes: lets go of those that were not asked for the longest."""
        for name in resident.adapters:
            self._used.setdefault(name, time.monotonic())
        for name in sorted(
            set(resident.adapters) - self._busy() - wanted - resident.needed, key=self._used.__getitem__
        ):
            held = _WHILE_READ * size <= memory_free(resident.device)
            if held and len(resident.adapters) < ADAPTERS_KEPT:
                break
            self._detach(name, resident)
            if not held:
                give_back()

    def _drop_passing(self, resident: Resident) -> None:
        for name in self._passing - self._busy() if self._passing else ():
            self._detach(name, resident)
            self._passing.discard(name)

    def _detach(self, name: str, resident: Resident) -> None:
        resident.detach(name)
        self._used.pop(name, None)
        if self._decoder is not None:
            self._decoder.forget(name)


def _check_base(who: str, own: str, base: str) -> None:
    if own != base:
        raise ChatError(f"{who} was trained on {own}, not on {base}")


def _adapter(run: Run) -> Path:
    """Where a run's adapter is saved."""
    status = run.status()
    if not status.usable:
        way = "" if status.closed else " yet; wait until it ends, or"
        raise ChatError(f"run {run.config.name} has no adapter{way or ';'} choose another")
    return run.adapter


def _checkpoint(run: Run, step: int) -> Path:
    """Where that of one of its checkpoints is."""
    found = checkpoints.of_step(run.checkpoints, step)
    if found is None:
        raise ChatError(f"run {run.config.name} has no checkpoint of step {step}; choose another")
    return found.folder
