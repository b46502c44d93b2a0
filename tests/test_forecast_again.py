"""What was counted of data for an estimate is kept for as long as it holds, and no longer."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from test_forecast import config

from ftchat.data import DatasetStore, Source, read
from ftchat.engine.loading import STARTER_FOLDER
from ftchat.errors import DataError
from ftchat.records import RunConfig
from ftchat.worker import Worker


def put(home: Path, rows: list[str]) -> str:
    return DatasetStore(home).put(read([Source.from_text("\n".join(rows))]), "rows").hash


def test_another_setting_costs_no_second_look_at_the_data(home: Path, worker: Worker) -> None:
    wanted = config(home, "first")
    worker.estimate(wanted)
    examples = DatasetStore(home).folder / wanted.dataset / "examples.jsonl"
    kept = examples.read_bytes()
    examples.write_bytes(b"")  # who reads it now is told that it is damaged
    again = config_with(wanted, learning_rate=1e-4, warmup_steps=3)
    began = time.process_time()
    assert worker.estimate(again).resolved.learning_rate == 1e-4
    assert time.process_time() - began < 0.5
    with pytest.raises(DataError):
        worker.estimate(RunConfig("other", wanted.dataset, preset="balanced"))  # which splits it another way
    examples.write_bytes(kept)
    assert worker.estimate(RunConfig("other", wanted.dataset, preset="balanced")).resolved.held_out == 4
    assert worker.estimate(wanted).resolved.held_out == 0


def config_with(wanted: RunConfig, **settings: float) -> RunConfig:
    return RunConfig("again", wanted.dataset, preset=wanted.preset, settings={**wanted.settings, **settings})


def test_other_data_is_counted_anew_and_data_that_is_gone_is_said(home: Path, worker: Worker) -> None:
    short, long = (put(home, [f"Question {n}?\tAnswer {n} {word * 30}" for n in range(8)]) for word in ("", "word "))
    found = [worker.estimate(RunConfig("a", data, preset="quick")).resolved for data in (short, long, short)]
    assert found[0] == found[2] and found[1].max_length > found[0].max_length
    shutil.rmtree(DatasetStore(home).folder / short)
    with pytest.raises(DataError, match="read the file again"):
        worker.estimate(RunConfig("a", short, preset="quick"))


def test_a_template_that_has_changed_on_disk_is_counted_with_when_its_base_is_loaded(
    home: Path, worker: Worker, tmp_path: Path
) -> None:
    base = Path(shutil.copytree(STARTER_FOLDER, tmp_path / "mine"))
    data = put(home, [f"Question {n}?\tAnswer {n}." for n in range(8)])
    before = worker.estimate(RunConfig("a", data, str(base), preset="quick")).resolved
    worker.describe("starter")
    for path in base.glob("*"):
        if path.name == "chat_template.jinja":
            path.write_text("Some words that stand before every conversation, and more of them.\n" + path.read_text())
        elif path.name == "tokenizer_config.json" and "chat_template" in (fields := json.loads(path.read_text())):
            fields["chat_template"] = "Some words that stand before every conversation.\n" + fields["chat_template"]
            path.write_text(json.dumps(fields))
    after = worker.estimate(RunConfig("a", data, str(base), preset="quick")).resolved
    assert after.max_length > before.max_length


def test_packing_can_be_asked_for_and_is_refused_where_nothing_would_use_it(home: Path, worker: Worker) -> None:
    wanted = config(home, "mixed")
    assert worker.estimate(wanted).resolved.packing
    assert not worker.estimate(config_with(wanted, packing=False)).resolved.packing
    assert not worker.estimate(config_with(wanted, per_device_train_batch_size=1)).resolved.packing
    assert not worker.estimate(config_with(wanted, neftune_noise_alpha=5.0)).resolved.packing
    even = put(home, [f"Question {n:02}?\tAnswer {n:02}." for n in range(30)])
    assert not worker.estimate(RunConfig("even", even, preset="quick")).resolved.packing
    assert worker.estimate(RunConfig("even", even, preset="quick", settings={"packing": True})).resolved.packing
