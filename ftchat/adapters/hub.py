"""The two files of an adapter on the Hugging Face Hub, by its id. Knows nothing of what is in them."""

from __future__ import annotations

import re
from pathlib import Path

from ftchat.adapters.checks import FILES, MOST_BYTES
from ftchat.adapters.store import check_names
from ftchat.errors import ModelError
from ftchat.hub import why

_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_PATIENCE = 10  # seconds for the Hub to answer


def fetch(name: str, folder: Path, private: bool) -> None:
    """Puts them into `folder`. `private`: whether this machine's token may be used for what not everybody may read."""
    if not _ID.fullmatch(name):
        raise ModelError(f"'{name[:80]}' is no Hub id; write it as owner/name", "adapter_id", name=name[:80])
    from huggingface_hub import HfApi, constants  # slow to import, and rarely needed
    from huggingface_hub.utils import disable_progress_bars

    token = None if private else False
    disable_progress_bars()
    try:
        if constants.HF_HUB_OFFLINE:
            raise ConnectionError
        found = HfApi().model_info(name, files_metadata=True, timeout=_PATIENCE, token=token)
        sizes = {file.rfilename: file.size or 0 for file in found.siblings or []}
        # What else lies there stays there; only an adapter that has nothing but a pickle is refused for it.
        check_names([file for file in sizes if file in FILES] or list(sizes))
        if sum(sizes[file] for file in FILES) > MOST_BYTES:
            most = MOST_BYTES >> 20
            raise ModelError(f"{name} is larger than the {most} MB that are taken", "adapter_size", most=most)
        for file in FILES:
            HfApi().hf_hub_download(
                name, file, revision=found.sha, local_dir=folder, token=token, etag_timeout=_PATIENCE
            )
    except ModelError:
        raise
    except Exception as error:  # the library and the network each fail in ways of their own
        said = why(error, name, "adapter") or f"it cannot be fetched ({type(error).__name__}); bring its two files"
        raise ModelError(f"{name}: {said}", "adapter_hub", name=name) from None
