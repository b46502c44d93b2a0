"""One conversation as a line: as it is hashed, kept and exported. Knows nothing of files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring as quoted
from typing import Any

import numpy as np

from ftchat.records import Message


def line_of(messages: Sequence[Message]) -> bytes:
    turns = ",".join([f'{{"role":"{m.role}","content":{quoted(m.content)}}}' for m in messages])
    return f'{{"messages":[{turns}]}}\n'.encode()


def line_keys(lines: Iterable[bytes], count: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A number for each line, the same wherever and whenever the same line is met."""
    packed = b"".join(hashlib.blake2b(line, digest_size=8).digest() for line in lines)
    return np.frombuffer(packed, "<u8", count)
