"""A dataset of the Hugging Face Hub by its id -> a source like any file. No code from the Hub is ever run.

Knows nothing of rows. What the library `datasets` fetches it keeps under FTCHAT_HOME.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from ftchat.data.reading import Source
from ftchat.data.rows import shown
from ftchat.errors import DataError
from ftchat.files import ftchat_home
from ftchat.hub import redacted, why

_ID = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:/(\w[\w.-]*))?(?::([\w.-]+))?")
_FILE_ENDINGS = frozenset(
    ".json .jsonl .ndjson .csv .tsv .txt .md .xlsx .xls .parquet .arrow .yaml .yml .gz .zip .zst".split()
)
_MOST_BYTES = 4 << 30
_PATIENCE = 8  # seconds for the Hub to answer


def from_hub(name: str) -> Source | None:
    """The dataset called `owner/name`, `owner/name:split` or `owner/name/config:split`; None for what is no such id."""
    match = _ID.fullmatch(name)
    if match is None or Path(name).suffix.lower() in _FILE_ENDINGS or Path(name).parent.exists():
        return None
    repository, config, split = match[1], match[2], match[3]
    try:
        table, split = _one_split(_load(repository, config, split), repository, split)
        data = io.BytesIO()
        table.to_parquet(data)
    except DataError:
        raise
    except Exception as error:  # the library, the network and the files there each fail in ways of their own
        raise DataError(f"{name}: {_sentence(error, repository)}") from None
    return Source(f"{'/'.join(filter(None, (repository, config)))}:{split}", data.getvalue())


def _load(repository: str, config: str | None, split: str | None) -> Any:
    import datasets  # slow to import, and rarely needed
    from huggingface_hub import HfApi, constants

    datasets.disable_progress_bars()
    if not constants.HF_HUB_OFFLINE:
        HfApi().dataset_info(repository, timeout=_PATIENCE)  # says at once what the library would try for half a minute
    cache = str(ftchat_home() / "tmp" / "datasets")
    size = datasets.load_dataset_builder(repository, config, cache_dir=cache).info.download_size or 0
    if size > _MOST_BYTES:
        raise DataError(f"{repository} is a download of {size >> 30} GB; take a part of it, as a file")
    return datasets.load_dataset(repository, config, split=split, cache_dir=cache)


def _one_split(loaded: Any, repository: str, split: str | None) -> tuple[Any, str]:
    if split is not None:
        return loaded, split
    names = list(loaded)
    if "train" not in names and len(names) > 1:
        choices = " or ".join(f"{repository}:{name}" for name in names[:10])
        raise DataError(f"{repository} has several parts and none is called train; write {choices}")
    chosen = "train" if "train" in names else names[0]
    return loaded[chosen], chosen


def _sentence(error: Exception, repository: str) -> str:
    """What went wrong, told in the user's terms."""
    text = redacted(" ".join(str(error).split()))
    if said := why(error, repository, "dataset"):
        return f"there is no such file, and {said}"
    if "scripts are no longer supported" in text:
        return "this dataset needs a program of its own to be read, and no foreign code is run; take a file of it"
    if choices := re.search(r"(?:Available|available configs|one of):? (\[.*?\])", text):
        what = "split" if "split" in text.lower() else "config"
        where = "owner/name:split" if what == "split" else "owner/name/config"
        return f"this dataset has these {what}s: {shown(choices[1], 300)}; write one of them as {where}"
    return f"this dataset cannot be read ({shown(text or type(error).__name__, 200)})"
