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
    """What is named in place of a file, as `fetched` gives it; None for what is no id, or may be a file."""
    if _ID.fullmatch(name) is None or Path(name).suffix.lower() in _FILE_ENDINGS or Path(name).parent.exists():
        return None
    return (yield from fetched(name, file=True))


def fetched(
    name: str, *, private: bool = True, most: int = _MOST_BYTES, file: bool = False
) -> Generator[Downloading, None, Source]:
    """The dataset called `owner/name`, `owner/name:split` or `owner/name/config:split`. Tells how far it is on its way;
    closing it stops that, and what has come is kept for the next time. `private`: whether this machine's token may be
    used; `most`: bytes that are taken; `file`: whether a file might have been meant, which is said where there is no
    such dataset."""
    match = _ID.fullmatch(name)
    if match is None:
        raise DataError(f"'{name[:80]}' is no Hub id; write it as owner/name", "dataset_id", name=name[:80])
    repository, config, split = match[1], match[2], match[3]
    try:
        loaded = yield from _load(repository, config, split, private, most, file)
        table, split = _one_split(loaded, repository, split)
        data = io.BytesIO()
        table.to_parquet(data)
    except DataError:
        raise
    except Exception as error:  # the library, the network and the files there each fail in ways of their own
        said = why(error, repository, "dataset")
        plain = f"{'there is no such file, and ' * file}{said}" if said else _sentence(error)
        raise DataError(f"{name}: {plain}", said.kind, **said.values) from None
    return Source(f"{'/'.join(filter(None, (repository, config)))}:{split}", data.getvalue())


def _load(
    repository: str, config: str | None, split: str | None, private: bool, most: int, file: bool
) -> Generator[Downloading, None, Any]:
    import datasets  # slow to import, and rarely needed

    datasets.disable_progress_bars()
    coming = Transfer(repository, "dataset", private)
    try:  # asked first, the Hub says at once what the library would try for half a minute
        sizes = {} if offline() else coming.listed()
    except DataError as error:
        raise DataError(f"{error}{' (nor is there a file of that name)' * file}", error.kind, **error.values) from None
    asked: dict[str, Any] = {"cache_dir": str(ftchat_home() / "tmp" / "datasets"), "token": None if private else False}
    builder = datasets.load_dataset_builder(repository, config, **asked)
    urls = [str(url) for part in (builder.config.data_files or {}).values() for url in part]
    files = [found[1] for url in urls if (found := _ON_HUB.fullmatch(url))]
    coming.want({file: sizes[file] for file in files if file in sizes})
    if coming.total > most:
        size, limit = (f"{number / 1e9:.1f} GB" for number in (coming.total, most))
        raise DataError(
            f"{repository} is a download of {size}, and up to {limit} are taken; take a part of it, as a file",
            "dataset_size", name=repository, size=size, limit=limit,
        )  # fmt: skip
    coming.check_disk()
    yield from coming.followed()
    return datasets.load_dataset(repository, config, split=split, **asked)


def _one_split(loaded: Any, repository: str, split: str | None) -> tuple[Any, str]:
    if split is not None:
        return loaded, split
    names = list(loaded)
    if "train" not in names and len(names) > 1:
        choices = " or ".join(f"{repository}:{name}" for name in names[:10])
        raise DataError(
            f"{repository} has several parts and none is called train; write {choices}",
            "dataset_parts", name=repository, choices=choices,
        )  # fmt: skip
    chosen = "train" if "train" in names else names[0]
    return loaded[chosen], chosen


def _sentence(error: Exception) -> str:
    """What the library has against it, told in the user's terms."""
    text = redacted(" ".join(str(error).split()))
    if "scripts are no longer supported" in text:
        return "this dataset needs a program of its own to be read, and no foreign code is run; take a file of it"
    if choices := re.search(r"(?:Available|available configs|one of):? (\[.*?\])", text):
        what = "split" if "split" in text.lower() else "config"
        where = "owner/name:split" if what == "split" else "owner/name/config"
        return f"this dataset has these {what}s: {shown(choices[1], 300)}; write one of them as {where}"
    return f"this dataset cannot be read ({shown(text or type(error).__name__, 200)})"
