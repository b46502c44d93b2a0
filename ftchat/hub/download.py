"""One base model on its way from the Hub into the cache of the Hub's own client library.

The small files are that library's business. Of the weights it keeps nothing when it is stopped, so they are fetched
here: into the cache, beside the place where they will lie, and from the byte on that is there already. Knows nothing
of who waits for the model.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.utils import build_hf_headers, disable_progress_bars, get_session, hf_raise_for_status

from ftchat.errors import FtchatError, ModelError
from ftchat.hub.cache import INDEX, WEIGHTS, shards
from ftchat.hub.listing import check, is_small
from ftchat.hub.sentences import disk_is_full, passes, why

WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds before the next try, after tries that brought nothing
_PATIENCE = 10  # seconds for the Hub to answer
_SILENCE = 30.0  # seconds without a byte, after which a connection is given up
_SHA256 = re.compile(r"[0-9a-f]{64}")
_POINTER = b"version https://git-lfs"
_RATED = 5.0  # seconds that the speed is measured over


class Stopped(Exception):
    """Nobody wants it any more."""


class Download:
    """Of the model called `name`. `file`, `done` and `total`, in bytes of its weights, may be read from other threads
    while it runs; `cancelled` may be set by them."""

    def __init__(self, name: str):
        self.name = name
        self.file, self.done, self.total = "", 0, 0
        self.cancelled = threading.Event()
        self._commit = ""
        self._weights: dict[str, int] = {}
        self._marks: deque[tuple[float, int]] = deque()

    @property
    def rate(self) -> float:
        """Bytes a second, over the last few."""
        if not self._marks:
            return 0.0
        (since, first), (_, last) = self._marks[0], self._marks[-1]
        return max(0.0, (last - first) / max(time.monotonic() - since, 0.1))

    def prepare(self) -> Path:
        """All but the weights; the folder that they lie in. What speaks against the model is said here, as far as that
        can be told without its weights."""
        disable_progress_bars()
        with self._said():
            found = HfApi().model_info(self.name, files_metadata=True, timeout=_PATIENCE)
            assert found.sha is not None
            self._commit = found.sha
            sizes = {file.rfilename: file.size or 0 for file in found.siblings or []}
            check(self.name, sizes)
            for file in sorted(name for name in sizes if is_small(name)):
                self._go_on()
                self._persist(functools.partial(self._linked, file))
            folder = self._snapshot()
            files = [WEIGHTS] if WEIGHTS in sizes else shards(folder / INDEX)
            if not files or not set(files) <= set(sizes):
                raise ModelError(f"{self.name} is not whole on the Hub: some weights are missing; choose another")
            self._weights = {file: sizes[file] for file in files}
            self.total = sum(self._weights.values())
        return folder

    def check_disk(self) -> None:
        """Before the weights come: whether they will find room."""
        missing = self.total - self._here()
        cache = Path(constants.HF_HUB_CACHE)
        disk = next(folder for folder in (cache, *cache.parents) if folder.exists())
        free = shutil.disk_usage(disk).free
        if missing > free:
            raise ModelError(
                f"{self.name} is a download of {_gb(missing)} and {_gb(free)} are free on the disk of {cache}; free "
                "some space there, set HF_HOME to another disk, or choose a smaller model",
                "hub_disk", name=self.name, size=_gb(missing), free=_gb(free), cache=cache,
            )  # fmt: skip

    def run(self) -> None:
        """The weights, after `prepare`. From here on the model is there by its name."""
        with self._said():
            whole = 0
            for file, size in self._weights.items():
                self.file, self.done = file, whole
                self._fetch(file)
                whole += size
                self.done = whole
            reference = self._folder() / "refs" / constants.DEFAULT_REVISION
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(self._commit)

    # One file

    def _fetch(self, file: str) -> None:
        """Puts a file of weights into the cache."""
        if (self._snapshot() / file).exists():
            return
        url = hf_hub_url(self.name, file, revision=self._commit)
        found = self._persist(lambda: get_hf_file_metadata(url, timeout=_PATIENCE))
        etag, size = found.etag, found.size or self._weights[file]
        blob = self._folder() / "blobs" / etag
        with self._alone(etag):
            if not blob.exists():
                blob.parent.mkdir(parents=True, exist_ok=True)
                beside = blob.with_name(f"{etag}.incomplete")
                self._bytes(url, beside, size)
                _check_whole(self.name, file, beside, etag, self._go_on)
                beside.rename(blob)
        self._persist(lambda: self._linked(file))

    def _bytes(self, url: str, beside: Path, size: int) -> None:
        """Goes on until all are there, from wherever a cut has left it."""
        before = self.done
        tries = 0
        while (have := _size(beside)) != size:
            if have > size:
                beside.unlink()
                continue
            self._go_on()
            self.done = before + have
            try:
                self._stream(url, beside, have)
                cut = _size(beside) < size  # an end that looks like a good one
            except Exception as error:
                if not passes(error):
                    raise
                if _size(beside) <= have and tries == len(WAITS):
                    raise
                cut = True
            tries = 0 if _size(beside) > have else tries + 1
            if cut and self.cancelled.wait(WAITS[min(tries, len(WAITS) - 1)]):
                raise Stopped

    def _stream(self, url: str, beside: Path, have: int) -> None:
        headers = build_hf_headers() | {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        with get_session().stream("GET", url, headers=headers, timeout=_SILENCE) as answer:
            if answer.status_code == 416:  # what is there cannot belong to this file
                beside.unlink()
                return
            hf_raise_for_status(answer)
            if have and answer.status_code != 206:  # all of it comes again
                self.done -= have
                have = 0
            with beside.open("ab" if have else "wb") as file:
                for chunk in answer.iter_bytes():
                    file.write(chunk)
                    self._came(len(chunk))
                    self._go_on()

    def _linked(self, file: str) -> str:
        """The file in the snapshot; what lies among the blobs is not fetched again."""
        return hf_hub_download(self.name, file, revision=self._commit, etag_timeout=_PATIENCE)

    def _persist(self, ask: Any) -> Any:
        for wait in WAITS:
            try:
                return ask()
            except Exception as error:
                if not passes(error):
                    raise
            if self.cancelled.wait(wait):
                raise Stopped
        return ask()

    # What is there

    def _folder(self) -> Path:
        return Path(constants.HF_HUB_CACHE) / f"models--{self.name.replace('/', '--')}"

    def _snapshot(self) -> Path:
        return self._folder() / "snapshots" / self._commit

    def _here(self) -> int:
        """Bytes of the weights, those of cut files among them."""
        whole = sum(size for file, size in self._weights.items() if (self._snapshot() / file).exists())
        cut = (self._folder() / "blobs").glob("*.incomplete")
        return whole + sum(_size(path) for path in cut if "." not in path.stem)  # others are nobody's any more

    # While it runs

    def _came(self, size: int) -> None:
        now = time.monotonic()
        self.done += size
        self._marks.append((now, self.done))
        while now - self._marks[0][0] > _RATED:
            self._marks.popleft()

    def _go_on(self) -> None:
        if self.cancelled.is_set():
            raise Stopped

    @contextmanager
    def _alone(self, etag: str) -> Iterator[None]:
        """Nobody else on this machine fetches the same file; its cache knows one lock for it."""
        place = Path(constants.HF_HUB_CACHE) / ".locks" / self._folder().name / f"{etag}.lock"
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place)
        while not lock.is_locked:
            self._go_on()
            with suppress(Timeout):
                lock.acquire(timeout=0.5)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Turns what the Hub, the network and the disk have against it into a sentence."""
        try:
            yield
        except (FtchatError, Stopped):
            raise
        except Exception as error:
            if disk_is_full(error):
                cache = constants.HF_HUB_CACHE
                raise ModelError(
                    f"the disk of {cache} became full while {self.name} was downloaded; free some space there, then "
                    "start again: it goes on from what has come"
                ) from None
            said = why(error, self.name)
            if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS:
                said = f"{constants.HF_HUB_CACHE} cannot be written to; set HF_HOME to a folder of yours"
            if not said:
                raise
            raise ModelError(f"{self.name}: {said}") from None


def _check_whole(name: str, file: str, path: Path, etag: str, go_on: Any) -> None:
    """What was fetched in parts must be what the Hub has; its tag of large files is their SHA-256."""
    with path.open("rb") as content:
        if content.read(len(_POINTER)) == _POINTER:
            path.unlink()
            raise ModelError(
                f"{name} is not whole on the Hub: its {file} is a Git LFS pointer, not the weights; choose another"
            )
        if not _SHA256.fullmatch(etag):
            return
        content.seek(0)
        digest = hashlib.sha256()
        while chunk := content.read(1 << 22):
            digest.update(chunk)
            go_on()
    if digest.hexdigest() != etag:
        path.unlink()
        raise ModelError(f"{name}: {file} came damaged and was thrown away; start again to fetch it anew")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"
