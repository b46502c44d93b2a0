"""Checkpoints on disk: folders that are whole or not there. Knows nothing of trainers or of what the files hold.

checkpoints/step-00000120/   its files, and manifest.json with their hashes, written last

What a kill or a full disk tore is told by its manifest, or by having none, and is as good as not there.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftchat.errors import FtchatError, TrainingError
from ftchat.files import remove, sync_folder, write_atomic

_KEPT = 2  # beside the best
_BESIDE = ".step-"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`loss` is the held-out loss measured at its step, None where none was."""

    folder: Path
    step: int
    loss: float | None


def save(folder: Path, step: int, loss: float | None, write: Callable[[Path], None]) -> None:
    """A checkpoint of what `write` puts into the folder that it is given. The last two and the best stay."""
    beside, target = folder / f"{_BESIDE}{step:08}", _place(folder, step)
    try:
        with disk_full_said(folder):
            beside.mkdir(parents=True)
            write(beside)
            files = {path.name: _hash(path) for path in sorted(beside.iterdir())}
            sync_folder(beside)
            _write_manifest(beside, {"step": step, "loss": loss, "files": files})
            remove(target)
            beside.rename(target)
            sync_folder(folder)
    except BaseException:
        clear_leftovers(folder)
        raise
    found = [known for known in map(_described, _folders(folder)) if known]
    measured = [(known.loss, known.step) for known in found if known.loss is not None]
    for known in found[:-_KEPT]:
        if not measured or known.step != min(measured)[1]:
            shutil.rmtree(known.folder)


def note_loss(folder: Path, step: int, loss: float | None) -> None:
    """The held-out loss of a checkpoint that was saved before it was measured."""
    path = _place(folder, step)
    if manifest := _manifest(path):
        _write_manifest(path, manifest | {"loss": loss})


def last_whole(folder: Path) -> Checkpoint | None:
    """The last checkpoint that is as it was written. Torn ones after it, leftovers, and a file in the place of the
    folder are removed."""
    if folder.is_file():
        remove(folder)
    clear_leftovers(folder)
    for path in reversed(_folders(folder)):
        found = _described(path)
        if found and _is_whole(path):
            return found
        remove(path)
    return None


def best_whole(folder: Path) -> Checkpoint | None:
    """Of those that are whole, the one with the lowest held-out loss, the first of equals."""
    measured = [known for path in _folders(folder) if (known := _described(path)) and known.loss is not None]
    whole = (known for known in sorted(measured, key=lambda known: known.loss or 0.0) if _is_whole(known.folder))
    return next(whole, None)


def of_step(folder: Path, step: int) -> Checkpoint | None:
    """The checkpoint of that step, if it is whole."""
    found = _described(_place(folder, step))
    return found if found and _is_whole(found.folder) else None


def keep_last_only(folder: Path) -> None:
    """Makes room."""
    for path in _folders(folder)[:-1]:
        shutil.rmtree(path)


def clear_leftovers(folder: Path) -> None:
    """Removes what a kill left of a checkpoint that was being written."""
    for path in folder.glob(f"{_BESIDE}*"):
        remove(path)


@contextmanager
def disk_full_said(folder: Path) -> Iterator[None]:
    """Turns a write that failed for want of space into a sentence, whichever library wrote."""
    try:
        yield
    except Exception as error:
        if isinstance(error, FtchatError) or not _no_space(error):
            raise
        raise DiskFull(
            f"there is no room left to write to {folder}; free some space on that disk, then resume the run",
            "disk_full",
        ) from error


class DiskFull(TrainingError):
    """The run can be resumed when there is space again."""


def _no_space(error: BaseException | None) -> bool:
    """Some libraries say it in an OSError, others in words, or in an error that follows from it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if "PytorchStreamWriter failed" in str(error) or any(f"os error {number})" in str(error) for number in _FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def _place(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08}"


def _folders(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))


def _described(path: Path) -> Checkpoint | None:
    """What its manifest says; None where that is torn."""
    manifest = _manifest(path)
    return Checkpoint(path, manifest["step"], manifest["loss"]) if manifest else None


def _is_whole(path: Path) -> bool:
    manifest = _manifest(path)
    try:
        return manifest is not None and all(_hash(path / name) == known for name, known in manifest["files"].items())
    except OSError:
        return False


def _manifest(path: Path) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        manifest: dict[str, Any] = json.loads((path / "manifest.json").read_text("utf-8"))
        if manifest.pop("sha256") == _hash_of(manifest) and path == _place(path.parent, manifest["step"]):
            return manifest
    return None


def _write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    write_atomic(path / "manifest.json", json.dumps({**manifest, "sha256": _hash_of(manifest)}, indent=1))


def _hash_of(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest).encode()).hexdigest()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
