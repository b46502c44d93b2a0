"""The resident base and its adapters. Knows nothing of runs or requests.

The base is loaded once per (model, precision). Chat never goes through PEFT: who answers is chosen per row of a batch,
from a stack of saved adapters. PEFT's layers are in the base only while a run trains, and chat passes them by.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel
from peft.tuners.lora import LoraLayer
from safetensors.torch import save_file
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ftchat.engine.adapters import FILE_PREFIX, AdapterStack, Voice
from ftchat.engine.loading import load_base
from ftchat.engine.template import ChatTemplate
from ftchat.records import BaseInfo


class Resident:
    """A base model in memory with the adapters attached to it. One thread only."""

    def __init__(self, name: str, precision: str, device: torch.device):
        loaded = load_base(name, precision, device)
        self.name, self.precision, self.device = name, precision, device
        self.model: PreTrainedModel = loaded.model
        self.tokenizer = loaded.tokenizer
        self.context = loaded.context
        eos = self.model.generation_config.eos_token_id if self.model.generation_config else None
        eos_ids = [eos] if isinstance(eos, int) else list(eos or [])
        rows = self.model.get_input_embeddings().weight.shape[0]
        self.template = ChatTemplate(self.tokenizer, rows, eos_ids)
        self.stack = AdapterStack(self.model)
        self.peft: PeftModel | None = None  # while a run trains
        self.training: str | None = None  # the adapter that it trains
        self._wrapped: dict[str, LoraLayer] = {}  # and the layers of it
        self._chatting = False
        self.info = BaseInfo(
            name=name,
            label=loaded.label,
            parameters=loaded.parameters,
            precision=precision,
            device=str(device),
            context=self.context,
            template=self.template.source,
            notes=tuple(self.template.notes),
        )

    @property
    def adapters(self) -> tuple[str, ...]:
        """Those that answer."""
        return self.stack.names

    def target_modules(self) -> tuple[str, ...]:
        """The names of the linear layers that an adapter goes on: all but the output layer."""
        output = self.model.get_output_embeddings()
        names = {
            name.removesuffix(".base_layer").rpartition(".")[2]
            for name, module in self.model.named_modules()
            if isinstance(module, (torch.nn.Linear, Conv1D)) and module is not output and ".lora_" not in name
        }
        return tuple(sorted(names))

    @property
    def transposed(self) -> bool:
        """Whether the layers keep their weights as (in, out), as GPT-2's Conv1D does."""
        return any(isinstance(module, Conv1D) for module in self.model.modules())

    def add_adapter(self, adapter: str, config: LoraConfig) -> PeftModel:
        """A new adapter to train; one at a time."""
        assert self.peft is None
        self.stack.select(())
        self.peft, self.training = PeftModel(self.model, config, adapter_name=adapter), adapter
        self._wrapped = {name: m for name, m in self.model.named_modules() if isinstance(m, LoraLayer)}
        return self.peft

    def attach(self, adapter: str, folder: Path) -> None:
        """Loads a saved adapter, frozen. Nothing happens if it is resident."""
        self.stack.load(adapter, folder)

    def snapshot(self, name: str) -> None:
        """What is being trained, as it is now, answers under this name from here on."""
        assert self.peft is not None and self.training is not None
        self.stack.put(name, self._learned(self.training), self.peft.peft_config[self.training].to_dict())

    def detach(self, adapter: str) -> None:
        """Frees an adapter. When it is the one in training, PEFT's layers leave the base."""
        if self.peft is not None and adapter == self.training:
            self.model = self.peft.unload()
            self.peft = self.training = None
            self._wrapped = {}
        self.stack.drop(adapter)

    def save(self, adapter: str, folder: Path) -> None:
        """Writes one adapter as PEFT's two files; the folder appears whole or not at all."""
        assert self.peft is not None
        for torn in folder.parent.glob(".adapter.*"):  # what a kill left of an earlier try
            shutil.rmtree(torn)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".adapter.") as beside:
            made = Path(beside) / "adapter"
            config = copy.copy(self.peft.peft_config[adapter])
            config.inference_mode = True
            config.base_model_name_or_path = self.name  # so that whoever gets it knows where it belongs
            config.save_pretrained(str(made))
            save_file(self._learned(adapter), made / "adapter_model.safetensors", {"format": "pt"})
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)

    def _learned(self, adapter: str) -> dict[str, torch.Tensor]:
        """Its tensors, by the names that PEFT's file has for them."""
        return {
            f"{FILE_PREFIX}{name}.lora_{side}.weight": factors[adapter].weight.detach().contiguous()
            for name, layer in self._wrapped.items()
            for side, factors in (("A", layer.lora_A), ("B", layer.lora_B))
        }

    @contextmanager
    def rows(self, adapters: Sequence[str | None]) -> Iterator[None]:
        """Inside, row i of every batch is answered with adapters[i]; None is the base alone."""
        self.stack.select([Voice(adapter) for adapter in adapters])
        try:
            yield
        finally:
            self.stack.select(())

    @contextmanager
    def chatting(self) -> Iterator[None]:
        """Evaluation mode without gradients, and without what is being trained; whatever mode the model was in
        returns. To enter it again inside costs nothing."""
        if self._chatting or (self.peft is None and not self.model.training):
            with torch.no_grad():
                yield
            return
        training = [module for module in self.model.modules() if module.training]
        self.model.eval()
        for layer in self._wrapped.values():  # PEFT's own switch also takes the gradients off, and is slow
            layer._disable_adapters = True
        self._chatting = True
        try:
            with torch.no_grad():
                yield
        finally:
            self._chatting = False
            self.stack.select(())
            for layer in self._wrapped.values():
                layer._disable_adapters = False
            for module in training:
                module.training = True

    def adapter_norm(self, adapter: str) -> float:
        """Frobenius norm of the adapter's whole weight change, scaling * B A over all layers."""
        return self.stack.norm(Voice(adapter))
