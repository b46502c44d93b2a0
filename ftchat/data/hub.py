"""A dataset of the Hugging Face Hub by its id -> a source like any file. No code from the Hub is ever run.

The library `datasets` says which files belong to it, and reads them from the cache of the Hub's client library, into
which they have been fetched; what it makes of them it keeps under FTCHAT_HOME. Knows nothing of rows.
"""

from __future__ import annotations

import io
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

from ftchat.data.reading import Source
from ftchat.data.rows import shown
from ftchat.errors import DataError
from ftchat.events import Downloading
from ftchat.files import ftchat_home
from ftchat.hub import Transfer, offline, redacted, why

_ID = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:/(\w[\w.-]*))?(?::([\w.-]+))?")
_FILE_ENDINGS = frozenset(
    ".json .jsonl .ndjson .csv .tsv .txt .md .xlsx .xls .parquet .arrow .yaml .yml .gz .zip .zst".split()
)
_MOST_BYTES = 4 << 30
_ON_HUB = re.compile(r"hf://datasets/[^@]+@[^/]+/(.+)")


def from_hub(name: str) -> Generator[Downloading, None, Source | None]:
    """The dataset called `owner/name`, `owner/name:split` or `owner/name/config:split`; None for what is no such id.
    Tells how far it is on its way; closing it stops that, and what has come is kept for the next time."""
    match = _ID.fullmatch(name)
    if match is None or Path(name).suffix.lower() in _FILE_ENDINGS or Path(name).parent.exists():
        return None
    repository, config, split = match[1], match[2], match[3]
    try:
        loaded = yield from _load(repository, config, split)
        table, split = _one_split(loaded, repository, split)
        data = io.BytesIO()
        table.to_parquet(data)
    except DataError:
        raise
    except Exception as error:  # the library, the network and the files there each fail in ways of their own
        raise DataError(f"{name}: {_sentence(error, repository)}") from None
    return Source(f"{'/'.join(filter(None, (repository, config)))}:{split}", data.getvalue())


def _load(repository: str, config: str | None, split: str | None) -> Generator[Downloading, None, Any]:
    import datasets  # slow to import, and rarely needed

    datasets.disable_progress_bars()
    coming = Transfer(repository, "dataset")
    try:  # asked first, the Hub says at once what the library would try for half a minute
        sizes = {} if offline() else coming.listed()
    except DataError as error:
        raise DataError(f"{error} (nor is there a file of that name)") from None
    cache = str(ftchat_home() / "tmp" / "datasets")
    builder = datasets.load_dataset_builder(repository, config, cache_dir=cache)
    urls = [str(url) for part in (builder.config.data_files or {}).values() for url in part]
    files = [found[1] for url in urls if (found := _ON_HUB.fullmatch(url))]
    coming.want({file: sizes[file] for file in files if file in sizes})
    if coming.total > _MOST_BYTES:
        raise DataError(f"{repository} is a download of {coming.total >> 30} GB; take a part of it, as a file")
    coming.check_disk()
    yield from coming.followed()
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
