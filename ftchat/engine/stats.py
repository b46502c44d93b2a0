"""How long a dataset is in tokens of a base, and how much of what is too long would fit. Knows nothing of training."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace

from ftchat.data import DatasetStore
from ftchat.engine.template import ChatTemplate
from ftchat.errors import DataError
from ftchat.records import Example, Fit, TokenStats

_AT_ONCE = 256  # examples that are counted before others get their turn
_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？\n]")


def batches(store: DatasetStore, examples: Sequence[Example] | str) -> Iterator[Sequence[Example]]:
    """Of these examples, or of the dataset of that hash."""
    count = store.info(examples).count if isinstance(examples, str) else len(examples)
    for start in range(0, count, _AT_ONCE):
        if isinstance(examples, str):
            yield [example for _, example in store.page(examples, start, _AT_ONCE).rows]
        else:
            yield examples[start : start + _AT_ONCE]


def token_stats(
    template: ChatTemplate, batches: Iterable[Sequence[Example]], limit: int
) -> Generator[None, None, TokenStats]:
    """Lengths before any cut, one per example; an example that the template refuses counts 0. Gives way after each
    batch."""
    lengths: list[int] = []
    lost: list[int] = []
    trained, over = 0, 0
    for batch in batches:
        for found in template.encode_all(batch):
            rows = found or []
            lengths.append(max((len(row.ids) for row in rows), default=0))
            kept = [cut for row in rows if (cut := row.within(limit))]
            trained += sum(sum(row.trained) for row in kept)
            over += lengths[-1] > limit
            if len(kept) < len(rows):
                lost.append(len(lengths) - 1)
        yield
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


def fitting(
    template: ChatTemplate, batches: Iterable[Sequence[Example]], limit: int
) -> Generator[None, None, tuple[Fit, ...]]:
    """How to shorten the examples that are too long, where that leaves something to learn: whole exchanges if it can,
    else the first answer, up to the end of a sentence or of a word. Gives way after each batch."""
    fits: list[Fit] = []
    start = 0
    for batch in batches:
        for index, (example, found) in enumerate(zip(batch, template.encode_all(batch), strict=True), start):
            longest = max((len(row.ids) for row in found or ()), default=0)
            if longest > limit and (fit := _fit(template, example, limit)):
                fits.append((index, *fit))
        start += len(batch)
        yield
    return tuple(fits)


def _fit(template: ChatTemplate, example: Example, limit: int) -> tuple[int, int] | None:
    ends = [end for end, message in enumerate(example.messages, 1) if message.role == "assistant"]
    for end in reversed(ends[:-1]):
        if _length(template, example, end) <= limit:
            return end, len(example.messages[end - 1].content)
    answer = example.messages[ends[0] - 1].content
    room = limit - len(template.prompt_ids(example.messages[: ends[0] - 1])) - 1  # and the end of the turn
    characters = len(answer)
    while characters and (size := len(template.answer_ids(answer[:characters]))) > room:
        characters = _end_of_words(answer, min(characters - 1, characters * max(room, 0) // size))
    return (ends[0], characters) if answer[:characters].strip() else None


def _end_of_words(text: str, most: int) -> int:
    """Where to cut at most there: behind a sentence in the second half, else behind a word, else there."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text, most // 2, most)]
    return ends[-1] if ends else max(text.rfind(" ", 0, most), 0) or most


def _length(template: ChatTemplate, example: Example, count: int) -> int:
    """In tokens of its first `count` messages; 0 where the template refuses them."""
    try:
        return max(len(row.ids) for row in template.encode(replace(example, messages=example.messages[:count])))
    except DataError:
        return 0
