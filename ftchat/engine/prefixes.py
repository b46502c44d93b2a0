"""What is already known of conversations, so that the next turn computes only what is new. Knows nothing of text.

A conversation is known by its tokens: the longest beginning that it shares with what the same voice has read or said
before is taken over. The least recently used goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence

import numpy as np

from ftchat.engine.cache import Pairs

_Key = tuple[Hashable, bytes]


class Prefixes:
    """Keys and values of ended replies, within `limit` bytes."""

    def __init__(self, limit: int):
        self._limit, self._bytes = limit, 0
        self._known: OrderedDict[_Key, tuple[np.ndarray, Pairs]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def longest(self, voice: Hashable, ids: Sequence[int]) -> tuple[int, Pairs]:
        """How many of these tokens are known, at most all but the last, and their keys and values, or longer ones."""
        wanted = np.asarray(ids[:-1], dtype=np.int64)
        best, found = 0, None
        for key, (known, _) in self._known.items():
            if key[0] == voice:
                shared = _shared(known, wanted)
                if shared > best:
                    best, found = shared, key
        if found is None:
            return 0, []
        self._known.move_to_end(found)
        return best, self._known[found][1]

    def keep(self, voice: Hashable, ids: Sequence[int], pairs: Pairs) -> None:
        """Remembers a conversation; whatever it is the continuation of is forgotten."""
        known = np.asarray(ids, dtype=np.int64)
        size = _bytes(pairs)
        if size > self._limit:
            return
        for key in [k for k, (old, _) in self._known.items() if k[0] == voice and _shared(old, known) == len(old)]:
            self._forget(key)
        self._known[(voice, known.tobytes())] = (known, pairs)
        self._bytes += size
        while self._bytes > self._limit:
            self._forget(next(iter(self._known)))

    def forget(self, adapter: str | None = None) -> None:
        """Everything, or all that this adapter has said."""
        for key in [k for k in self._known if adapter is None or k[0][0] == adapter]:  # type: ignore[index]
            self._forget(key)

    def _forget(self, key: _Key) -> None:
        self._bytes -= _bytes(self._known.pop(key)[1])


def _shared(one: np.ndarray, other: np.ndarray) -> int:
    length = min(len(one), len(other))
    different = one[:length] != other[:length]
    return int(different.argmax()) if different.any() else length


def _bytes(pairs: Pairs) -> int:
    return sum(t.numel() * t.element_size() for pair in pairs for t in pair)
