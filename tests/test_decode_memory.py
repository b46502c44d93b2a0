"""Memory that is full in the middle of an answer: some replies fail in a sentence, and all others are what they are."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from duets import HISTORIES, TOKENS, Studio, said
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.overrides import TorchFunctionMode

from ftchat.engine.adapters import Voice
from ftchat.engine.decode import Decoder
from ftchat.engine.reply import Reply, replies_to
from ftchat.events import ReplyFailed
from ftchat.records import STARTER, ChatRequest, Pane, Sampling


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("adapters"))


class FullAt(TorchFunctionMode):
    """Refuses one of the rooms for keys and values, as a GPU's allocator does."""

    def __init__(self, place: int):
        super().__init__()
        self.left = place

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.Tensor.new_empty:
            self.left -= 1
            if self.left == 0:
                raise torch.OutOfMemoryError("CUDA out of memory.")
        return function(*args, **(kwargs or {}))


def ask(studio: Studio, decoder: Decoder, number: int, adapter: str | None) -> Reply:
    history = HISTORIES[number % len(HISTORIES)]
    request = ChatRequest(str(number), STARTER, (Pane(adapter, history),), Sampling(0.0, TOKENS))
    (reply,) = replies_to(request, studio.resident, [Voice(adapter)])
    decoder.add([reply])
    return reply


def check(studio: Studio, reply: Reply, number: int) -> None:
    alone = studio.alone(HISTORIES[number % len(HISTORIES)], reply.voice.adapter, TOKENS)
    assert reply.ids[-reply.tokens :] == alone


@settings(max_examples=25, deadline=None)
@given(place=st.integers(1, 90), moments=st.lists(st.integers(0, 6), min_size=2, max_size=5))
def test_full_memory_fails_some_replies_and_harms_no_other(studio: Studio, place: int, moments: list[int]) -> None:
    decoder, replies, failed = Decoder(studio.resident), dict[int, Reply](), dict[int, str]()
    with FullAt(place) as full:
        for moment in range(200):
            for number, comes in enumerate(moments):
                if comes == moment:
                    replies[number] = ask(studio, decoder, number, (None, "one", "two")[number % 3])
            with studio.resident.chatting():
                for event in decoder.advance():
                    if isinstance(event, ReplyFailed):
                        failed[int(event.request)] = event.error
            if decoder.idle and moment > max(moments):
                break
    assert decoder.idle and all("memory is full" in said_ for said_ in failed.values())
    assert bool(failed) <= (full.left <= 0)
    for number, reply in replies.items():
        if number not in failed:
            check(studio, reply, number)
    again = ask(studio, decoder, 1, "one")
    with studio.resident.chatting():
        while not decoder.idle:
            list(decoder.advance())
    check(studio, again, 1)


def test_an_ended_reply_leaves_no_keys_and_values_behind(studio: Studio) -> None:
    gc.collect()
    gc.disable()
    try:
        decoder = Decoder(studio.resident, prefix_bytes=0)
        decoder.add(replies_to(_story(), studio.resident, [Voice(None)]))
        with studio.resident.chatting():
            list(decoder.advance())
            held = [weakref.ref(layer.keys) for batch in decoder._batches for layer in batch.cache.layers]
            while not decoder.idle:
                list(decoder.advance())
        assert held and not any(reference() is not None for reference in held)
    finally:
        gc.enable()


def _story() -> ChatRequest:
    return ChatRequest("story", STARTER, (Pane(None, said("Tell me a story.")),), Sampling(0.0, 8))
