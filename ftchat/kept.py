"""A run's two records, each kept twice on disk: nothing else says what they say. Knows nothing of runs.

What is read is a record with all fields of their types, or nothing.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from ftchat.files import write_atomic
from ftchat.records import ResolvedConfig, RunConfig, to_json
from ftchat.settings import METHODS, PRECISIONS, PRESETS

T = TypeVar("T", RunConfig, ResolvedConfig)


@dataclasses.dataclass(frozen=True)
class Kept(Generic[T]):
    """`<name>.json` and `<name>.copy.json` in a folder. `known`: whether a record's words are those that there are."""

    name: str
    kind: TypeAdapter[T]
    known: Callable[[T], bool]

    def path(self, folder: Path) -> Path:
        return folder / f"{self.name}.json"

    def copies(self, folder: Path) -> tuple[Path, Path]:
        return self.path(folder), folder / f"{self.name}.copy.json"

    def folders(self, above: Path) -> set[Path]:
        """Those below `above` that have a copy."""
        return {path.parent for copy in self.copies(Path("*")) for path in above.glob(str(copy))}

    def written(self, folder: Path) -> int:
        """When the newest copy was, in nanoseconds; 0 where there is none."""
        return max(self._times(folder), default=0)

    def _times(self, folder: Path) -> Iterator[int]:
        for path in self.copies(folder):
            with suppress(OSError):
                yield path.stat().st_mtime_ns

    def write(self, folder: Path, record: T) -> None:
        for path in self.copies(folder):
            write_atomic(path, json.dumps(to_json(record), ensure_ascii=False, indent=1))

    def read(self, folder: Path) -> T | None:
        """Of the first copy that is whole; None where neither is."""
        for path in self.copies(folder):
            with suppress(OSError, ValueError):  # not JSON, or of something else
                record = self.kind.validate_json(path.read_bytes(), strict=True, extra="forbid")
                if self.known(record):
                    return record
        return None


CONFIG = Kept("config", TypeAdapter(RunConfig), lambda config: config.method in METHODS and config.preset in PRESETS)
RESOLVED = Kept(
    "resolved", TypeAdapter(ResolvedConfig), lambda done: done.method in METHODS[1:] and done.precision in PRECISIONS
)
