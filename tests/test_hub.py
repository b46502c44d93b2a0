"""Bases by their Hub id, from a real HTTP server: what comes, what is said, and that nothing comes twice."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from hub_server import HubServer
from safetensors.torch import load_file, save_file
from test_train import start

from ftchat.engine.loading import STARTER_FOLDER
from ftchat.events import Downloading, ReplyDone, ReplyFailed, ReplyLoading
from ftchat.hub import Download, downloaded
from ftchat.records import STARTER, ChatRequest, Message, Pane, Sampling
from ftchat.runs import Run
from ftchat.worker import ProcessWorker, Worker, open_worker

SIZE = (STARTER_FOLDER / "model.safetensors").stat().st_size


def until(run: Run, *states: str) -> str:
    end = time.monotonic() + 60
    while (state := run.status().state) not in states:
        assert time.monotonic() < end, state
        time.sleep(0.02)
    return state


def ask(worker: Worker, base: str) -> list:
    panes = (Pane(None, (Message("user", "Hello!"),)),)
    return list(worker.chat(ChatRequest(f"ask-{base}", base, panes, Sampling(0.0, 4))))


def test_a_base_comes_with_its_progress_and_nothing_that_is_not_needed(hub: HubServer, worker: Worker) -> None:
    hub.put("me/chat")
    hub.rate = 20e6
    seen = list(worker.fetch("me/chat"))
    assert seen and all(isinstance(one, Downloading) and one.total == SIZE for one in seen)
    assert seen[-1].file == "model.safetensors" and [one.done for one in seen] == sorted(one.done for one in seen)
    info = worker.describe("me/chat")
    assert info.name == "me/chat"
    asked = len(hub.log)
    assert not list(worker.fetch("me/chat")) and isinstance(ask(worker, "me/chat")[-1], ReplyDone)
    assert len(hub.log) == asked, "what is here is not asked for again"
    fetched = {one.path.rpartition("main/")[2].rpartition("/")[2] for one in hub.log if "/resolve/" in one.path}
    assert fetched == {path.name for path in STARTER_FOLDER.iterdir()} - {"README.md"}


def test_a_run_waits_for_its_base_and_others_chat_meanwhile(hub: HubServer, home: Path, worker: Worker) -> None:
    hub.put("me/chat")
    worker.describe(STARTER)
    hub.rate = 3e6
    run = start(home, worker, "waits", {"max_steps": 2}, base="me/chat")
    while run.status().download is None:
        time.sleep(0.02)
    done = ask(worker, STARTER)[-1]
    assert isinstance(done, ReplyDone) and done.seconds < 2 and run.status().state == "queued"
    hub.rate = 0
    assert until(run, "finished", "failed") == "finished"
    came = [event for event in run.events() if isinstance(event, Downloading)]
    assert came[0].done < came[-1].done == came[-1].total == SIZE
    assert run.status().usable


def test_stopped_half_way_it_goes_on_from_the_byte_that_is_there(hub: HubServer, home: Path, worker: Worker) -> None:
    hub.put("me/chat")
    hub.rate = 2e6
    first = start(home, worker, "first", {"max_steps": 1}, base="me/chat")
    while hub.partial() < SIZE // 10:
        assert first.status().state == "queued"
        time.sleep(0.02)
    began = time.monotonic()
    worker.stop_run(first.id)
    assert until(first, "stopped") and time.monotonic() - began < 1
    hub.rate = 0
    time.sleep(0.3)  # what was on the wire
    kept, asked = hub.partial(), len(hub.log)
    assert SIZE // 10 < kept < SIZE
    second = start(home, worker, "second", {"max_steps": 1}, base="me/chat")
    assert until(second, "finished", "failed") == "finished"
    again = [one for one in hub.log[asked:] if one.method == "GET" and "/resolve/" in one.path]
    assert {one.path.rpartition("/")[2] for one in again} == {"model.safetensors"}
    assert {one.range for one in again} == {f"bytes={kept}-"}


@pytest.mark.slow
def test_a_killed_process_goes_on_from_the_byte_that_is_there(hub: HubServer, home: Path) -> None:
    hub.put("me/chat")
    hub.rate = 2e6
    process = open_worker("process", home)
    assert isinstance(process, ProcessWorker)
    try:
        run = start(home, process, "killed", {"max_steps": 1}, base="me/chat")
        while hub.partial() < SIZE // 10:
            assert run.status().state == "queued"
            time.sleep(0.02)
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        until(run, "interrupted")
        kept, hub.rate = hub.partial(), 0
        process.start_run(run.id)
        assert until(run, "finished", "failed") == "finished"
        assert hub.fetched("model.safetensors")[-1] == f"bytes={kept}-"
    finally:
        process.close()


def test_two_who_want_the_same_base_fetch_it_once(hub: HubServer, worker: Worker) -> None:
    hub.put("me/chat")
    hub.rate = 10e6
    alone = Download("me/chat")  # as another process would
    alone.prepare()
    beside = threading.Thread(target=alone.run)
    beside.start()
    while not hub.partial():
        time.sleep(0.01)
    list(worker.fetch("me/chat"))
    beside.join()
    assert downloaded("me/chat") and hub.fetched("model.safetensors") == [None, None]


def test_a_cut_connection_is_taken_up_again(hub: HubServer, worker: Worker) -> None:
    hub.put("me/chat")
    hub.cuts = [SIZE // 3, 0, SIZE // 3]
    list(worker.fetch("me/chat"))
    folder = downloaded("me/chat")
    assert folder and (folder / "model.safetensors").read_bytes() == (STARTER_FOLDER / "model.safetensors").read_bytes()
    starts = [int((one or "bytes=0-")[6:-1]) for one in hub.fetched("model.safetensors")]
    assert starts[0] == 0 and sorted(starts) == starts and starts[-1] >= SIZE // 2


def test_one_that_stays_cut_is_said_in_a_sentence(hub: HubServer, home: Path, worker: Worker) -> None:
    hub.put("me/chat")
    hub.cuts = [100_000] + [0] * 50
    run = start(home, worker, "cut", {"max_steps": 1}, base="me/chat")
    assert until(run, "failed")
    error = run.status().error
    assert error == "me/chat: the Hub cannot be reached; check the network, then start again" and not run.status().bug
    assert hub.partial() == 100_000


def test_a_chat_says_how_far_its_base_is_and_can_be_stopped(hub: HubServer, worker: Worker) -> None:
    hub.put("me/chat")
    hub.rate = 2e6
    panes = (Pane(None, (Message("user", "Hello!"),)),)
    events = []
    for event in worker.chat(ChatRequest("slow", "me/chat", panes, Sampling(0.0, 4))):
        events.append(event)
        if isinstance(event, ReplyLoading) and event.download and event.download.done:
            worker.stop_reply("slow")
    assert isinstance(events[-1], ReplyFailed) and "me/chat was being downloaded" in events[-1].error
    hub.rate = 0
    found = ask(worker, "me/chat")
    assert isinstance(found[-1], ReplyDone) and any(isinstance(one, ReplyLoading) for one in found)


@pytest.mark.parametrize("name", ["me/private", "me/gated"])
def test_a_token_opens_the_door_and_stays_with_the_hub(
    hub: HubServer, worker: Worker, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    hub.put(name)
    hub.private, hub.gated = {"me/private"}, {"me/gated"}
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    list(worker.fetch(name))
    assert worker.describe(name).name == name
    assert all(one.token is None for one in hub.log if one.path.startswith("/cdn/"))


def test_two_files_of_weights_come_one_after_the_other_and_a_whole_one_not_again(
    hub: HubServer, worker: Worker
) -> None:
    folder = hub.put("me/two")
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    (folder / "model.safetensors").unlink()
    parts = {"model-00001-of-00002.safetensors": names[:1], "model-00002-of-00002.safetensors": names[1:]}
    for file, inside in parts.items():
        save_file({name: tensors[name] for name in inside}, folder / file, {"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: file for file, inside in parts.items() for name in inside}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    first, second = parts
    hub.rate = 3e6
    coming = worker.fetch("me/two")
    size = (folder / first).stat().st_size
    while not ((now := next(coming)).file == second and now.done > size):
        pass
    coming.close()
    time.sleep(0.5)  # or whoever asks next is taken for one who still waits
    hub.rate = 0
    assert all(one.total == size + (folder / second).stat().st_size for one in worker.fetch("me/two"))
    assert downloaded("me/two")
    assert hub.fetched(first) == [None, None], "the Hub and the host that it points to, once each"
    assert hub.fetched(second)[-1] == hub.fetched(second)[-2] != hub.fetched(second)[0]
    assert worker.describe("me/two").parameters == worker.describe(STARTER).parameters
