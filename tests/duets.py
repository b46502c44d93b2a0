"""For tests of replies: a base with adapters that say something else than it does, and what generate() says alone."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM

from ftchat.engine.adapters import Voice
from ftchat.engine.decode import Decoder
from ftchat.engine.loading import STARTER_FOLDER
from ftchat.engine.models import Resident
from ftchat.engine.reply import replies_to
from ftchat.events import ReplyDone, ReplyToken
from ftchat.records import STARTER, ChatRequest, Message, Pane, Sampling

KINDS = {
    "one": {"r": 4},
    "two": {"r": 8, "lora_alpha": 4, "use_rslora": True},
    "few": {"r": 2, "alpha_pattern": {r"down_proj|c_proj": 16}},  # and only on two of the layers' kinds
}


def said(*texts: str) -> tuple[Message, ...]:
    """A conversation: user and assistant take turns."""
    return tuple(Message(("user", "assistant")[i % 2], text) for i, text in enumerate(texts))


def make_adapters(resident: Resident, folder: Path, names: Sequence[str] = tuple(KINDS)) -> dict[str, Path]:
    """Saved by PEFT, each with weights of its own that change what is said."""
    for seed, name in enumerate(names):
        torch.manual_seed(seed)
        targets = list(resident.target_modules())
        targets = targets[:: len(targets) - 1] if name == "few" else targets
        config = LoraConfig(
            task_type="CAUSAL_LM", fan_in_fan_out=resident.transposed, target_modules=targets, **KINDS[name]
        )
        peft = resident.add_adapter(name, config)
        for key, tensor in peft.named_parameters():
            if ".lora_B." in key:
                torch.nn.init.normal_(tensor, std=0.05)
        resident.save(name, folder / name)
        resident.detach(name)
    return {name: folder / name for name in names}


class Studio:
    """One resident with adapters; `alone` asks another copy of the base, through PEFT and generate()."""

    def __init__(self, folder: Path, base: str = STARTER):
        self.resident = Resident(base, "float32", torch.device("cpu"))
        self.folders = make_adapters(self.resident, folder)
        for name, where in self.folders.items():
            self.resident.attach(name, where)
        self._path = str(STARTER_FOLDER) if base == STARTER else base
        self.alone = cache(self._alone)

    @cache  # noqa: B019
    def _model(self, adapter: str | None) -> torch.nn.Module:
        base = AutoModelForCausalLM.from_pretrained(self._path, dtype=torch.float32)
        return PeftModel.from_pretrained(base, str(self.folders[adapter])).eval() if adapter else base.eval()

    def prompt(self, history: tuple[Message, ...]) -> list[int]:
        return self.resident.template.prompt_ids(history)

    def _alone(self, history: tuple[Message, ...], adapter: str | None, tokens: int) -> list[int]:
        """The ids of the greedy answer."""
        ids = torch.tensor([self.prompt(history)])
        with torch.no_grad():
            output = self._model(adapter).generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=tokens,
                eos_token_id=list(self.resident.template.stop_ids),
                pad_token_id=self.resident.template.end_id,
            )
        return output[0, ids.shape[1] :].tolist()

    def logits(self, adapter: str | None, ids: list[int]) -> torch.Tensor:
        """[length, vocabulary], of the model with that adapter alone."""
        with torch.no_grad():
            return self._model(adapter)(input_ids=torch.tensor([ids])).logits[0]

    def answers(
        self, histories: Sequence[tuple[Message, ...]], voices: Sequence[Voice], sampling: Sampling
    ) -> list[ReplyDone]:
        """The replies to the panes of one request; what was streamed must add up to them."""
        panes = tuple(Pane(voice.adapter, history) for voice, history in zip(voices, histories, strict=True))
        decoder = Decoder(self.resident)
        decoder.add(replies_to(ChatRequest(uuid.uuid4().hex, STARTER, panes, sampling), self.resident, voices))
        events = []
        with self.resident.chatting():
            while not decoder.idle:
                events += decoder.advance()
        done = {event.pane: event for event in events if isinstance(event, ReplyDone)}
        for pane, reply in done.items():
            assert reply.text == "".join(e.text for e in events if isinstance(e, ReplyToken) and e.pane == pane)
        return [done[pane] for pane in sorted(done)]
