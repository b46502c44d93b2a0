"""What takes long, a part at a time, so that replies and steps need not wait. Knows nothing of what is counted."""

from __future__ import annotations

import gc
import sys
import traceback
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

from ftchat.errors import FtchatError
from ftchat.wire import Answer, Call

Found = TypeVar("Found")
Counting = Generator[None, None, Found]
_LOOKED_AT = 0.05  # seconds between two looks at what is done beside
_TURN = 0.0005  # seconds that a thread computes in Python before another has its turn; a token takes hundreds of turns


def driven(counting: Counting[Found], pulse: Callable[[], object] = lambda: None) -> Found:
    """What is counted, at once; `pulse` is called wherever it gives way."""
    while True:
        try:
            next(counting)
        except StopIteration as end:
            found: Found = end.value
            return found
        pulse()


def beside(work: Callable[[], Found], pulse: Callable[[], object]) -> Found:
    """What `work` finds in a thread of its own, `pulse` being called meanwhile. It must not touch the model, nor its
    tokenizer. Many objects may be made of which none is garbage: looking for some would hold everything up."""
    turn, collected = sys.getswitchinterval(), gc.isenabled()
    sys.setswitchinterval(_TURN)
    gc.disable()
    try:
        with ThreadPoolExecutor(1) as thread:
            found = thread.submit(work)
            while not wait([found], timeout=_LOOKED_AT).done:
                pulse()
            return found.result()
    finally:
        sys.setswitchinterval(turn)
        if collected:
            gc.enable()


class Countings:
    """Those that are under way."""

    def __init__(self, send: Callable[[Answer], None]):
        self._send = send
        self._open: deque[tuple[Call, Counting[Any]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, call: Call, counting: Counting[Any]) -> None:
        self._open.append((call, counting))

    def advance(self) -> None:
        """One part of what has waited longest."""
        if not self._open:
            return
        call, counting = self._open.popleft()
        try:
            next(counting)
        except StopIteration as end:
            self._send(Answer(call.id, end.value))
        except Exception as error:
            self._send(Answer(call.id, told(error)))
        else:
            self._open.append((call, counting))

    def finish(self, verb: str) -> None:
        """All calls of this kind, for what they count by will not be there any more."""
        while any(call.verb == verb for call, _ in self._open):
            self.advance()


def told(error: Exception) -> Exception:
    """As whoever asked is told of it: a fault of ours with its traceback."""
    if isinstance(error, FtchatError):
        return error
    return RuntimeError(f"{error!r} in the model's process:\n{''.join(traceback.format_exception(error))}")
