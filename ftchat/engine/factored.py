"""What is being trained, where it is a LoRA of other parts than those that are saved: PiSSA and AdaLoRA.

Knows nothing of runs, settings or trainers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from peft import LoraConfig
from peft.utils.integrations import dequantize_module_weight
from torch import Tensor
from transformers import PreTrainedModel

from ftchat.engine.learners import PeftLearner, plain_config

_EXACT_UP_TO = 1024  # rows or columns of a weight, whichever are fewer: its singular vectors take a second
_ITERATIONS = 8


class PissaLearner(PeftLearner):
    """A LoRA that starts from the principal components of each weight (Meng et al., 2024). What they gave at the start
    is taken away by a frozen companion of the opposite sign, so that the base's own weights stay as they are; both
    together are saved as one plain LoRA of twice the rank."""

    saved_as_trained = False

    def __init__(self, name: str, base: PreTrainedModel, config: LoraConfig):
        super().__init__(name, base, config)
        self._start = f"{name}-start"
        self.model.add_adapter(self._start, config)
        self.model.base_model.set_adapter([name, self._start])
        with torch.no_grad():
            for layer in self._layers.values():
                self._principal(layer)
        for key, parameter in self.model.named_parameters():
            if self._start in key.split("."):
                parameter.requires_grad_(False)

    def _principal(self, layer: Any) -> None:
        rank, scaling = layer.r[self.name], layer.scaling[self.name]
        weight = dequantize_module_weight(layer.get_base_layer()).float()
        weight = weight.T if layer.fan_in_fan_out else weight
        left, values, right = principal(weight, rank)
        root = (values / scaling).sqrt()
        missing = rank - len(root)  # of a layer narrower than the rank
        a = torch.nn.functional.pad(root[:, None] * right, (0, 0, 0, missing))
        b = torch.nn.functional.pad(left * root, (0, missing))
        for adapter, sign in ((self.name, 1), (self._start, -1)):
            layer.lora_A[adapter].weight.copy_(a)
            layer.lora_B[adapter].weight.copy_(sign * b)

    def tensors(self) -> dict[str, Tensor]:
        found = dict(self.model.named_parameters())
        both = {self.name, self._start}
        return {key.replace(f".{self.name}", ""): t for key, t in found.items() if both & set(key.split("."))}

    def learned(self) -> dict[str, Tensor]:
        own, start = self._both()
        return {key: torch.cat([own[key], start[key]], _rank_of(key)) for key in own}

    def take_over(self, saved: Mapping[str, Tensor]) -> None:
        for part, tensors in enumerate(self._both()):
            self.take({key: tensor.chunk(2, _rank_of(key))[part] for key, tensor in saved.items()}, tensors)

    def _both(self) -> list[dict[str, Tensor]]:
        return [self._learned(adapter) for adapter in (self.name, self._start)]

    def config(self) -> dict[str, Any]:
        plain = super().config()
        return plain | {"r": 2 * plain["r"], "lora_alpha": 2 * plain["lora_alpha"]}


class AdaLoraLearner(PeftLearner):
    """Singular values between A and B, the least important of which are set to zero on the way (Zhang et al., 2023).
    Saved as the plain LoRA that it is in the end."""

    saved_as_trained = False

    def learned(self) -> dict[str, Tensor]:
        found = {}
        for key, layer in self._layers.items():
            down, up = _names(key)
            found[down] = layer.lora_A[self.name] * (layer.lora_E[self.name] * self._scale(layer))
            found[up] = layer.lora_B[self.name]
        return found

    def take_over(self, saved: Mapping[str, Tensor]) -> None:
        """The saved product taken apart again into singular values and two orthogonal factors."""
        for key, layer in self._layers.items():
            down, up = (saved[name].to(layer.lora_A[self.name]) for name in _names(key))
            (left, above), (right, below) = torch.linalg.qr(up), torch.linalg.qr(down.T)
            turned, values, back = torch.linalg.svd(above @ below.T)
            rank = layer.r[self.name]
            missing = rank - len(values)  # of a layer narrower than the rank
            pad = torch.nn.functional.pad
            layer.lora_A[self.name].copy_(pad(back @ right.T, (0, 0, 0, missing)))
            layer.lora_B[self.name].copy_(pad(left @ turned, (0, missing)))
            layer.lora_E[self.name].copy_(pad(values, (0, missing))[:, None] / self._scale(layer))

    def _scale(self, layer: Any) -> Any:
        """By which PEFT multiplies the singular values."""
        return layer.scaling[self.name] / (layer.ranknum[self.name] + 1e-5)

    def config(self) -> dict[str, Any]:
        own = self.model.peft_config[self.name]
        plain = LoraConfig(
            task_type="CAUSAL_LM",
            base_model_name_or_path=own.base_model_name_or_path,
            r=own.init_r,
            lora_alpha=own.init_r,
            target_modules=own.target_modules,
            fan_in_fan_out=own.fan_in_fan_out,
        )
        return plain_config(plain)

    def plan(self, steps: int) -> None:
        """A tenth of the steps with all ranks, then fewer and fewer, and a fifth with those that are left."""
        own = self.model.peft_config[self.name]
        own.total_step = max(3, steps)
        own.tinit, own.tfinal = own.total_step // 10, max(1, own.total_step // 5)

    def state(self) -> dict[str, Any]:
        allocator = vars(self.model.base_model.rankallocator)
        remembered = {key: value for key, value in allocator.items() if isinstance(value, dict)}
        return {"allocator": remembered, "rank_pattern": self.model.peft_config[self.name].rank_pattern}

    def restore_state(self, state: dict[str, Any]) -> None:
        vars(self.model.base_model.rankallocator).update(state["allocator"])
        self.model.peft_config[self.name].rank_pattern = state["rank_pattern"]

    def penalty(self) -> Tensor | None:
        """How far A and B are from orthogonal, as PEFT adds it to a loss of the model's own."""
        distances = []
        for layer in self._layers.values():
            a, b = layer.lora_A[self.name], layer.lora_B[self.name]
            for product in (a @ a.T, b.T @ b):
                distances.append((product - torch.eye(len(product), device=product.device)).norm())
        weight: float = self.model.peft_config[self.name].orth_reg_weight
        return weight * torch.stack(distances).mean()

    def after_step(self, step: int) -> None:
        self.model.base_model.update_and_allocate(step + 1)


def principal(weight: Tensor, rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """The first `rank` singular vectors and values: left [rows, rank], [rank], right [rank, columns]. Of a large weight
    they are found among random directions, always the same ones (Halko et al., 2011): in a tenth to a hundredth of the
    time, for nearly all that the exact ones hold."""
    if min(weight.shape) <= _EXACT_UP_TO or 4 * rank > min(weight.shape):
        left, values, right = torch.linalg.svd(weight, full_matrices=False)
    else:
        with torch.random.fork_rng([weight.device] if weight.is_cuda else []):
            torch.manual_seed(0)
            left, values, right = torch.svd_lowrank(weight, q=rank + max(rank, 16), niter=_ITERATIONS)
        right = right.T
    return left[:, :rank], values[:rank], right[:rank]


def _rank_of(key: str) -> int:
    """The dimension of a factor that has the rank."""
    return 0 if "lora_A" in key else 1


def _names(layer: str) -> tuple[str, str]:
    """Of a layer's two factors, as they are saved."""
    return f"base_model.model.{layer}.lora_A.weight", f"base_model.model.{layer}.lora_B.weight"
