"""Numbers as a reader wants them: grouped digits, memory, losses. Knows nothing of HTML or languages."""

from __future__ import annotations

import math


def grouped(value: float) -> str:
    """1,842 and 12; a slow machine's 0.7 keeps its digit."""
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.1f}"


def loss(value: float) -> str:
    """Two digits after the point, more where they would all be zero."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.2f}" if value >= 0.1 or not value else f"{value:.2g}"


def small(value: float) -> str:
    """A learning rate or an amount: 2e-4, 0.001, 0.67, 12.3, 0."""
    if not math.isfinite(value):
        return "–"
    if not value or value >= 0.001:
        return f"{value:.2g}" if value < 10 else f"{value:.1f}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits.removesuffix('.0')}e{int(power)}"


def megabytes(size: float) -> str:
    """0.4 MB, 120 MB."""
    return f"{size / 2**20:.1f} MB" if size < 10 * 2**20 else f"{size / 2**20:.0f} MB"


def gigabytes(size: float) -> str:
    """1.8 GB, or 230 MB where tenths of a GB say too little."""
    return f"{size / 1e9:.1f} GB" if size >= 9.995e8 else f"{size / 1e6:.0f} MB"


def parameters(count: int) -> str:
    """The size of a model: 270 M, 1.7 B."""
    return f"{count / 1e9:.1f} B" if count >= 1e9 else f"{count / 1e6:.0f} M"
