"""A run in a process whose memory is limited: `python short_of_memory.py HOME RUN ROOM`, ROOM in bytes beyond what it
has when its base is loaded.

It is its data that is limited, not its address space: each thread reserves some 70 MB of that, which nobody ever writes
to, and PyTorch's builds with CUDA start eight more of them."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

import psutil

from ftchat.runs import RunStore
from ftchat.worker import open_worker

if __name__ == "__main__":
    home, run_id, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    run = RunStore(home).get(run_id)
    worker = open_worker("inline", home)
    worker.describe(run.config.base)
    limit = psutil.Process().memory_info().data + room
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    worker.start_run(run.id)
    while not run.status().over:
        time.sleep(0.05)
    worker.close()
    sys.stdout.flush()
    os._exit(0)  # interpreters end badly without memory
