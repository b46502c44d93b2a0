"""What a batch remembers, while rows come and go, is what each row has written."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig

from ftchat.engine.cache import KeyValues
from ftchat.engine.prefixes import Prefixes

CONFIG = LlamaConfig(num_hidden_layers=2, hidden_size=8, num_attention_heads=2, num_key_value_heads=2)
CPU = torch.device("cpu")


def states(values: Sequence[Sequence[float]], layer: int) -> torch.Tensor:
    """[rows, heads, columns, size]: every number spread over heads and size."""
    return torch.tensor(values).add(1000 * layer)[:, None, :, None].expand(-1, 2, -1, 4).float()


def write(cache: KeyValues, values: Sequence[Sequence[float]]) -> list[torch.Tensor]:
    """What a forward pass does, layer by layer; returns the keys that attention would see, one tensor a layer."""
    seen = [cache.update(states(values, layer), -states(values, layer), layer)[0] for layer in range(2)]
    cache.advance(len(values[0]))
    return seen


def check(cache: KeyValues, rows: list[list[float]]) -> None:
    fresh = [[random.random()] for _ in rows]
    for row, number in zip(rows, fresh, strict=True):
        row += number
    mask = cache.mask(1, CPU)
    for layer, seen in enumerate(write(cache, fresh)):
        width = max(len(row) for row in rows)
        assert seen.shape[2] == width and (mask is None) == all(len(row) == width for row in rows)
        for number, row in enumerate(rows):
            where = mask[number].bool() if mask is not None else torch.ones(width, dtype=torch.bool)
            assert torch.equal(seen[number, 0, where, 0], torch.tensor(row) + 1000 * layer)
            assert where.sum() == len(row) and where[width - len(row) :].all()
        assert seen.isfinite().all()  # what is masked too: nothing times no number is no number


@pytest.fixture
def no_numbers() -> Iterator[None]:
    """Memory that nobody has written to holds no numbers."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


lengths = st.lists(st.integers(1, 40), min_size=1, max_size=3)
moves = st.lists(st.one_of(st.tuples(st.just("join"), lengths), st.tuples(st.just("leave"), st.integers(0, 9))))


@pytest.mark.usefixtures("no_numbers")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths, moves, st.integers(1, 200))
def test_rows_keep_what_they_wrote_whoever_comes_and_goes(first: list[int], after: list, steps: int) -> None:
    def joining(sizes: list[int]) -> tuple[KeyValues, list[list[float]]]:
        rows = [[random.random() for _ in range(size)] for size in sizes]
        width, fresh = max(sizes), random.randint(1, max(sizes))
        cache = KeyValues(CONFIG, sizes, width - fresh)
        for number, row in enumerate(rows):
            known = row[: max(0, len(row) - fresh)] + [float("nan")] * 3  # a longer one was remembered
            if len(row) > fresh:
                cache.fill(number, [(states([known], i)[0], states([known], i)[0]) for i in range(2)])
        write(cache, [([0.0] * (fresh - len(row)) + row)[-fresh:] for row in rows])
        return cache, rows

    cache, rows = joining(first)
    for what, detail in [*after, ("steps", steps)]:
        if what == "join":
            other, fresh = joining(detail)
            cache.join(other)
            rows += fresh
        elif what == "leave" and len(rows) > 1:
            row = detail % len(rows)
            kept = cache.row(row)
            assert torch.equal(kept[0][0][0, :, 0], torch.tensor(rows[row]))
            cache.remove(row)
            rows[row] = rows[-1]
            rows.pop()
        for _ in range(steps if what == "steps" else 2):
            check(cache, rows)


def remembered(size: int) -> list:
    return [(torch.zeros(1, size, 1), torch.zeros(1, size, 1))]  # 8 bytes a token


@given(st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=12), min_size=1, max_size=12))
def test_the_longest_known_beginning_is_found_within_the_bound(spoken: list[list[int]]) -> None:
    prefixes = Prefixes(limit=8 * 30)
    kept: list[list[int]] = []
    for ids in spoken:
        known, pairs = prefixes.longest("voice", ids)
        assert known < len(ids) and (not known or pairs[0][0].shape[1] >= known)
        assert known <= max((_shared(ids[:-1], other) for other in kept), default=0)
        if kept:
            assert known >= min(_shared(ids[:-1], kept[-1]), len(ids) - 1)  # the last one is always there
        assert prefixes.longest("another", ids) == (0, [])
        prefixes.keep("voice", ids, remembered(len(ids)))
        kept.append(ids)
        assert sum(t.numel() * 4 for _, pairs in prefixes._known.values() for pair in pairs for t in pair) <= 240


def _shared(one: list[int], other: list[int]) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def test_what_was_used_last_stays_longest() -> None:
    prefixes = Prefixes(limit=8 * 20)
    for first in range(2):
        prefixes.keep("voice", [first] * 10, remembered(10))
    assert prefixes.longest("voice", [0] * 11)[0] == 10
    prefixes.keep("voice", [2] * 10, remembered(10))
    assert [prefixes.longest("voice", [first] * 11)[0] for first in range(3)] == [10, 0, 10]
    prefixes.keep("voice", [3] * 21, remembered(21))  # more than there is room for
    assert len(prefixes) == 2
