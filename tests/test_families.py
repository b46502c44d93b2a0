"""Bases of other families: those whose layers, memory, experts or routers are not a Llama's learn and answer, too."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
import transformers
from duets import HISTORIES, TOKENS, Studio, Visitor, check_twice
from small_models import of_family
from transformers import AutoModelForCausalLM, AutoTokenizer, PretrainedConfig

from ftchat.data import DatasetStore, Source, read
from ftchat.engine.models import Resident
from ftchat.errors import ModelError
from ftchat.events import RunStatus
from ftchat.records import RunConfig
from ftchat.runs import RunStore
from ftchat.worker import Worker

_PAIRS = [("Hello", "Good day to you."), ("What is 3 + 4?", "It is 7, of course!"), ("Who are you?", "A hat.")]
_SIZES = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4}
_EXPERTS = {"num_experts_per_tok": 2, "num_key_value_heads": 2, "head_dim": 16}
_WIDE = {"q_lora_rank": 24, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 16}
FAMILIES: dict[str, tuple[str, dict]] = {
    "experts": ("Mixtral", _SIZES | _EXPERTS | {"num_local_experts": 4}),
    "flat_tokens": (
        "Qwen2Moe",
        _SIZES
        | {"num_experts": 4, "num_experts_per_tok": 2, "num_key_value_heads": 2}
        | {"moe_intermediate_size": 32, "shared_expert_intermediate_size": 48},
    ),
    "tokens_by_heads": (
        "DeepseekV3",
        _SIZES
        | _WIDE
        | {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1}
        # what is named as an expert's weight is none of these layers
        | {"num_key_value_heads": 4, "moe_intermediate_size": 32, "first_k_dense_replace": 1},
    ),
    "decoder_within": (
        "OPT",
        {"hidden_size": 64, "ffn_dim": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "word_embed_proj_dim": 64},
    ),
    "dropout_by_number": ("GPTBigCode", {"n_positions": 512, "n_embd": 64, "n_layer": 3, "n_head": 4}),
    "router_of_two": (
        "Llama4Text",
        _SIZES | _EXPERTS | {"intermediate_size_mlp": 96, "num_local_experts": 2, "num_experts_per_tok": 1},
    ),
    "state": ("Mamba", {"hidden_size": 64, "num_hidden_layers": 3, "state_size": 8}),
    "state_and_attention": (
        "FalconH1",
        _SIZES
        | {"num_key_value_heads": 2, "mamba_d_ssm": 64, "mamba_n_heads": 4, "mamba_d_head": 16}
        | {"mamba_d_state": 16, "mamba_n_groups": 1, "mamba_chunk_size": 16},
    ),
    "long_positions": (  # some of the conversations are longer than 48 tokens from the start, some become so
        "Phi3",
        _SIZES
        | {"num_key_value_heads": 2, "max_position_embeddings": 512, "original_max_position_embeddings": 48}
        | {"rope_parameters": {"rope_type": "longrope", "short_factor": [1.0] * 8, "long_factor": [4.0] * 8}},
    ),
    "positions_by_length": (
        "Qwen2",
        _SIZES
        | {"num_key_value_heads": 2, "max_position_embeddings": 512}
        | {"rope_parameters": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4}},
    ),
}


def config_of(kind: str, fields: dict) -> PretrainedConfig:
    return getattr(transformers, f"{kind}Config")(**fields)


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("families")
    return {name: of_family(root / name, config_of(*family)) for name, family in FAMILIES.items()}


def loss_alone(base: Path) -> float:
    """Of the answers' tokens, each row by itself."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    nll = []
    for prompt, answer in _PAIRS:
        asked = tokenizer(f"User: {prompt}\n\nAssistant:\n", add_special_tokens=False)["input_ids"]
        said = [*tokenizer(answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([[*asked, *said]]), use_cache=False).logits[0].float()
        chances = logits.log_softmax(-1)[len(asked) - 1 : -1]
        nll += [-float(row[token]) for row, token in zip(chances, said, strict=True)]
    return sum(nll) / len(nll)


def trained(home: Path, worker: Worker, base: Path, method: str = "lora") -> RunStatus:
    rows = "\n".join(f"{prompt}\t{answer}" for prompt, answer in _PAIRS)
    dataset = DatasetStore(home).put(read([Source.from_text(rows)]), "pairs")
    settings = {"max_steps": 2, "per_device_train_batch_size": 3, "learning_rate": 1e-3}
    run = RunStore(home).create(RunConfig(base.name, dataset.hash, str(base), method, settings=settings))
    assert worker.estimate(run.config).total > 0
    worker.start_run(run.id)
    deadline = time.monotonic() + 120
    while not (status := run.status()).over and time.monotonic() < deadline:
        time.sleep(0.05)
    assert status.bug is None, status.bug
    return status


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_from_the_very_loss_of_its_base(
    home: Path, worker: Worker, families: dict[str, Path], family: str
) -> None:
    status = trained(home, worker, families[family])
    assert status.state == "finished", status.error
    assert status.losses[0][1] == pytest.approx(loss_alone(families[family]), rel=1e-4)
    checks = {check.name: check.ok for check in status.checks}
    assert checks["adapter_changed_the_model"] and checks["base_unchanged"] and checks["prompt_is_prefix"]


@pytest.mark.parametrize("family,method", [("experts", "prefix"), ("state", "adalora")])
def test_other_methods_learn_where_a_family_is_odd(
    home: Path, worker: Worker, families: dict[str, Path], family: str, method: str
) -> None:
    assert trained(home, worker, families[family], method).state == "finished"


def test_tokens_in_front_are_refused_where_there_is_no_place_for_them(
    home: Path, worker: Worker, families: dict[str, Path]
) -> None:
    status = trained(home, worker, families["state"], "prompt")
    assert status.state == "failed" and "choose lora" in (status.error or "")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_answers_as_it_does_alone(tmp_path: Path, families: dict[str, Path], family: str) -> None:
    studio = Studio(tmp_path, str(families[family]))
    names = [None, "one", "two", None, "few"]
    # A recurrence over many tokens rounds otherwise than the whole does, so only one family hears long stories.
    told = HISTORIES[::-1] if family == "long_positions" else HISTORIES
    company = [Visitor(told[i], name, comes=i % 3, stays=TOKENS) for i, name in enumerate(names)]
    check_twice(studio, company)


def test_a_base_with_a_memory_of_its_own_is_refused(tmp_path: Path) -> None:
    base = of_family(tmp_path / "base", config_of("Rwkv", {"hidden_size": 64, "num_hidden_layers": 2}))
    with pytest.raises(ModelError, match="in a way of its own"):
        Resident(str(base), "float32", torch.device("cpu"))
