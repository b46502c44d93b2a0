"""From the last step to the first answer: what was learned answers out of memory, as its file will."""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from chats import finished
from duets import Recording, make_adapters, move, resolved, said
from test_methods import ALL

from ftchat.adapters import AdapterStore
from ftchat.engine import memory, methods
from ftchat.engine.adapters import Voice
from ftchat.engine.checks import base_probe, check_after
from ftchat.engine.closing import keep
from ftchat.engine.memory import memory_used
from ftchat.engine.models import Resident
from ftchat.engine.replies import ADAPTERS_KEPT, Replies
from ftchat.engine.reply import replies_to
from ftchat.engine.samples import ask_both
from ftchat.events import ReplyDone, ReplyEvent
from ftchat.records import STARTER, ChatRequest, Example, Message, Pane, RunConfig, Sampling
from ftchat.runs import Run, RunStore

HISTORY = said("Tell me about the sea.")
EXAMPLES = [Example((*said(f"Question {n}?"), Message("assistant", f"The answer is {n}."))) for n in range(3)]
CASES = {method: (method, {}) for method in ALL} | {"prefix of one token": ("prefix", {"num_virtual_tokens": 1})}


class Chat:
    """The chat half of the loop over one resident; what it sends is in `events`."""

    def __init__(self, home: Path):
        self.resident = Resident(STARTER, "float32", torch.device("cpu"))
        self.runs = RunStore(home)
        self.events: list[ReplyEvent] = []
        self.replies = Replies(self.runs, AdapterStore(home), lambda *_: self.resident, self._take)

    def _take(self, call: int, event: ReplyEvent | None) -> None:
        self.events += [event] if event else []

    def ask(self, *panes: Pane, tokens: int = 8) -> None:
        self.replies.open(1, ChatRequest(uuid.uuid4().hex, STARTER, panes, Sampling(0.0, tokens)))

    def answers(self) -> list[ReplyDone]:
        """Of the last request, once it is over."""
        while self.replies:
            self.replies.advance()
        last = self.events[-1].request
        return [event for event in self.events if isinstance(event, ReplyDone) and event.request == last]

    def logits(self, name: str) -> torch.Tensor:
        """What the tokens of an answer were drawn from."""
        decoder = Recording(self.resident)
        request = ChatRequest("r", STARTER, (Pane(name, HISTORY),), Sampling(0.0, 6))
        (reply,) = replies_to(request, self.resident, [Voice(name)])
        decoder.add([reply])
        with self.resident.chatting():
            while not decoder.idle:
                list(decoder.advance())
        return torch.stack(decoder.logits[reply])

    def train(self, method: str = "lora", **settings: int) -> Run:
        """A run that has taken its last step."""
        run = self.runs.create(RunConfig(self.runs.free_name(method), "data"))
        torch.manual_seed(0)
        make = methods.learner
        move(self.resident.teach(lambda: make(run.id, resolved(self.resident, method, **settings), self.resident)))
        return run


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Chat:
    return Chat(tmp_path_factory.mktemp("chat"))


