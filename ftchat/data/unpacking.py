"""Packed bytes -> the bytes inside, with a bound on how much they may become. Knows nothing of what is in them."""

from __future__ import annotations

import io
import zlib
from zipfile import ZipFile, ZipInfo

from ftchat.data.rows import shown
from ftchat.errors import DataError

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
_CHUNK = 1 << 20
_BASE, _RATIO, _MOST = 64 << 20, 100, 2 << 30
_LOCKED = 1  # a bit of a member's flags
_BY_MACOS = ("__MACOSX/", "._", ".DS_Store")


def limit(packed: int) -> int:
    """How many bytes so many packed ones may become: text that people write never shrinks a hundredfold."""
    return min(_BASE + _RATIO * packed, _MOST)


def too_much(packed: int) -> DataError:
    size = limit(packed) >> 20
    return DataError(f"this would unpack to more than {size:,} MB, which is far more than its size suggests; split it")


def gunzip(data: bytes) -> bytes:
    most = limit(len(data))
    parts: list[bytes] = []
    size = 0
    rest = data
    try:
        while rest.startswith(GZIP):  # a gzip file may hold several members
            member = zlib.decompressobj(wbits=31)
            while not member.eof:
                part = member.decompress(rest, _CHUNK)
                rest = member.unconsumed_tail
                if not part and not member.eof and not rest:
                    raise DataError("this gzip archive is cut off; fetch it again")
                parts.append(part)
                size += len(part)
                if size > most:
                    raise too_much(len(data))
            rest = member.unused_data
    except zlib.error:
        raise DataError("this gzip archive is damaged; fetch it again, or unpack it by other means") from None
    return b"".join(parts)


def open_zip(data: bytes) -> ZipFile:
    """An archive whose content is not too much."""
    try:
        archive = ZipFile(io.BytesIO(data))
    except Exception:  # whatever a damaged file sets off in the library
        raise DataError("this ZIP archive is damaged; fetch or save it again") from None
    if sum(member.file_size for member in archive.infolist()) > limit(len(data)):
        raise too_much(len(data))
    return archive


def only_file(archive: ZipFile) -> bytes:
    """The one file in an archive."""
    members = [member for member in archive.infolist() if not member.filename.endswith("/") and not _is_clutter(member)]
    if len(members) != 1:
        raise DataError(f"this is a ZIP archive of {len(members)} files; unpack it and choose those that hold pairs")
    try:
        return archive.read(members[0])
    except Exception as error:  # as above
        if members[0].flag_bits & _LOCKED:
            raise DataError("this ZIP archive is locked by a password; unpack it first") from None
        reason = shown(str(error) or type(error).__name__, 120)
        raise DataError(f"the file in this ZIP archive cannot be unpacked ({reason}); unpack it first") from None


def _is_clutter(member: ZipInfo) -> bool:
    return member.filename.split("/")[-1].startswith(_BY_MACOS) or member.filename.startswith(_BY_MACOS)
