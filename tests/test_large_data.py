"""While much data is made ready to be trained on, chat goes on, and whoever stops or pauses the run need not wait."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_outlook import MANY, put
from test_resume import until_over

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
