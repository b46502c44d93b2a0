"""The bases that are on their way from the Hub, and who waits for them. Knows nothing of connections or of training.

Each comes in a thread of its own, so that whoever uses the resident base goes on meanwhile. Only the look at its
config, between the small files and the weights, is the loop's: transformers must not be used by two threads at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ftchat.engine.counting import told
from ftchat.engine.loading import check_fits
from ftchat.engine.memory import Meter
from ftchat.errors import FtchatError
from ftchat.events import ReplyFailed, ReplyLoading
from ftchat.hub import Download, Stopped, absent
from ftchat.records import ChatRequest
from ftchat.runs import Run
from ftchat.wire import Answer, Call

LOOKED_AT = 0.1  # seconds between two looks at what has come
_TOLD, _RECORDED = 0.5, 2.0  # seconds between two words about it: to who waits, and to a run's history
_RECORDED_SHARE = 0.02  # of the whole, which a history hears of at the least


class Absent(Exception):
    """The base is not on this machine yet; whoever needs it can wait for it."""

    def __init__(self, base: str, precision: str):
        super().__init__(base)
        self.base, self.precision = base, precision


class Arrivals:
    """`send` is the loop's."""

    def __init__(self, device: torch.device, meter: Meter, send: Callable[[Answer], None]):
        self._device, self._meter, self._send = device, meter, send
        self._coming: dict[str, _Coming] = {}
        self._waiting: list[_Waiting] = []
        self._recorded: tuple[str, float, int] = ("", 0.0, 0)  # of a run's history: what it heard last

    def __bool__(self) -> bool:
        return bool(self._waiting or self._coming)

    def wait(self, call: Call, missing: Absent) -> None:
        """The call is handed out again by `advance` when its base is here."""
        self._waiting.append(_Waiting(call, missing.base, missing.precision))

    def give_up(self, request: str) -> None:
        """Whoever asked under this name waits no longer."""
        for waiting in [one for one in self._waiting if one.request == request]:
            self._waiting.remove(waiting)
            if waiting.chats:
                error = f"stopped while {waiting.base} was being downloaded; what has come of it is kept"
                self._send(Answer(waiting.call.id, ReplyFailed(request=request, error=error), last=False))
            self._send(Answer(waiting.call.id, None))

    def advance(self, run: Run | None, precision: str) -> list[Call]:
        """Calls whose base is here now. `run` is the next one to train, whose base is fetched too, for that
        precision."""
        wanted = {one.base: one.precision for one in reversed(self._waiting)}
        if run and run.config.base not in wanted and absent(run.config.base):
            wanted[run.config.base] = precision
        for base in wanted:
            if base not in self._coming:
                self._coming[base] = _Coming(Download(base))
        ready: list[Call] = []
        for base, coming in list(self._coming.items()):
            if coming.folder and not coming.begun and base in wanted:
                self._check(coming, wanted[base])
            if run and run.config.base == base:
                self._record(run, coming)
            ready += self._told(coming)
            if coming.over and coming.error is None:
                del self._coming[base]
            elif base not in wanted:
                coming.download.cancelled.set()
                del self._coming[base]
        return ready

    def failure(self, run: Run) -> Exception | None:
        """Why the base of this run does not come. To ask again is to try again."""
        coming = self._coming.get(run.config.base)
        if coming is None or coming.error is None:
            return None
        del self._coming[run.config.base]
        return coming.error

    def close(self) -> None:
        for coming in self._coming.values():
            coming.download.cancelled.set()

    def _check(self, coming: _Coming, precision: str) -> None:
        assert coming.folder is not None
        download = coming.download
        try:
            check_fits(download.name, coming.folder, precision, self._device, self._meter.available)
            download.check_disk()
        except Exception as error:
            coming.error = error
            download.cancelled.set()
        coming.checked.set()

    def _told(self, coming: _Coming) -> list[Call]:
        """Who waits for this base hears how far it is, or why it does not come; those who wait no longer."""
        waiting = [one for one in self._waiting if one.base == coming.download.name]
        if coming.over:
            self._waiting = [one for one in self._waiting if one not in waiting]
        if coming.over and coming.error is None:
            return [one.call for one in waiting]
        for one in waiting:
            if coming.error is not None:
                self._refuse(one, coming.error)
            elif coming.begun and time.monotonic() - one.told > _TOLD:
                one.told = time.monotonic()
                event: Any = coming.download.event()
                if one.chats:
                    event = ReplyLoading(request=one.request, base=one.base, download=event)
                self._send(Answer(one.call.id, event, last=False))
        return []

    def _refuse(self, waiting: _Waiting, error: Exception) -> None:
        value: Any = told(error)
        if waiting.chats and isinstance(error, FtchatError):
            self._send(Answer(waiting.call.id, ReplyFailed(request=waiting.request, error=str(error)), last=False))
            value = None
        self._send(Answer(waiting.call.id, value))

    def _record(self, run: Run, coming: _Coming) -> None:
        """The history hears of the beginning and the end, and not too often between."""
        if not coming.begun or coming.error is not None:
            return
        told, then, done = self._recorded
        now, event = time.monotonic(), coming.download.event()
        enough = now - then > _RECORDED and event.done - done >= _RECORDED_SHARE * event.total
        if told != run.id or coming.over or enough or now - then > 5 * _RECORDED:
            self._recorded = run.id, now, event.done
            run.append(event)


@dataclass(slots=True)
class _Waiting:
    call: Call
    base: str
    precision: str
    told: float = 0.0

    @property
    def chats(self) -> bool:
        return self.call.verb == "chat"

    @property
    def request(self) -> str:
        """The name under which a reply or a download was asked for, and can be stopped."""
        first = self.call.arguments[0] if self.call.arguments else ""
        return first.id if isinstance(first, ChatRequest) else str(first)


class _Coming:
    """A download in its thread. `folder` is set once all but the weights is there, `checked` lets them come."""

    def __init__(self, download: Download):
        self.download = download
        self.folder: Path | None = None
        self.checked = threading.Event()
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._fetch, name="ftchat-download", daemon=True)
        self.thread.start()

    @property
    def begun(self) -> bool:
        """Whether the weights are coming."""
        return self.checked.is_set()

    @property
    def over(self) -> bool:
        return self.error is not None or not self.thread.is_alive()

    def _fetch(self) -> None:
        try:
            self.folder = self.download.prepare()
            while not self.checked.wait(LOOKED_AT):
                if self.download.cancelled.is_set():
                    return
            if self.error is None:
                self.download.run()
        except Stopped:
            return
        except Exception as error:
            self.error = error
