"""Adapters from elsewhere, and several panes, in the loop that owns the model: who answers, and what is freed."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import torch
from chats import finished
from duets import make_adapters, said

from ftchat.adapters import AdapterStore, BroughtAdapter
from ftchat.engine.adapters import Voice
from ftchat.engine.loading import STARTER_FOLDER
from ftchat.engine.loop import Loop
from ftchat.engine.models import Resident
from ftchat.errors import ModelError
from ftchat.events import ReplyDone, ReplyEvent, ReplyFailed, ReplyLoading
from ftchat.records import STARTER, ChatRequest, Pane, Sampling
from ftchat.runs import Run, RunStore
from ftchat.worker import Worker

HISTORY = said("Tell me about the sea.")
GREEDY = Sampling(temperature=0.0, max_new_tokens=24)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    resident = Resident(STARTER, "float32", torch.device("cpu"))
    return make_adapters(resident, tmp_path_factory.mktemp("adapters"), ["one", "two"])


@pytest.fixture
def run(home: Path, saved: dict[str, Path]) -> Run:
    run = finished(RunStore(home), "one")
    shutil.copytree(saved["one"], run.adapter)
    return run


@pytest.fixture
def brought(home: Path, run: Run) -> BroughtAdapter:
    """The adapter of the run, taken out of it and brought back."""
    return AdapterStore(home).add([run.adapter], "brought", lambda base: None)


def events(worker: Worker, *panes: Pane, base: str = STARTER, sampling: Sampling = GREEDY) -> list[ReplyEvent]:
    return list(worker.chat(ChatRequest(f"{panes}", base, panes, sampling)))


def answers(worker: Worker, *panes: Pane, sampling: Sampling = GREEDY) -> list[ReplyDone]:
    found = sorted(
        (e for e in events(worker, *panes, sampling=sampling) if isinstance(e, ReplyDone)), key=lambda e: e.pane
    )
    assert len(found) == len(panes)
    return found


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_a_brought_adapter_answers_as_its_run_and_at_strength_nothing_as_the_base(
    worker: Worker, run: Run, brought: BroughtAdapter, temperature: float
) -> None:
    sampling = Sampling(temperature, 24, seed=5)
    panes = [Pane(None, HISTORY), Pane(run.id, HISTORY), Pane(brought.id, HISTORY), Pane(run.id, HISTORY, 0.0)]
    base, tuned, same, nothing = answers(worker, *panes, sampling=sampling)
    assert tuned.text == same.text != base.text == nothing.text
    assert (tuned.adapter, same.adapter) == (run.id, brought.id)
    assert tuned.adapter_norm == pytest.approx(same.adapter_norm) and nothing.adapter_norm == 0.0
    assert tuned.divergence == pytest.approx(same.divergence) and tuned.divergence > 0.0
    assert nothing.divergence == pytest.approx(0.0, abs=1e-6)


def test_a_saved_adapter_says_where_it_belongs(saved: dict[str, Path]) -> None:
    config = json.loads((saved["one"] / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == STARTER


def test_an_adapter_is_made_ready_only_where_its_base_is_and_freed_when_it_is_deleted(
    worker: Worker, brought: BroughtAdapter
) -> None:
    assert not worker.attach(brought.id)  # nothing is loaded for it
    worker.describe(STARTER)
    assert worker.attach(brought.id) and brought.id in worker.state().adapters
    worker.detach(brought.id)
    assert brought.id not in worker.state().adapters
    answers(worker, Pane(brought.id, HISTORY))
    assert brought.id in worker.state().adapters


def test_an_adapter_that_is_deleted_while_it_speaks_ends_its_reply_first(
    worker: Worker, brought: BroughtAdapter
) -> None:
    request = ChatRequest("r", STARTER, (Pane(brought.id, HISTORY), Pane(None, HISTORY)), Sampling(0.0, 64))
    replies = worker.chat(request)
    seen = [next(replies), next(replies)]
    worker.detach(brought.id)
    seen += replies
    assert sum(isinstance(event, ReplyDone) for event in seen) == 2
    assert brought.id not in worker.state().adapters


def test_what_does_not_fit_the_base_is_said(worker: Worker, home: Path, saved: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(saved["one"], tmp_path / "x"))
    config = json.loads((folder / "adapter_config.json").read_text()) | {"use_dora": False, "lora_bias": True}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    adapter = AdapterStore(home).add([folder], "x", lambda base: None)
    worker.describe(STARTER)
    with pytest.raises(ModelError, match="lora_bias"):
        worker.attach(adapter.id)
    last = events(worker, Pane(adapter.id, HISTORY))[-1]
    assert isinstance(last, ReplyFailed) and "lora_bias" in last.error
    last = events(worker, Pane(adapter.id, HISTORY, checkpoint=3))[-1]
    assert isinstance(last, ReplyFailed) and "no checkpoints" in last.error


def test_another_base_is_announced_before_it_is_loaded(
    worker: Worker, brought: BroughtAdapter, models: dict[str, Path]
) -> None:
    answers(worker, Pane(None, HISTORY))
    other = str(models["llama_without_template"])
    first, *rest = events(worker, Pane(None, HISTORY), base=other)
    assert isinstance(first, ReplyLoading) and first.base == other and isinstance(rest[-1], ReplyDone)
    assert not any(isinstance(event, ReplyLoading) for event in events(worker, Pane(None, HISTORY), base=other))
    last = events(worker, Pane(brought.id, HISTORY), base=other)[-1]
    assert isinstance(last, ReplyFailed) and "not on" in last.error


def test_the_old_base_is_gone_before_the_new_one_comes(home: Path, saved: dict[str, Path], tmp_path: Path) -> None:
    from multiprocessing import Pipe

    torn = Path(shutil.copytree(STARTER_FOLDER, tmp_path / "torn"))  # which shows only when it is read
    os.truncate(torn / "model.safetensors", 1_000_000)
    loop = Loop(Pipe()[0], home, "local")
    loop.describe(STARTER, "auto")
    resident = loop._resident
    assert resident is not None
    resident.attach("one", saved["one"])
    with resident.rows(["one"]):
        resident.model(input_ids=torch.tensor([[1, 2]]))
    resident.stack.select([Voice("one")])  # as where a reply was cut off
    gone = [weakref.ref(part) for part in (resident.model, *resident.model.parameters())]
    del resident
    gc.disable()
    try:
        with pytest.raises(ModelError, match="download it again"):
            loop.describe(str(torn), "auto")
        assert not any(part() is not None for part in gone)
    finally:
        gc.enable()


def test_a_folder_of_an_adapter_stands_in_for_a_run_at_the_command_line(home: Path, run: Run) -> None:
    def compare(who: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ftchat", "compare", who, "--prompt", HISTORY[0].content, "--json"]
        return subprocess.run([*command, "--max-new-tokens", "24"], capture_output=True, text=True, check=False)

    by_name, by_folder = (compare(who) for who in ("one", str(run.adapter)))
    assert by_folder.returncode == 0, by_folder.stderr
    found, same = json.loads(by_folder.stdout), json.loads(by_name.stdout)
    assert found["tuned"] == same["tuned"] != found["base"] == same["base"]
    refused = compare(str(run.folder))
    assert refused.returncode == 2 and "two files" in refused.stderr and "Traceback" not in refused.stderr
