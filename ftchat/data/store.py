"""Datasets on disk, kept by the hash of their content. Knows nothing of how they were read.

datasets/<hash>/examples.jsonl   the cleaned data, one conversation a line; its SHA-256 is the name of the folder
                origins.json     where each example came from
                report.json      what was said when it was read
                dataset.json     name, kind, time and size; written last, so a folder without it does not count
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ftchat.data.reading import Reading
from ftchat.data.report import Report
from ftchat.errors import ConfigError, DataError
from ftchat.files import LOCAL_OWNER, owner_folder, write_atomic
from ftchat.records import Example, Message

_OWNER = re.compile(r"\w[\w.-]{0,99}")
_HASH = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """`kind` says where it is from, such as `file` or `template`; `created` is in seconds since the epoch."""

    hash: str
    name: str
    kind: str
    created: float
    count: int


@dataclass(frozen=True, slots=True)
class Dataset:
    hash: str
    name: str
    kind: str
    created: float
    examples: tuple[Example, ...]
    report: Report


class DatasetStore:
    """The datasets of one owner."""

    def __init__(self, home: Path, owner: str = LOCAL_OWNER):
        if not _OWNER.fullmatch(owner):
            raise ConfigError(f"'{owner}' cannot name an owner: use letters, digits, '.', '_' and '-'")
        self.folder = owner_folder(home, owner) / "datasets"

    def put(self, reading: Reading, name: str, kind: str = "file") -> Dataset:
        """Keeps a reading. The same content again is the same dataset, under the name that it got first."""
        if not reading.examples:
            raise DataError(f"{name}: there is no example in it to train on")
        content = _content(reading.examples)
        key = _hash(content)
        try:
            return self.get(key)
        except DataError:
            pass  # not there yet, or damaged: either way it is written
        folder = self.folder / key
        info = DatasetInfo(key, name, kind, time.time(), len(reading.examples))
        write_atomic(folder / "examples.jsonl", content)
        write_atomic(folder / "origins.json", _origins(reading.examples))
        write_atomic(folder / "report.json", json.dumps(reading.report.to_json()))
        write_atomic(folder / "dataset.json", json.dumps(asdict(info)))
        return Dataset(key, name, kind, info.created, reading.examples, reading.report)

    def get(self, key: str) -> Dataset:
        content = self.export(key)
        folder = self.folder / key
        try:
            info = _info(folder)
            origins = json.loads((folder / "origins.json").read_bytes())
            report = Report.from_json(json.loads((folder / "report.json").read_bytes()))
            examples = _examples(content, origins)
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            raise _damaged(key) from None
        return Dataset(key, info.name, info.kind, info.created, examples, report)

    def export(self, key: str) -> bytes:
        """The cleaned data as JSON Lines: the very bytes that were hashed."""
        if not _HASH.fullmatch(key) or not (self.folder / key / "dataset.json").exists():
            raise DataError(f"there is no dataset '{key}'; read the file again to make it")
        try:
            content = (self.folder / key / "examples.jsonl").read_bytes()
        except OSError:
            raise _damaged(key) from None
        if _hash(content) != key:
            raise _damaged(key)
        return content

    def list(self) -> list[DatasetInfo]:
        """Newest first; what is damaged is left out."""
        found = []
        for path in self.folder.glob("*/dataset.json"):
            try:
                found.append(_info(path.parent))
            except (OSError, ValueError, TypeError):
                continue
        return sorted(found, key=lambda info: (-info.created, info.hash))


def _damaged(key: str) -> DataError:
    return DataError(f"the dataset '{key}' is damaged on disk; read the file again to restore it")


def _info(folder: Path) -> DatasetInfo:
    return DatasetInfo(**json.loads((folder / "dataset.json").read_bytes()))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _content(examples: Sequence[Example]) -> bytes:
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    lines = [
        encode({"messages": [{"role": message.role, "content": message.content} for message in example.messages]})
        for example in examples
    ]
    return ("\n".join(lines) + "\n").encode()


def _origins(examples: Sequence[Example]) -> str:
    """Every source by name once; then [source, row, line] for each example."""
    sources = {name: place for place, name in enumerate(dict.fromkeys(example.source for example in examples))}
    places = [(sources[example.source], example.row, example.line) for example in examples]
    return json.dumps({"sources": list(sources), "places": places}, separators=(",", ":"))


def _examples(content: bytes, origins: dict[str, Any]) -> tuple[Example, ...]:
    sources = origins["sources"]
    rows = map(json.loads, content.decode().removesuffix("\n").split("\n"))
    return tuple(
        Example(tuple(Message(**message) for message in row["messages"]), sources[source], number, line)
        for row, (source, number, line) in zip(rows, origins["places"], strict=True)
    )
