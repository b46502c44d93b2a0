"""How long a dataset is in tokens of a base. Knows nothing of training."""

from __future__ import annotations

from collections.abc import Sequence

from ftchat.engine.template import ChatTemplate
from ftchat.errors import DataError
from ftchat.records import Example, TokenStats


def token_stats(template: ChatTemplate, examples: Sequence[Example], limit: int) -> TokenStats:
    """Lengths before any cut, one per example; an example that the template refuses counts 0."""
    lengths, lost = [], []
    trained, over = 0, 0
    for index, example in enumerate(examples):
        try:
            rows = template.encode(example)
        except DataError:
            rows = []
        lengths.append(max((len(row.ids) for row in rows), default=0))
        kept = [cut for row in rows if (cut := row.within(limit))]
        trained += sum(sum(row.trained) for row in kept)
        over += lengths[-1] > limit
        if len(kept) < len(rows):
            lost.append(index)
    ordered = sorted(lengths) or [0]
    return TokenStats(
        total=sum(lengths),
        trained=trained,
        max=ordered[-1],
        p50=ordered[len(ordered) // 2],
        p95=ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)],
        over_limit=over,
        answer_lost=len(lost),
        limit=limit,
        lengths=tuple(lengths),
        lost=tuple(lost),
    )
