"""Replies: the panes of a request are rows of one batch, advanced a token at a time in one forward pass.

Knows nothing of where the events go or what else the model is doing.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch.nn import functional
from transformers import DynamicCache

from ftchat.engine.models import Resident
from ftchat.engine.template import TokenReader
from ftchat.errors import ChatError, DataError
from ftchat.events import ReplyDone, ReplyEvent, ReplyToken
from ftchat.records import ChatRequest, Pane, Sampling

Stop = Literal["eos", "length", "stopped"]


class Reply:
    """One pane's answer while it is being decoded."""

    def __init__(self, pane: int, resident: Resident, prompt: list[int], sampling: Sampling, adapter: str | None):
        self.pane, self.prompt, self.adapter = pane, prompt, adapter
        self.tokens = 0
        self.text = ""
        self.last = 0
        self.divergence: float | None = None
        self.first_token_seconds = 0.0
        self.limit = min(sampling.max_new_tokens, resident.context - len(prompt))
        self._sampling = sampling
        self._stop_ids = resident.template.stop_ids
        self._reader = TokenReader(resident.tokenizer)
        # Each reply draws from its own generator, so its company does not change it, nor does it change a run's.
        self._random = torch.Generator().manual_seed(sampling.seed)

    def take(self, logits: torch.Tensor) -> tuple[str, Stop | None]:
        """The next token from float logits [vocabulary]: the text it completes, and why the reply ends if it does."""
        self.last = draw(logits, self._sampling, self._random)
        self.tokens += 1
        if self.last in self._stop_ids:
            return self.finish(), "eos"
        fresh = self._reader.push(self.last)
        self.text += fresh
        return (fresh + self.finish(), "length") if self.tokens >= self.limit else (fresh, None)

    def finish(self) -> str:
        """The rest of a character that was not completed."""
        rest = self._reader.finish()
        self.text += rest
        return rest


