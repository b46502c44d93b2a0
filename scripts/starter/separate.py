"""Gives the tokens that the training text never showed an embedding of their own.

All that training does to an unseen token is to push it away, and every one in the same direction: in the end they lie on one spot,
and since the output layer shares the embeddings, no adapter could ever tell `{` from `}`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

NEAR = 0.85  # cosine, from which two tokens are too alike
KEPT = 0.6  # share of the old embedding, which keeps an unseen token as unlikely as it was
OWN = 2.2  # length of the direction that each gets; an embedding that was trained has about 2.2
LIKE = {  # signs that mean what a trained one means
    "‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "（": "(", "）": ")", "(": "(", "；": "，", "～": "-", "「": '"',
    "」": '"', "【": "(", "】": ")", "·": ".", "•": "-", "[": "(", "]": ")", "{": "(", "}": ")", "@": "a", "à": "a", "â": "a", "ä": "a",
    "è": "e", "é": "e", "ê": "e", "ë": "e", "î": "i", "ï": "i", "ñ": "n", "ô": "o", "ö": "o", "ù": "u", "û": "u", "ü": "u", "ç": "c",
}  # fmt: skip


def separate(folder: Path, seed: int) -> dict[str, int]:
    """Rewrites the weights in `folder`; says how many embeddings were too alike."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    table = model.get_input_embeddings().weight.data
    alike = [token for token in _alike(table) if token not in tokenizer.all_special_ids]
    generator = torch.Generator().manual_seed(seed)
    for i in alike:
        model_of = tokenizer.convert_tokens_to_ids(LIKE.get(tokenizer.convert_ids_to_tokens(i), ""))
        start = table[model_of] if model_of is not None and model_of not in alike else table[i]
        own = torch.randn(table.shape[1], generator=generator)
        table[i] = KEPT * start + OWN * own / own.norm()
    model.to(torch.bfloat16).save_pretrained(folder)
    return {"tokens": len(table), "alike": len(alike)}


def _alike(table: torch.Tensor) -> list[int]:
    """The tokens that have another one too near."""
    directions = torch.nn.functional.normalize(table, dim=1)
    likeness = (directions @ directions.T).fill_diagonal_(0)
    return [int(token) for token in (likeness.max(1).values > NEAR).nonzero()]
