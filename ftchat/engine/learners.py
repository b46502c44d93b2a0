"""What is being trained: PEFT's layers in the base, virtual tokens in front of it, or a twin with weights of its own.

Each says which tensors it trains, what it saves, and lets chat pass it by. Knows nothing of runs, settings or trainers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel, PeftModelForCausalLM
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.integrations import dequantize_module_weight
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from ftchat.engine import twins
from ftchat.engine.changes import FILE_PREFIX

_SAVED, _CONFIG, _TRAINED, _STATE = (
    "adapter_model.safetensors",
    "adapter_config.json",
    "trained.safetensors",
    "tuner.pt",
)

_SECOND_RATE = 1 / 3  # of the learning rate, once more layers train


class Learner:
    """`name` is the adapter's. What is saved is what answers in chat; where that is not what is trained, a checkpoint
    holds both."""

    saved_as_trained = True

    def __init__(self, name: str, model: Any):
        self.name, self.model = name, model

    def tensors(self) -> dict[str, Tensor]:
        """All that training changes, by names without the adapter's."""
        found = dict(self.model.named_parameters()) | dict(self.model.named_buffers())
        return {
            key.replace(f".{self.name}", ""): tensor
            for key, tensor in found.items()
            if tensor.requires_grad or self.name in key.split(".")
        }

    def learned(self) -> dict[str, Tensor]:
        """What answers, by the names that its file has."""
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """How to read what `learned` gives."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """What is remembered from step to step beside tensors that are trained."""
        return {}

    def restore_state(self, state: dict[str, Any]) -> None:
        pass

    def plan(self, steps: int) -> None:
        """Once it is known how many steps the run has."""

    def rate(self, step: int) -> float:
        """By what the learning rate of a step, counted from 0, is multiplied."""
        return 1.0

    def before_step(self, step: int) -> None:
        """Before the step of that number, counted from 0."""

    def penalty(self) -> Tensor | None:
        """What the method adds to the loss."""
        return None

    def after_step(self, step: int) -> None:
        """After the optimizer's step of that number, counted from 0, while gradients are still there."""

    def remove(self) -> None:
        """Leaves the base as it was."""

    @contextmanager
    def passed_by(self) -> Iterator[None]:
        """Inside, the base answers as if nothing were being trained."""
        yield

    def save(self, folder: Path) -> None:
        """The adapter's two files."""
        with torch.no_grad():
            tensors = {key: tensor.detach().contiguous() for key, tensor in self.learned().items()}
        save_file(tensors, folder / _SAVED, {"format": "pt"})
        (folder / _CONFIG).write_text(json.dumps(self.config(), indent=2, sort_keys=True), "utf-8")

    def checkpoint(self, folder: Path) -> None:
        """All that is needed to go on, and to answer in chat."""
        self.save(folder)
        if not self.saved_as_trained:
            save_file({key: t.detach().contiguous() for key, t in self.tensors().items()}, folder / _TRAINED)
        if state := self.state():
            torch.save(state, folder / _STATE)

    @torch.no_grad()
    def restore(self, folder: Path) -> None:
        """Goes back to a checkpoint."""
        saved = load_file(folder / (_SAVED if self.saved_as_trained else _TRAINED))
        tensors = self.learned() if self.saved_as_trained else self.tensors()
        if saved.keys() != tensors.keys():
            raise RuntimeError(f"{folder} holds other weights than this run trains")
        for key, tensor in tensors.items():
            tensor.copy_(saved[key])
        if (folder / _STATE).exists():
            self.restore_state(torch.load(folder / _STATE, map_location=self.model.device))


