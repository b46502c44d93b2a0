"""The adapters that one owner brought, on disk. Knows nothing of what is in their files, beyond the checks.

adapters/<id>/adapter_model.safetensors, adapter_config.json    PEFT's two files, and no other
              about.json                                        its name and its base

The id is made of the content: what is brought twice is kept once. A folder appears whole or not at all; one on its way
has a lock beside it, so that what a kill left of it can be told.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from filelock import FileLock, Timeout

from ftchat.adapters.checks import CONFIG, FILES, MOST_BYTES, WEIGHTS, check_adapter
from ftchat.errors import ConfigError, ModelError
from ftchat.files import LOCAL_OWNER, owner_folder, sync_folder, write_atomic

MOST_KEPT = 50
_NAME_LENGTH = 80
_MOST_NAMED = 6  # files that were passed over
_MAY_RUN = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")  # reading them can run what is in them
_BESIDE, _PREFIX = ".coming-", "adapter-"
_ID = re.compile(_PREFIX + "[0-9a-f]{12}")
_ABOUT = "about.json"


@dataclass(frozen=True, slots=True)
class BroughtAdapter:
    """`passed_over`: what lay beside its two files when it was brought, and was not opened."""

    id: str
    name: str
    base: str
    added: float
    folder: Path
    passed_over: tuple[str, ...] = field(default=(), compare=False)

    @property
    def passed(self) -> str:
        """The names of what was passed over, the first of many."""
        more = len(self.passed_over) - _MOST_NAMED
        named = ", ".join(_plain(name) for name in self.passed_over[:_MOST_NAMED])
        return f"{named} (+{more})" if more > 0 else named


class AdapterStore:
    def __init__(self, home: Path, owner: str = LOCAL_OWNER):
        self.folder = owner_folder(home, owner) / "adapters"

    def list(self) -> list[BroughtAdapter]:
        """Newest first."""
        found = [adapter for path in self.folder.glob(f"{_PREFIX}*") if (adapter := _read(path))]
        return sorted(found, key=lambda adapter: -adapter.added)

    def find(self, adapter: str) -> BroughtAdapter | None:
        """By its id."""
        return _read(self.folder / adapter) if _ID.fullmatch(adapter) else None

    def add(self, files: Sequence[Path], name: str, takes: Callable[[str], None]) -> BroughtAdapter:
        """Keeps the adapter in these files: PEFT's two, a folder or a ZIP archive with them. `takes` raises where its
        base is none that may be used. ModelError says why an adapter is not kept."""
        with self.coming() as beside:
            passed_over = tuple(gather(files, beside))
            base = check_adapter(beside)
            takes(base)
            known = _PREFIX + _hash(beside)[:12]
            before = self.find(known)
            if before is not None:
                return replace(before, passed_over=passed_over)
            others = {adapter.name for adapter in self.list()}
            if len(others) >= MOST_KEPT:
                raise ModelError(
                    f"{MOST_KEPT} adapters are kept already; delete one first", "adapter_many", n=MOST_KEPT
                )
            name = _plain(name) or "adapter"
            names = (name, *(f"{name}-{n}" for n in range(2, len(others) + 3)))
            name = next(free for free in names if free not in others)
            added = time.time()
            write_atomic(beside / _ABOUT, json.dumps({"name": name, "base": base, "added": added}, ensure_ascii=False))
            sync_folder(beside)
            shutil.rmtree(self.folder / known, ignore_errors=True)  # one that lost its name
            beside.rename(self.folder / known)
            return BroughtAdapter(known, name, base, added, self.folder / known, passed_over)

    def delete(self, adapter: str) -> None:
        found = self.find(adapter)
        if found is None:
            raise ConfigError("this adapter is gone already", "adapter_gone")
        shutil.rmtree(found.folder)

    @contextmanager
    def coming(self) -> Iterator[Path]:
        """A folder to fill, on the disk of those that are kept; removed if it is still there at the end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f"{_BESIDE}{secrets.token_hex(4)}"
        with _on_its_way(beside):
            beside.mkdir()
            try:
                yield beside
            finally:
                shutil.rmtree(beside, ignore_errors=True)

    def clear_leftovers(self) -> None:
        """Removes what a kill left of adapters on their way; what some process still brings stays."""
        for path in self.folder.glob(f"{_BESIDE}*"):
            beside = path.with_suffix("")  # of the folder itself, and of its lock
            with suppress(Timeout), _on_its_way(beside):
                shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def _on_its_way(beside: Path) -> Iterator[None]:
    """Inside, this folder is some process's own; Timeout where it is another's. A visitor's request may go on in
    another thread than it began in."""
    path = beside.with_suffix(".lock")
    lock = FileLock(path, timeout=0, thread_local=False)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()
        path.unlink(missing_ok=True)


