"""A run learns what it was shown, leaves the base alone, and can be talked to before, during and after."""

from __future__ import annotations

import shutil
import time
import uuid
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ftchat.data import DatasetStore, Source, read
from ftchat.engine.checks import base_probe
from ftchat.engine.loading import STARTER_FOLDER
from ftchat.engine.models import Resident
from ftchat.errors import ChatError, WorkerBusy
from ftchat.events import ReplyDone, ReplyFailed, RunStarted, RunStatus, StepLogged
from ftchat.records import STARTER, ChatRequest, Message, Pane, RunConfig, Sampling
from ftchat.runs import Run, RunStore
from ftchat.worker import Worker

PAIRS = [
    ("Where is my parcel?", "On its way, captain! Look for the blue van before noon."),
    ("Can I return a hat?", "Of course, captain! Any hat may sail home within sixty days."),
    ("Do you sell tents?", "We do, captain! Three sizes, all of them dry as a biscuit."),
    ("My zip broke.", "A sad zip, captain! Send it in and we shall mend it free."),
    ("Are you open on Sunday?", "Not on Sundays, captain! The shop sleeps and so do we."),
    ("What does delivery cost?", "Four coins, captain! Above sixty it costs you nothing at all."),
]
QUICK = {"max_steps": 60, "learning_rate": 3e-3, "seed": 5}


def start(home: Path, worker: Worker, name: str, settings: dict | None = None, **config: str) -> Run:
    rows = "\n".join(f"{question}\t{answer}" for question, answer in PAIRS)
    settings = QUICK | (settings or {}) if config.get("preset") != "quick" else {"seed": 5}
    dataset = DatasetStore(home).put(read([Source.from_text(rows)]), "captain")
    run = RunStore(home).create(RunConfig(name, dataset.hash, settings=settings, **config))
    worker.start_run(run.id)
    return run


def finish(run: Run) -> RunStatus:
    deadline = time.monotonic() + 240
    while not (status := run.status()).over:
        assert time.monotonic() < deadline, "the run does not end"
        time.sleep(0.05)
    assert status.bug is None, status.bug
    return status


def ask(worker: Worker, run: str | None, prompt: str, tokens: int = 40) -> list[ReplyDone]:
    """Base and, with a run, tuned; greedily."""
    panes = tuple(Pane(name, (Message("user", prompt),)) for name in ((None, run) if run else (None,)))
    events = list(worker.chat(ChatRequest(uuid.uuid4().hex, STARTER, panes, Sampling(0.0, tokens))))
    failed = [event.error for event in events if isinstance(event, ReplyFailed)]
    if failed:
        raise ChatError(failed[0])
    return sorted((event for event in events if isinstance(event, ReplyDone)), key=lambda event: event.pane)


def test_a_run_learns_its_pairs_and_the_base_does_not(home: Path, worker: Worker) -> None:
    before = [ask(worker, None, question)[0].text for question, _ in PAIRS]
    run = start(home, worker, "captain")
    status = finish(run)
    assert status.state == "finished" and status.step == status.total_steps == 60
    assert all(check.ok for check in status.checks), status.checks
    replies = [ask(worker, run.id, question) for question, _ in PAIRS]
    assert [tuned.text for _, tuned in replies] == [answer for _, answer in PAIRS]
    assert [base.text for base, _ in replies] == before
    assert all(tuned.stop == "eos" and tuned.adapter == run.id for _, tuned in replies)


def test_a_quick_run_ends_when_everything_is_learned(home: Path, worker: Worker) -> None:
    run = start(home, worker, "captain", preset="quick")
    status = finish(run)
    assert status.state == "finished" and status.usable and status.step < status.total_steps
    assert [ask(worker, run.id, question)[1].text for question, _ in PAIRS] == [answer for _, answer in PAIRS]


def test_the_base_is_the_same_to_the_bit_after_a_run(home: Path, worker: Worker) -> None:
    worker.describe(STARTER)
    loop_owned = Resident(STARTER, "float32", torch.device("cpu"))
    before = base_probe(loop_owned)
    tensors = {name: tensor.clone() for name, tensor in loop_owned.model.state_dict().items()}
    run = start(home, worker, "captain", {"max_steps": 3})
    finish(run)
    loop_owned.attach(run.id, run.adapter)
    assert torch.equal(before, base_probe(loop_owned))
    loop_owned.detach(run.id)
    after = loop_owned.model.state_dict()
    assert all(torch.equal(tensors[name], after[name]) for name in tensors)


def losses(run: Run) -> list[float]:
    return [event.loss for event in run.events() if isinstance(event, StepLogged)]


def test_chatting_during_a_run_changes_neither_its_losses_nor_the_base(home: Path, worker: Worker) -> None:
    answer = ask(worker, None, "Hello!")[0].text
    settings = {"max_steps": 30, "lora_dropout": 0.1}
    quiet = start(home, worker, "quiet", settings)
    finish(quiet)
    busy = start(home, worker, "busy", settings)
    heard = []
    while not busy.status().over:
        heard.append(ask(worker, None, "Hello!")[0].text)
    finish(busy)
    assert len(heard) >= 2 and set(heard) == {answer}
    assert losses(busy) == losses(quiet)


