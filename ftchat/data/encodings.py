"""Bytes -> text: which encoding, and the text as lines. Knows nothing of rows.

UTF-8 and UTF-16 are certain or nearly so. For the older ones charset-normalizer says which are possible, and the
characters that the language uses most decide among those: on a few short lines its own order is a toss-up.
Bytes that the encoding cannot hold become BROKEN, so that their rows can be named; none is dropped.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from charset_normalizer import from_bytes

from ftchat.data.foreign import WANTED
from ftchat.data.sources import Source
from ftchat.errors import DataError

BROKEN = "\udcff"  # a lone surrogate: it stands in no valid text
_ERRORS = "ftchat.broken"
_SAMPLE = 1 << 15

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# name for the user -> (codec: the superset that real files use, characters that real text is full of)
_OLDER: dict[str, tuple[str, str]] = {
    "gb18030": (
        "gb18030",
        "的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后么心多然于能好都没起"
        "发成事只作当想看文无开手用方如前所本见经头面公同三已老从动两长知样现分将外但身些与高意进法您请问答什是怎吗呢，。？！、：；“”《》（）",
    ),
    "big5": (
        "big5hkscs",
        "的一是不了在人有我他這中大來上個國到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可里後麼心多然於能好都沒起"
        "發成事只作當想看文無開手用方如前所本見經頭面公同三已老從動兩長知樣現分將外但身些與高意進法您請問答什是怎嗎呢，。？！、：；「」《》（）",
    ),
    "shift_jis": (
        "cp932",
        "".join(map(chr, range(0x3041, 0x30FD))) + "。、「」？！：の日本東京人大年質問答何時間私今方国会社出来言",
    ),
    "euc_kr": (
        "cp949",
        "이다는을의가에고하지한로도를은기사시자어나리해요니아대스인습있안네그여세질문답변수게무엇주부서",
    ),
    "cp1252": ("cp1252", "éèêëàâäáãåçîïíñôöóõøùûüúßæœÉÈÀÄÅÖÜÇÑ’‘“”–—…•€£°«»¿¡®©™§·\xa0"),
    "mac_roman": ("mac_roman", "éèêëàâäáãåçîïíñôöóõøùûüúßæœ’‘“”–—…•€£°«»¿¡"),
    "cp1251": ("cp1251", "".join(map(chr, range(0x430, 0x450))) + "ё«»—–"),
}


def _mark_broken(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return BROKEN * (error.end - error.start), error.end


codecs.register_error(_ERRORS, _mark_broken)


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes whose encoding is known, decoded as they are read."""

    source: Source
    encoding: str
    codec: str
    guessed: bool = False

    def lines(self, newline: str = "\n") -> Iterator[str]:
        """With their ends. `newline=""` also splits at a lone carriage return, as CSV wants."""
        return self.opened(newline)

    def opened(self, newline: str = "\n") -> TextIO:
        return io.TextIOWrapper(self.source.open(), self.codec, errors=_ERRORS, newline=newline)

    def whole(self) -> str:
        return codecs.decode(self.source.data, self.codec, _ERRORS)

    def head(self, size: int = 1 << 16) -> str:
        """About the first `size` characters, to the end of a line where that leaves half of them."""
        text = codecs.getincrementaldecoder(self.codec)(_ERRORS).decode(self.source.head(4 * size))
        if 4 * size >= self.source.size and len(text) <= size:
            return text
        end = text.rfind("\n", 0, size)
        return text[: end + 1] if 2 * end >= size else text[:size]


def open_text(source: Source) -> Text:
    """DataError where the bytes are no text in any encoding known here."""
    head = source.head(65536)
    for bom, codec in _BOMS:
        if head.startswith(bom):
            return Text(source, codec, codec)
    if wide := _utf16_without_bom(head[:4096]):
        return Text(source, wide, wide)
    utf8 = _is_utf8(source)
    _refuse_junk(head, allowed=0.1 if utf8 else 0.02)
    if utf8:
        return Text(source, "utf-8", "utf-8")
    sample = _sample(source.data)
    if _mostly_utf8(sample):
        return Text(source, "utf-8", "utf-8")
    name = _older_encoding(sample)
    return Text(source, name, _OLDER[name][0], guessed=True)


def _utf16_without_bom(head: bytes) -> str | None:
    """ASCII in UTF-16 has a zero in every second byte."""
    half = len(head) // 2
    if half >= 2 and head[1::2].count(0) > 0.4 * half and head[::2].count(0) < 0.05 * half:
        return "utf-16-le"
    if half >= 2 and head[::2].count(0) > 0.4 * half and head[1::2].count(0) < 0.05 * half:
        return "utf-16-be"
    return None


def _refuse_junk(head: bytes, allowed: float) -> None:
    controls = len(head) - len(head.translate(None, bytes({*range(32), 127} - {9, 10, 12, 13, 27})))
    if controls > allowed * len(head) + 4:
        raise DataError(f"this is binary data and not text; {WANTED}")


def _is_utf8(source: Source) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in source.chunks():
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _sample(data: bytes) -> bytes:
    """Lines that hold more than ASCII, or what of them is near it."""
    parts, size, position = [], 0, 0
    high = re.compile(rb"[\x80-\xff]")
    while size < _SAMPLE and (found := high.search(data, position)):
        start = max(data.rfind(b"\n", max(position, found.start() - 1024), found.start()) + 1, position)
        end = data.find(b"\n", found.start(), found.start() + 4096) + 1 or found.start() + 4096
        start = start if found.start() - start <= 1024 else found.start()
        parts.append(data[start:end])
        size += end - start
        position = end
    return b"".join(parts)


def _mostly_utf8(sample: bytes) -> bool:
    """A few bad bytes in a UTF-8 file do not make it another encoding."""
    text = sample.decode("utf-8", _ERRORS)
    broken = text.count(BROKEN)
    return broken * 10 <= sum(not c.isascii() for c in text) - broken


def _older_encoding(sample: bytes) -> str:
    codecs_known = [codec for codec, _ in _OLDER.values()]
    possible = {match.encoding for match in from_bytes(sample, cp_isolation=codecs_known)}
    scores = {name: _score(sample, name) for name, (codec, _) in _OLDER.items()}
    name = max(scores, key=lambda n: (scores[n] + 0.1 * (_OLDER[n][0] in possible), n == "cp1252"))
    if scores[name] <= 0 and not possible:
        raise DataError("this is neither UTF-8 nor any other encoding known here; save it again as UTF-8")
    return name


def _score(sample: bytes, name: str) -> float:
    """The share of frequent characters among all that are not ASCII; broken ones count against it."""
    codec, frequent = _OLDER[name]
    foreign = [c for c in sample.decode(codec, _ERRORS) if not c.isascii()]
    if not foreign:
        return 0.0
    known = set(frequent)
    return (sum(c in known for c in foreign) - 5 * foreign.count(BROKEN)) / len(foreign)