class Duet:
    """The replies of one request. `adapters[i]` answers pane i; None is the base alone."""

    def __init__(self, request: ChatRequest, resident: Resident, adapters: Sequence[str | None]):
        self.request, self._resident = request, resident
        self.stopped = False
        self._started = time.monotonic()
        prompts = [_prompt(resident, pane) for pane in request.panes]
        self._open = [
            Reply(index, resident, prompt, request.sampling, adapter)
            for index, (prompt, adapter) in enumerate(zip(prompts, adapters, strict=True))
        ]
        self._norms = {adapter: resident.adapter_norm(adapter) for adapter in adapters if adapter}
        self._cache = DynamicCache(config=resident.model.config)
        self._mask = torch.empty(0)
        self._options = _forward_options(resident.model)

    @property
    def over(self) -> bool:
        return not self._open

    @property
    def adapters(self) -> set[str]:
        """The adapters that are still answering."""
        return {reply.adapter for reply in self._open if reply.adapter}

    def advance(self) -> Iterator[ReplyEvent]:
        """One token for every open pane, from one forward pass. Call it inside `Resident.chatting`."""
        if self.stopped:
            for reply in self._open:
                reply.finish()
                yield self._done(reply, "stopped")
            self._open = []
            return
        first = self._mask.numel() == 0
        logits = self._prefill() if first else self._step()
        if first:
            self._measure_divergence(logits)
        going = []
        for row, reply in enumerate(self._open):
            fresh, stop = reply.take(logits[row])
            if first:
                reply.first_token_seconds = time.monotonic() - self._started
            if fresh:
                yield ReplyToken(request=self.request.id, pane=reply.pane, text=fresh, tokens=reply.tokens)
            if stop:
                yield self._done(reply, stop)
            else:
                going.append(row)
        self._keep(going)

    def _prefill(self) -> torch.Tensor:
        """The prompts, padded on the left. Returns float logits [rows, vocabulary] of the last position."""
        width = max(len(reply.prompt) for reply in self._open)
        device = self._resident.device
        ids = torch.zeros((len(self._open), width), dtype=torch.long)
        self._mask = torch.zeros((len(self._open), width), dtype=torch.long)
        for row, reply in enumerate(self._open):
            ids[row, width - len(reply.prompt) :] = torch.tensor(reply.prompt)
            self._mask[row, width - len(reply.prompt) :] = 1
        self._mask = self._mask.to(device)
        positions = (self._mask.cumsum(1) - 1).clamp(min=0)
        return self._forward(ids.to(device), positions)

    def _step(self) -> torch.Tensor:
        device = self._resident.device
        self._mask = torch.cat([self._mask, self._mask.new_ones((len(self._open), 1))], dim=1)
        positions = self._mask.sum(1, keepdim=True) - 1
        ids = torch.tensor([[reply.last] for reply in self._open], device=device)
        return self._forward(ids, positions)

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        with self._resident.rows([reply.adapter for reply in self._open]):
            output = self._resident.model(
                input_ids=ids,
                attention_mask=self._mask,
                position_ids=positions,
                past_key_values=self._cache,
                use_cache=True,
                **self._options,
            )
        return output.logits[:, -1].float().cpu()

    def _measure_divergence(self, logits: torch.Tensor) -> None:
        """KL(tuned || base) of the first token, where a base pane was asked the very same."""
        base = next((row for row, reply in enumerate(self._open) if reply.adapter is None), None)
        if base is None:
            return
        for row, reply in enumerate(self._open):
            if reply.adapter and reply.prompt == self._open[base].prompt:
                tuned_log, base_log = logits[row].log_softmax(-1), logits[base].log_softmax(-1)
                divergence = functional.kl_div(base_log, tuned_log, reduction="sum", log_target=True)
                reply.divergence = max(0.0, float(divergence))

    def _keep(self, rows: list[int]) -> None:
        if len(rows) == len(self._open):
            return
        self._open = [self._open[row] for row in rows]
        if rows:
            index = torch.tensor(rows, device=self._resident.device)
            self._cache.batch_select_indices(index)
            self._mask = self._mask[index]

    def _done(self, reply: Reply, stop: Stop) -> ReplyDone:
        return ReplyDone(
            request=self.request.id,
            pane=reply.pane,
            text=reply.text,
            tokens=reply.tokens,
            stop=stop,
            first_token_seconds=reply.first_token_seconds,
            seconds=time.monotonic() - self._started,
            adapter=reply.adapter,
            adapter_norm=self._norms.get(reply.adapter or "", 0.0),
            divergence=reply.divergence,
        )


def draw(logits: torch.Tensor, sampling: Sampling, random: torch.Generator) -> int:
    """One token id from float logits [vocabulary]: greedy at temperature 0, else nucleus sampling
    (Holtzman et al., 2020)."""
    if sampling.temperature == 0:
        return int(logits.argmax())
    probabilities, ids = (logits / sampling.temperature).softmax(-1).sort(descending=True)
    outside = probabilities.cumsum(-1) - probabilities >= sampling.top_p
    probabilities = probabilities.masked_fill(outside, 0.0)
    return int(ids[torch.multinomial(probabilities, 1, generator=random)])


def _prompt(resident: Resident, pane: Pane) -> list[int]:
    try:
        prompt = resident.template.prompt_ids(pane.messages)
    except DataError as error:
        raise ChatError(str(error)) from None
    if len(prompt) >= resident.context:
        raise ChatError(
            f"this conversation has {len(prompt)} tokens and the model holds {resident.context}; start a new chat or "
            "shorten the question"
        )
    return prompt


def _forward_options(model: torch.nn.Module) -> dict[str, int]:
    """Only the last position's logits are needed, where the model can be told so."""
    known = inspect.signature(type(model).forward).parameters
    return {"logits_to_keep": 1} if "logits_to_keep" in known else {}
