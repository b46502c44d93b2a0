"""Calls whose answer takes long, a batch at a time, so that replies and steps need not wait. Knows nothing of what is
counted."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from ftchat.errors import FtchatError
from ftchat.wire import Answer

Counting = Generator[None, None, Any]


class Countings:
    """Those that are under way."""

    def __init__(self, send: Callable[[Answer], None]):
        self._send = send
        self._open: deque[tuple[int, Counting]] = deque()

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, call: int, counting: Counting) -> None:
        self._open.append((call, counting))

    def advance(self) -> None:
        """One batch of what has waited longest."""
        if not self._open:
            return
        call, counting = self._open.popleft()
        try:
            next(counting)
        except StopIteration as end:
            self._send(Answer(call, end.value))
        except Exception as error:
            self._send(Answer(call, told(error)))
        else:
            self._open.append((call, counting))


def told(error: Exception) -> Exception:
    """As whoever asked is told of it: a fault of ours with its traceback."""
    if isinstance(error, FtchatError):
        return error
    return RuntimeError(f"{error!r} in the model's process:\n{''.join(traceback.format_exception(error))}")