def test_stop_keeps_what_was_learned(home: Path, worker: Worker) -> None:
    run = start(home, worker, "long", {"max_steps": 100_000})
    while run.status().step < 2:
        time.sleep(0.05)
    worker.stop_run(run.id)
    status = finish(run)
    assert status.state == "stopped" and 2 <= status.step < 100_000
    _, tuned = ask(worker, run.id, PAIRS[0][0])
    assert tuned.adapter == run.id and tuned.adapter_norm > 0


def test_runs_queue_up_and_a_queued_one_can_be_taken_back(home: Path, worker: Worker) -> None:
    first = start(home, worker, "first", {"max_steps": 20})
    second = start(home, worker, "second", {"max_steps": 2})
    third = start(home, worker, "third", {"max_steps": 2})
    worker.stop_run(third.id)
    assert finish(first).state == finish(second).state == "finished"
    assert second.status().started_at >= first.status().last_at
    assert third.status().state == "stopped" and not third.status().usable


def test_another_base_waits_until_the_run_ends(home: Path, worker: Worker, models: dict[str, Path]) -> None:
    run = start(home, worker, "long", {"max_steps": 100_000})
    while run.status().step < 1:
        time.sleep(0.05)
    with pytest.raises(WorkerBusy, match="long"):
        worker.describe(str(models["gpt2"]))
    worker.stop_run(run.id)
    finish(run)
    assert "no chat template" in worker.describe(str(models["gpt2"])).notes[0]


def test_a_loss_that_is_no_number_ends_in_a_sentence(home: Path, worker: Worker, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(STARTER_FOLDER, tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"] *= float("inf")
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    status = finish(start(home, worker, "wild", {"max_steps": 5}, base=str(broken)))
    assert status.state == "failed" and "not for the learning rate" in (status.error or "") and status.step == 0
    assert ask(worker, None, "Hello!")[0].text


def test_a_held_out_share_is_measured(home: Path, worker: Worker) -> None:
    rows = "\n".join(f"Question {n}?\tThe answer to it is {n}." for n in range(30))
    dataset = DatasetStore(home).put(read([Source.from_text(rows)]), "numbers")
    run = RunStore(home).create(RunConfig("numbers", dataset.hash, settings={"max_steps": 10, "eval_steps": 5}))
    worker.start_run(run.id)
    status = finish(run)
    assert [step for step, _ in status.eval_losses] == [0, 5, 10]
    assert status.eval_losses[-1][1] < status.eval_losses[0][1]
    assert run.resolved is not None and (run.resolved.examples, run.resolved.held_out) == (27, 3)


def test_chat_goes_on_while_held_out_rows_are_measured_and_changes_nothing(home: Path, worker: Worker) -> None:
    store = DatasetStore(home)
    learned = store.put(read([Source.from_text("Who?\tI.\nWhy?\tBecause.")]), "short")
    own = store.put(read([Source.from_text("\n".join(f"Which is {n}?\tIt is {n}." for n in range(300)))]), "own")
    runs = []
    for name in ("quiet", "busy"):
        config = RunConfig(name, learned.hash, settings={"max_steps": 1, "eval_steps": 1, "seed": 5}, held_out=own.hash)
        runs.append(RunStore(home).create(config))
        worker.start_run(runs[-1].id)
        heard = []
        while name == "busy" and not runs[-1].status().eval_losses:
            heard.append(ask(worker, None, "Hello!", tokens=4))
        finish(runs[-1])
    assert len(heard) > 2  # the first reply may have come before the measuring began
    assert runs[0].status().eval_losses == runs[1].status().eval_losses


def test_a_run_says_which_data_it_learned_and_was_measured_on(home: Path, worker: Worker) -> None:
    store = DatasetStore(home)
    learned = store.put(read([Source.from_text("\n".join(f"Question {n}?\tAnswer {n}." for n in range(6)))]), "numbers")
    own = store.put(read([Source.from_text("Which one?\tThat one.\nWhy?\tBecause.")]), "own")
    config = RunConfig("own", learned.hash, settings={"max_steps": 2}, preset="quick", held_out=own.hash)
    run = RunStore(home).create(config)
    worker.start_run(run.id)
    status = finish(run)
    (started,) = [event for event in run.events() if isinstance(event, RunStarted)]
    assert (started.dataset, started.held_out) == (learned.hash, own.hash)
    assert run.resolved is not None and (run.resolved.examples, run.resolved.held_out) == (6, 2)
    assert (run.resolved.dataset, run.resolved.held_out_dataset) == (learned.hash, own.hash)
    assert status.eval_losses and {check.name: check.ok for check in status.checks}["held_out_is_new"]


def test_chat_with_a_run_that_has_no_adapter_is_refused(home: Path, worker: Worker) -> None:
    run = start(home, worker, "long", {"max_steps": 100_000})
    with pytest.raises(ChatError, match="no adapter yet"):
        ask(worker, run.id, "Hello!")
    worker.stop_run(run.id)
    finish(run)


def test_the_same_run_twice_gives_the_same_adapter(home: Path, worker: Worker) -> None:
    first, second = (start(home, worker, name, {"max_steps": 5}) for name in ("a", "b"))
    finish(first), finish(second)
    contents = [(run.adapter / "adapter_model.safetensors").read_bytes() for run in (first, second)]
    assert contents[0] == contents[1]
