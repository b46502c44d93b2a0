"""Where things lie on disk, and how they are written so that a cut leaves the old or the new, never half.

Knows nothing of what is written.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

LOCAL_OWNER = "local"


def ftchat_home() -> Path:
    """The folder of all datasets and runs: FTCHAT_HOME, else ~/.ftchat."""
    return Path(os.environ.get("FTCHAT_HOME") or Path.home() / ".ftchat").expanduser().absolute()


def owner_folder(home: Path, owner: str = LOCAL_OWNER) -> Path:
    return home / "owners" / owner


def write_atomic(path: Path, content: bytes | str) -> None:
    """Writes beside, syncs and renames; makes the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def copy_files(source: Path, target: Path) -> str:
    """Copies a folder of files; they are on the disk when this returns. Gives the hash of the copies."""
    shutil.copytree(source, target)
    sync_folder(target)
    return hash_files(target)


def remove(path: Path) -> None:
    """Whatever lies there: a file, a folder with all in it, or nothing."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def why_unreadable(path: Path) -> str:
    """Why a file that is there cannot be read; nothing where it can, or is not there."""
    try:
        path.open("rb").close()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return error.strerror or str(error)
    return ""


def hash_files(folder: Path) -> str:
    """Of the names of all files in a folder and of what they hold."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        with path.open("rb") as file:
            whole.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def sync_folder(folder: Path) -> None:
    """All that lies in a folder, and its own entries, are on the disk when this returns."""
    for path in [*folder.iterdir(), folder]:
        if path.is_file() or os.name == "posix":  # elsewhere a folder cannot be opened
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
