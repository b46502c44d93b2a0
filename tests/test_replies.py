"""Many ask at once: all are answered, in order, and what happens to one does not happen to the others."""

from __future__ import annotations

import itertools
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from duets import Studio, said
from safetensors.torch import load_file, save_file
from test_train import PAIRS, finish, losses, start

from ftchat.engine import checkpoints
from ftchat.engine.adapters import Voice
from ftchat.engine.decode import Decoder
from ftchat.engine.reply import Reply, replies_to
from ftchat.events import ReplyDone, ReplyEvent, ReplyFailed, ReplyToken, RunFinished, RunQueued, RunStarted
from ftchat.records import STARTER, ChatRequest, Message, Pane, RunConfig, Sampling
from ftchat.runs import Run, RunStore
from ftchat.worker import Worker

STORY = said("Tell me a short story about a fox.")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("adapters"))


def request(*panes: Pane, tokens: int = 24) -> ChatRequest:
    return ChatRequest(uuid.uuid4().hex, STARTER, panes, Sampling(0.0, tokens))


def opened(studio: Studio, decoder: Decoder, asked: ChatRequest) -> list[Reply]:
    replies = replies_to(asked, studio.resident, [Voice(pane.run, pane.strength) for pane in asked.panes])
    decoder.add(replies)
    return replies


def drained(studio: Studio, decoder: Decoder) -> Iterator[ReplyEvent]:
    while not decoder.idle:
        with studio.resident.chatting():
            yield from decoder.advance()


def test_who_finds_no_room_waits_in_order(studio: Studio) -> None:
    decoder = Decoder(studio.resident, most_rows=4)
    asked = [request(Pane(None, STORY), Pane("one", STORY), tokens=4 + n) for n in range(5)]
    for one in asked:
        opened(studio, decoder, one)
    begun: dict[str, int] = {}
    widest = 0
    for event in drained(studio, decoder):
        begun.setdefault(event.request, len(begun))
        widest = max(widest, sum(reply.tokens > 0 for reply in decoder.open))
    assert list(begun) == [one.id for one in asked] and widest <= 4


def test_the_next_turn_reads_only_what_is_new(studio: Studio) -> None:
    read: list[int] = []
    hook = studio.resident.model.register_forward_pre_hook(
        lambda _m, _a, kwargs: read.append(kwargs["input_ids"].shape[1]), with_kwargs=True
    )
    decoder, history = Decoder(studio.resident), said("word " * 60 + "?")
    try:
        for question in ("And now?", "And then?"):
            replies = opened(studio, decoder, request(Pane(None, history), Pane("one", history), tokens=12))
            done = [event for event in drained(studio, decoder) if isinstance(event, ReplyDone)]
            answer = next(event.text for event in done if event.pane == 0)
            history = (*history, Message("assistant", answer), Message("user", question))
        prompt = len(studio.prompt(history[:3]))
        assert max(read) >= 60 and prompt > 60
        second = read[read.index(max(read)) + 1 :]
        assert max(second) < 20 and replies[0].tokens
    finally:
        hook.remove()


def test_an_answer_without_numbers_fails_alone(studio: Studio, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(studio.folders["one"], tmp_path / "wild"))
    tensors = load_file(folder / "adapter_model.safetensors")
    save_file({k: t * 1e30 for k, t in tensors.items()}, folder / "adapter_model.safetensors")
    studio.resident.attach("wild", folder)
    decoder = Decoder(studio.resident)
    good = opened(studio, decoder, request(Pane(None, STORY), Pane("two", STORY)))
    (bad, _) = opened(studio, decoder, request(Pane("wild", STORY), Pane(None, STORY)))
    events = list(drained(studio, decoder))
    failed = [event for event in events if isinstance(event, ReplyFailed)]
    assert [event.request for event in failed] == [bad.request] and "damaged" in failed[0].error
    for reply in good:
        alone = studio.alone(STORY, reply.voice.adapter, 24)
        assert reply.ids[-reply.tokens :] == alone
    studio.resident.detach("wild")


# Through the worker


def trained(home: Path, studio: Studio, name: str, adapter: str = "one") -> Run:
    """A run that ended with this adapter."""
    run = RunStore(home).create(RunConfig(name, "data"))
    shutil.copytree(studio.folders[adapter], run.adapter)
    run.append(RunQueued())
    run.append(RunStarted(total_steps=2, base=STARTER, method="lora"))
    run.append(RunFinished(steps=2, train_loss=0.1, seconds=1.0, tokens_per_second=9.0, peak_memory=1))
    return run


def done(events: Iterator[ReplyEvent] | list[ReplyEvent]) -> list[ReplyDone]:
    events = list(events)
    assert not [event for event in events if isinstance(event, ReplyFailed)], events
    return sorted((event for event in events if isinstance(event, ReplyDone)), key=lambda event: event.pane)


