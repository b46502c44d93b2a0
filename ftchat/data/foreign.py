"""Files that are no text, or a kind that is not read: recognised by content and refused in one sentence.

Knows nothing of the kinds that are read.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from ftchat.data.sources import Source

_SAVE_AS_XLSX = "open it in the program that made it and save it as XLSX or CSV"

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a picture (PNG)", ""),
    (b"\xff\xd8\xff", "a picture (JPEG)", ""),
    (b"GIF8", "a picture (GIF)", ""),
    (b"%PDF-", "a PDF document", "copy the pairs out of it into a CSV file"),
    (b"ARROW1", "an Arrow file, which is not read", "save it as Parquet or JSON Lines"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or locked Office document, which is not read", _SAVE_AS_XLSX),
    (b"{\\rtf", "a rich text document, which is not read", "save it as plain text or CSV"),
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
    ("xl/workbook.bin", "a binary Excel workbook (XLSB), which is not read", _SAVE_AS_XLSX),
    ("word/document.xml", "a Word document, which is not read", "copy the pairs out of it into a CSV file"),
    ("ppt/presentation.xml", "a presentation, which is not read", "copy the pairs out of it into a CSV file"),
    ("content.xml", "an OpenDocument file, which is not read", _SAVE_AS_XLSX),
)
_WEB_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|table|\?xml)\b", re.IGNORECASE)
# How the first line of source code, or of a file of settings, begins; and how many of the others look.
_CODE_BEGINS = re.compile(
    r"#!|#include\b|# -\*-|# Copyright|//|/\*|\"{3}|'{3}|<\?php|import [\w.{*\"']|from [\w.]+ import |"
    r"package [\w.]+;?$|using [\w.]+;|export |module\.exports|(?:const|let|var) [\w{]|"
    r"(?:async )?function\b|def \w+\(|class \w+[(:{ ]|(?:CREATE|DROP|ALTER|INSERT|SELECT|UPDATE)\b.*[;(]|\[[^\]]+\]$"
)
_CODE = re.compile(r"[ \t]+\S|[\])}]|.*(?:[\])}];|[{(\[])\s*$")

WANTED = "pairs are read from CSV, XLSX, JSON Lines, JSON, Parquet, YAML and plain text"


def foreign_bytes(source: Source) -> str | None:
    """Why these bytes are not read, or None where they may be text."""
    head = source.head(4096)
    if not any(chunk.strip(b"\xef\xbb\xbf \t\r\n") for chunk in source.chunks()):
        return f"the file is empty; {WANTED}"
    for magic, kind, remedy in _MAGIC:
        if head.startswith(magic):
            return _refusal(kind, remedy)
    if head[:4] == b"RIFF" or head[4:8] == b"ftyp":
        return _refusal("a picture, sound or film file", "")
    if _WEB_PAGE.match(head):
        return _refusal("a web page or XML document, which is not read", "copy the pairs out of it into a CSV file")
    return None


def foreign_text(head: str) -> str | None:
    """Why this text is not looked through for pairs: commas and colons are in every program."""
    lines = [line for line in head.splitlines() if line.strip()][:200]
    if not lines or not _CODE_BEGINS.match(lines[0]):
        return None
    code = sum(_CODE.match(line) is not None or _CODE_BEGINS.match(line) is not None for line in lines)
    return _refusal("source code or a file of settings", "") if 5 * code > 2 * len(lines) else None


def foreign_archive(names: Collection[str]) -> str | None:
    """The same for a ZIP archive, by the names of what is in it: many kinds of document are one."""
    return next((_refusal(kind, remedy) for name, kind, remedy in _ZIPPED if name in names), None)


def _refusal(kind: str, remedy: str) -> str:
    return f"this is {kind}; {remedy or WANTED}"
