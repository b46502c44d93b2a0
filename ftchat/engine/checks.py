"""What is verified about a run, and shown: the tokens before it, the adapter and the base after it.

Each check looks; none claims more than it looked at. Knows nothing of the trainer's settings.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from ftchat.engine.counting import Counting
from ftchat.engine.models import Resident
from ftchat.engine.samples import Pair, ask_both, spread
from ftchat.engine.template import Encoded
from ftchat.errors import DataError
from ftchat.events import Checked
from ftchat.records import Example, Message

_CONFIG_FIELDS = (
    "eos_token_id",
    "bos_token_id",
    "pad_token_id",
    "use_cache",
    "output_router_logits",
    "router_aux_loss_coef",
)
_PREFIXES_TRIED = 200
_AT_ONCE = 5000  # rows that are looked at before others get their turn
_REPLIES_TRIED = 3


@contextmanager
def base_left_as_it_was(resident: Resident, checkpointing: bool) -> Iterator[None]:
    """Takes back what a trainer does to the model it is given: special tokens in its configs, patched forwards,
    gradient checkpointing, input hooks, noise on embeddings."""
    model, peft, embeddings = resident.model, resident.peft, resident.model.get_input_embeddings()
    assert peft is not None
    hooks = dict(embeddings._forward_hooks)
    fields = {name: getattr(model.config, name) for name in _CONFIG_FIELDS if hasattr(model.config, name)}
    generation = copy.deepcopy(model.generation_config)
    try:
        yield
    finally:
        for part in (peft, model):
            part.__dict__.pop("forward", None)
            part.__dict__.pop("_original_forward", None)
        if checkpointing:
            model.gradient_checkpointing_disable()
        if hasattr(model, "_require_grads_hook"):
            model.disable_input_require_grads()
        embeddings._forward_hooks = type(embeddings._forward_hooks)(hooks)
        for name, value in fields.items():
            setattr(model.config, name, value)
        model.generation_config = generation
        model.zero_grad(set_to_none=True)


def base_probe(resident: Resident) -> torch.Tensor:
    """Logits of the base alone on a fixed short question: [1, length, vocabulary], on the CPU."""
    ids = resident.template.prompt_ids((Message("user", "Hello, who are you?"),))
    with resident.chatting(), resident.rows([None]):
        return resident.model(input_ids=torch.tensor([ids], device=resident.device)).logits.cpu()


def check_tokens(
    resident: Resident, examples: Sequence[Example], rows: Sequence[Encoded], limit: int
) -> Counting[list[Checked]]:
    """Before step 1: what chat sends is the beginning of what is trained, and every answer ends with the stop token.
    The first is tried on some examples, token for token against the rows that the trainer gets; a prompt that fills
    the limit is not trained."""
    end, stops, asked = resident.template.end_id, 0, []
    heads: set[tuple[int, ...]] = set()
    for start in range(0, len(rows), _AT_ONCE):
        for row in rows[start : start + _AT_ONCE]:
            stops += row.ids[-1] == end and row.trained[-1]
            heads.add(row.ids[: row.trained.index(True)])
        yield
    for example in examples[:_PREFIXES_TRIED]:
        with contextlib.suppress(DataError):  # what the template refuses is not trained
            asked.append(tuple(resident.template.prompt_ids(example.messages[: _first_answer(example)])))
    asked = [prompt for prompt in asked if len(prompt) < limit]
    prefixes = sum(prompt in heads for prompt in asked)
    return [
        Checked(name="prompt_is_prefix", ok=prefixes == len(asked), detail=f"{prefixes} / {len(asked)}"),
        Checked(name="ends_with_stop_token", ok=stops == len(rows), detail=f"{stops} / {len(rows)}"),
    ]


def check_after(
    resident: Resident, adapter: str, examples: Sequence[Example], before: torch.Tensor, pulse: Callable[[], object]
) -> tuple[list[Checked], list[Pair]]:
    """After training: the adapter changed something and what is answered, the base is the same to the bit, and replies
    to training prompts, which are given too, stop by themselves. `pulse` is called after each of their tokens."""

    def enough() -> bool:
        pulse()
        return False

    norm = resident.adapter_norm(adapter)
    same = torch.equal(before, base_probe(resident))
    pairs = ask_both(resident, adapter, spread(examples, _REPLIES_TRIED), resident.context, enough)
    stopped = sum(pair.tuned.stop == "eos" for pair in pairs)
    moved = [pair.tuned.divergence for pair in pairs if pair.tuned.divergence is not None]
    divergence = sum(moved) / max(1, len(moved))
    return [
        Checked(name="adapter_changed_the_model", ok=norm > 0, detail=f"{norm:.3g}"),
        Checked(name="answers_changed", ok=divergence > 0 or not moved, detail=f"{divergence:.3g}"),
        Checked(name="base_unchanged", ok=same, detail=""),
        Checked(name="replies_stop", ok=stopped == len(pairs), detail=f"{stopped} / {len(pairs)}"),
    ], pairs


def _first_answer(example: Example) -> int:
    return next(i for i, message in enumerate(example.messages) if message.role == "assistant")