def test_visitors_at_once_each_get_their_own_answer(home: Path, worker: Worker, studio: Studio) -> None:
    runs = {name: trained(home, studio, name, name) for name in ("one", "two")}
    asked = [*itertools.product(runs, ("Hello!", "Who are you?", "你好", "What is 3 + 4?"), (1.0, 1.5))]
    expected = {
        (name, text, strength): [
            answer.text
            for answer in studio.answers([said(text)] * 2, [Voice(None), Voice(name, strength)], Sampling(0.0, 24))
        ]
        for name, text, strength in asked
    }
    found: dict[tuple[str, str, float], list[str]] = {}

    def visit(name: str, text: str, strength: float) -> None:
        panes = (Pane(None, said(text)), Pane(runs[name].id, said(text), strength))
        found[name, text, strength] = [answer.text for answer in done(worker.chat(request(*panes)))]

    threads = [threading.Thread(target=visit, args=one) for one in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == expected and worker.state().replies == 0


def test_one_pane_can_be_stopped(home: Path, worker: Worker, studio: Studio) -> None:
    run = trained(home, studio, "one")
    asked = request(Pane(None, STORY), Pane(run.id, STORY), tokens=60)
    events = []
    for event in worker.chat(asked):
        if not events:
            worker.stop_reply(asked.id, 1)
        events.append(event)
    base, tuned = done(events)
    assert (base.stop, tuned.stop) == ("eos", "stopped") and tuned.tokens < base.tokens


def test_who_goes_away_frees_the_rows(home: Path, worker: Worker) -> None:
    reply = worker.chat(request(Pane(None, STORY), Pane(None, STORY), tokens=900))
    next(event for event in reply if isinstance(event, ReplyToken))
    reply.close()
    deadline = time.monotonic() + 5
    while worker.state().replies:
        assert time.monotonic() < deadline
    assert done(worker.chat(request(Pane(None, STORY))))[0].text


def test_the_adapters_asked_for_last_stay(home: Path, worker: Worker, studio: Studio) -> None:
    runs = [trained(home, studio, f"run {number}", "few") for number in range(10)]
    for run in runs:
        done(worker.chat(request(Pane(run.id, STORY), tokens=2)))
    assert set(worker.state().adapters) == {run.id for run in runs[2:]}
    both = done(worker.chat(request(*(Pane(run.id, STORY) for run in runs), tokens=2)))
    assert [answer.adapter for answer in both] == [run.id for run in runs]


def test_a_pane_that_cannot_be_is_refused_in_a_sentence(home: Path, worker: Worker, studio: Studio) -> None:
    run = trained(home, studio, "one")
    for pane, words in (
        (Pane(run.id, STORY, 1.6), "strength"),
        (Pane(run.id, STORY, float("nan")), "strength"),
        (Pane(run.id, STORY, checkpoint=7), "no checkpoint of step 7"),
    ):
        *_, failed = worker.chat(request(Pane(None, STORY), pane))
        assert isinstance(failed, ReplyFailed) and words in failed.error


def test_a_checkpoint_answers_beside_the_end(home: Path, worker: Worker, studio: Studio) -> None:
    run = trained(home, studio, "one")
    learned = studio.folders["two"]
    checkpoints.save(run.checkpoints, 7, None, lambda folder: shutil.copytree(learned, folder, dirs_exist_ok=True))
    early, late = done(worker.chat(request(Pane(run.id, STORY, checkpoint=7), Pane(run.id, STORY))))
    assert (early.adapter, late.adapter) == (f"{run.id}@7", run.id)
    expected = studio.answers([STORY] * 2, [Voice("two"), Voice("one")], Sampling(0.0, 24))
    assert [early.text, late.text] == [answer.text for answer in expected]


def test_what_is_half_trained_can_be_asked_without_changing_what_becomes_of_it(home: Path, worker: Worker) -> None:
    settings = {"max_steps": 40, "lora_dropout": 0.1}
    finish(quiet := start(home, worker, "quiet", settings))
    run = start(home, worker, "busy", settings)
    while run.status().step < 3:
        time.sleep(0.02)
    question, _ = PAIRS[0]
    answers = []
    while not run.status().over:
        panes = (Pane(None, said(question)), Pane(run.id, said(question), checkpoint="now"))
        events = list(worker.chat(request(*panes, tokens=20)))
        if not isinstance(events[-1], ReplyFailed):
            answers.append(done(events)[1])
    finish(run)
    early = [answer for answer in answers if answer.adapter != run.id]  # the others came when it had learned all
    assert len({answer.adapter for answer in early}) == len(early) >= 2
    norms = [answer.adapter_norm for answer in answers]
    assert norms == sorted(norms) and all(answer.adapter.startswith(f"{run.id}@") for answer in early)
    steps = [int(answer.adapter.partition("@")[2].partition("-")[0]) for answer in early]
    assert steps == sorted(steps) and steps[0] >= 3 and steps[-1] <= 40
    assert losses(run) == losses(quiet)
    assert set(worker.state().adapters) == {quiet.id, run.id}
