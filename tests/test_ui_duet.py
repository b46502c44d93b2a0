"""Chats of the Compare tab: how replies fold into them, what each model is told, and how events come in batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftchat.errors import WorkerDied
from ftchat.events import ReplyDone, ReplyFailed, ReplyToken
from ftchat.records import STARTER, ChatRequest, Message, Pane, Sampling
from ftchat.ui.duet import BASE, MAX_TURNS, TUNED, Chat, ChatStore, batches
from ftchat.ui.voices import Speaker


def done(request: ChatRequest, pane: int, text: str, **changes: Any) -> ReplyDone:
    run = request.panes[pane].run
    proof = {"adapter": run, "adapter_norm": 2.31 if run else 0.0, "divergence": 0.842 if run else None}
    times = {"first_token_seconds": 0.09, "seconds": 0.62}
    return ReplyDone(request=request.id, pane=pane, text=text, tokens=9, **{"stop": "eos", **proof, **times, **changes})


def both(run: str | None = "r1", base: str = STARTER) -> dict[int, Speaker]:
    """The base, and beside it an adapter if there is one."""
    return {BASE: Speaker(base)} | ({TUNED: Speaker(base, run)} if run else {})


def answered(chat: Chat, question: str, run: str | None = "r1", base: str = STARTER, text: str = "") -> ChatRequest:
    """A whole turn of that chat."""
    request = chat.ask(question, both(run, base), Sampling())
    for pane in range(len(request.panes)):
        chat.fold(done(request, pane, text or f"{question} by {request.panes[pane].run or 'base'}"))
    chat.end()
    return request


@given(st.lists(st.tuples(st.sampled_from([BASE, TUNED]), st.text(min_size=1)), max_size=20))
def test_tokens_fold_into_the_pane_that_they_belong_to(tokens: list[tuple[int, str]]) -> None:
    chat = Chat("c")
    request = chat.ask("hi", both(), Sampling())
    for count, (pane, text) in enumerate(tokens):
        chat.fold(ReplyToken(request=request.id, pane=pane, text=text, tokens=count + 1))
    for pane in (BASE, TUNED):
        assert chat.turns[0].answers[pane].text == "".join(text for at, text in tokens if at == pane)


def test_each_pane_remembers_what_its_own_model_said() -> None:
    chat = Chat("c")
    answered(chat, "one")
    request = chat.ask("two", both(), Sampling(), system="Be brief.")
    system, first, second = Message("system", "Be brief."), Message("user", "one"), Message("user", "two")
    assert request.panes == (
        Pane(None, (system, first, Message("assistant", "one by base"), second)),
        Pane("r1", (system, first, Message("assistant", "one by r1"), second)),
    )


def test_a_model_is_never_told_that_it_said_another_ones_words() -> None:
    chat = Chat("c")
    answered(chat, "base alone", run=None)
    answered(chat, "first adapter", run="r1")
    answered(chat, "other base", run="r9", base="/other")
    request = chat.ask("now", both("r2"), Sampling())
    said = [[message.content for message in pane.messages if message.role == "assistant"] for pane in request.panes]
    assert said == [["base alone by base", "first adapter by base"], []]


def test_a_failed_turn_makes_room_for_the_next_and_is_not_told_to_the_models() -> None:
    chat = Chat("c")
    request = chat.ask("one", both(None), Sampling())
    chat.fold(ReplyFailed(request=request.id, error="the conversation is too long"))
    chat.end()
    assert chat.failed and chat.live is None
    chat.refuse("two", both(None), "no")
    assert [turn.question for turn in chat.turns] == ["two"]
    assert chat.ask("three", both(None), Sampling()).panes[0].messages == (Message("user", "three"),)
    assert [turn.question for turn in chat.turns] == ["three"]


def test_retry_asks_the_same_without_the_last_answers() -> None:
    chat = Chat("c")
    answered(chat, "one")
    before = answered(chat, "two")
    chat.take_back()
    assert chat.ask("two", both(), Sampling()).panes == before.panes


def test_a_pane_that_comes_later_knows_what_its_model_said_elsewhere_unless_it_was_cleared() -> None:
    chat = Chat("c")
    answered(chat, "one")
    again = chat.ask_again(2, Speaker(STARTER, "r1"))
    assert again and [message.content for message in again.panes[0].messages] == ["one"]
    chat.fold(done(again, 0, "here"))
    chat.end()
    three = both() | {2: Speaker(STARTER, "r1"), 3: Speaker(STARTER, "r1", strength=0.5)}
    request = chat.ask("two", three, Sampling())
    told = [[message.content for message in pane.messages] for pane in request.panes]
    assert told == [["one", "one by base", "two"], ["one", "one by r1", "two"], ["one", "here", "two"], ["two"]]
    chat.end()
    chat.clear(2)
    request = chat.ask("three", three, Sampling())
    assert len(request.panes[2].messages) == 1 and len(request.panes[0].messages) == 3


def test_one_pane_asked_again_leaves_the_others_alone_whatever_comes_of_it() -> None:
    chat = Chat("c")
    answered(chat, "one")
    request = chat.ask_again(TUNED, Speaker(STARTER, "r1", strength=0.5))
    assert request and request.sampling == chat.turns[0].sampling and request.panes[0].strength == 0.5
    assert chat.place(TUNED) == 0 and chat.place(BASE) is None
    chat.fold(ReplyFailed(request=request.id, error="no"))
    chat.end()
    answers = chat.turns[0].answers
    assert answers[BASE].text == "one by base" and answers[TUNED].error == "no" and not chat.failed
    answered(chat, "two")
    assert [turn.question for turn in chat.turns] == ["one", "two"]


def test_what_comes_for_a_pane_that_was_removed_changes_nothing() -> None:
    chat = Chat("c")
    request = chat.ask("one", both() | {2: Speaker(STARTER)}, Sampling())
    chat.close(2)
    chat.fold(done(request, 2, "late"))
    assert sorted(chat.turns[0].answers) == [BASE, TUNED] and chat.place(2) is None


def test_a_stopped_reply_keeps_its_words_and_late_events_change_nothing() -> None:
    chat = Chat("c")
    request = chat.ask("one", both(None), Sampling())
    chat.take()
    chat.fold(ReplyToken(request=request.id, pane=BASE, text="half", tokens=1))
    assert chat.stop() == request.id and not chat.given_up
    chat.stop_asked = time.monotonic() - 5
    assert chat.given_up
    chat.end()
    chat.fold(done(request, BASE, "half and the rest"))
    assert chat.turns[0].answers[BASE].text == "half" and chat.turns[0].over and not chat.failed


def test_a_request_is_taken_once_and_a_stop_before_that_ends_it() -> None:
    chat = Chat("c")
    request = chat.ask("one", both(None), Sampling())
    assert chat.take() is request and chat.take() is None
    chat.end()
    chat.ask("two", both(None), Sampling())
    assert chat.stop() is None and chat.live is None and chat.take() is None


def test_a_new_chat_leaves_nothing_behind() -> None:
    chat = Chat("c")
    request = chat.ask("one", both(None), Sampling())
    chat.clear()
    chat.fold(done(request, BASE, "late"))
    chat.end()
    assert chat.turns == [] and chat.live is None


def test_chats_and_turns_are_bounded() -> None:
    chat = Chat("c")
    for number in range(MAX_TURNS + 5):
        answered(chat, str(number), run=None)
    assert len(chat.turns) == MAX_TURNS and chat.turns[-1].question == str(MAX_TURNS + 4)
    store = ChatStore(limit=3)
    first = store.open("")
    others = [store.open("") for _ in range(2)]
    assert store.open(first.id) is first
    store.open("")
    assert store.open(first.id) is first and store.open(others[0].id) is not others[0]


def test_nobody_chooses_the_id_of_a_chat() -> None:
    store = ChatStore()
    chat = store.open("1")
    assert chat.id != "1" and len(chat.id) >= 20 and store.open("1") is not chat


def test_a_page_that_is_behind_gets_fewer_pictures() -> None:
    chat = Chat("c")
    chat.ask("one", both(None), Sampling())
    assert chat.pause == 0.05
    chat.heard = time.monotonic() - 5.5
    assert 0.9 < chat.pause < 1.3
    chat.heard -= 1000
    assert chat.pause == 2.0


def collect(events: Iterator[Any], pause: float = 0.01) -> list[list[Any]]:
    async def gather() -> list[list[Any]]:
        return [batch async for batch in batches(events, lambda: pause)]

    return asyncio.run(gather())


@given(st.lists(st.integers(), max_size=30))
def test_batches_keep_everything_in_order(numbers: list[int]) -> None:
    assert [one for batch in collect(iter(numbers), 0.001) for one in batch] == numbers


def test_batches_come_while_nothing_happens() -> None:
    def slow() -> Iterator[int]:
        yield 1
        time.sleep(0.2)
        yield 2

    came = collect(slow())
    assert [one for batch in came for one in batch] == [1, 2] and [] in came


def test_an_error_comes_after_what_came_before_it() -> None:
    def dying() -> Iterator[int]:
        yield 1
        raise WorkerDied("the model's process died")

    async def gather() -> list[int]:
        seen: list[int] = []
        with pytest.raises(WorkerDied):
            async for batch in batches(dying(), lambda: 0.01):
                seen += batch
        return seen

    assert asyncio.run(gather()) == [1]
