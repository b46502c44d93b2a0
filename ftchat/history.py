"""The history of a run on disk: a line for each event, appended to by one process, read by any. Knows no runs."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from ftchat import events
from ftchat.events import Event, StepLogged

_TORN = '{"event"'  # as a line begins that was cut while it was written


class History:
    """`path` need not be there, nor be what it should."""

    def __init__(self, path: Path):
        self.path = path

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, event: Event) -> None:
        """Adds to the history. A line torn by an earlier cut is closed first, so that this one is whole; one that does
        not fit on the disk is taken back. Only steps, which are many, are left to the system to write out."""
        line = events.dumps(event).encode() + b"\n"
        with self.path.open("ab+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    line = b"\n" + line
            try:
                if file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
                if not isinstance(event, StepLogged):
                    os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise

    def read(self) -> tuple[list[Event], int]:
        """The events, and how many lines are damaged. Those that a cut tore are neither."""
        found, damaged = [], 0
        with suppress(OSError):
            for line in filter(None, self.path.read_text("utf-8", errors="replace").split("\n")):
                if event := events.loads(line):
                    found.append(event)
                elif not line.startswith(_TORN):
                    damaged += 1
        return found, damaged
