"""A run's history survives its codec, and folds into a status whatever was cut off."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ftchat import events
from ftchat.events import Checked, RunFailed, RunFinished, RunQueued, RunStarted, RunStopped, StepLogged

NUMBERS = st.floats(0, 2**40, width=32)
STEPS = st.builds(
    StepLogged,
    step=st.integers(1, 10_000),
    loss=NUMBERS,
    learning_rate=NUMBERS,
    grad_norm=NUMBERS,
    epoch=NUMBERS,
    tokens_per_second=NUMBERS,
    memory=st.integers(0, 2**50),
)
CHECKS = st.builds(Checked, name=st.text(), ok=st.booleans(), detail=st.text())
STARTED = RunStarted(time=100.0, total_steps=50, base="starter", method="lora")
FINISHED = RunFinished(time=160.0, steps=50, train_loss=0.5, seconds=60.0, tokens_per_second=9.0, peak_memory=7)


@given(st.lists(STEPS | CHECKS | st.builds(RunFailed, error=st.text(), bug=st.none() | st.text())))
def test_events_come_back_from_their_lines_as_they_were(history: list[events.Event]) -> None:
    assert [events.loads(events.dumps(event)) for event in history] == history


@given(STEPS, st.integers(0, 400))
def test_a_torn_line_is_left_out(event: events.Event, cut: int) -> None:
    line = events.dumps(event)
    assert events.loads(line[: min(cut, len(line) - 1)]) is None


def test_an_event_of_a_later_version_is_left_out() -> None:
    assert events.loads(json.dumps({"event": "RunTeleported", "time": 1.0})) is None


def test_a_run_that_nobody_holds_was_interrupted() -> None:
    history = [RunQueued(), STARTED]
    assert events.fold(history, held=True).state == "running"
    assert events.fold(history, held=False).state == "interrupted"


def test_a_closing_event_counts_whoever_holds_the_run() -> None:
    assert events.fold([RunQueued(), STARTED, FINISHED], held=False).state == "finished"
    assert events.fold([RunQueued(), STARTED, RunFailed(error="no")], held=False).error == "no"


def test_time_left_follows_the_pace_so_far() -> None:
    step = StepLogged(
        time=120.0, step=10, loss=1.0, learning_rate=0.1, grad_norm=1.0, epoch=0.2, tokens_per_second=5.0, memory=1
    )
    assert events.fold([STARTED, step]).seconds_left == 80.0
    assert events.fold([STARTED, step, FINISHED]).seconds_left is None


def test_a_run_stopped_before_its_first_step_has_no_adapter() -> None:
    nothing = RunStopped(steps=0, train_loss=0.0, seconds=0.0, tokens_per_second=0.0, peak_memory=0)
    assert not events.fold([RunQueued(), nothing]).usable
    assert events.fold([RunQueued(), STARTED, FINISHED]).usable
