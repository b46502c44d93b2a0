"""What is on its way from the Hub, on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from typing import TypeVar

from tqdm import tqdm

from ftchat.events import Downloading
from ftchat.worker import Worker

_LINES = 5.0  # seconds between two of them
T = TypeVar("T")


def fetch(worker: Worker, base: str, method: str = "auto") -> None:
    """Returns when the base is on this machine; at once where it is."""
    show(worker.fetch(base, method))


def show(coming: Generator[Downloading, None, T]) -> T:
    """Shows how far it is, to its end, and gives what came of it. Ctrl-C stops it."""
    on_terminal, said = sys.stderr.isatty(), 0.0
    with tqdm(unit="B", unit_scale=True, file=sys.stderr, delay=0.01, disable=None) as bar:
        try:
            while True:
                event = next(coming)
                bar.total = event.total
                bar.set_description(f"{event.base} {event.file}", refresh=False)
                bar.update(event.done - bar.n)
                if not on_terminal and time.monotonic() - said > _LINES:
                    said = time.monotonic()
                    size = f"{event.done / 1e6:.0f} of {event.total / 1e6:.0f} MB"
                    print(
                        f"downloading {event.base}: {size}, {event.rate / 1e6:.1f} MB/s {event.file}", file=sys.stderr
                    )
        except StopIteration as end:
            found: T = end.value
            return found
        except KeyboardInterrupt:
            coming.close()
            raise KeyboardInterrupt("while downloading; what has come is kept for the next time") from None
