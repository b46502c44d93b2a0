"""Files that are no text, or a kind that is not read: recognised by content and refused in one sentence.

Knows nothing of the kinds that are read.
"""

from __future__ import annotations

import re

_SAVE_AS_CSV = "open it in the program that made it and save it as CSV"

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a picture (PNG)", ""),
    (b"\xff\xd8\xff", "a picture (JPEG)", ""),
    (b"GIF8", "a picture (GIF)", ""),
    (b"%PDF-", "a PDF document", "copy the pairs out of it into a CSV file"),
    (b"PAR1", "a Parquet file, which is not read yet", "save it as CSV or JSON Lines"),
    (b"ARROW1", "an Arrow file, which is not read yet", "save it as CSV or JSON Lines"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document, which is not read", _SAVE_AS_CSV),
    (b"{\\rtf", "a rich text document, which is not read", "save it as plain text or CSV"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it first"),
    (b"SQLite format 3\x00", "an SQLite database", "export the table as CSV"),
    (b"\x7fELF", "a program", ""),
    (b"\x89HDF\r\n", "an HDF5 file", "save it as CSV or JSON Lines"),
    (b"GGUF", "a model (GGUF)", ""),
    (b"ID3", "a sound file", ""),
    (b"OggS", "a sound file", ""),
    (b"version https://git-lfs", "a Git LFS pointer and not the file itself", "fetch it with: git lfs pull"),
)
_ZIPPED = (
    (b"xl/", "an Excel workbook (XLSX), which is not read yet", "save it as CSV"),
    (b"word/", "a Word document, which is not read", "copy the pairs out of it into a CSV file"),
    (b"content.xml", "an OpenDocument file, which is not read", _SAVE_AS_CSV),
    (b"", "a ZIP archive", "unpack it first"),
)
_WEB_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|table|\?xml)\b", re.IGNORECASE)
_YAML = re.compile(r"(?:---[^\n]*\n)?(?:#[^\n]*\n)*(?:\w+:[ ]*\n)?\s*- [\w\"' -]{1,40}:(?: |\n)")

WANTED = "pairs are read from CSV, JSON Lines, JSON and plain text"


def foreign_bytes(data: bytes) -> str | None:
    """Why these bytes are not read, or None where they may be text."""
    head = data[:4096]
    if not head.strip(b"\xef\xbb\xbf \t\r\n") and not data.strip(b"\xef\xbb\xbf \t\r\n"):
        return f"the file is empty; {WANTED}"
    if head.startswith(b"PK\x03\x04"):
        names = head + data[-65536:]
        return next(_refusal(kind, remedy) for mark, kind, remedy in _ZIPPED if mark in names)
    for magic, kind, remedy in _MAGIC:
        if head.startswith(magic):
            return _refusal(kind, remedy)
    if head[:4] == b"RIFF" or head[4:8] == b"ftyp":
        return _refusal("a picture, sound or film file", "")
    if _WEB_PAGE.match(head):
        return _refusal("a web page or XML document, which is not read", "copy the pairs out of it into a CSV file")
    return None


def foreign_text(head: str) -> str | None:
    """The same for text of a kind that is not read."""
    if _YAML.match(head):
        return _refusal("a YAML list, which is not read yet", "save it as CSV or JSON Lines")
    return None


def _refusal(kind: str, remedy: str) -> str:
    return f"this is {kind}; {remedy or WANTED}"
