"""While a run trains it is asked a few questions, which changes nothing about it."""

from __future__ import annotations

from pathlib import Path

from test_early_stopping import begin
from test_resume import until_over, until_step, weights
from test_train import PAIRS, ask, finish, losses, start

from ftchat.data import DatasetStore
from ftchat.events import RunResumed, SampleLogged, fold
from ftchat.records import RunConfig, Setting
from ftchat.runs import RunStore
from ftchat.worker import Worker

ASKED: dict[str, Setting] = {"max_steps": 12, "eval_steps": 4, "lora_dropout": 0.1, "learning_rate": 3e-3}


def test_held_out_questions_are_answered_at_every_evaluation(home: Path, worker: Worker) -> None:
    run = begin(home, worker, "asked", **ASKED)
    status = finish(run)
    questions = [example.prompt for example in DatasetStore(home).get(run.config.held_out or "").examples]
    assert [sample.step for sample in status.samples] == [step for step in (4, 8, 12) for _ in questions]
    assert {sample.prompt for sample in status.samples} == set(questions)
    for question in questions:
        seen = [sample for sample in status.samples if sample.prompt == question]
        base, tuned = ask(worker, run.id, question, 64)
        assert {sample.base for sample in seen} == {base.text[: len(seen[0].base)]} != {""}
        assert seen[-1].tuned == tuned.text[: len(seen[-1].tuned)] != seen[-1].base
        assert all(sample.held_out and sample.reference for sample in seen)


def test_a_run_is_the_same_with_and_without_being_asked(home: Path, worker: Worker) -> None:
    asked = begin(home, worker, "asked", **ASKED)
    finish(asked)
    quiet = RunStore(home).create(RunConfig("quiet", asked.config.dataset, settings=dict(asked.config.settings)))
    worker.start_run(quiet.id)
    assert finish(quiet).eval_losses == () and asked.status().samples
    assert losses(quiet) == losses(asked) and weights(quiet) == weights(asked)


def test_a_run_that_goes_on_is_asked_the_same(home: Path, worker: Worker) -> None:
    whole, paused = (begin(home, worker, name, **ASKED) for name in ("whole", "paused"))
    until_step(paused, 4)
    worker.pause_run(paused.id)
    until_over(paused)
    worker.start_run(paused.id)
    finish(paused)

    def said(samples: tuple[SampleLogged, ...]) -> list[tuple[int, str, str]]:
        return [(sample.step, sample.prompt, sample.tuned) for sample in samples]

    assert said(paused.status().samples) == said(whole.status().samples)
    assert weights(paused) == weights(whole)
    back = fold([*paused.events()[:-1], RunResumed(step=8)])
    assert {sample.step for sample in back.samples} == {4, 8}


def test_without_held_out_questions_those_it_learned_are_answered_at_the_end(home: Path, worker: Worker) -> None:
    status = finish(start(home, worker, "captain"))
    answers = dict(PAIRS)
    seen = [sample for sample in status.samples if sample.step == status.step]
    assert seen and all(sample.tuned == answers[sample.prompt] and sample.whole for sample in seen)
    assert not any(sample.held_out or sample.base == sample.tuned for sample in seen)
