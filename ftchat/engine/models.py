"""The resident base and its adapters. Knows nothing of runs or requests.

The base is loaded once per (model, precision). PEFT's LoRA layers are put into it with the first adapter; who
answers is chosen per row of a batch, never by toggling the model, and a saved adapter is always loaded frozen.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from peft.tuners.lora import LoraLayer
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ftchat.engine.loading import load_base
from ftchat.engine.template import ChatTemplate
from ftchat.errors import ModelError
from ftchat.records import BaseInfo

BASE_ROW = "__base__"  # PEFT's name for a row that no adapter touches


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
        self.peft: PeftModel | None = None
        self._rows: list[str] | None = None
        self._hooks: list[Any] = []
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
        return tuple(self.peft.peft_config) if self.peft else ()

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
        """A new trainable adapter; all others stay frozen."""
        if self.peft is None:
            self.peft = PeftModel(self.model, config, adapter_name=adapter)
        else:
            self.peft.add_adapter(adapter, config)
        self.peft.set_adapter(adapter)
        self._watch_rows()
        return self.peft

    def attach(self, adapter: str, folder: Path) -> None:
        """Loads a saved adapter, frozen. Nothing happens if it is resident."""
        if adapter in self.adapters:
            return
        if not (folder / "adapter_model.safetensors").exists():
            raise ModelError(f"there is no adapter in {folder}: the run saved none, or its folder was moved")
        if self.peft is None:
            self.peft = PeftModel.from_pretrained(
                self.model, str(folder), adapter_name=adapter, is_trainable=False, use_safetensors=True
            )
        else:
            self.peft.load_adapter(str(folder), adapter_name=adapter, is_trainable=False, use_safetensors=True)
        self.peft.eval()
        self._watch_rows()

    def detach(self, adapter: str) -> None:
        """Frees an adapter; with the last one PEFT's layers leave the base too."""
        if self.peft is None or adapter not in self.adapters:
            return
        if len(self.adapters) == 1:
            for hook in self._hooks:
                hook.remove()
            self._hooks = []
            self.model = self.peft.unload()
            self.peft = None
        else:
            others = [name for name in self.adapters if name != adapter]
            self.peft.set_adapter(others[0], inference_mode=True)
            self.peft.delete_adapter(adapter)

    def save(self, adapter: str, folder: Path) -> None:
        """Writes one adapter as PEFT's two files; the folder appears whole or not at all."""
        assert self.peft is not None
        for torn in folder.parent.glob(".adapter.*"):  # what a kill left of an earlier try
            shutil.rmtree(torn)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".adapter.") as beside:
            self.peft.save_pretrained(beside, selected_adapters=[adapter], save_embedding_layers=False)
            shutil.rmtree(folder, ignore_errors=True)
            (Path(beside) / adapter).rename(folder)

    @contextmanager
    def rows(self, adapters: Sequence[str | None]) -> Iterator[None]:
        """Inside, row i of every batch is answered with adapters[i]; None is the base alone."""
        self._rows = [adapter or BASE_ROW for adapter in adapters] if self.peft else None
        try:
            yield
        finally:
            self._rows = None

    @contextmanager
    def chatting(self) -> Iterator[None]:
        """Evaluation mode without gradients; whatever mode the model was in returns."""
        training = [module for module in self.model.modules() if module.training]
        self.model.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            for module in training:
                module.training = True

    def adapter_norm(self, adapter: str) -> float:
        """Frobenius norm of the adapter's whole weight change, scaling * B A over all layers."""
        total = 0.0
        for layer in self._lora_layers():
            if adapter in layer.lora_A:
                a, b = layer.lora_A[adapter].weight.float(), layer.lora_B[adapter].weight.float()
                # ||BA||_F^2 = tr((B'B)(AA')): r x r products only
                total += layer.scaling[adapter] ** 2 * float(((b.T @ b) * (a @ a.T)).sum())
        return math.sqrt(total)

    def _lora_layers(self) -> list[LoraLayer]:
        return [module for module in self.model.modules() if isinstance(module, LoraLayer)]

    def _watch_rows(self) -> None:
        """One standing hook per LoRA layer hands it the rows' adapters: PEFT's own way through `generate` puts up
        and takes down hooks on every call, and leaves them behind after an exception."""
        for hook in self._hooks:
            hook.remove()

        def with_rows(_module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return (args, kwargs | {"adapter_names": self._rows}) if self._rows is not None else None

        layers = [layer for layer in self._lora_layers() if isinstance(layer, torch.nn.Module)]
        self._hooks = [layer.register_forward_pre_hook(with_rows, with_kwargs=True) for layer in layers]