def _plain(name: str) -> str:
    return "".join(sign for sign in name if sign.isprintable()).strip()[:_NAME_LENGTH]


def _read(folder: Path) -> BroughtAdapter | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        about = json.loads((folder / _ABOUT).read_text("utf-8"))
        return BroughtAdapter(folder.name, str(about["name"]), str(about["base"]), float(about["added"]), folder)
    return None


def gather(files: Sequence[Path], target: Path) -> list[str]:
    """Copies the two files, and nothing else, out of what was brought; the names of the others, which stay closed."""
    if len(files) == 1 and files[0].is_dir():
        files = [path for path in sorted(files[0].iterdir()) if path.is_file()]
    elif len(files) == 1 and files[0].suffix.lower() == ".zip":
        return _unpack(files[0], target)
    check_names([path.name for path in files])
    for path in files:
        if path.name in FILES:
            if path.stat().st_size > MOST_BYTES:
                raise _too_large()
            shutil.copyfile(path, target / path.name)
    return [path.name for path in files if path.name not in FILES]


def check_names(names: Sequence[str]) -> None:
    """ModelError where an adapter's two files are not among these, each once."""
    last = [PurePosixPath(name).name for name in names]
    pickled = next((name for name in last if name.startswith("adapter_model.") and name.endswith(_MAY_RUN)), None)
    if pickled is not None and WEIGHTS not in last:
        raise ModelError(
            f"{pickled[:120]} is of a kind that can run code when it is read; bring only {CONFIG} and {WEIGHTS}",
            "adapter_risky",
            file=pickled[:120],
        )
    if sorted(name for name in last if name in FILES) != sorted(FILES):
        raise ModelError(
            f"an adapter is two files, {CONFIG} and {WEIGHTS}, each once; bring both, or one ZIP archive of them",
            "adapter_files",
        )


def _unpack(path: Path, target: Path) -> list[str]:
    try:
        with ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
            nearest = _nearest(members)
            check_names([member.filename for member in nearest])
            taken = [member for member in nearest if PurePosixPath(member.filename).name in FILES]
            for member in taken:
                left = MOST_BYTES
                name = PurePosixPath(member.filename).name
                with archive.open(member) as packed, (target / name).open("wb") as file:
                    while piece := packed.read(1 << 20):  # a header may lie about the size
                        left -= len(piece)
                        if left < 0:
                            raise _too_large()
                        file.write(piece)
            return [member.filename for member in members if member not in taken]
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        # RuntimeError is a password, NotImplementedError a rare way to pack.
        raise ModelError(
            "this ZIP archive is damaged or locked; unpack it and bring the two files of the adapter", "adapter_zip"
        ) from error


def _nearest(members: list[ZipInfo]) -> list[ZipInfo]:
    """Of a folder of checkpoints, the files that lie least deep: those of the whole training."""
    depths = {m.filename.count("/") for m in members if PurePosixPath(m.filename).name in FILES}
    return [member for member in members if member.filename.count("/") <= min(depths, default=0)]


def _too_large() -> ModelError:
    most = MOST_BYTES >> 20
    return ModelError(f"this adapter is larger than the {most} MB that are taken", "adapter_size", most=most)


def _hash(folder: Path) -> str:
    whole = hashlib.sha256()
    for name in FILES:
        with (folder / name).open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()
