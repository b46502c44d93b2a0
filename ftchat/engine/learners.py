"""What is being trained: PEFT's layers in the base, virtual tokens in front of it, or a twin with weights of its own.

Each says which tensors it trains, what it saves, takes over what an earlier one saved, and lets chat pass it by. Knows
nothing of runs, settings or trainers.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig, PeftModel, PeftModelForCausalLM
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from ftchat.engine import twins
from ftchat.engine.changes import FILE_PREFIX
from ftchat.errors import ModelError

_SAVED, _CONFIG, _TRAINED, _STATE = (
    "adapter_model.safetensors",
    "adapter_config.json",
    "trained.safetensors",
    "tuner.pt",
)

_SECOND_RATE = 1 / 3  # of the learning rate, once more layers train


class Steps:
    """What some methods do on the way of a run, and most do not."""

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

    def state(self) -> dict[str, Any]:
        """What is remembered from step to step beside tensors that are trained."""
        return {}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Goes on from what was remembered."""


class Learner(Steps, ABC):
    """`name` is the adapter's. What is saved is what answers in chat; where that is not what is trained, a checkpoint
    holds both."""

    saved_as_trained = True
    step = 0  # how many steps it has taken

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

    @abstractmethod
    def learned(self) -> dict[str, Tensor]:
        """What answers, by the names that its file has."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """How to read what `learned` gives."""

    @abstractmethod
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
            self.save_trained(folder)
        if state := self.state():
            torch.save(state, folder / _STATE)

    def save_trained(self, folder: Path) -> None:
        save_file({key: t.detach().contiguous() for key, t in self.tensors().items()}, folder / _TRAINED)

    @torch.no_grad()
    def restore(self, folder: Path) -> None:
        """Goes back to a checkpoint."""
        saved = load_file(folder / (_SAVED if self.saved_as_trained else _TRAINED))
        self.take(saved, self.learned() if self.saved_as_trained else self.tensors())
        if (folder / _STATE).exists():
            self.restore_state(torch.load(folder / _STATE, map_location=self.model.device))

    @torch.no_grad()
    def start_from(self, folder: Path) -> None:
        """Takes over an adapter that an earlier learner of the same kind and size has saved."""
        self.take_over(load_file(folder / _SAVED))

    def take_over(self, saved: Mapping[str, Tensor]) -> None:
        """What `learned` gave there is what answers here."""
        self.take(saved, self.learned())

    def take(self, saved: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
        if {key: t.shape for key, t in saved.items()} != {key: t.shape for key, t in tensors.items()}:
            raise ModelError(f"the weights to go on from are not of the shape that {self.name} trains on this base")
        for key, tensor in tensors.items():
            tensor.copy_(saved[key])


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
        return plain_config(self.model.peft_config[self.name])

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


class VirtualLearner(PeftLearner):
    """Virtual tokens in front of every row: the base's layers are not touched."""

    wrapper, saved_as_trained = PeftModelForCausalLM, False

    def learned(self) -> dict[str, Tensor]:
        return {"prompt_embeddings": self.model.get_prompt_embedding_to_save(self.name)}

    def take_over(self, saved: Mapping[str, Tensor]) -> None:
        self.take(saved, {"prompt_embeddings": self.model.prompt_encoder[self.name].embedding.weight})

    def remove(self) -> None:
        """No layer of the base was touched."""


class EncodedLearner(VirtualLearner):
    """Virtual tokens that a network gives, as in P-tuning. They do not tell the network, so it is kept beside them."""

    def save(self, folder: Path) -> None:
        super().save(folder)
        self.save_trained(folder)

    @torch.no_grad()
    def start_from(self, folder: Path) -> None:
        self.take(load_file(folder / _TRAINED), self.tensors())


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

    def remove(self) -> None:
        """Its model is its own."""

    def plan(self, steps: int) -> None:
        self._second = math.ceil(steps / 2) if len(self._stages) > 1 else steps

    def rate(self, step: int) -> float:
        return 1.0 if step < self._second else _SECOND_RATE

    def before_step(self, step: int) -> None:
        now = {key for stage in self._stages[: 1 if step < self._second else None] for key in stage}
        for key, parameter in self._own.items():
            parameter.requires_grad_(key in now)


def plain_config(config: PeftConfig) -> dict[str, Any]:
    """As PEFT writes it, for use and not for training."""
    found = {key: sorted(value) if isinstance(value, set) else value for key, value in config.to_dict().items()}
    plain: dict[str, Any] = json.loads(json.dumps(found | {"inference_mode": True}))  # kinds become their names
    return plain
