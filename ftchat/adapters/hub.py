"""The two files of an adapter on the Hugging Face Hub, by its id. Knows nothing of what is in them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator
from pathlib import Path

from ftchat.adapters.checks import FILES, MOST_BYTES
from ftchat.adapters.store import check_names
from ftchat.errors import ModelError
from ftchat.events import Downloading
from ftchat.hub import Transfer, offline

_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


def fetch(name: str, folder: Path, private: bool) -> Generator[Downloading]:
    """Puts them into `folder`, telling how far it is. Closing it stops that, and what has come is kept for the next
    time. `private`: whether this machine's token may be used for what not everybody may read."""
    if not _ID.fullmatch(name):
        raise ModelError(f"'{name[:80]}' is no Hub id; write it as owner/name", "adapter_id", name=name[:80])
    try:
        if offline():
            raise ModelError(f"{name}: the Hub cannot be reached; check the network, then start again")
        coming = Transfer(name, "adapter", private)
        sizes = coming.listed()
        # What else lies there stays there; only an adapter that has nothing but a pickle is refused for it.
        check_names([file for file in sizes if file in FILES] or list(sizes))
        wanted = {file: sizes[file] for file in FILES}
        if sum(wanted.values()) > MOST_BYTES:
            most = MOST_BYTES >> 20
            raise ModelError(f"{name} is larger than the {most} MB that are taken", "adapter_size", most=most)
        coming.want(wanted)
        coming.check_disk()
        here = yield from coming.followed()
        folder.mkdir(parents=True, exist_ok=True)
        for file in FILES:
            shutil.copyfile(here / file, folder / file)
    except ModelError as error:
        if error.kind:
            raise
        raise ModelError(str(error), "adapter_hub", name=name) from None
