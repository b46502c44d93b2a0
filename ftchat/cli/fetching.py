"""A base model on its way from the Hub, on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time

from tqdm import tqdm

from ftchat.worker import Worker

_LINES = 5.0  # seconds between two of them


def fetch(worker: Worker, base: str, method: str = "auto") -> None:
    """Returns when the base is on this machine; at once where it is."""
    on_terminal, said = sys.stderr.isatty(), 0.0
    with tqdm(unit="B", unit_scale=True, file=sys.stderr, delay=0.01, disable=None) as bar:
        for event in worker.fetch(base, method):
            bar.total = event.total
            bar.set_description(f"{base} {event.file}", refresh=False)
            bar.update(event.done - bar.n)
            if not on_terminal and time.monotonic() - said > _LINES:
                said = time.monotonic()
                size = f"{event.done / 1e6:.0f} of {event.total / 1e6:.0f} MB"
                print(f"downloading {base}: {size}, {event.rate / 1e6:.1f} MB/s {event.file}", file=sys.stderr)
