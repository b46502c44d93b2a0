"""The examples of a batch side by side in a few rows, so that nothing is computed for padding. Knows nothing of losses.

Which examples make a batch, and so what a step learns, is as without it. Positions begin anew with every example, and
from that transformers makes a mask, block by block along the diagonal, for SDPA and eager attention alike, where it is
given no other mask (`find_packed_sequence_indices`). A model that does not go by it, as those with recurrent layers or
with positions of their own making, would let one example see another: so each is asked before it is trusted.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

_WIDE = 1024  # tokens of a row at which attention, which grows with the width, costs as much as all else
_PROBED = 8  # tokens of each example that a model is asked with
# How far apart answers may be, in parts of the whole: in the same place behind something else, where the numbers are
# computed alike, and in another place.
_APART, _APART_ROUNDED = (1e-6, 1e-3), (1e-4, 0.05)  # in float32, and below


def layout(lengths: Sequence[int]) -> list[list[int]]:
    """Which of these examples share a row: as many rows as are the least work."""
    ways = [_rows(lengths, count) for count in range(1, len(lengths) + 1)]
    return min(reversed(ways), key=lambda rows: _work(lengths, rows))


def width(lengths: Sequence[int], rows: Sequence[Sequence[int]]) -> int:
    """Of the fullest row."""
    return max(sum(lengths[index] for index in row) for row in rows)


def packed(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same batch in another layout. `inputs`: input_ids, attention_mask and labels [examples, length], padded on
    the right; what comes back has position_ids in place of the mask. No first token of an example is learned, for what
    is before it is another's end."""
    lengths = inputs["attention_mask"].sum(1).tolist()
    rows = layout(lengths)
    wide = width(lengths, rows)
    ids = inputs["input_ids"].new_zeros(len(rows), wide)
    labels, positions = torch.full_like(ids, -100), torch.zeros_like(ids)
    for place, row in enumerate(rows):
        start = 0
        for index in row:
            end = start + lengths[index]
            ids[place, start:end] = inputs["input_ids"][index, : lengths[index]]
            labels[place, start + 1 : end] = inputs["labels"][index, 1 : lengths[index]]
            positions[place, start:end] = torch.arange(lengths[index])
            start = end
        positions[place, start:] = torch.arange(wide - start)  # what is left over is an example of nobody's
    return {"input_ids": ids, "position_ids": positions, "labels": labels}


def keeps_apart(model: PreTrainedModel) -> bool:
    """Whether an example is the same to this model behind one, behind another, and at the beginning of a row. Call it
    in evaluation mode."""
    vocabulary = model.get_input_embeddings().weight.shape[0]
    one, example, other = torch.arange(3 * _PROBED, device=model.device).remainder(vocabulary).chunk(3)
    positions = torch.arange(_PROBED, device=model.device).repeat(2, 2)

    def behind(first: Tensor) -> tuple[Tensor, Tensor]:
        """The logits of the example behind this one, and at the beginning of another row."""
        ids = torch.stack([torch.cat([first, example]), torch.cat([example, first])])
        logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits.float()
        return logits[0, _PROBED:], logits[1, :_PROBED]

    try:
        with torch.no_grad():
            (found, alone), (again, _) = behind(one), behind(other)
    except (TypeError, ValueError):  # it takes no positions
        return False
    same, alike = _APART if model.dtype == torch.float32 else _APART_ROUNDED
    return bool((found - again).norm() <= same * alone.norm() and (found - alone).norm() <= alike * alone.norm())


def _rows(lengths: Sequence[int], count: int) -> list[list[int]]:
    """So many rows, filled evenly: the longest that is left goes where most room is."""
    rows: list[list[int]] = [[] for _ in range(count)]
    filled = [0] * count
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        place = filled.index(min(filled))
        rows[place].append(index)
        filled[place] += lengths[index]
    return rows


def _work(lengths: Sequence[int], rows: Sequence[Sequence[int]]) -> int:
    wide = width(lengths, rows)
    return len(rows) * wide * (_WIDE + wide)
