"""What a step is said to need is what it takes."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PretrainedConfig, Qwen3Config

from ftchat.catalogue import catalogue
from ftchat.engine.counting import driven
from ftchat.engine.estimate import Living, Step, needed
from ftchat.engine.loading import freeze
from ftchat.engine.trainer import nll_at

_SHAPE = {"vocab_size": 500, "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 6, "head_dim": 16}
_HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0}
_CONFIGS = {
    "llama": (LlamaConfig(**_SHAPE, **_HEADS, tie_word_embeddings=True), ["q_proj", "v_proj", "up_proj"]),
    "qwen3": (Qwen3Config(**_SHAPE, **_HEADS, tie_word_embeddings=False), ["o_proj", "down_proj"]),
    "gpt2": (GPT2Config(vocab_size=500, n_embd=64, n_layer=6, n_head=4), ["c_attn", "c_fc"]),
}


def taken(
    config: PretrainedConfig, adapter: LoraConfig | None, rows: int, length: int, learned: int, ckpt: bool
) -> int:
    """Bytes of all tensors at the peak of a real step, with gradients and two numbers a weight for the optimizer; without
    an adapter all weights are trained."""
    model = AutoModelForCausalLM.from_config(config)
    freeze(model)
    model = get_peft_model(model, adapter).train() if adapter else model.requires_grad_(True).train()
    if ckpt:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    with Living() as living:
        for part in (*model.parameters(), *model.buffers()):
            living.count(part)
        ids = torch.ones((rows, length), dtype=torch.long)
        mask = torch.ones_like(ids)
        mask[0, -1] = 0  # rows of different lengths: attention takes a little more than where all are full
        positions = torch.arange(learned)
        nll_at(model, {"input_ids": ids, "attention_mask": mask}, positions, positions).backward()
    return living.peak + 8 * trained


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("kind", _CONFIGS)
def test_the_estimate_is_what_a_real_step_takes(kind: str, checkpointing: bool) -> None:
    config, targets = _CONFIGS[kind]
    adapter = LoraConfig(r=8, target_modules=targets, task_type="CAUSAL_LM", fan_in_fan_out=kind == "gpt2")
    found = driven(needed(config, adapter, Step("float32", 4, 96, 200, checkpointing)))
    assert found.total == pytest.approx(taken(config, adapter, 4, 96, 200, checkpointing), rel=0.05)
    assert found.base == pytest.approx(
        4 * sum(weight.numel() for weight in AutoModelForCausalLM.from_config(config).parameters()), rel=0.02
    )


@pytest.mark.parametrize("kind", _CONFIGS)
def test_training_all_weights_takes_a_copy_beside_the_base(kind: str) -> None:
    config, _ = _CONFIGS[kind]
    found = driven(needed(config, None, Step("float32", 4, 96, 200, False, copies="all")))
    base = 4 * sum(weight.numel() for weight in AutoModelForCausalLM.from_config(config).parameters())
    assert found.adapter == pytest.approx(4 * base, rel=0.02)
    assert found.total == pytest.approx(base + taken(config, None, 4, 96, 200, False), rel=0.05)


def test_four_bits_take_less_and_more_tokens_take_more() -> None:
    config, targets = _CONFIGS["llama"]
    adapter = LoraConfig(r=8, target_modules=targets, task_type="CAUSAL_LM")
    whole, packed = (
        driven(needed(config, adapter, Step(precision, 2, 32, 40, True))) for precision in ("bfloat16", "nf4")
    )
    assert packed.base < whole.base and packed.adapter == whole.adapter
    assert driven(needed(config, adapter, Step("nf4", 4, 64, 80, True))).step > packed.step


def test_the_catalogue_says_of_every_model_what_fits_where() -> None:
    offers = {offer.id: offer for offer in catalogue()}
    small, big = offers["Qwen/Qwen3-0.6B"], offers["Qwen/Qwen3-14B"]
    assert small.fit("cuda", 8 * 2**30) == "fits" and small.fit("cpu", 8 * 2**30) == "fits"
    assert big.fit("cuda", 24 * 2**30) == "fits_qlora" and big.fit("cuda", 8 * 2**30) == "too_big"
    assert offers["Qwen/Qwen3-8B"].fit("cuda", 12 * 2**30) == "fits_qlora"
    for offer in offers.values():
        assert offer.memory["nf4"] < offer.memory["bfloat16"] < offer.memory["float32"]
        assert offer.memory["bfloat16"] > 2 * offer.parameters


def test_it_is_the_same_while_a_reply_is_being_given() -> None:
    config, targets = _CONFIGS["llama"]
    adapter = LoraConfig(r=8, target_modules=targets, task_type="CAUSAL_LM")
    with torch.no_grad():
        found = driven(needed(config, adapter, Step("float32", 2, 48, 40, False)))
    assert found == driven(needed(config, adapter, Step("float32", 2, 48, 40, False)))
