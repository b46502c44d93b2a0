"""One JSON value at a time, with its doubtful sides kept: numbers as they are written, keys that stand there twice.

Knows nothing of where values begin in a file.
"""

from __future__ import annotations

import json
from typing import Any

from ftchat.data.rows import Number, Remark, shown

_CLEARER = {
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing",
    "Expecting value": "a value is missing or not in quotes",
    "Expecting ',' delimiter": "a comma, a bracket or a quote is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Unterminated string starting at": "a quote is opened and never closed",
    "Invalid control character at": "a control character stands in a text; write it as \\n, \\t or \\u0000",
    "Invalid \\escape": "there is a backslash before a character that needs none",
    "Invalid \\uXXXX escape": "there is a \\u without four hexadecimal digits",
    "Extra data": "there is more after the end of the value",
}
_MANY_BROKEN = 100
_WINDOW = 1 << 12  # characters
_LONGEST_ESCAPE = 12


class Broken(Exception):
    """JSON that cannot be read, and how far it was."""

    def __init__(self, reason: str, position: int | None):
        super().__init__(reason)
        self.position = position


class Document(str):
    """A text with many values. The number of the line in each JSONDecodeError, which nobody asks for, is not counted:
    from the start of the text every time, that would take minutes where thousands of rows are broken."""

    __slots__ = ()

    def count(self, *_: object) -> int:
        return 0


class JsonReader:
    """Parses values one at a time, and collects remarks on what was read but is doubtful."""

    def __init__(self) -> None:
        self._remarks: list[Remark] = []
        self._broken = 0
        decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=Number, parse_int=Number, parse_constant=self._constant
        )
        self._decode = decoder.decode
        self._raw_decode = decoder.raw_decode

    def parse(self, text: str) -> Any:
        """The value that is the whole text."""
        try:
            return self._decode(text)
        except json.JSONDecodeError as error:
            raise Broken(_reason(error), error.pos) from None
        except RecursionError:
            raise Broken("it is nested too deep", None) from None

    def parse_at(self, text: str, position: int) -> tuple[Any, int]:
        """The value that begins at the position, and where it ends."""
        try:
            if self._broken < _MANY_BROKEN:
                return self._raw_decode(text, position)
            return self._parse_within(text, position)
        except json.JSONDecodeError as error:
            self._broken += 1
            raise Broken(_reason(error), error.pos) from None
        except RecursionError:
            raise Broken("it is nested too deep", None) from None

    def _parse_within(self, text: str, position: int) -> tuple[Any, int]:
        """As far as it takes, since the library counts all lines of its text for every error."""
        size = _WINDOW
        while True:
            window = text[position : position + size]
            whole = position + size >= len(text)
            try:
                value, end = self._raw_decode(window)
                if whole or end < size:
                    return value, position + end
            except json.JSONDecodeError as error:
                # What the end of the window has cut through looks broken too.
                if whole or (error.pos < size - _LONGEST_ESCAPE and not error.msg.startswith("Unterminated")):
                    at = position + error.pos
                    raise Broken(_said(error.msg, at - text.rfind("\n", 0, at)), at) from None
            size *= 2

    def remarks(self) -> tuple[Remark, ...]:
        """Those since the last call."""
        if not self._remarks:
            return ()
        found, self._remarks = tuple(dict.fromkeys(self._remarks)), []
        return found

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1) if len(keys) < 1000 else keys[0]
            self._remarks.append(
                Remark("bad_json", "warning", f"the key '{shown(twice)}' stands there twice; the last is used")
            )
        return value

    def _constant(self, name: str) -> None:
        self._remarks.append(Remark("bad_json", "warning", f"{name} is no JSON value; it is read as missing"))


def _reason(error: json.JSONDecodeError) -> str:
    return _said(error.msg, error.colno)


def _said(reason: str, column: int) -> str:
    return f"{_CLEARER.get(reason, reason)} (at character {column})"
