"""The worker's process can die at any moment: the page's side lives on, and the next request brings a new one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_train import ask, finish, start

from ftchat.data import DatasetStore, Source, read
from ftchat.errors import ModelError, WorkerDied
from ftchat.records import STARTER
from ftchat.runs import RunStore
from ftchat.worker import ProcessWorker, Worker, open_worker


@pytest.fixture
def process(home: Path) -> Iterator[ProcessWorker]:
    worker = open_worker("process", home)
    assert isinstance(worker, ProcessWorker)
    yield worker
    worker.close()


def kill(process: ProcessWorker) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)


def test_a_killed_worker_marks_its_run_interrupted_and_is_replaced(home: Path, process: ProcessWorker) -> None:
    run = start(home, process, "long", {"max_steps": 100_000})
    while run.status().step < 2:
        time.sleep(0.1)
    dead = process.pid
    kill(process)
    while (status := run.status()).state == "running":
        time.sleep(0.1)
    assert status.state == "interrupted" and status.losses
    assert process.describe(STARTER).name == STARTER
    assert process.pid not in (None, dead)
    again = start(home, process, "again", {"max_steps": 2})
    assert finish(again).state == "finished"
    assert ask(process, again.id, "Hello!")[1].adapter == again.id


def test_whoever_waits_on_a_killed_worker_is_told(process: ProcessWorker) -> None:
    process.describe(STARTER)
    kill(process)
    with pytest.raises(WorkerDied, match="died"):
        for _ in range(100):  # the first calls may still find the pipe open
            process.state()


def test_errors_cross_the_pipe_with_their_sentence(process: ProcessWorker) -> None:
    with pytest.raises(ModelError, match="/no/such/model"):
        process.describe("/no/such/model")


def test_the_worker_dies_with_its_parent(home: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from ftchat.worker import open_worker\n"
        "if __name__ == '__main__':\n"
        "    worker = open_worker('process', Path(sys.argv[1]))\n"
        "    worker.state(); print(worker.pid, flush=True); time.sleep(120)\n"
    )
    script = home.parent / "parent.py"
    script.write_text(code)
    root = str(Path(__file__).parents[1])
    parent = subprocess.Popen(
        [sys.executable, str(script), str(home)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": root},
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while _alive(pid):
        assert time.monotonic() < deadline, "the worker outlives its parent"
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_closing_an_inline_worker_leaves_its_run_interrupted(home: Path) -> None:
    worker = open_worker("inline", home)
    run = start(home, worker, "long", {"max_steps": 100_000})
    while run.status().step < 1:
        time.sleep(0.05)
    worker.close()
    assert RunStore(home).get(run.id).status().state == "interrupted"


def test_counting_the_tokens_of_much_data_keeps_nobody_waiting(home: Path, worker: Worker) -> None:
    pairs = "\n".join(f"question number {n}, and some more words\tanswer number {n}" for n in range(4000))
    dataset = DatasetStore(home).put(read([Source.from_text(pairs)]), "much")
    worker.describe(STARTER)
    with ThreadPoolExecutor() as pool:
        counting = pool.submit(worker.token_stats, STARTER, dataset.hash)
        shown = worker.preview(STARTER, dataset.examples[:1])
        assert not counting.done(), "the preview had to wait for the counting"
        stats = counting.result()
    assert len(stats.lengths) == 4000 and stats.lengths[0] == len(shown[0].tokens)
