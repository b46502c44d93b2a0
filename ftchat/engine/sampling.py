"""From logits to the next token of each row. Knows nothing of models or replies."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from ftchat.records import Sampling


def draw(logits: torch.Tensor, samplings: Sequence[Sampling], randoms: Sequence[random.Random]) -> list[int | None]:
    """One token id per row of float logits [rows, vocabulary]: greedy at temperature 0, else nucleus sampling
    (Holtzman et al., 2020); None where the logits are no numbers. A row draws one number from its own generator, so its
    company does not change it."""
    best = logits.max(-1)
    tokens: list[int | None] = best.indices.tolist()
    drawn = [row for row, sampling in enumerate(samplings) if sampling.temperature > 0]
    if drawn:
        chosen = _nucleus(
            logits[drawn],
            logits.new_tensor([[samplings[row].temperature] for row in drawn]),
            logits.new_tensor([[samplings[row].top_p] for row in drawn]),
            logits.new_tensor([[randoms[row].random()] for row in drawn]),
        )
        for row, token in zip(drawn, chosen, strict=True):
            tokens[row] = token
    broken = best.values.isnan().tolist()
    return [None if is_broken else token for token, is_broken in zip(tokens, broken, strict=True)]


def _nucleus(logits: torch.Tensor, temperature: torch.Tensor, top_p: torch.Tensor, point: torch.Tensor) -> list[int]:
    """The token on which `point`, between 0 and 1, falls among the likeliest ones."""
    probabilities, ids = (logits / temperature).softmax(-1).sort(descending=True)
    inside = probabilities.cumsum(-1) - probabilities < top_p
    inside[:, 0] = True
    reached = (probabilities * inside).cumsum(-1)
    place = (reached <= point * reached[:, -1:]).sum(-1, keepdim=True)
    return ids.gather(-1, place.minimum(inside.sum(-1, keepdim=True) - 1)).squeeze(-1).tolist()
