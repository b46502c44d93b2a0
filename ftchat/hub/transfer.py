"""Files of one repository on their way from the Hub into the cache of the Hub's own client library.

Of a file that is stopped that library keeps nothing, so they are fetched here: into the cache, beside the place where
they will lie, and from the byte on that is there already. Knows nothing of what the files are, nor of who waits.
"""

from __future__ import annotations

import errno
import shutil
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.utils import build_hf_headers, disable_progress_bars, get_session, hf_raise_for_status

from ftchat.errors import DataError, FtchatError, ModelError
from ftchat.events import Downloading
from ftchat.hub.integrity import fault
from ftchat.hub.sentences import What, Why, disk_is_full, passes, why

WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds before the next try, after tries that brought nothing
_PATIENCE = 10  # seconds for the Hub to answer
_SILENCE = 30.0  # seconds without a byte, after which a connection is given up
_RATED = 5.0  # seconds that the speed is measured over
_TOLD = 0.25  # seconds between two words about it


class Stopped(Exception):
    """Nobody wants it any more."""


class Transfer:
    """From the repository called `name`. `file`, `done` and `total`, in bytes of what is fetched, may be read from
    other threads while it runs; `cancelled` may be set by them. `private`: whether this machine's token may be used."""

    def __init__(self, name: str, what: What = "model", private: bool = True):
        self.name, self.what = name, what
        self.file, self.done, self.total = "", 0, 0
        self.cancelled = threading.Event()
        self._kind = "dataset" if what == "dataset" else "model"
        self._token = None if private else False
        self._commit = ""
        self._wanted: dict[str, int] = {}
        self._marks: deque[tuple[float, int]] = deque()

    @property
    def rate(self) -> float:
        """Bytes a second, over the last few."""
        if not self._marks:
            return 0.0
        (since, first), (_, last) = self._marks[0], self._marks[-1]
        return max(0.0, (last - first) / max(time.monotonic() - since, 0.1))

    def event(self) -> Downloading:
        """How far it is."""
        return Downloading(base=self.name, file=self.file, done=self.done, total=self.total, rate=self.rate)

    def listed(self) -> dict[str, int]:
        """All files of the repository as it is now, and their sizes. What is fetched is from then."""
        disable_progress_bars()
        with self._said():
            asked: Any = {"files_metadata": True, "timeout": _PATIENCE, "token": self._token}
            api = HfApi()
            found = (api.dataset_info if self._kind == "dataset" else api.model_info)(self.name, **asked)
            assert found.sha is not None
            self._commit = found.sha
            return {file.rfilename: file.size or 0 for file in found.siblings or []}

    def want(self, files: Mapping[str, int]) -> None:
        """These of them will be fetched."""
        self._wanted = dict(files)
        self.total = sum(files.values())

    def check_disk(self) -> None:
        """Before anything comes: whether it will find room."""
        missing = self.total - self._here()
        cache = Path(constants.HF_HUB_CACHE)
        disk = next(folder for folder in (cache, *cache.parents) if folder.exists())
        free = shutil.disk_usage(disk).free
        if missing > free:
            raise self._error(
                f"{self.name} is a download of {_gb(missing)} and {_gb(free)} are free on the disk of {cache}; free "
                f"some space there, set HF_HOME to another disk, or choose a smaller {self.what}",
                "hub_disk", name=self.name, size=_gb(missing), free=_gb(free), cache=cache,
            )  # fmt: skip

    def run(self) -> Path:
        """Fetches them; the folder that they then lie in."""
        with self._said():
            whole = 0
            for file, size in self._wanted.items():
                self.file, self.done = file, whole
                self._fetch(file)
                whole += size
                self.done = whole
        return self._snapshot()

    def followed(self) -> Generator[Downloading, None, Path]:
        """The same in a thread of its own, telling how far it is. Closing it stops it; what has come is kept."""
        outcome: list[Path | Exception] = []

        def fetch() -> None:
            try:
                outcome.append(self.run())
            except Exception as error:
                outcome.append(error)

        thread = threading.Thread(target=fetch, name="ftchat-download", daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_TOLD)
                if thread.is_alive():
                    yield self.event()
        finally:
            self.cancelled.set()
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    # One file

    def _fetch(self, file: str) -> None:
        """Puts a file into the cache."""
        if (self._snapshot() / file).exists():
            return
        url = hf_hub_url(self.name, file, repo_type=self._kind, revision=self._commit)
        found = self._persist(lambda: get_hf_file_metadata(url, token=self._token, timeout=_PATIENCE))
        etag, size = found.etag, found.size or self._wanted[file]
        blob = self._folder() / "blobs" / etag
        with self._alone(etag):
            if not blob.exists():
                blob.parent.mkdir(parents=True, exist_ok=True)
                beside = blob.with_name(f"{etag}.incomplete")
                self._bytes(url, beside, size)
                if wrong := fault(self.name, file, beside, etag, self._go_on):
                    beside.unlink()
                    raise self._error(wrong, wrong.kind, **wrong.values)
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
        headers = build_hf_headers(token=self._token) | {"Accept-Encoding": "identity"}
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
        return hf_hub_download(
            self.name,
            file,
            repo_type=self._kind,
            revision=self._commit,
            etag_timeout=_PATIENCE,
            token=self._token,
        )

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
        return Path(constants.HF_HUB_CACHE) / f"{self._kind}s--{self.name.replace('/', '--')}"

    def _snapshot(self) -> Path:
        return self._folder() / "snapshots" / self._commit

    def _here(self) -> int:
        """Bytes of what is wanted, those of cut files among them."""
        whole = sum(size for file, size in self._wanted.items() if (self._snapshot() / file).exists())
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

    @property
    def _error(self) -> type[FtchatError]:
        return DataError if self.what == "dataset" else ModelError

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
                raise self._error(
                    f"the disk of {cache} became full while {self.name} was downloaded; free some space there, then "
                    "start again: it goes on from what has come",
                    "hub_full", name=self.name, cache=cache,
                ) from None  # fmt: skip
            said = why(error, self.name, self.what)
            if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS:
                cache = constants.HF_HUB_CACHE
                said = Why(f"{cache} cannot be written to; set HF_HOME to a folder of yours", "hub_barred", cache=cache)
            if not said:
                raise
            raise self._error(f"{self.name}: {said}", said.kind, **said.values) from None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"
