"""Every method of training learns, answers beside the base, and leaves the base as it was."""

from __future__ import annotations

import pytest
import torch
from duets import (
    HISTORIES,
    TOKENS,
    Recording,
    Studio,
    Visitor,
    check,
    check_twice,
    move,
    resolved,
    said,
    serve,
    visitors_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ftchat.engine import methods
from ftchat.engine.adapters import Voice
from ftchat.errors import ChatError
from ftchat.records import Sampling
from ftchat.settings import METHODS, VIRTUAL

# qlora has a file of its own.
ALL = tuple(method for method in METHODS if method not in ("auto", "qlora"))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("methods"), made=ALL)


visitors = visitors_of((None, *ALL))


@settings(max_examples=12, deadline=None)
@given(st.lists(visitors, min_size=2, max_size=6))
def test_replies_of_all_methods_together_are_those_of_a_lone_generate(studio: Studio, company: list[Visitor]) -> None:
    check_twice(studio, company)


@pytest.mark.parametrize("method", ALL)
def test_each_methods_adapter_says_what_the_library_says(studio: Studio, method: str) -> None:
    company = [Visitor(HISTORIES[0], method, 0, TOKENS), Visitor(HISTORIES[0], None, 0, TOKENS)]
    decoder = Recording(studio.resident)
    serve(studio, decoder, company)
    check(studio, decoder, company)
    (tuned, *_), (base, *_) = (decoder.logits[visitor.reply] for visitor in company)
    assert (tuned - base).abs().max() > 1e-2 * base.abs().max()
    assert studio.resident.adapter_norm(method) > 0


@pytest.mark.parametrize("method", [method for method in ALL if method not in VIRTUAL])
def test_strength_goes_from_the_base_to_what_was_learned(studio: Studio, method: str) -> None:
    voices = [Voice(None), Voice(method, 0.0), Voice(method, 0.5), Voice(method)]
    base, none, half, whole = studio.answers([said("Hello!")] * 4, voices, Sampling(0.0, 8))
    assert none.text == base.text and none.adapter_norm == 0
    assert 0 < half.divergence < whole.divergence
    assert half.adapter_norm == pytest.approx(whole.adapter_norm / 2)


@pytest.mark.parametrize("method", ["ia3", "prefix", "full"])
def test_an_answer_says_whether_it_came_in_turns(studio: Studio, method: str) -> None:
    base, tuned = studio.answers([said("Hello!")] * 2, [Voice(None), Voice(method)], Sampling(0.0, 4))
    assert tuned.alternates == (method == "full") and not base.alternates
    assert tuned.adapter == method and tuned.divergence is not None and tuned.divergence > 0


def test_virtual_tokens_act_wholly_or_not_at_all(studio: Studio) -> None:
    base, none = studio.answers([said("Hello!")] * 2, [Voice(None), Voice("prefix", 0.0)], Sampling(0.0, 8))
    assert none.text == base.text
    with pytest.raises(ChatError, match="choose strength 1"):
        studio.answers([said("Hello!")], [Voice("prefix", 0.5)], Sampling(0.0, 8))


@pytest.mark.parametrize("method", ALL)
def test_what_is_being_trained_answers_as_its_own_forward_does(studio: Studio, method: str) -> None:
    resident, ids = studio.resident, torch.tensor([studio.prompt(said("Who are you?"))])
    torch.manual_seed(0)
    with resident.rows([None]):
        alone = resident.model(input_ids=ids).logits[0, -1]
    learner = resident.teach(lambda: methods.learner("run", resolved(resident, method), resident))
    move(learner)
    learner.model.eval()
    with torch.no_grad():
        own = learner.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -1]
    resident.snapshot("now")
    decoder = Recording(resident)
    company = [Visitor(said("Who are you?"), "now", 0, 1), Visitor(said("Who are you?"), None, 0, 1)]
    serve(studio, decoder, company)
    now, base = (decoder.logits[visitor.reply][0] for visitor in company)
    resident.detach("now")
    resident.detach("run")
    assert (now - own).abs().max() < 1e-4 * own.abs().max()
    assert (base - alone).abs().max() < 1e-4 * alone.abs().max() < (now - base).abs().max()
