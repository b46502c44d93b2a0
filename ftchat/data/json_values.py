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
_LONGEST_ESCAPE = 12
_TOO_DEEP = "it is nested too deep"


class Broken(Exception):
    """JSON that cannot be read, and how far it was."""

    def __init__(self, reason: str, position: int | None):
        super().__init__(reason)
        self.position = position


class JsonReader:
    """Parses values one at a time, and collects remarks on what was read but is doubtful."""

    def __init__(self) -> None:
        self._remarks: list[Remark] = []
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
            raise Broken(said_at(_CLEARER.get(error.msg, error.msg), error.colno), error.pos) from None
        except RecursionError:
            raise Broken(_TOO_DEEP, None) from None

    def parse_first(self, part: str, whole: bool) -> tuple[Any, int | None]:
        """The value that a text begins with, and where it ends. Unless the text is `whole` it may be cut off within the
        value, which has no end then."""
        try:
            value, end = self._raw_decode(part)
        except json.JSONDecodeError as error:
            # What the end of the part has cut through looks broken too.
            if whole or (error.pos < len(part) - _LONGEST_ESCAPE and not error.msg.startswith("Unterminated")):
                raise Broken(_CLEARER.get(error.msg, error.msg), error.pos) from None
            return None, None
        except RecursionError:
            raise Broken(_TOO_DEEP, None) from None
        return value, end if whole or end < len(part) else None

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
            self.twice(next(key for key in keys if keys.count(key) > 1) if len(keys) < 1000 else keys[0])
        return value

    def twice(self, key: str) -> None:
        """Takes note of a key that an object has twice."""
        said = f"the key '{shown(key)}' stands there twice; the last is used"
        self._remarks.append(Remark("bad_json", "warning", said))

    def _constant(self, name: str) -> None:
        self._remarks.append(Remark("bad_json", "warning", f"{name} is no JSON value; it is read as missing"))


def said_at(reason: str, column: int) -> str:
    return f"{reason} (at character {column})"
