"""A run goes on from what an earlier one learned, with some of its data, and needs that run no more."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from test_resume import until_over, until_step, weights
from test_train import PAIRS, ask, finish, losses

from ftchat.cli import main
from ftchat.continuing import continued
from ftchat.data import DatasetStore, Source, read
from ftchat.errors import ConfigError
from ftchat.events import RunStarted
from ftchat.files import hash_files
from ftchat.records import RunConfig, Setting
from ftchat.runs import Run, RunStore
from ftchat.settings import METHODS
from ftchat.worker import Worker

NEWS = [("Do you ship abroad?", "Over every sea, captain!"), ("Is there a gift wrap?", "In sailcloth, captain!")]
CALM: dict[str, Setting] = {"seed": 5, "early_stopping_patience": 0, "max_length": 64}


def put(home: Path, pairs: list[tuple[str, str]]) -> str:
    text = "\n".join("\t".join(pair) for pair in pairs)
    return DatasetStore(home).put(read([Source.from_text(text)]), "captain").hash


def first_of(home: Path, worker: Worker, method: str = "lora", name: str = "first", **settings: Setting) -> Run:
    run = RunStore(home).create(RunConfig(name, put(home, PAIRS), method=method, settings=CALM | settings))
    worker.start_run(run.id)
    assert finish(run).state == "finished"
    return run


def go_on(home: Path, worker: Worker, earlier: Run, name: str, replay: float = 0.0, **settings: Setting) -> Run:
    config = RunConfig(name, put(home, NEWS), settings=CALM | {"max_steps": 6} | settings)
    run = RunStore(home).create(continued(config, earlier, replay, DatasetStore(home)))
    worker.start_run(run.id)
    return run


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(method, marks=() if method == "lora" else pytest.mark.slow)
        for method in METHODS
        if method not in ("auto", "qlora")
    ],
)
def test_training_begins_with_what_the_earlier_run_knew(home: Path, worker: Worker, method: str) -> None:
    learned, runs = put(home, PAIRS), RunStore(home)
    asked = CALM | {"max_steps": 12, "eval_steps": 12}
    first = runs.create(RunConfig("first", learned, method=method, settings=asked, held_out=learned))
    worker.start_run(first.id)
    base, ended = (loss for _, loss in finish(first).eval_losses)
    before = hash_files(first.adapter), (first.folder / "events.jsonl").read_bytes()
    config = RunConfig("second", put(home, NEWS), settings=CALM | {"max_steps": 4}, held_out=learned)
    second = runs.create(continued(config, first, 0.0, DatasetStore(home)))
    worker.start_run(second.id)
    status = finish(second)
    assert status.state == "finished" and status.method == method and status.origin == first.id
    assert status.eval_losses[0] == (0, pytest.approx(ended, rel=1e-4)) and ended < 0.9 * base
    checks = {check.name: check.ok for check in status.checks}
    assert checks["base_unchanged"] and checks["adapter_changed_the_model"]
    assert before == (hash_files(first.adapter), (first.folder / "events.jsonl").read_bytes())
    assert weights(second) != weights(first)


def test_a_paused_run_goes_on_exactly_and_needs_the_earlier_one_no_more(home: Path, worker: Worker) -> None:
    first, runs = first_of(home, worker, max_steps=8), RunStore(home)
    asked = {"replay": 0.6, "max_steps": 24, "lora_dropout": 0.1}
    whole, paused = (go_on(home, worker, first, name, **asked) for name in ("whole", "paused"))
    start = hash_files(first.adapter)
    runs.delete(first)  # while the second waits
    until_step(paused, 4)
    worker.pause_run(paused.id)
    until_over(paused)
    assert whole.status().state == "finished" and paused.status().state == "paused"
    worker.start_run(paused.id)
    assert finish(paused).state == "finished"
    assert losses(paused) == losses(whole) and weights(paused) == weights(whole)
    resolved, again = whole.resolved, runs.create_like(whole, "again")
    assert resolved is not None and (resolved.examples, resolved.replayed) == (5, 3) and again.resolved == resolved
    assert hash_files(again.start) == hash_files(whole.start) == start
    assert again.config.origin == whole.config.origin
    assert ask(worker, whole.id, NEWS[0][0])[1].adapter == whole.id


def test_a_damaged_start_is_said_before_anything_is_trained(home: Path, worker: Worker) -> None:
    first = first_of(home, worker, max_steps=1)
    long = go_on(home, worker, first, "long", max_steps=100_000)
    torn = go_on(home, worker, first, "torn")
    path = torn.start / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    worker.stop_run(long.id)
    finish(long)
    until_over(torn)
    status = torn.status()
    assert status.state == "failed" and "damaged" in (status.error or "") and status.bug is None
    assert not any(isinstance(event, RunStarted) for event in torn.events())
    assert ask(worker, None, "Hello!")[0].text


def test_what_contradicts_the_earlier_run_is_refused_in_a_sentence(
    home: Path, worker: Worker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first_of(home, worker, max_steps=1, r=8)
    RunStore(home).create(RunConfig("waiting", "0" * 16))
    data = tmp_path / "news.tsv"
    data.write_text("prompt\tcompletion\n" + "\n".join("\t".join(pair) for pair in NEWS))
    refused = {
        "trained on starter": ["--from", "first", "--base", "Qwen/Qwen3-0.6B"],
        "trained with lora": ["--from", "first", "--method", "dora"],
        "r of run first is 8": ["--from", "first", "--set", "r=16"],
        "lora_alpha of run first is 16": ["--from", "first", "--set", "lora_alpha=8"],
        "method lora has no num_virtual_tokens": ["--from", "first", "--set", "num_virtual_tokens=4"],
        "below 1, not '1'": ["--from", "first", "--replay", "1"],
        "below 1, not '-0.1'": ["--from", "first", "--replay", "-0.1"],
        "below 1, not 'nan'": ["--from", "first", "--replay", "nan"],
        "below 1, not 'half'": ["--from", "first", "--replay", "half"],
        "no run 'nobody'": ["--from", "nobody"],
        "waiting is interrupted": ["--from", "waiting"],
        "name that run with --from": ["--replay", "0.5"],
        "leave out --from": ["--from", "first", "--like", "first"],
        "leave out --replay": ["--replay", "0.5", "--resume", "first"],
    }
    for sentence, arguments in refused.items():
        files = [] if {"--like", "--resume"} & set(arguments) else [str(data)]
        assert main(["train", *files, *arguments]) == 2, arguments
        said = capsys.readouterr().err.strip()
        assert sentence in said and "\n" not in said, said
    assert {run.config.name for run in RunStore(home).list()} == {"first", "waiting"}
    same = ["--base", "starter", "--method", "lora", "--set", "r=8", "--set", "max_steps=1", "--replay", "0.4"]
    assert main(["train", str(data), "--from", "first", "--name", "second", *same]) == 0
    assert main(["runs"]) == 0
    assert "from first with 1 of 3 examples replayed" in capsys.readouterr().out


def test_nothing_goes_on_from_what_is_not_over_or_keeps_only_an_outcome(home: Path, worker: Worker) -> None:
    first = first_of(home, worker, max_steps=1)
    running = go_on(home, worker, first, "running", max_steps=100_000)
    until_step(running, 1)

    def refused(earlier: Run, sentence: str) -> None:
        with pytest.raises(ConfigError, match=sentence):
            continued(RunConfig("next", "0" * 16), earlier, 0.0, DatasetStore(home))

    refused(running, "wait until it ends")
    worker.pause_run(running.id)
    until_over(running)
    refused(running, "resume it first")
    assert first.resolved is not None
    first.freeze(dataclasses.replace(first.resolved, method="ptuning"))
    refused(first, "the network of ptuning")
    (first.adapter / "adapter_model.safetensors").unlink()
    refused(first, "no adapter to go on from")
