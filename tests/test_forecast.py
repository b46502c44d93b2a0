"""What is said before a run is what the run then does, and of rows of many lengths like ones go together."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_train import finish, losses

from ftchat.catalogue import catalogue
from ftchat.data import DatasetStore, Source, read
from ftchat.engine.resolve import padded_length
from ftchat.records import RunConfig
from ftchat.runs import Run, RunStore
from ftchat.ui import fit_view
from ftchat.worker import Worker, open_worker

SETTINGS = {"max_steps": 12, "r": 8, "per_device_train_batch_size": 2, "seed": 5, "lora_dropout": 0.1}
EVIL = "<img src=x>"


def config(home: Path, name: str, **settings: object) -> RunConfig:
    """36 short rows and 4 long ones."""
    rows = [f"Question {n}?\tAnswer {n}." for n in range(36)]
    rows += [f"Long question {n}?\tAnswer {n}: {'and so on ' * 40}" for n in range(4)]
    dataset = DatasetStore(home).put(read([Source.from_text("\n".join(rows))]), "mixed")
    return RunConfig(name, dataset.hash, settings={**SETTINGS, **settings}, preset="quick")  # type: ignore[dict-item]


def begin(home: Path, worker: Worker, wanted: RunConfig) -> Run:
    run = RunStore(home).create(wanted)
    worker.start_run(run.id)
    return run


@pytest.fixture
def fresh(home: Path) -> Iterator[Worker]:
    """A worker in a process that has never held anything: memory is measured as growth."""
    worker = open_worker("process", home)
    yield worker
    worker.close()


def test_the_estimate_says_what_the_run_then_is_and_takes(home: Path, fresh: Worker) -> None:
    wanted = config(home, "mixed")
    found = fresh.estimate(wanted)
    run = begin(home, fresh, wanted)
    status, resolved = finish(run), run.resolved
    assert resolved == found.resolved
    assert found.fit == "fits" and found.total < found.available and found.seconds and found.seconds > 0
    assert found.base > 20_000_000 and found.step > 0
    assert status.tried and status.tried.estimated == found.total
    assert status.tried.measured == pytest.approx(found.total, rel=0.25)
    assert status.peak_memory >= status.tried.measured


@pytest.mark.slow
@pytest.mark.parametrize("method", ["freeze", "full", "dora", "prefix"])
def test_the_estimate_of_other_methods_is_what_a_step_takes(home: Path, fresh: Worker, method: str) -> None:
    status = finish(begin(home, fresh, dataclasses.replace(config(home, method), method=method)))
    assert status.tried and status.tried.measured == pytest.approx(status.tried.estimated, rel=0.25)


def test_a_larger_adapter_and_batch_take_more_and_what_is_too_much_is_said(home: Path, worker: Worker) -> None:
    small = worker.estimate(config(home, "small"))
    large = worker.estimate(config(home, "large", per_device_train_batch_size=4, r=1024))
    assert large.adapter > small.adapter and large.step > small.step
    huge = fit_view.estimate(dataclasses.replace(small, fit="too_big"), "en")
    assert "more memory than there is" in huge


@pytest.mark.slow
@pytest.mark.parametrize("asked", [{}, {"packing": False}], ids=["packed", "grouped"])
def test_rows_of_many_lengths_are_not_padded_and_a_break_changes_nothing(
    asked: dict[str, bool], home: Path, worker: Worker
) -> None:
    whole = begin(home, worker, config(home, "whole", max_steps=30, **asked))
    finish(whole)
    sampling = "group_by_length" if asked else "random"
    assert whole.resolved and (whole.resolved.packing, whole.resolved.train_sampling_strategy) == (not asked, sampling)
    paused = begin(home, worker, config(home, "paused", max_steps=30, **asked))
    while paused.status().step < 22:  # in the second epoch of 20 steps... or later
        assert not paused.status().over
    worker.pause_run(paused.id)
    assert finish(paused).state == "paused"
    worker.start_run(paused.id)
    assert finish(paused).state == "finished"
    assert losses(paused) == losses(whole)
    files = [(run.adapter / "adapter_model.safetensors").read_bytes() for run in (whole, paused)]
    assert files[0] == files[1]


def test_grouping_saves_padding_and_rows_of_one_length_have_none() -> None:
    mixed = [10] * 90 + [500] * 10
    assert padded_length(mixed, 8, "random") > 2 * padded_length(mixed, 8, "group_by_length")
    assert padded_length([64] * 50, 8, "random") == 64
    assert padded_length(mixed, 1, "random") == sum(mixed) / len(mixed)


def test_every_model_of_the_catalogue_can_be_chosen_unless_it_is_too_big() -> None:
    offers = catalogue()
    fits = {offer.id: "fits" for offer in offers} | {offers[-1].id: "too_big", offers[-2].id: "fits_qlora"}
    drawn = fit_view.base_radios(offers[0].id, None, fits, "en")  # type: ignore[arg-type]
    values = re.findall(r'data-value="([^"]+)"', drawn)
    assert values == ["starter", *(offer.id for offer in offers), "other"]
    assert drawn.count('aria-checked="true"') == 1
    last = drawn.split("<button")[-2]
    assert offers[-1].id in last and 'aria-disabled="true"' in last and "too big" in last
    assert "fits with QLoRA" in drawn and "terms to accept" in drawn


def test_a_shared_page_lists_what_it_takes_and_no_more() -> None:
    allowed = (catalogue()[0].id, f"me/{EVIL}")
    drawn = fit_view.base_radios("starter", allowed, {}, "zh")
    values = re.findall(r'data-value="([^"]+)"', drawn)
    assert values == ["starter", catalogue()[0].id, "other"] and EVIL not in drawn
    assert re.findall(r'data-value="([^"]+)"', fit_view.base_radios("starter", allowed[:1], {}, "en")) == values[:2]
