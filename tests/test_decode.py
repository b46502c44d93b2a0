"""Panes answered together say what each would say alone."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig

from ftchat.engine.decode import Duet, draw
from ftchat.engine.models import Resident
from ftchat.errors import ChatError
from ftchat.events import ReplyDone, ReplyToken
from ftchat.records import STARTER, ChatRequest, Message, Pane, Sampling

ADAPTERS = (None, "one", "two")


@pytest.fixture(scope="module")
def resident(tmp_path_factory: pytest.TempPathFactory) -> Resident:
    """The starter with two adapters that say something else than it does."""
    made = Resident(STARTER, "float32", torch.device("cpu"))
    for seed, name in enumerate(("one", "two")):
        torch.manual_seed(seed)
        config = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=list(made.target_modules()))
        made.add_adapter(name, config)
        for layer in made._lora_layers():
            torch.nn.init.normal_(layer.lora_B[name].weight, std=0.02)
        folder = tmp_path_factory.mktemp("adapters") / name
        made.save(name, folder)
        made.detach(name)
        made.attach(name, Path(folder))
    return made


def said(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def answers(
    resident: Resident, histories: Sequence[tuple[Message, ...]], adapters: Sequence[str | None], sampling: Sampling
) -> list[ReplyDone]:
    """The replies to panes that are decoded together; what was streamed must add up to them."""
    panes = tuple(Pane(adapter, history) for adapter, history in zip(adapters, histories, strict=True))
    duet = Duet(ChatRequest(uuid.uuid4().hex, resident.name, panes, sampling), resident, adapters)
    events = []
    with resident.chatting():
        while not duet.over:
            events += duet.advance()
    done = {event.pane: event for event in events if isinstance(event, ReplyDone)}
    for pane, reply in done.items():
        assert reply.text == "".join(e.text for e in events if isinstance(e, ReplyToken) and e.pane == pane)
    return [done[pane] for pane in sorted(done)]


def alone(resident: Resident, history: tuple[Message, ...], adapter: str | None, tokens: int) -> str:
    """What transformers' own generate() answers with that adapter, greedily."""
    ids = torch.tensor([resident.template.prompt_ids(history)])
    with resident.chatting(), resident.rows([adapter]):
        output = resident.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=tokens,
            eos_token_id=list(resident.template.stop_ids),
            pad_token_id=resident.template.end_id,
        )
    text = resident.tokenizer.decode(
        output[0, ids.shape[1] :], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return str(text)


PROMPTS = (
    "Hello!",
    "Who are you?",
    "What is 3 + 4?",
    "Tell me a short story about a fox.",
    "你好",
    "list three fruits 😀",
)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PROMPTS), st.sampled_from(ADAPTERS)), min_size=1, max_size=5))
def test_greedy_replies_are_those_of_a_lone_generate(resident: Resident, panes: list[tuple[str, str | None]]) -> None:
    together = answers(resident, [said(p) for p, _ in panes], [a for _, a in panes], Sampling(0.0, 24))
    for (prompt, adapter), reply in zip(panes, together, strict=True):
        assert reply.text == alone(resident, said(prompt), adapter, 24)


def test_a_seed_gives_the_same_reply_in_any_company(resident: Resident) -> None:
    sampling = Sampling(0.8, 24, seed=7)
    lone = answers(resident, [said("Hello!")], ["one"], sampling)[0]
    company = answers(resident, [said("Who are you?"), said("Hello!")], [None, "one"], sampling)[1]
    assert lone.text == company.text


def test_panes_of_one_adapter_share_the_seed(resident: Resident) -> None:
    first, second = answers(resident, [said("Hello!")] * 2, ["one", "one"], Sampling(1.0, 24, seed=3))
    assert first.text == second.text


def test_a_pane_carries_proof_of_who_answered(resident: Resident) -> None:
    base, tuned = answers(resident, [said("Hello!")] * 2, [None, "one"], Sampling(0.0, 8))
    assert (base.adapter, base.adapter_norm, base.divergence) == (None, 0.0, None)
    assert tuned.adapter == "one" and tuned.adapter_norm > 0
    assert tuned.divergence is not None and tuned.divergence > 0


def test_a_stopped_reply_ends_at_the_next_token_and_keeps_its_text(resident: Resident) -> None:
    request = ChatRequest("x", STARTER, (Pane("two", said("Tell me a long story.")),), Sampling(0.0, 200))
    duet = Duet(request, resident, ["two"])
    with resident.chatting():
        shown = [event for _ in range(3) for event in duet.advance()]
        duet.stopped = True
        (done,) = list(duet.advance())
    assert isinstance(done, ReplyDone) and done.stop == "stopped" and duet.over
    assert done.text.startswith("".join(event.text for event in shown if isinstance(event, ReplyToken)))


def test_a_conversation_that_is_too_long_is_refused_in_a_sentence(resident: Resident) -> None:
    with pytest.raises(ChatError, match="start a new chat"):
        answers(resident, [said("word " * 3000)], [None], Sampling(0.0, 8))


def test_a_reply_never_outgrows_the_context(resident: Resident) -> None:
    history = said("again " * 300)
    room = resident.context - len(resident.template.prompt_ids(history))
    (reply,) = answers(resident, [history], ["one"], Sampling(0.0, 10_000))
    assert reply.tokens <= room


def test_attaching_and_detaching_adapters_leaves_the_base_as_it_was(tmp_path: Path) -> None:
    made = Resident(STARTER, "float32", torch.device("cpu"))
    before = {name: tensor.clone() for name, tensor in made.model.state_dict().items()}
    reply = answers(made, [said("Hello!")], [None], Sampling(0.0, 24))[0].text
    made.add_adapter("a", LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=list(made.target_modules())))
    made.save("a", tmp_path / "a")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert answers(made, [said("Hello!")], [None], Sampling(0.0, 24))[0].text == reply
    made.detach("a")
    after = made.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@given(st.integers(0, 2**32), st.floats(0.1, 3.0))
def test_drawing_stays_inside_the_nucleus(seed: int, temperature: float) -> None:
    logits = torch.tensor([5.0, 4.0, 3.0, -50.0, -50.0])
    token = draw(logits, Sampling(temperature, 1, seed, top_p=0.9), torch.Generator().manual_seed(seed))
    assert token in (0, 1, 2)
    assert draw(logits, Sampling(0.0, 1), torch.Generator()) == 0