class PeftLearner(Learner):
    """Layers of PEFT around those of the base."""

    model: PeftModel
    wrapper = PeftModel

    def __init__(self, name: str, base: PreTrainedModel, config: PeftConfig):
        config.base_model_name_or_path = base.name_or_path
        super().__init__(name, self.wrapper(base, config, adapter_name=name))
        self._layers = {key: m for key, m in base.named_modules() if isinstance(m, BaseTunerLayer)}

    def learned(self) -> dict[str, Tensor]:
        return self._learned(self.name)

    def _learned(self, adapter: str) -> dict[str, Tensor]:
        """What PEFT's `get_peft_model_state_dict` gives, which looks through the whole model for it."""
        return {
            f"{FILE_PREFIX}{key}.{part.replace(f'.{adapter}', '')}".replace("_vector.weight", "_vector"): tensor
            for key, layer in self._layers.items()
            for part, tensor in layer.named_parameters()
            if adapter in part.split(".")
        }

    def config(self) -> dict[str, Any]:
        return _plain(self.model.peft_config[self.name])

    def remove(self) -> None:
        """What PEFT's `unload` does, which takes as long as a first token."""
        base = self.model.get_base_model()
        for key, layer in self._layers.items():
            parent, _, name = key.rpartition(".")
            setattr(base.get_submodule(parent), name, layer.get_base_layer())
        if hasattr(base, "peft_config"):
            del base.peft_config

    @contextmanager
    def passed_by(self) -> Iterator[None]:
        for layer in self._layers.values():  # PEFT's own switch also takes the gradients off, and is slow
            layer._disable_adapters = True
        try:
            yield
        finally:
            for layer in self._layers.values():
                layer._disable_adapters = False


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
        left, values, right = torch.linalg.svd(weight, full_matrices=False)
        root = (values[:rank] / scaling).sqrt()
        missing = rank - len(root)  # of a layer narrower than the rank
        a = torch.nn.functional.pad(root[:, None] * right[:rank], (0, 0, 0, missing))
        b = torch.nn.functional.pad(left[:, :rank] * root, (0, missing))
        for adapter, sign in ((self.name, 1), (self._start, -1)):
            layer.lora_A[adapter].weight.copy_(a)
            layer.lora_B[adapter].weight.copy_(sign * b)

    def tensors(self) -> dict[str, Tensor]:
        found = dict(self.model.named_parameters())
        both = {self.name, self._start}
        return {key.replace(f".{self.name}", ""): t for key, t in found.items() if both & set(key.split("."))}

    def learned(self) -> dict[str, Tensor]:
        own, start = (self._learned(adapter) for adapter in (self.name, self._start))
        return {key: torch.cat([own[key], start[key]], 0 if "lora_A" in key else 1) for key in own}

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
            values = layer.lora_E[self.name] * (layer.scaling[self.name] / (layer.ranknum[self.name] + 1e-5))
            found[f"{FILE_PREFIX}{key}.lora_A.weight"] = layer.lora_A[self.name] * values
            found[f"{FILE_PREFIX}{key}.lora_B.weight"] = layer.lora_B[self.name]
        return found

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
        return _plain(plain)

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


class VirtualLearner(PeftLearner):
    """Virtual tokens in front of every row: the base's layers are not touched."""

    wrapper, saved_as_trained = PeftModelForCausalLM, False

    def learned(self) -> dict[str, Tensor]:
        return {"prompt_embeddings": self.model.get_prompt_embedding_to_save(self.name)}

    def remove(self) -> None:
        pass


class PrefixLearner(VirtualLearner):
    """Keys and values in front of every row. They start as those of random tokens, as the paper advises (Li & Liang,
    2021, section 7.4); PEFT's random numbers are far from anything that attention knows."""

    def __init__(self, name: str, base: PreTrainedModel, config: PeftConfig):
        super().__init__(name, base, config)
        rows = base.get_input_embeddings().weight.shape[0]
        ids = torch.randint(rows, (1, self.model.peft_config[name].num_virtual_tokens))
        with torch.no_grad():
            layers = base(input_ids=ids.to(base.device), past_key_values=DynamicCache()).past_key_values.layers
            stacked = torch.stack([torch.stack((layer.keys[0], layer.values[0])) for layer in layers])
            self.model.prompt_encoder[name].embedding.weight.copy_(stacked.permute(3, 0, 1, 2, 4).flatten(1))


class TwinLearner(Learner):
    """Weights of its own. `stages`: which of them train from the beginning, and which as well in the second half of the
    run, when all go on at a lower rate."""

    def __init__(self, name: str, model: PreTrainedModel, stages: Sequence[Sequence[str]], base: str):
        super().__init__(name, model)
        self._base, self._stages = base, stages
        self._own = {key: p for key, p in model.named_parameters() if any(key in stage for stage in stages)}
        for parameter in self._own.values():
            parameter.requires_grad_(True)

    def tensors(self) -> dict[str, Tensor]:
        return dict(self._own)

    def learned(self) -> dict[str, Tensor]:
        return self.tensors()

    def config(self) -> dict[str, Any]:
        return {"peft_type": twins.KIND, "base_model_name_or_path": self._base}

    def plan(self, steps: int) -> None:
        self._second = math.ceil(steps / 2) if len(self._stages) > 1 else steps

    def rate(self, step: int) -> float:
        return 1.0 if step < self._second else _SECOND_RATE

    def before_step(self, step: int) -> None:
        now = {key for stage in self._stages[: 1 if step < self._second else None] for key in stage}
        for key, parameter in self._own.items():
            parameter.requires_grad_(key in now)


def _plain(config: PeftConfig) -> dict[str, Any]:
    """As PEFT writes it, for use and not for training."""
    found = {key: sorted(value) if isinstance(value, set) else value for key, value in config.to_dict().items()}
    plain: dict[str, Any] = json.loads(json.dumps(found | {"inference_mode": True}))  # kinds become their names
    return plain
