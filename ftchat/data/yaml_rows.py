"""YAML -> rows: a list of them, an object that holds one, or documents one after another.

Knows nothing of what a row means, but that a list of messages is one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ftchat.data.names import is_known
from ftchat.data.nests import are_one_row, held_note, held_row, held_rows, unfolded
from ftchat.data.rows import Remark, Row, unread
from ftchat.data.yaml_values import BrokenYaml, Composer, Items

_BLANK = r"[ \t\r]*(?:#[^\n]*)?\n"
_BEGINS = re.compile(
    rf"(?:%YAML[^\n]*\n|{_BLANK})*"
    r"(?:(?P<marked>---)\s"
    r"|[ ]*-[ ]+(?:-[ ]|[^\n]{1,80}?:(?:[ ]|\r?\n))|[ ]*-[ ]*(?:[&!]\S+[ ]*)*\r?\n"
    r"|(?P<keys>[^\s\-,\"|][^\n,\"|]{0,80}:(?:[ ]|\r?\n)))"
)
_BLOCK_TEXT = re.compile(r":[ ]+[|>][+-]?[ ]*\r?\n")
_NEST_BELOW = re.compile(rf":[ ]*\r?\n(?:{_BLANK})*(?:[ ]*-\s|[ ]+[^\s:]+:\s)")
_ENTITY = re.compile(r"\[([^\[\]\n]{1,200})\](?:\([^()\n]{1,200}\)|\{\"[^{}\n]{1,300}\})")
_NO_INTENT = frozenset(("synonym", "regex", "lookup"))
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))


def looks_like_yaml(head: str) -> bool:
    """Whether the text is a YAML list of rows, or objects that hold one."""
    begins = _BEGINS.match(head)
    if begins is None:
        return False
    if begins["keys"] and not (_BLOCK_TEXT.search(head) or _NEST_BELOW.search(head)):
        return False
    marked = begins["marked"] or _BLOCK_TEXT.search(head)
    return any(_is_nest(value) or (marked and _is_row(value)) for value in islice(Composer(head).documents(), 5))


def _is_nest(value: Any) -> bool:
    """A list that begins with rows, broken ones aside, or an object that holds rows one way or another."""
    if isinstance(value, dict) and unfolded(value) is not None:
        return True
    lists = value.values() if isinstance(value, dict) else [value]
    items = (item for rows in lists if isinstance(rows, list) for item in rows[:20])
    return any(isinstance(item, list | dict) and (len(item) > 1 or _is_nested(item)) for item in items)


def _is_nested(item: list[Any] | dict[str, Any]) -> bool:
    return isinstance(item, dict) and any(isinstance(value, list) for value in item.values())


def _is_row(value: Any) -> bool:
    return isinstance(value, dict) and sum(map(is_known, value)) > 1


class YamlDocuments:
    """The rows of all documents of a text."""

    def __init__(self, text: str):
        self._composer = Composer(text)
        self._text = text
        self._counted, self._line = 0, 1
        self._number = 0
        self._held = False  # whether the rows lie one level down
        self.notes: list[Remark] = self._composer.notes

    def rows(self) -> Iterator[Row]:
        for value in self._composer.documents():
            if isinstance(value, Items):
                if are_one_row(value[:3]):
                    yield self._row(value.starts[0], value)
                else:
                    yield from self._each(value)
            elif isinstance(value, dict) and (held := held_rows(value)):
                self._held = True
                self.notes.append(held_note(value, held))
                for key in held:
                    yield from self._each(value[key])
            elif isinstance(value, dict) and (rows := unfolded(value)) is not None:
                for row in rows:
                    yield self._row(None, row)
            elif value is not None:
                yield self._row(self._composer.began, value)

    def _each(self, items: Items) -> Iterator[Row]:
        for start, item in zip(items.starts, items, strict=True):
            yield self._row(start, held_row(item) if self._held else item)

    def _row(self, start: int | None, value: Any) -> Row:
        self._number += 1
        line = None if start is None else self._line_at(start)
        if isinstance(value, BrokenYaml):
            return unread(self._number, line, "bad_yaml", f"this is not valid YAML: {value}")
        if isinstance(value, dict) and len(value) == 2 and "examples" in value and (named := _NO_INTENT & value.keys()):
            said = f"this is a {min(named)} of Rasa's and no example of an intent"
            return unread(self._number, line, "not_a_pair", said)
        return Row(self._number, line, _with_examples(value))

    def _line_at(self, position: int) -> int:
        if position < self._counted:
            self._counted, self._line = 0, 1
        self._line += self._text.count("\n", self._counted, position)
        self._counted = position
        return self._line


def _with_examples(value: Any) -> Any:
    """Rasa writes the examples of an intent as one text, with a dash before each, and names entities in them."""
    if isinstance(value, dict) and "intent" in value and isinstance(examples := value.get("examples"), str):
        texts = [line.strip() for line in examples.splitlines() if line.strip()]
        if texts and all(text.startswith("- ") for text in texts):
            return value | {"examples": [_ENTITY.sub(r"\1", text[2:].strip()) for text in texts]}
    return value
