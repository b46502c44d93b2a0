"""A run in a process whose memory is limited: `python short_of_memory.py HOME RUN ROOM`, ROOM in bytes beyond what it
has when another run, a tiny one, has ended: modules, threads and their stacks are there then, and what is limited is
what the run takes. It is the data of the process that is limited, not its address space: each thread reserves some 70 MB
of that which nobody writes to, and PyTorch's builds with CUDA start eight more of them."""

from __future__ import annotations

import dataclasses
import os
import resource
import sys
import time
from pathlib import Path

import psutil

from ftchat.engine.memory import give_back
from ftchat.runs import Run, RunStore
from ftchat.worker import Worker, open_worker

TINY = {"max_steps": 1, "per_device_train_batch_size": 1, "gradient_accumulation_steps": 1, "max_length": 32}


def train(worker: Worker, run: Run) -> None:
    worker.start_run(run.id)
    while not run.status().over:
        time.sleep(0.05)


if __name__ == "__main__":
    home, run_id, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    run = RunStore(home).get(run_id)
    worker = open_worker("inline", home)
    tiny = dataclasses.replace(run.config, name="tiny", settings=TINY, search_minutes=0.0)
    train(worker, RunStore(home).create(tiny))
    give_back()
    limit = psutil.Process().memory_info().data + room
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    train(worker, run)
    worker.close()
    sys.stdout.flush()
    os._exit(0)  # interpreters end badly without memory