@pytest.fixture(scope="module")
def crowd(chat: Chat, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """More runs that ended than may stay resident."""
    made = make_adapters(Resident(STARTER, "float32", torch.device("cpu")), tmp_path_factory.mktemp("made"), ["few"])
    runs = [finished(chat.runs, f"run {number}") for number in range(ADAPTERS_KEPT + 2)]
    for run in runs:
        shutil.copytree(made["few"], run.adapter)
    return runs


@pytest.mark.parametrize(("method", "settings"), CASES.values(), ids=CASES)
def test_what_answers_before_it_is_saved_is_what_its_file_gives_to_the_bit(
    chat: Chat, method: str, settings: dict[str, int]
) -> None:
    run, seen = chat.train(method, **settings), []

    def pulse() -> None:
        assert not run.adapter.exists()
        seen.append((chat.logits(run.id), chat.resident.adapter_norm(run.id)))

    keep(run, chat.resident, pulse)
    ((logits, norm),) = seen
    assert chat.resident.training is None and torch.equal(chat.logits(run.id), logits)
    chat.resident.attach("file", run.adapter)
    assert torch.equal(chat.logits("file"), logits) and chat.resident.adapter_norm("file") == norm > 0
    for name in (run.id, "file"):
        chat.resident.detach(name)


@pytest.mark.parametrize("method", ["prefix", "prompt", "ptuning", "adalora", "full"])
def test_what_answers_is_not_moved_by_what_is_trained_on(chat: Chat, method: str) -> None:
    settings = {"num_virtual_tokens": 1} if method in ("prefix", "prompt", "ptuning") else {}
    run = chat.train(method, **settings)
    chat.resident.snapshot("then")
    then = chat.logits("then")
    move(chat.resident.learner)
    assert torch.equal(chat.logits("then"), then)
    for name in (run.id, "then"):
        chat.resident.detach(name)


@pytest.mark.parametrize("checkpoint", [None, "now"])
def test_a_run_answers_before_its_adapter_is_on_the_disk_and_while_it_is_checked(
    chat: Chat, checkpoint: str | None
) -> None:
    before = base_probe(chat.resident)
    run, began = chat.train(), len(chat.events)
    keep(run, chat.resident, lambda: chat.ask(Pane(run.id, HISTORY, checkpoint=checkpoint), tokens=8))
    assert not run.status().usable
    check_after(chat.resident, run.id, EXAMPLES, before, chat.replies.advance)
    done = [event for event in chat.events[began:] if isinstance(event, ReplyDone)]
    assert [answer.adapter for answer in done] == [run.id] and done[0].tokens and not chat.replies
    chat.resident.detach(run.id)


def test_what_is_asked_of_a_run_so_far_says_at_which_step_and_after_its_end_is_what_it_learned(chat: Chat) -> None:
    run = chat.train()
    assert chat.resident.learner is not None
    chat.resident.learner.step = 7
    chat.ask(Pane(run.id, HISTORY, checkpoint="now"))
    (early,) = chat.answers()
    keep(run, chat.resident, lambda: None)
    chat.ask(Pane(run.id, HISTORY, checkpoint="now"))
    (late,) = chat.answers()
    assert early.adapter and early.adapter.startswith(f"{run.id}@7-") and late.adapter == run.id
    assert late.text == early.text
    chat.resident.detach(run.id)


def test_what_a_run_asks_for_its_own_ends_is_not_let_go_of_for_visitors(chat: Chat, crowd: list[Run]) -> None:
    run = chat.train()
    chat.resident.snapshot("sample")
    asked: Iterator[Run] = iter(crowd)

    def crowded() -> bool:
        """With the first token of the samples other runs are asked, one after the other."""
        for other in asked:
            chat.ask(Pane(other.id, HISTORY), tokens=2)
            while chat.replies:
                chat.replies.advance()
        return False

    pairs = ask_both(chat.resident, "sample", EXAMPLES, 16, crowded)
    assert len(pairs) == len(EXAMPLES)
    chat.resident.detach("sample")
    chat.resident.detach(run.id)
    assert len(chat.resident.adapters) <= ADAPTERS_KEPT


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the allocator decides")
def test_an_adapter_that_is_unloaded_gives_its_memory_back(home: Path) -> None:
    chat = Chat(home)
    keep(first := chat.train("full"), chat.resident, lambda: None)
    chat.replies.detach(first.id, chat.resident)
    more = [finished(chat.runs, f"whole {number}") for number in range(4)]
    for other in more:
        shutil.copytree(first.adapter, other.adapter)
    cpu = torch.device("cpu")
    before = memory_used(cpu)
    for other in more:
        chat.ask(Pane(other.id, HISTORY), tokens=1)
        chat.answers()
    held = memory_used(cpu)
    for other in more:
        chat.replies.detach(other.id, chat.resident)
    freed = held - memory_used(cpu)
    assert held - before > 100 * 2**20 and freed > 0.8 * (held - before), (before, held, freed)


def test_of_adapters_that_memory_does_not_hold_together_the_last_asked_stays(
    home: Path, crowd: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = Chat(home)
    *first, last = [finished(chat.runs, f"large {number}") for number in range(4)]
    for run in (*first, last):
        shutil.copytree(crowd[0].adapter, run.adapter)
    for run in first:
        chat.ask(Pane(run.id, HISTORY), tokens=1)
        chat.answers()
    assert len(chat.resident.adapters) == 3
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("1000000")  # the container's: this process has more already
    for run in (last, *first):
        chat.ask(Pane(run.id, HISTORY), tokens=1)
        chat.answers()
        assert list(chat.resident.adapters) == [run.id]
