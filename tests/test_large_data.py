"""While much data is made ready to be trained on, chat goes on, and whoever stops or pauses the run need not wait."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_outlook import MANY, put
from test_resume import until_over

from ftchat.events import ReplyToken
from ftchat.records import STARTER, ChatRequest, Message, Pane, RunConfig, Sampling
from ftchat.runs import RunStore
from ftchat.worker import Worker


@pytest.mark.parametrize(("asked", "state"), [("stop", "stopped"), ("pause", "paused")])
def test_a_reply_finishes_and_a_stop_is_heard_before_the_first_step(
    asked: str, state: str, home: Path, worker: Worker
) -> None:
    worker.describe(STARTER)
    config = RunConfig("many", put(home, "What", 3 * MANY), preset="quick", settings={"max_steps": 2})
    run = RunStore(home).create(config)
    worker.start_run(run.id)
    panes = (Pane(None, (Message("user", "Hello!"),)),)
    *_, reply = worker.chat(ChatRequest("one", STARTER, panes, Sampling(0.0, 8)))
    assert reply.tokens
    assert worker.estimate(RunConfig("next", config.dataset)).resolved.examples > 0
    assert run.status().state == "queued"  # it is not begun yet
    getattr(worker, f"{asked}_run")(run.id)
    until_over(run)
    assert run.status().state == state and not run.status().tried and not run.resolved
    assert gc.isenabled() and not gc.get_freeze_count() and sys.getswitchinterval() == pytest.approx(0.005)


def test_a_reply_goes_on_while_an_estimate_is_counted(home: Path, worker: Worker) -> None:
    worker.describe(STARTER)
    config = RunConfig("many", put(home, "What", MANY))
    panes = (Pane(None, (Message("user", "Tell me a long story."),)),)
    replies = worker.chat(ChatRequest("one", STARTER, panes, Sampling(1.0, 400, seed=3)))
    next(replies)
    came = 0
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(worker.estimate, config)
        for event in replies:
            if found.done():
                break
            came += isinstance(event, ReplyToken)
    replies.close()
    assert found.result().total > 0 and came >= 5


def test_an_estimate_is_told_of_its_own_base_whatever_base_comes_next(
    home: Path, worker: Worker, models: dict[str, Path]
) -> None:
    worker.describe(STARTER)
    config = RunConfig("many", put(home, "What", MANY))
    alone = worker.estimate(config).resolved
    with ThreadPoolExecutor(2) as threads:
        fresh = RunConfig("other", put(home, "Which", MANY))
        found = threads.submit(worker.estimate, fresh)
        other = threads.submit(worker.describe, str(models["llama_without_template"]))
        assert other.result().parameters and found.result().resolved.max_length == alone.max_length
