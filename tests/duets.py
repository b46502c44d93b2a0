"""For tests of replies: a base with adapters that say something else than it does, and what generate() says alone."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file

from ftchat.engine import methods
from ftchat.engine.adapters import Voice
from ftchat.engine.decode import Decoder
from ftchat.engine.learners import Learner
from ftchat.engine.loading import load_base
from ftchat.engine.models import Resident
from ftchat.engine.reply import Reply, replies_to
from ftchat.engine.resolve import Facts, resolve
from ftchat.events import ReplyDone, ReplyToken
from ftchat.records import STARTER, ChatRequest, Message, Pane, ResolvedConfig, RunConfig, Sampling
from ftchat.settings import COPIES, LORA_KIN, VIRTUAL

KINDS = {
    "one": {"r": 4},
    "two": {"r": 8, "lora_alpha": 4, "use_rslora": True},
    "few": {"r": 2, "alpha_pattern": {r"down_proj|c_proj": 16}},  # and only on two of the layers' kinds
}


def said(*texts: str) -> tuple[Message, ...]:
    """A conversation: user and assistant take turns."""
    return tuple(Message(("user", "assistant")[i % 2], text) for i, text in enumerate(texts))


TOKENS = 20
HISTORIES = (
    said("Hello!"),
    said("Who are you?"),
    said("What is 3 + 4?"),
    said("Tell me a short story about a fox."),
    said("你好"),
    said("list three fruits 😀"),
    said("Tell me a short story about a fox.", "There was a fox who lived near a river.", "And then?"),
    said("word " * 60 + "?"),
)


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


def resolved(resident: Resident, method: str, **settings: int) -> ResolvedConfig:
    """As for a run of six short examples."""
    facts = Facts(
        device=resident.device.type,
        precision=resident.precision,
        method=method,
        threads=torch.get_num_threads(),
        parameters=resident.info.parameters,
        context=resident.context,
        examples=6,
        held_out=0,
        lengths=[30] * 6,
        target_modules=resident.target_modules(),
        layers=resident.model.config.num_hidden_layers,
    )
    return resolve(RunConfig("made", "none", method=method, settings={"max_steps": 6} | settings), facts)


def move(learner: Learner) -> None:
    """As if something had been learned: all that is trained changes, as far as it bears."""
    with torch.no_grad():
        for key, tensor in learner.tensors().items():
            if tensor.requires_grad:
                spread = float(tensor.std()) if tensor.numel() > 1 else 0.0
                tensor += max(1.0 if "lora_E" in key else 0.05, 0.3 * spread) * torch.randn_like(tensor)


def make_methods(resident: Resident, folder: Path, names: Sequence[str]) -> dict[str, Path]:
    """What a run of each method might have learned."""
    for seed, name in enumerate(names):
        torch.manual_seed(seed)
        settings = {"num_virtual_tokens": 3 + seed} if name in VIRTUAL else {"r": 4} if name in LORA_KIN else {}
        config = resolved(resident, name, **settings)
        move(resident.teach(lambda config=config, name=name: methods.learner(name, config, resident)))
        resident.save(name, folder / name)
        resident.detach(name)
    return {name: folder / name for name in names}


class Studio:
    """One resident with adapters; `alone` asks another copy of the base, through PEFT and generate()."""

    def __init__(
        self,
        folder: Path,
        base: str = STARTER,
        made: Sequence[str] = (),
        precision: str = "float32",
        device: str = "cpu",
    ):
        self.resident = Resident(base, precision, torch.device(device))
        self.folders = make_methods(self.resident, folder, made) if made else make_adapters(self.resident, folder)
        for name, where in self.folders.items():
            self.resident.attach(name, where)
        self.alone = cache(self._alone)

    @cache  # noqa: B019
    def _model(self, adapter: str | None) -> torch.nn.Module:
        base = load_base(self.resident.name, self.resident.precision, self.resident.device).model
        if adapter is None:
            return base
        if adapter in COPIES:
            base.load_state_dict(load_file(self.folders[adapter] / "adapter_model.safetensors"), strict=False)
            return base.tie_weights() or base.eval()
        return PeftModel.from_pretrained(base, str(self.folders[adapter])).eval()

    def prompt(self, history: tuple[Message, ...]) -> list[int]:
        return self.resident.template.prompt_ids(history)

    def _alone(self, history: tuple[Message, ...], adapter: str | None, tokens: int) -> list[int]:
        """The ids of the greedy answer."""
        ids = torch.tensor([self.prompt(history)], device=self.resident.device)
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
            asked = torch.tensor([ids], device=self.resident.device)
            return self._model(adapter)(input_ids=asked).logits[0, -len(ids) :].float()

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


class Recording(Decoder):
    """Keeps the logits that each reply's tokens were drawn from."""

    def __init__(self, *args: object, **kwargs: object):
        super().__init__(*args, **kwargs)
        self.logits: dict[Reply, list[torch.Tensor]] = {}

    def _forward(self, batch: Any, *inputs: torch.Tensor) -> tuple[torch.Tensor, list]:
        logits, tokens = super()._forward(batch, *inputs)
        for reply, row in zip(batch.rows, logits, strict=True):
            self.logits.setdefault(reply, []).append(row.clone())
        return logits, tokens


