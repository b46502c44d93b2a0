"""Where data comes from: bytes in memory, or a file that is read piece by piece. Knows nothing of what is in them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ftchat.errors import DataError

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """Content under the name that the report calls it by: the bytes, or where they lie."""

    name: str
    content: bytes | Path

    @classmethod
    def from_path(cls, path: str | Path) -> Source:
        path = Path(path)
        try:
            with path.open("rb") as file:
                # What is no file, such as a pipe, is read once and for all.
                return cls(path.name, path if path.is_file() else file.read())
        except FileNotFoundError:
            raise DataError(f"{path}: there is no such file") from None
        except IsADirectoryError:
            raise DataError(f"{path} is a folder; name the files in it") from None
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read: {error}") from None

    @classmethod
    def from_text(cls, text: str, name: str = "pasted text") -> Source:
        return cls(name, text.encode("utf-8", "surrogatepass"))

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    @property
    def data(self) -> bytes:
        """All of it."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()

    def open(self) -> BinaryIO:
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")

    def head(self, size: int) -> bytes:
        with self.open() as file:
            return file.read(size)

    def chunks(self) -> Iterator[bytes]:
        with self.open() as file:
            while chunk := file.read(_CHUNK):
                yield chunk
