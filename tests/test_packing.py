"""Packed examples are learned as padded ones are: none sees another, and the gradient is the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_forecast import begin, config
from test_train import finish, losses
from test_trainer import CONFIGS, batch
from transformers import (
    BloomConfig,
    Gemma2Config,
    GPT2Config,
    Lfm2Config,
    MambaConfig,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

from ftchat.engine.packing import keeps_apart, layout, packed, width
from ftchat.engine.trainer import answer_loss
from ftchat.errors import ConfigError
from ftchat.settings import VIRTUAL, check_meant
from ftchat.worker import Worker

# One whose every second layer sees no further back than four tokens.
NEAR = Gemma2Config(**{**CONFIGS["gemma2"].to_dict(), "sliding_window": 4, "layer_types": None})
# A packed row may be longer than all that the model can count up to.
FEW = GPT2Config(vocab_size=97, n_embd=32, n_layer=2, n_head=4, n_positions=16)
PACKABLE = {**CONFIGS, "gemma2, near": NEAR, "gpt2, few positions": FEW}
_SMALL = {"vocab_size": 97, "hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2}
OTHERS = {
    "recurrent": MambaConfig(vocab_size=97, hidden_size=32, num_hidden_layers=2),
    "convolutions": Lfm2Config(**_SMALL, num_key_value_heads=2, intermediate_size=48, full_attn_idxs=[1]),
    "positions of its own": BloomConfig(vocab_size=97, hidden_size=32, n_head=4, n_layer=2),
}
# The same batches either way.
RUNS = {"packed": {}, "padded": {"packing": False, "train_sampling_strategy": "random"}}
LEARNED = st.lists(st.booleans(), max_size=14).map(lambda row: [False, *row, True])


def made(config: PretrainedConfig, attention: str | None = None) -> PreTrainedModel:
    torch.manual_seed(1)
    return AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()


@pytest.fixture(scope="module", params=[*PACKABLE, "eager"])
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    return made(PACKABLE["llama"], "eager") if request.param == "eager" else made(PACKABLE[request.param])


@settings(max_examples=15, deadline=None)
@given(rows=st.lists(LEARNED, min_size=1, max_size=6))
def test_a_packed_batch_has_the_gradient_of_the_padded_one(model: PreTrainedModel, rows: list[list[bool]]) -> None:
    padded = batch(rows)
    losses, gradients = [], []
    for inputs in (padded, packed(padded)):
        model.zero_grad()
        loss = answer_loss(model, inputs)
        loss.backward()
        losses.append(loss.detach())
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]))
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-5, atol=1e-6)
    assert (gradients[0] - gradients[1]).norm() <= 1e-5 * gradients[0].norm()


@settings(max_examples=50)
@given(rows=st.lists(LEARNED.map(lambda row: [True, *row[1:]]), min_size=1, max_size=9))
def test_the_same_tokens_are_learned_and_never_from_another_example(rows: list[list[bool]]) -> None:
    padded = batch(rows)
    inputs, asked = packed(padded), padded["labels"][:, 1:]
    assert inputs["labels"][inputs["labels"] != -100].sort().values.equal(asked[asked != -100].sort().values)
    assert (inputs["labels"][inputs["position_ids"] == 0] == -100).all()


@given(lengths=st.lists(st.integers(1, 900), min_size=1, max_size=12))
def test_every_example_has_one_place_and_no_batch_grows(lengths: list[int]) -> None:
    rows = layout(lengths)
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    assert len(rows) * width(lengths, rows) <= len(lengths) * max(lengths)


def test_a_model_that_keeps_examples_apart_is_known(model: PreTrainedModel) -> None:
    assert keeps_apart(model)


@pytest.mark.parametrize("kind", OTHERS)
def test_one_that_does_not_is_found_out(kind: str) -> None:
    assert not keeps_apart(made(OTHERS[kind]))


def test_a_run_is_packed_where_padding_costs_and_learns_what_it_would_learn_padded(home: Path, worker: Worker) -> None:
    runs = [begin(home, worker, config(home, name, lora_dropout=0.0, **asked)) for name, asked in RUNS.items()]
    for run in runs:
        finish(run)
    packed_, padded = runs
    assert packed_.resolved and packed_.resolved.packing and padded.resolved and not padded.resolved.packing
    assert losses(packed_) == pytest.approx(losses(padded), rel=1e-4)


def test_methods_with_tokens_in_front_of_every_row_have_no_packing() -> None:
    for method in VIRTUAL:
        with pytest.raises(ConfigError, match=f"method {method} has no packing"):
            check_meant(method, {"packing": True})
    check_meant("dora", {"packing": True})
