"""The base models that the page offers, smallest first. Knows nothing of how they are loaded or trained.

The figures of `catalogue.json` are written by `scripts/catalogue.py`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Fit = Literal["fits", "fits_qlora", "too_big"]

_USABLE = 0.9  # of a GPU's memory; the rest goes to the driver and to what its allocator cannot use
_CPU_OVERHEAD = 1.3  # of what a process takes over what its tensors hold


@dataclass(frozen=True, slots=True)
class Offer:
    """A base model of the catalogue. `languages` are codes, `*` for many more; `gated` ones have terms to accept on
    the Hub first. `memory`: bytes that training needs at the least, by the precision of the base: on a GPU in bfloat16
    and nf4, on a CPU in float32 and nf4_cpu."""

    id: str
    parameters: int
    licence: str
    languages: tuple[str, ...]
    context: int
    gated: bool
    memory: Mapping[str, int]

    def fit(self, device: str, memory_total: int) -> Fit:
        """Whether training it fits on a device, `cuda` or `cpu`, of so many bytes."""
        if device == "cuda":
            usable, whole, packed = memory_total * _USABLE, self.memory["bfloat16"], self.memory["nf4"]
        else:
            usable, whole, packed = memory_total / _CPU_OVERHEAD, self.memory["float32"], self.memory["nf4_cpu"]
        return "fits" if whole <= usable else "fits_qlora" if packed <= usable else "too_big"


@functools.cache
def catalogue() -> tuple[Offer, ...]:
    """All offers, smallest first."""
    rows = json.loads((Path(__file__).parent / "catalogue.json").read_text("utf-8"))
    offers = [Offer(**row | {"languages": tuple(row["languages"])}) for row in rows]
    return tuple(sorted(offers, key=lambda offer: offer.parameters))


def smaller(parameters: int, device: str, memory: int) -> Offer | None:
    """The largest with fewer parameters that fits, of those that are open to everybody."""
    offers = [offer for offer in catalogue() if offer.parameters < parameters and not offer.gated]
    return next((offer for offer in reversed(offers) if offer.fit(device, memory) != "too_big"), None)
