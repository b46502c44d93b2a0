"""What goes between the worker's process and whoever asks it: calls one way, answers the other. Knows no verbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """Something asked of the loop: the name of one of its verbs and its arguments."""

    id: int
    verb: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A value, an event or an exception for a call; `last` closes it."""

    call: int
    value: Any
    last: bool = True