@dataclass
class Visitor:
    """Asks at a certain token of the others' replies, and may leave before the end."""

    history: tuple[Message, ...]
    adapter: str | None
    comes: int
    stays: int
    reply: Reply = field(init=False)


def serve(studio: Studio, decoder: Decoder, company: list[Visitor]) -> None:
    """Every visitor comes, is answered and leaves."""
    moment = 0
    with studio.resident.chatting():
        while not decoder.idle or any(visitor.comes >= moment for visitor in company):
            for number, visitor in enumerate(company):
                if visitor.comes == moment:
                    pane = Pane(visitor.adapter, visitor.history)
                    request = ChatRequest(str(number), STARTER, (pane,), Sampling(0.0, TOKENS))
                    (visitor.reply,) = replies_to(request, studio.resident, [Voice(visitor.adapter)])
                    decoder.add([visitor.reply])
                if visitor.comes + visitor.stays == moment:
                    visitor.reply.stopped = True
            assert all(isinstance(event, ReplyToken | ReplyDone) for event in decoder.advance())
            moment += 1


def check(
    studio: Studio, decoder: Recording, company: list[Visitor], apart: float = 1e-4, torn: float = 1e-3
) -> tuple[int, int]:
    """Token for token what generate() gives alone, and the logits too, up to where it is torn between two: how many
    tokens were the same, and of how many. `apart`: how far logits may be, in parts of the largest."""
    same = looked_at = 0
    for visitor in company:
        prompt = studio.prompt(visitor.history)
        alone = studio.alone(visitor.history, visitor.adapter, TOKENS)
        got = visitor.reply.ids[-visitor.reply.tokens :] if visitor.reply.tokens else []
        logits = studio.logits(visitor.adapter, prompt + alone)
        for place, token in enumerate(got):
            lone = logits[len(prompt) - 1 + place]
            seen = decoder.logits[visitor.reply][place]
            assert (seen - lone).abs().max() <= apart * lone.abs().max()
            first, second = lone.topk(2).values
            looked_at, same = looked_at + 1, same + (token == alone[place])
            if first - second < torn:
                break
            assert token == alone[place]
    return same, looked_at


def visitors_of(adapters: Sequence[str | None]) -> st.SearchStrategy[Visitor]:
    histories, moments = st.sampled_from(HISTORIES), st.integers(0, 12)
    return st.builds(Visitor, histories, st.sampled_from(adapters), moments, st.integers(1, TOKENS))


def check_twice(studio: Studio, company: list[Visitor]) -> None:
    """The second time, all of it is known already, and everybody comes at once and stays."""
    decoder = Recording(studio.resident)
    for _ in range(2):
        serve(studio, decoder, company)
        check(studio, decoder, company)
        for visitor in company:
            visitor.comes, visitor.stays = 0, TOKENS
    assert all(visitor.reply.tokens for visitor in company)
