"""Rows that advance in one forward pass. Knows nothing of what they say, nor of who comes next."""

from __future__ import annotations

from collections.abc import Sequence

from ftchat.engine.adapters import Voice
from ftchat.engine.cache import KeyValues, OneRow
from ftchat.engine.reply import Reply

Lane = tuple[Voice | None, bool]  # whose weights answer, and whether with the positions of long conversations


class Batch:
    """The rows of one forward pass, and what the model remembers of them."""

    def __init__(self, rows: Sequence[Reply], cache: KeyValues | OneRow, lane: Lane):
        self.rows, self.cache, self.lane = list(rows), cache, lane
        self._order = list(rows)

    @property
    def newest(self) -> Reply:
        return self._order[-1]

    def join(self, other: Batch) -> None:
        assert isinstance(self.cache, KeyValues) and isinstance(other.cache, KeyValues)
        self.cache.join(other.cache)
        self.rows += other.rows
        self._order += other.rows

    def remove(self, reply: Reply) -> None:
        """Frees its row; the last one takes its place."""
        row = self.rows.index(reply)
        self.cache.remove(row)
        last = self.rows.pop()
        if last is not reply:
            self.rows[row] = last
        self._order.remove(reply)
