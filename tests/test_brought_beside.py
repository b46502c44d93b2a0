"""What lies beside an adapter's two files is passed over, unopened; what a kill left of one on its way goes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from duets import said
from peft import LoraConfig, get_peft_model
from test_brought import anything, made, packed
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

from ftchat.adapters import AdapterStore
from ftchat.adapters.checks import CONFIG, WEIGHTS
from ftchat.engine.loading import STARTER_FOLDER
from ftchat.errors import ModelError
from ftchat.events import ReplyDone
from ftchat.records import STARTER, ChatRequest, Pane, Sampling
from ftchat.worker import Worker

STATE = {"optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "trainer_state.json"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What another program's Trainer leaves of two steps on the starter: two checkpoints and the adapter."""
    folder = tmp_path_factory.mktemp("elsewhere") / "out"
    base = AutoModelForCausalLM.from_pretrained(STARTER_FOLDER, dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "v_proj"]))
    ids = list(range(40, 60))
    rows = Dataset.from_list([{"input_ids": ids, "labels": ids}] * 2)
    arguments = TrainingArguments(
        output_dir=str(folder), max_steps=2, save_steps=1, learning_rate=0.1, report_to=[], use_cpu=True,
        per_device_train_batch_size=1, disable_tqdm=True,
    )  # fmt: skip
    trainer = Trainer(model=model, args=arguments, train_dataset=rows)
    trainer.train()
    trainer.save_model()
    return folder


@pytest.fixture
def checkpoint(trained: Path, tmp_path: Path) -> Path:
    """One of them, whose optimizer writes a file when somebody opens it."""
    folder = Path(shutil.copytree(trained / "checkpoint-2", tmp_path / "checkpoint-2"))
    assert {path.name for path in folder.iterdir()} >= STATE
    said_so = f"__import__('pathlib').Path({str(tmp_path / 'opened')!r}).touch()"
    (folder / "optimizer.pt").write_bytes(b"cbuiltins\neval\n(V" + said_so.encode() + b"\ntR.")
    return folder


def test_a_checkpoint_of_a_trainer_is_taken_and_what_lies_beside_it_is_named_and_stays_closed(
    home: Path, tmp_path: Path, checkpoint: Path, worker: Worker
) -> None:
    store = AdapterStore(home)
    archive = Path(shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path, "checkpoint-2"))
    files = sorted(checkpoint.iterdir())
    for brought in ([checkpoint], files, [archive]):
        adapter = store.add(brought, "checkpoint-2", anything)
        assert {Path(name).name for name in adapter.passed_over} >= STATE
        assert not {CONFIG, WEIGHTS} & {Path(name).name for name in adapter.passed_over}
        assert "optimizer.pt" in adapter.passed and adapter.base == STARTER
    assert len(store.list()) == 1
    assert sorted(path.name for path in adapter.folder.iterdir()) == ["about.json", CONFIG, WEIGHTS]
    panes = Pane(None, said("Hello!")), Pane(adapter.id, said("Hello!"))
    done = [e for e in worker.chat(ChatRequest("r", STARTER, panes, Sampling(0.0, 8))) if isinstance(e, ReplyDone)]
    assert {answer.adapter for answer in done} == {None, adapter.id}
    assert max(answer.divergence or 0.0 for answer in done) > 0
    assert not (tmp_path / "opened").exists()


def test_of_a_whole_training_in_one_archive_what_it_came_to_is_taken(home: Path, tmp_path: Path, trained: Path) -> None:
    store = AdapterStore(home)
    whole = store.add([Path(shutil.make_archive(str(tmp_path / "out"), "zip", trained.parent, "out"))], "x", anything)
    assert whole == store.add([trained], "x", anything)
    for step in ("checkpoint-1", "checkpoint-2"):
        shutil.copytree(trained / step, tmp_path / "cut" / step)
    with pytest.raises(ModelError, match="each once"):
        store.add([Path(shutil.make_archive(str(tmp_path / "cut"), "zip", tmp_path, "cut"))], "x", anything)


@pytest.mark.parametrize("pickled", ["adapter_model.bin", "adapter_model.pt"])
@pytest.mark.parametrize("zipped", [False, True])
def test_an_adapter_that_is_only_a_pickle_is_refused(
    home: Path, tmp_path: Path, checkpoint: Path, pickled: str, zipped: bool
) -> None:
    (checkpoint / WEIGHTS).rename(checkpoint / pickled)
    brought = Path(shutil.make_archive(str(tmp_path / "z"), "zip", checkpoint)) if zipped else checkpoint
    with pytest.raises(ModelError, match=f"{pickled} is of a kind that can run code"):
        AdapterStore(home).add([brought], "x", anything)
    shutil.copyfile(made(tmp_path / "good") / WEIGHTS, checkpoint / WEIGHTS)  # beside safe weights it is passed over
    shutil.copyfile(tmp_path / "good" / CONFIG, checkpoint / CONFIG)
    assert pickled in AdapterStore(home).add([checkpoint], "x", anything).passed_over


def test_names_of_an_archive_lead_nowhere_and_what_is_passed_over_is_not_unpacked(home: Path, tmp_path: Path) -> None:
    folder = made(tmp_path / "x")
    (folder / "bomb").write_bytes(bytes(300 << 20))
    archive = packed(folder, tmp_path / "up.zip", inside="../../up/", extra=("../../escaped.pt", "/etc/escaped\n.bin"))
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        file.write(folder / "bomb", "optimizer.pt")
    adapter = AdapterStore(home).add([archive], "x", anything)
    assert len(adapter.passed_over) == 3 and "\n" not in adapter.passed
    assert not list(tmp_path.rglob("escaped*")) and not (home.parent / "up").exists()


def bringing(home: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process in the middle of bringing an adapter, and the folder that it fills."""
    code = (
        "import sys, time; from pathlib import Path; from ftchat.adapters import AdapterStore\n"
        "with AdapterStore(Path(sys.argv[1])).coming() as folder:\n"
        "    (folder / 'half').write_text('x'); print(folder, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_kill_left_goes_at_the_next_start_and_what_is_on_its_way_stays(home: Path, worker: Worker) -> None:
    store = AdapterStore(home)
    kept = store.add([made(home / "mine")], "mine", anything)
    (dead, left), (alive, coming) = bringing(home), bringing(home)
    try:
        os.kill(dead.pid, signal.SIGKILL)
        dead.wait()
        older = store.folder / ".coming-0123abcd"  # of a version that had no locks
        older.mkdir()
        assert left.exists() and coming.exists()
        worker.state()
        assert not left.exists() and not older.exists() and (coming / "half").exists() and store.list() == [kept]
    finally:
        alive.kill()
        alive.wait()
    store.clear_leftovers()
    assert list(store.folder.iterdir()) == [kept.folder]


def test_what_is_begun_in_one_thread_may_end_in_another(home: Path) -> None:
    store = AdapterStore(home)
    coming = store.coming()
    with_it = threading.Thread(target=coming.__enter__)
    with_it.start()
    with_it.join()
    store.clear_leftovers()
    assert any(path.is_dir() for path in store.folder.iterdir())
    coming.__exit__(None, None, None)
    assert list(store.folder.iterdir()) == []
