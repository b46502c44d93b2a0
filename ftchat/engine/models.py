"""The resident base and its adapters. Knows nothing of runs or requests.

The base is loaded once per (model, precision). Chat never goes through PEFT: who answers is chosen per row of a batch,
from a stack of saved adapters. What a run trains is in the base only while it trains, and chat passes it by.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from peft import LoraConfig, PeftModel
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ftchat.engine.adapters import AdapterStack, Voice
from ftchat.engine.cache import remembers
from ftchat.engine.learners import Learner, PeftLearner
from ftchat.engine.loading import load_base
from ftchat.engine.packing import keeps_apart
from ftchat.engine.targets import target_modules
from ftchat.engine.template import ChatTemplate
from ftchat.errors import ModelError
from ftchat.files import remove
from ftchat.records import BaseInfo

L = TypeVar("L", bound=Learner)


class Resident:
    """A base model in memory with the adapters attached to it. One thread only."""

    def __init__(self, name: str, precision: str, device: torch.device):
        loaded = load_base(name, precision, device)
        if not remembers(loaded.model):
            raise ModelError(
                f"{name} remembers a conversation in a way of its own ({loaded.model.config.model_type}), so it could "
                "not answer beside others; choose another base"
            )
        self.name, self.precision, self.device = name, precision, device
        self.model: PreTrainedModel = loaded.model
        self.model.name_or_path = name  # adapters say so in their files, and whoever gets one knows where it belongs
        self.tokenizer = loaded.tokenizer
        self.context = loaded.context
        eos = self.model.generation_config.eos_token_id if self.model.generation_config else None
        eos_ids = [eos] if isinstance(eos, int) else list(eos or [])
        rows = self.model.get_input_embeddings().weight.shape[0]
        self.template = ChatTemplate(self.tokenizer, rows, eos_ids)
        self.stack = AdapterStack(self.model)
        self._targets = target_modules(self.model)
        self.needed: set[str] = set()  # adapters that a run asks for its own ends
        self.learner: Learner | None = None  # while a run trains
        self._chatting = False
        self._modules: tuple[torch.nn.Module, ...] = ()  # of the base, with those of what is being trained
        self.info = BaseInfo(
            name=name,
            parameters=loaded.parameters,
            precision=precision,
            device=str(device),
            context=self.context,
            notes=tuple(self.template.notes),
        )

    @property
    def adapters(self) -> tuple[str, ...]:
        """Those that answer."""
        return self.stack.names

    def target_modules(self) -> tuple[str, ...]:
        """The names of the linear layers that an adapter goes on."""
        return self._targets

    @property
    def transposed(self) -> bool:
        """Whether the layers keep their weights as (in, out), as GPT-2's Conv1D does."""
        return any(isinstance(module, Conv1D) for module in self.model.modules())

    @functools.cached_property
    def keeps_apart(self) -> bool:
        """Whether examples that share a row do not see each other, so that they may be packed."""
        with self.chatting(), self.rows([None, None]):
            return keeps_apart(self.model)

    @property
    def training(self) -> str | None:
        """The name of what is being trained."""
        return self.learner.name if self.learner else None

    @property
    def peft(self) -> Any:
        """The model that the trainer trains."""
        return self.learner.model if self.learner else None

    def add_adapter(self, adapter: str, config: LoraConfig) -> PeftModel:
        """A new LoRA to train; one at a time."""
        learner = self.teach(lambda: PeftLearner(adapter, self.model, config))
        return learner.model

    def teach(self, make: Callable[[], L]) -> L:
        """What `make` gives is trained from here on; one at a time."""
        assert self.learner is None
        self.stack.select(())
        self.learner = learner = make()
        self._modules = tuple(self.model.modules())
        return learner

    def attach(self, adapter: str, folder: Path) -> None:
        """Loads a saved adapter, frozen. Nothing happens if it is resident."""
        with self.chatting():
            self.stack.load(adapter, folder)

    def snapshot(self, name: str) -> None:
        """What is being trained, as it is now, answers under this name from here on, as its file would."""
        assert self.learner is not None
        with self.chatting():
            self.stack.put(name, self.learner.learned(), self.learner.config())

    def detach(self, adapter: str) -> None:
        """Frees an adapter. What is being trained leaves the base."""
        if adapter == self.training:
            self.end_training()
        self.stack.drop(adapter)

    def end_training(self) -> None:
        """What is being trained leaves the base; what answers stays."""
        assert self.learner is not None
        self.learner.remove()
        self.learner, self._modules = None, ()
        self.model.eval()

    def save(self, adapter: str, folder: Path) -> None:
        """Writes what is being trained as an adapter's two files; the folder appears whole or not at all."""
        assert self.learner is not None and adapter == self.training
        for torn in folder.parent.glob(".adapter.*"):  # what a kill left of an earlier try
            remove(torn)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".adapter.") as beside:
            made = Path(beside) / "adapter"
            made.mkdir()
            self.learner.save(made)
            remove(folder)
            made.rename(folder)

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
        if self._chatting or self.learner is None:
            with torch.inference_mode():
                yield
            return
        training = [module for module in self._modules if module.training]
        for module in training:
            vars(module)["training"] = False  # for some hundreds of them, torch's own setter takes milliseconds
        self._chatting = True
        try:
            with torch.inference_mode(), self.learner.passed_by():
                yield
        finally:
            self._chatting = False
            self.stack.select(())
            for module in training:
                vars(module)["training"] = True

    def adapter_norm(self, adapter: str) -> float:
        """Frobenius norm of the adapter's whole weight change, over all layers."""
        return self.stack.norm(Voice(adapter))
