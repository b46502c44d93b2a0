"""The adapters that one owner brought, on disk. Knows nothing of what is in their files, beyond the checks.

adapters/<id>/adapter_model.safetensors, adapter_config.json    PEFT's two files, and no other
              about.json                                        its name and its base

The id is made of the content: what is brought twice is kept once. A folder appears whole or not at all.
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
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

from ftchat.adapters.checks import CONFIG, FILES, MOST_BYTES, WEIGHTS, check_adapter
from ftchat.errors import ConfigError, ModelError
from ftchat.files import LOCAL_OWNER, owner_folder, sync_folder, write_atomic

MOST_KEPT = 50
_NAME_LENGTH = 80
_MAY_RUN = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".py")  # reading them can run what is in them
_BESIDE, _PREFIX = ".coming-", "adapter-"
_ID = re.compile(_PREFIX + "[0-9a-f]{12}")
_ABOUT = "about.json"


@dataclass(frozen=True, slots=True)
class BroughtAdapter:
    id: str
    name: str
    base: str
    added: float
    folder: Path


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
            gather(files, beside)
            base = check_adapter(beside)
            takes(base)
            known = _PREFIX + _hash(beside)[:12]
            before = self.find(known)
            if before is not None:
                return before
            others = {adapter.name for adapter in self.list()}
            if len(others) >= MOST_KEPT:
                raise ModelError(
                    f"{MOST_KEPT} adapters are kept already; delete one first", "adapter_many", n=MOST_KEPT
                )
            name = "".join(sign for sign in name if sign.isprintable()).strip()[:_NAME_LENGTH] or "adapter"
            names = (name, *(f"{name}-{n}" for n in range(2, len(others) + 3)))
            name = next(free for free in names if free not in others)
            added = time.time()
            write_atomic(beside / _ABOUT, json.dumps({"name": name, "base": base, "added": added}, ensure_ascii=False))
            sync_folder(beside)
            shutil.rmtree(self.folder / known, ignore_errors=True)  # one that lost its name
            beside.rename(self.folder / known)
            return BroughtAdapter(known, name, base, added, self.folder / known)

    def delete(self, adapter: str) -> None:
        found = self.find(adapter)
        if found is None:
            raise ConfigError("this adapter is gone already", "adapter_gone")
        shutil.rmtree(found.folder)

    @contextmanager
    def coming(self) -> Iterator[Path]:
        """A folder to fill, on the disk of those that are kept; removed if it is still there at the end."""
        beside = self.folder / f"{_BESIDE}{secrets.token_hex(4)}"
        beside.mkdir(parents=True)
        try:
            yield beside
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def _read(folder: Path) -> BroughtAdapter | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        about = json.loads((folder / _ABOUT).read_text("utf-8"))
        return BroughtAdapter(folder.name, str(about["name"]), str(about["base"]), float(about["added"]), folder)
    return None


def gather(files: Sequence[Path], target: Path) -> None:
    """Copies the two files, and nothing else, out of what was brought."""
    if len(files) == 1 and files[0].is_dir():
        files = [path for path in files[0].iterdir() if path.is_file()]
    elif len(files) == 1 and files[0].suffix.lower() == ".zip":
        _unpack(files[0], target)
        return
    check_names([path.name for path in files])
    for path in files:
        if path.name in FILES:
            if path.stat().st_size > MOST_BYTES:
                raise _too_large()
            shutil.copyfile(path, target / path.name)


def check_names(names: Sequence[str]) -> None:
    """ModelError where these files are not an adapter that may be read. Others beside its two, such as a README, are
    left out."""
    risky = next((name for name in names if name.lower().endswith(_MAY_RUN)), None)
    if risky is not None:
        raise ModelError(
            f"{risky[:120]} is of a kind that can run code when it is read; bring only {CONFIG} and {WEIGHTS}",
            "adapter_risky",
            file=risky[:120],
        )
    last = [PurePosixPath(name).name for name in names]
    if sorted(name for name in last if name in FILES) != sorted(FILES):
        raise ModelError(
            f"an adapter is two files, {CONFIG} and {WEIGHTS}, each once; bring both, or one ZIP archive of them",
            "adapter_files",
        )


def _unpack(path: Path, target: Path) -> None:
    try:
        with ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
            check_names([member.filename for member in members])
            for member in members:
                name = PurePosixPath(member.filename).name
                if name not in FILES:
                    continue
                left = MOST_BYTES
                with archive.open(member) as packed, (target / name).open("wb") as file:
                    while piece := packed.read(1 << 20):  # a header may lie about the size
                        left -= len(piece)
                        if left < 0:
                            raise _too_large()
                        file.write(piece)
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        # RuntimeError is a password, NotImplementedError a rare way to pack.
        raise ModelError(
            "this ZIP archive is damaged or locked; unpack it and bring the two files of the adapter", "adapter_zip"
        ) from error


def _too_large() -> ModelError:
    most = MOST_BYTES >> 20
    return ModelError(f"this adapter is larger than the {most} MB that are taken", "adapter_size", most=most)


def _hash(folder: Path) -> str:
    whole = hashlib.sha256()
    for name in FILES:
        with (folder / name).open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()
