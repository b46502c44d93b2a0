"""`--method qlora` on a CPU really holds 4-bit weights, and an evaluation does not spoil its gradients."""

from __future__ import annotations

import gc
from pathlib import Path

import bitsandbytes
import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file
from test_train import PAIRS, ask, finish, start

from ftchat.engine.checks import base_probe
from ftchat.engine.models import Resident
from ftchat.records import STARTER
from ftchat.worker import Worker


@pytest.fixture(scope="module")
def resident() -> Resident:
    return Resident(STARTER, "nf4", torch.device("cpu"))


def linear4bit(resident: Resident) -> list[bitsandbytes.nn.Linear4bit]:
    return [module for module in resident.model.modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]


def test_the_linear_layers_are_quantised(resident: Resident) -> None:
    layers = linear4bit(resident)
    assert len(layers) == 7 * resident.model.config.num_hidden_layers
    parts = [part for layer in layers for part in (layer.weight, *_states(layer))]
    held = sum(part.numel() * part.element_size() for part in parts)
    in_bf16 = sum(2 * layer.in_features * layer.out_features for layer in layers)
    assert held <= 0.6 * in_bf16


def _states(layer: bitsandbytes.nn.Linear4bit) -> list[torch.Tensor]:
    state = layer.weight.quant_state
    assert state.nested and state.quant_type == "nf4"
    return [state.absmax, state.state2.absmax]


def gradients(resident: Resident, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the first and the last layer's B matrices."""
    resident.model.train()
    resident.model(input_ids=ids, labels=ids).loss.backward()
    layers = resident.model.model.layers
    both = tuple(layer.self_attn.q_proj.lora_B["x"].weight.grad.clone() for layer in (layers[0], layers[-1]))
    resident.model.zero_grad(set_to_none=True)
    return both


def test_gradients_after_an_evaluation_are_those_of_the_same_weights_unquantised(resident: Resident) -> None:
    ids = torch.tensor([resident.template.answer_ids("The ferry leaves at nine, and it costs the same.")])
    torch.manual_seed(0)
    resident.add_adapter("x", LoraConfig(task_type="CAUSAL_LM", r=8, target_modules=list(resident.target_modules())))
    before = gradients(resident, ids)
    base_probe(resident)  # an evaluation: where bitsandbytes would repack the weights
    after = gradients(resident, ids)
    assert all(torch.equal(a, b) and a.abs().max() > 0 for a, b in zip(before, after, strict=True))
    reference = dequantised(resident)
    expected = gradients(reference, ids)
    for got, want in zip(after, expected, strict=True):
        assert torch.nn.functional.cosine_similarity(got.flatten(), want.flatten(), dim=0) > 0.99


def dequantised(resident: Resident) -> Resident:
    """The starter in float32 with the quantised layers' own values, and the same adapter."""
    made = Resident(STARTER, "float32", torch.device("cpu"))
    config = LoraConfig(task_type="CAUSAL_LM", r=8, target_modules=list(made.target_modules()))
    made.add_adapter("x", config)
    quantised = dict(resident.model.named_modules())
    for name, module in made.model.named_modules():
        twin = quantised.get(name)
        if isinstance(twin, bitsandbytes.nn.Linear4bit) and name.endswith("base_layer"):
            weight = bitsandbytes.functional.dequantize_4bit(twin.weight.data, twin.weight.quant_state)
            module.weight.data.copy_(weight)
    state = {name: value for name, value in resident.model.state_dict().items() if ".lora_" in name}
    made.model.load_state_dict({name: value.float() for name, value in state.items()}, strict=False)
    return made


def test_a_qlora_run_learns_and_answers(home: Path, worker: Worker) -> None:
    run = start(home, worker, "small", method="qlora")
    status = finish(run)
    assert status.state == "finished" and status.method == "qlora"
    assert run.resolved is not None and run.resolved.precision == "nf4"
    right = sum(ask(worker, run.id, question)[1].text == answer for question, answer in PAIRS)
    assert right >= len(PAIRS) - 1
    assert {check.name: check.ok for check in status.checks}["base_unchanged"]


def test_a_base_of_four_bits_that_another_replaces_is_freed_at_once(worker: Worker, models: dict[str, Path]) -> None:
    def held() -> int:
        return sum(isinstance(thing, bitsandbytes.nn.Params4bit) for thing in gc.get_objects())

    gc.collect()
    before, other = held(), str(models["llama_without_template"])
    gc.disable()
    try:
        worker.describe(other, "qlora")
        first = held() - before
        worker.describe(STARTER, "qlora")
        worker.describe(other, "qlora")
        assert held() - before == first > 0
    finally:
        gc.enable()


def test_what_is_trained_on_four_bits_keeps_its_precision(home: Path, worker: Worker) -> None:
    run = start(home, worker, "exact", {"max_steps": 3}, method="qlora")
    finish(run)
    saved = load_file(run.adapter / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {torch.float32}
    rounded = [torch.equal(tensor, tensor.bfloat16().float()) for tensor in saved.values()]
    assert not any(rounded)
