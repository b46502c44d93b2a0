"""The training run: packed conversations, bf16 compute on fp32 master weights, Muon and AdamW, resumable."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from . import mix, vocabulary

SHAPE = {"hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 6, "num_attention_heads": 4,
         "num_key_value_heads": 2, "head_dim": 64, "max_position_embeddings": 1024, "rope_theta": 10000.0}  # fmt: skip
CHUNK = 25  # steps that share one data seed: the unit in which a resumed run finds its place again
SCORED = 0.75  # share of the positions whose loss is computed: all answers, the rest drawn from what users say


@dataclass(frozen=True)
class Plan:
    """Numbers of a run. `decay` steps at the end bring the learning rate down to a tenth and below."""

    work: Path
    steps: int
    decay: int
    rows: int = 32
    length: int = 384
    rate: float = 0.02
    table_rate: float = 0.004
    seed: int = 20260
    save_minutes: float = 4.0
    compile: bool = True


def new_model() -> LlamaForCausalLM:
    """A fresh model of the shape above; the ids are the tokenizer's."""
    config = LlamaConfig(
        vocab_size=vocabulary.SIZE, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        rms_norm_eps=1e-5, initializer_range=0.02, attn_implementation="sdpa", **SHAPE,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def batches(tokenizer: Tokenizer, plan: Plan, step: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Rows of packed conversations with their answer masks, from the chunk that `step` lies in."""
    rows, length = plan.rows, plan.length + 1
    while True:
        chunk = step // CHUNK
        stream = mix.conversations(plan.seed * 1_000_003 + chunk)
        rng = random.Random(chunk)
        ids: list[int] = []
        mask: list[int] = []
        for _ in range(CHUNK):
            table: list[tuple[list[int], list[int]]] = []
            while len(table) < rows:
                while len(ids) < length:
                    for got, marks in vocabulary.encode(tokenizer, list(islice(stream, 64))):
                        ids += got
                        mask += marks
                table.append((ids[:length], mask[:length]))
                # A row starts where a conversation starts: the cut end of the last one is dropped.
                try:
                    nxt = ids.index(1, length)
                except ValueError:
                    nxt = len(ids)
                del ids[:nxt], mask[:nxt]
            rng.shuffle(table)
            yield torch.tensor([t[0] for t in table]), torch.tensor([t[1] for t in table])
            step += 1


def pick(mask: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """Positions whose loss is computed: the answers first, then others at random, always `count` of them."""
    score = mask.reshape(-1).float() + torch.rand(mask.numel(), generator=generator)
    return torch.topk(score, count).indices.sort().values


def rate_factor(plan: Plan, step: int) -> float:
    """Warm-up, a plateau, and a linear fall at the end: the plateau lets a run be prolonged."""
    fall = (plan.steps - step) / max(1, plan.decay)
    return min(1.0, (step + 1) / 60) * max(0.02, min(1.0, fall))


class Run:
    """Model, master weights and optimizers, with their checkpoint."""

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.model = new_model()
        self.masters = {n: p.detach().clone().float() for n, p in self.model.named_parameters()}
        self.model.to(torch.bfloat16)
        matrices = [m for n, m in self.masters.items() if m.ndim == 2 and "embed" not in n]
        others = [m for n, m in self.masters.items() if m.ndim != 2 or "embed" in n]
        self.optimizers = [
            torch.optim.Muon(matrices, lr=plan.rate, momentum=0.95, weight_decay=0.02),
            torch.optim.AdamW(others, lr=plan.table_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True),
        ]
        self.step = 0
        self.tokens = 0
        self.seconds = 0.0
        self.path = plan.work / "checkpoint.pt"

    def save(self) -> None:
        """Writes everything needed to go on, beside and then over the old file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        state = {"masters": self.masters, "optimizers": [o.state_dict() for o in self.optimizers], "step": self.step,
                 "tokens": self.tokens, "seconds": self.seconds}  # fmt: skip
        torch.save(state, self.path.with_suffix(".new"))
        self.path.with_suffix(".new").replace(self.path)

    def load(self) -> None:
        """Continues from the checkpoint, if there is one."""
        if not self.path.exists():
            return
        state = torch.load(self.path, weights_only=True)
        for name, master in self.masters.items():
            master.copy_(state["masters"][name])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]
        self.publish()

    @torch.no_grad()
    def publish(self) -> None:
        """Master weights -> the bf16 model."""
        for name, parameter in self.model.named_parameters():
            parameter.copy_(self.masters[name])

    def update(self) -> float:
        """One optimizer step from the gradients on the bf16 model; the norm before clipping is returned."""
        for name, parameter in self.model.named_parameters():
            self.masters[name].grad = parameter.grad.float()
            parameter.grad = None
        norm = torch.nn.utils.clip_grad_norm_(list(self.masters.values()), 1.0)
        factor = rate_factor(self.plan, self.step)
        for optimizer, rate in zip(self.optimizers, (self.plan.rate, self.plan.table_rate), strict=True):
            optimizer.param_groups[0]["lr"] = rate * factor
            optimizer.step()
        self.publish()
        return float(norm)


def train(plan: Plan) -> None:
    """Trains until `plan.steps`, saving as it goes."""
    tokenizer = Tokenizer.from_file(str(plan.work / "tokenizer" / "tokenizer.json"))
    run = Run(plan)
    run.load()
    count = int(SCORED * plan.rows * plan.length)

    def loss_of(ids: torch.Tensor, where: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        hidden = run.model.model(input_ids=ids, use_cache=False).last_hidden_state
        chosen = hidden.reshape(-1, hidden.shape[-1])[where]
        return F.cross_entropy(F.linear(chosen, run.model.lm_head.weight).float(), target, reduction="none")

    forward = torch.compile(loss_of, dynamic=False) if plan.compile else loss_of
    run.model.train()
    stream = batches(tokenizer, plan, run.step)
    for _ in range(run.step % CHUNK):
        next(stream)
    saved = time.monotonic()
    log = (plan.work / "log.jsonl").open("a", encoding="utf-8")
    while run.step < plan.steps:
        began = time.monotonic()
        rows, mask = next(stream)
        ids, target, answer = rows[:, :-1].contiguous(), rows[:, 1:].reshape(-1), mask[:, 1:].reshape(-1)
        where = pick(answer, count, torch.Generator().manual_seed(run.step))
        losses = forward(ids, where, target[where])
        losses.mean().backward()
        norm = run.update()
        run.step += 1
        run.tokens += ids.numel()
        took = time.monotonic() - began
        run.seconds += took
        if run.step % 10 == 0:
            marks = answer[where].bool()
            line = {"step": run.step, "loss": round(losses.detach().mean().item(), 4),
                    "answer_loss": round(losses.detach()[marks].mean().item(), 4), "answers": round(answer.float().mean().item(), 2),
                    "norm": round(norm, 2), "tokens_s": int(ids.numel() / took), "minutes": round(run.seconds / 60, 1)}  # fmt: skip
            log.write(json.dumps(line) + "\n")
            log.flush()
        if time.monotonic() - saved > plan.save_minutes * 60 or run.step == plan.steps:
            run.save()
            saved = time.monotonic()
