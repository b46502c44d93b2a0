"""Panes answered together say what each would say alone, whoever comes and goes meanwhile."""

from __future__ import annotations

import pytest
from duets import Recording, Studio, Visitor, check, check_twice, said, serve, visitors_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ftchat.engine.adapters import Voice
from ftchat.engine.decode import Decoder
from ftchat.engine.reply import replies_to
from ftchat.errors import ChatError
from ftchat.events import ReplyDone, ReplyToken
from ftchat.records import STARTER, ChatRequest, Pane, Sampling

ADAPTERS = (None, "one", "two", "few")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("adapters"))


@pytest.fixture(scope="module")
def gpt2(models: dict, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("gpt2"), str(models["gpt2"]))


visitors = visitors_of(ADAPTERS)


@settings(max_examples=15, deadline=None)
@given(st.lists(visitors, min_size=1, max_size=6))
def test_greedy_replies_are_those_of_a_lone_generate(studio: Studio, company: list[Visitor]) -> None:
    check_twice(studio, company)


@settings(max_examples=6, deadline=None)
@given(st.lists(visitors, min_size=1, max_size=4))
def test_layers_that_keep_their_weights_transposed_answer_alike(gpt2: Studio, company: list[Visitor]) -> None:
    decoder = Recording(gpt2.resident, most_rows=2)
    serve(gpt2, decoder, company)
    check(gpt2, decoder, company)


def test_a_seed_gives_the_same_reply_in_any_company(studio: Studio) -> None:
    sampling = Sampling(0.8, 24, seed=7)
    story = said("Tell me a short story about a fox.")
    (lone,) = studio.answers([story], [Voice("one")], sampling)
    voices = [Voice(None), Voice("two", 0.5), Voice("one"), Voice("one", 1.5)]
    company = studio.answers([said("Who are you?")] * 2 + [story] * 2, voices, sampling)
    assert lone.text == company[2].text != company[3].text


def test_panes_of_one_adapter_share_the_seed(studio: Studio) -> None:
    first, second = studio.answers([said("Hello!")] * 2, [Voice("one")] * 2, Sampling(1.0, 24, seed=3))
    assert first.text == second.text


def test_a_pane_carries_proof_of_who_answered(studio: Studio) -> None:
    voices = [Voice(None), Voice("one"), Voice("one", 0.5), Voice("two", 0.0)]
    base, tuned, half, off = studio.answers([said("Hello!")] * 4, voices, Sampling(0.0, 8))
    assert (base.adapter, base.adapter_norm, base.divergence) == (None, 0.0, None)
    assert tuned.adapter == "one" and tuned.adapter_norm > 0
    assert tuned.divergence is not None and tuned.divergence > 1e-4
    logs = [
        studio.logits(adapter, studio.prompt(said("Hello!")))[-1].log_softmax(-1).double() for adapter in (None, "one")
    ]
    assert tuned.divergence == pytest.approx(float((logs[1].exp() * (logs[1] - logs[0])).sum()), rel=1e-2)
    assert half.adapter_norm == pytest.approx(tuned.adapter_norm / 2) and half.divergence < tuned.divergence
    assert off.text == base.text and off.divergence == pytest.approx(0.0, abs=1e-6)


def test_a_stopped_reply_ends_at_the_next_token_and_keeps_its_text(studio: Studio) -> None:
    panes = tuple(Pane(name, said("Tell me a long story.")) for name in ("two", "one"))
    request = ChatRequest("x", STARTER, panes, Sampling(0.0, 60))
    replies = replies_to(request, studio.resident, [Voice("two"), Voice("one")])
    decoder = Decoder(studio.resident)
    decoder.add(replies)
    with studio.resident.chatting():
        shown = [event for _ in range(3) for event in decoder.advance()]
        replies[0].stopped = True
        done = next(iter(decoder.advance()))
        assert isinstance(done, ReplyDone) and done.stop == "stopped"
        assert done.text == "".join(e.text for e in shown if isinstance(e, ReplyToken) and e.pane == 0)
        assert decoder.open == [replies[1]]


def test_a_conversation_that_is_too_long_is_refused_in_a_sentence(studio: Studio) -> None:
    with pytest.raises(ChatError, match="start a new chat"):
        studio.answers([said("word " * 3000)], [Voice(None)], Sampling(0.0, 8))


def test_a_reply_never_outgrows_the_context(studio: Studio) -> None:
    history = said("again " * 300)
    room = studio.resident.context - len(studio.prompt(history))
    (reply,) = studio.answers([history], [Voice("one")], Sampling(0.0, 10_000))
    assert reply.tokens <= room
