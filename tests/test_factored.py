"""What PiSSA starts from: the principal part of a weight, also where it is too large for all of its singular vectors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ftchat.engine.factored import principal


def weight(rows: int, columns: int, falling: float) -> Tensor:
    """With singular values that fall as a power."""
    sides = [torch.linalg.qr(torch.randn(size, min(rows, columns)))[0] for size in (rows, columns)]
    return (sides[0] * torch.arange(1, min(rows, columns) + 1) ** -falling) @ sides[1].T


def part(found: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    left, values, right = found
    return (left * values) @ right


@pytest.mark.parametrize(("rows", "columns"), [(1100, 1100), (1060, 1400), (1400, 1060), (600, 300)])
@pytest.mark.parametrize("rank", [4, 16])
def test_the_principal_part_is_that_of_the_exact_decomposition(rows: int, columns: int, rank: int) -> None:
    torch.manual_seed(1)
    whole = weight(rows, columns, 0.5)
    left, values, right = torch.linalg.svd(whole, full_matrices=False)
    exact = part((left[:, :rank], values[:rank], right[:rank]))
    assert (part(principal(whole, rank)) - exact).norm() < 0.01 * exact.norm()


def test_without_any_principal_direction_it_holds_nearly_as_much_as_the_exact_one() -> None:
    torch.manual_seed(1)
    whole = torch.randn(1100, 1100)
    exact = torch.linalg.svdvals(whole)[:16].square().sum()
    assert principal(whole, 16)[1].square().sum() > 0.97 * exact


def test_it_is_the_same_each_time_and_leaves_the_random_numbers_alone() -> None:
    whole = weight(1100, 1100, 0.3)
    torch.manual_seed(3)
    first = part(principal(whole, 8))
    drawn = torch.rand(3)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(3))
    torch.manual_seed(4)
    assert torch.equal(first, part(principal(whole, 8)))
