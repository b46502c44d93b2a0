"""Whether a file that was fetched in parts is what the Hub has. Knows nothing of how it came."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from ftchat.hub.sentences import Why

_SHA256 = re.compile(r"[0-9a-f]{64}")
_POINTER = b"version https://git-lfs"


def fault(name: str, file: str, path: Path, etag: str, go_on: Callable[[], None]) -> Why:
    """What is wrong with this file of the repository `name`, fetched to `path`; "" if nothing is. The Hub's tag of a
    large file is its SHA-256; `go_on` is asked between two parts and may raise."""
    with path.open("rb") as content:
        if content.read(len(_POINTER)) == _POINTER:
            why = f"{name}: {file} is not whole on the Hub: a Git LFS pointer lies in its place; choose another"
            return Why(why, "hub_pointer", name=name, file=file)
        if not _SHA256.fullmatch(etag):
            return Why()
        content.seek(0)
        digest = hashlib.sha256()
        while part := content.read(1 << 22):
            digest.update(part)
            go_on()
    if digest.hexdigest() == etag:
        return Why()
    why = f"{name}: {file} came damaged and was thrown away; start again to fetch it anew"
    return Why(why, "hub_damaged", name=name, file=file)
