"""A run is a folder that several processes may watch, and whose history may be torn."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ftchat.errors import ConfigError
from ftchat.events import RunQueued, RunStarted
from ftchat.records import RunConfig
from ftchat.runs import Run, RunStore


@pytest.fixture
def store(home: Path) -> RunStore:
    return RunStore(home)


def config(name: str) -> RunConfig:
    return RunConfig(name, "0" * 16, settings={"r": 8, "learning_rate": 0.001})


def test_a_run_is_found_by_id_and_by_name_and_keeps_its_config(store: RunStore) -> None:
    run = store.create(config("客服 1"))
    assert store.get(run.id).config == store.get("客服 1").config == config("客服 1")


def test_a_name_in_use_is_refused_and_a_free_one_offered(store: RunStore) -> None:
    store.create(config("support"))
    with pytest.raises(ConfigError, match="support"):
        store.create(config("support"))
    assert store.free_name("support") == "support-2"
    assert store.free_name("other") == "other"


@pytest.mark.parametrize("name", ["", "  ", "-rf", "x" * 200])
def test_a_name_that_cannot_be_typed_back_is_refused(store: RunStore, name: str) -> None:
    with pytest.raises(ConfigError):
        store.create(config(name))


def test_an_unknown_run_is_answered_with_those_there_are(store: RunStore) -> None:
    store.create(config("support"))
    with pytest.raises(ConfigError, match=r"suport.*support"):
        store.get("suport")


def test_the_history_goes_on_after_a_torn_line(store: RunStore) -> None:
    run = store.create(config("a"))
    run.append(RunQueued())
    with (run.folder / "events.jsonl").open("a") as file:
        file.write('{"event": "StepLog')
    started = RunStarted(total_steps=5, base="starter", method="lora")
    run.append(started)
    assert [type(event) for event in run.events()] == [RunQueued, RunStarted]
    assert run.events()[-1] == started


def test_a_held_run_is_running_until_its_holder_is_killed(store: RunStore) -> None:
    run = store.create(config("a"))
    run.append(RunStarted(total_steps=5, base="starter", method="lora"))
    hold = "import sys, time; from pathlib import Path; from ftchat.runs import Run\n"
    hold += "with Run(Path(sys.argv[1])).hold(): print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", hold, str(run.folder)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    assert run.status().state == "running"
    holder.kill()
    holder.wait()
    assert run.status().state == "interrupted"
    assert Run(run.folder).status().state == "interrupted"


def test_newest_runs_come_first(store: RunStore) -> None:
    first, second = store.create(config("a")), store.create(config("b"))
    assert {run.id for run in store.list()} == {first.id, second.id}
    assert store.list() == sorted(store.list(), key=lambda run: run.id, reverse=True)


def test_those_who_look_do_not_see_each_other(store: RunStore) -> None:
    run = store.create(config("a"))
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda _: Run(run.folder).held(), range(400)))
    assert not any(seen)


def test_a_new_name_is_seen_by_those_who_knew_the_old_one(store: RunStore, home: Path) -> None:
    run, elsewhere = store.create(config("a")), RunStore(home)
    assert elsewhere.get("a").config.name == "a"
    store.rename(run, "b")
    assert elsewhere.get("b").id == run.id == store.get(run.id).id
    assert run.config == config("b")
    with pytest.raises(ConfigError):
        elsewhere.get("a")


def test_a_run_that_is_held_is_not_deleted(store: RunStore) -> None:
    run = store.create(config("a"))
    run.note("learns fast\n客服")
    with run.hold(), pytest.raises(ConfigError, match="stop it first"):
        store.delete(run)
    assert store.get("a").notes == "learns fast\n客服"
    store.delete(run)
    assert store.list() == [] and not run.folder.exists()
    with pytest.raises(ConfigError):
        store.get(run.id)
