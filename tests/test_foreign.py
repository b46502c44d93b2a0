"""Bases that are not ours: no chat template, no pad token, SentencePiece alone, GPT-2's Conv1D layers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from small_models import MAKERS
from test_train import PAIRS, finish

from ftchat.data import DatasetStore, Source, read
from ftchat.events import ReplyDone
from ftchat.records import ChatRequest, Message, Pane, RunConfig, Sampling
from ftchat.runs import RunStore
from ftchat.worker import Worker


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_a_foreign_base_learns_its_pairs_and_stops(
    home: Path, worker: Worker, tmp_path: Path, make: Callable[[Path, int], Path]
) -> None:
    base = str(make(tmp_path / "model", 300))
    rows = "\n".join(f"{question}\t{answer}" for question, answer in PAIRS)
    dataset = DatasetStore(home).put(read([Source.from_text(rows)]), "captain")
    run = RunStore(home).create(RunConfig("captain", dataset.hash, base, preset="quick"))
    worker.start_run(run.id)
    status = finish(run)
    assert status.state == "finished" and all(check.ok for check in status.checks), status
    right = 0
    for question, answer in PAIRS:
        panes = tuple(Pane(name, (Message("user", question),)) for name in (None, run.id))
        events = worker.chat(ChatRequest(uuid.uuid4().hex, base, panes, Sampling(0.0, 120)))
        done = {event.pane: event for event in events if isinstance(event, ReplyDone)}
        assert done[0].text != answer and done[1].stop == "eos"
        right += done[1].text == answer
    assert right >= 0.9 * len(PAIRS)
