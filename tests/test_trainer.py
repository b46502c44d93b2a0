"""The loss that training computes is the one that the model defines, over the learned tokens alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from transformers import (
    CohereConfig,
    Gemma2Config,
    GPT2Config,
    GraniteConfig,
    LlamaConfig,
    PreTrainedModel,
    Qwen3Config,
)
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

from ftchat.engine import tiles
from ftchat.engine.trainer import answer_loss

_SHAPE = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": 0,
}
# Cohere and Granite scale their logits, Gemma 2 caps them: the loss must see that.
CONFIGS = {
    "llama": LlamaConfig(**_SHAPE),
    "qwen3": Qwen3Config(**_SHAPE),
    "cohere": CohereConfig(**_SHAPE, logit_scale=0.3),
    "granite": GraniteConfig(**_SHAPE, logits_scaling=4.0),
    "gemma2": Gemma2Config(**_SHAPE, final_logit_softcapping=2.0),
    "gpt2": GPT2Config(vocab_size=97, n_embd=32, n_layer=2, n_head=4),
}


@pytest.fixture(scope="module", params=CONFIGS)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    torch.manual_seed(1)
    return AutoModelForCausalLM.from_config(CONFIGS[request.param]).eval()


def batch(rows: list[list[bool]]) -> dict[str, torch.Tensor]:
    """Random ids of these lengths, padded on the right; True is learned."""
    random = torch.Generator().manual_seed(len(rows))
    width = max(len(row) for row in rows)
    ids = torch.randint(1, 97, (len(rows), width), generator=random)
    seen = torch.tensor([[i < len(row) for i in range(width)] for row in rows])
    learned = torch.tensor([[i < len(row) and row[i] for i in range(width)] for row in rows])
    return {"input_ids": ids, "attention_mask": seen.long(), "labels": ids.masked_fill(~learned, -100)}


def plain_loss(model: PreTrainedModel, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False).logits
    return functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), inputs["labels"][:, 1:].flatten())


_ROWS = st.lists(
    st.lists(st.booleans(), min_size=2, max_size=12).map(lambda row: [False, *row[1:-1], True]), min_size=1, max_size=4
)


@settings(max_examples=15, deadline=None)
@given(rows=_ROWS)
def test_the_loss_is_that_of_all_logits(model: PreTrainedModel, rows: list[list[bool]]) -> None:
    inputs = batch(rows)
    losses = []
    gradients = []
    for loss in (answer_loss(model, inputs), plain_loss(model, inputs)):
        model.zero_grad()
        loss.backward()
        losses.append(loss.detach())
        gradients.append(next(model.parameters()).grad.clone())
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def test_many_logits_go_through_tiles_with_the_same_loss(
    model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = batch([[False, True, True], [False, False, True, True, True]])
    expected = answer_loss(model, inputs)
    monkeypatch.setattr(tiles, "_PLAIN", {"cpu": 0})
    try:
        torch.testing.assert_close(answer_loss(model, inputs), expected, rtol=1e-5, atol=1e-6)
    finally:
        model.__dict__.pop("forward", None)


def test_the_loss_of_a_step_counts_the_tokens_of_all_its_batches(model: PreTrainedModel) -> None:
    inputs = batch([[False, True, True, True]])
    torch.testing.assert_close(answer_loss(model, inputs, 6), answer_loss(model, inputs) / 2)
