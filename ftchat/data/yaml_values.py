"""YAML text -> values, with where each item begins. Every scalar stays as it is written; only what is plainly null is
missing.

Knows nothing of rows. No tag is obeyed and no object built; what aliases unfold to is bounded. Where a list is broken,
reading goes on at its next item.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from ftchat.data.encodings import BROKEN
from ftchat.data.rows import Remark, shown
from ftchat.errors import DataError

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
# The parser takes no such characters: others stand in for them, from a private plane.
_REFUSED = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f{BROKEN}\ufffe\uffff]")
_STAND_INS = {ord(c): 0x10FF00 + i for i, c in enumerate(filter(_REFUSED.match, map(chr, range(0x10000))))}
_REFUSED_BACK = {stand_in: c for c, stand_in in _STAND_INS.items()}
_MOST_RESTARTS = 100
_DEEPEST = 200  # with every bracket that is open, the parser takes longer for each token
_UNFOLDED, _UNFOLDED_RATIO = 16_000_000, 10
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Items(list[Any]):
    """A list that knows where in the text it and each of its items begin."""

    def __init__(self, column: int):
        super().__init__()
        self.column = column
        self.starts: list[int] = []


@dataclass(slots=True)
class _Frame:
    """A collection that is being filled."""

    value: dict[str, Any] | Items
    anchor: str | None
    key: str | None = None
    size: int = 1  # of what is in it, with all aliases unfolded


class BrokenYaml(Exception):
    """What cannot be read, and where."""

    def __init__(self, reason: str, start: int):
        super().__init__(reason)
        self.start = start


class Composer:
    """Documents out of the parser's events. A list holds what is broken in it as an item."""

    def __init__(self, text: str):
        self._stands_in = _REFUSED.search(text) is not None
        self._text = text.translate(_STAND_INS) if self._stands_in else text
        self._most = _UNFOLDED + _UNFOLDED_RATIO * len(text)
        self._aliased = 0
        self._anchored: dict[str, tuple[Any, int]] = {}
        self._stack: list[_Frame] = []
        self._root: Any = None
        self.began = 0  # where the document's value begins
        self.notes: list[Remark] = []

    def documents(self) -> Iterator[Any]:
        start = 0
        for restarts in range(_MOST_RESTARTS + 1):
            try:
                yield from self._parse(start)
                return
            except BrokenYaml as broken:
                after = self._after(broken, start)
                if after is not None and restarts == _MOST_RESTARTS:
                    broken = BrokenYaml(f"{broken}; what follows could not be read either", broken.start)
                yield self._salvaged(broken)
            if after is None:
                return
            start = after

    def _salvaged(self, broken: BrokenYaml) -> Any:
        """The document so far, with what is broken in the place of the item that was being read."""
        rows = self._rows_in_progress()
        if rows is None:
            return broken
        if rows.starts and rows.starts[-1] == broken.start:
            rows.pop()
            rows.starts.pop()
        rows.append(broken)
        rows.starts.append(broken.start)
        return self._root if len(rows) > 1 or rows is self._root else broken

    def _rows_in_progress(self) -> Items | None:
        """The list at the top, or one level down."""
        return next((frame.value for frame in self._stack[:2] if isinstance(frame.value, Items)), None)

    def _after(self, broken: BrokenYaml, start: int) -> int | None:
        """Where the next item of that list begins, or the next document; `broken` is set to where its item began."""
        rows = self._rows_in_progress()
        position = broken.start
        if rows is not None and self._stack[-1].value is not rows and rows.starts:
            broken.start = position = rows.starts[-1]
        mark = r"---\s" if rows is None else rf"(?:[ ]{{{rows.column}}}-[ \r\n]|---\s)"
        found = re.compile("^" + mark, re.MULTILINE).search(self._text, max(self._line_end(position), start + 1))
        return found.start() if found else None

    def _line_end(self, position: int) -> int:
        return self._text.find("\n", position) + 1 or len(self._text)

    def _parse(self, offset: int) -> Iterator[Any]:
        self._stack, self._root = [], None
        loader = _LOADER(io.StringIO(self._text[offset:]))
        try:
            while loader.check_event():
                event = loader.get_event()
                start = event.start_mark.index + offset
                if isinstance(event, yaml.ScalarEvent):
                    self._put(self._scalar(event), start, event.anchor, len(event.value) + 1)
                elif isinstance(event, yaml.CollectionStartEvent):
                    self._open(event, start)
                elif isinstance(event, yaml.CollectionEndEvent):
                    self._close()
                elif isinstance(event, yaml.AliasEvent):
                    self._alias(event.anchor, start)
                elif isinstance(event, yaml.DocumentEndEvent):
                    yield self._root
                    self._root = None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise BrokenYaml(shown(error.problem or "", 120), mark.index + offset if mark else offset) from None
        except yaml.YAMLError as error:
            reason = shown(str(error).split("\n")[0], 120)
            raise BrokenYaml(reason, getattr(error, "position", 0) + offset) from None
        finally:
            loader.dispose()

    def _scalar(self, event: yaml.ScalarEvent) -> str | None:
        if event.style in (None, "") and event.value in _NULLS:
            return None
        value: str = event.value
        return value.translate(_REFUSED_BACK) if self._stands_in else value

    def _open(self, event: yaml.CollectionStartEvent, start: int) -> None:
        if len(self._stack) >= _DEEPEST:
            raise BrokenYaml("it is nested too deep", start)
        value: dict[str, Any] | Items = {}
        if isinstance(event, yaml.SequenceStartEvent):
            value = Items(event.start_mark.column)
        self._put(value, start, None, 0)
        self._stack.append(_Frame(value, event.anchor))

    def _close(self) -> None:
        frame = self._stack.pop()
        if isinstance(frame.value, dict):
            _merge(frame.value)
        if frame.anchor:
            self._anchored[frame.anchor] = (frame.value, frame.size)
        if self._stack:
            self._stack[-1].size += frame.size

    def _alias(self, anchor: str, start: int) -> None:
        if anchor not in self._anchored:
            raise BrokenYaml(f"'*{shown(anchor)}' has no '&{shown(anchor)}' that ends before it", start)
        value, size = self._anchored[anchor]
        self._aliased += size
        if self._aliased > self._most:
            raise DataError("the aliases in this YAML unfold to far more than the file holds; write the texts out")
        self._put(value, start, None, size)

    def _put(self, value: Any, start: int, anchor: str | None, size: int) -> None:
        """Into the collection that is open, as its next item, key or value."""
        if anchor:
            self._anchored[anchor] = (value, size)
        if not self._stack:
            self._root, self.began = value, start
            return
        frame = self._stack[-1]
        frame.size += size
        if isinstance(frame.value, Items):
            frame.value.append(value)
            frame.value.starts.append(start)
        elif frame.key is not None:
            frame.value[frame.key] = value
            frame.key = None
        elif isinstance(value, dict | list):
            raise BrokenYaml("a brace or bracket begins a key; put the text in quotes", start)
        else:
            frame.key = "" if value is None else value
            if frame.key in frame.value and len(self.notes) < 100:
                line = self._text.count("\n", 0, start) + 1
                said = f"the key '{shown(frame.key)}' stands twice in one object, on line {line}; the last is used"
                self.notes.append(Remark("bad_yaml", "warning", said))


def _merge(value: dict[str, Any]) -> None:
    """`<<: *defaults`"""
    base = value.get("<<")
    if isinstance(base, dict):
        del value["<<"]
        own = dict(value)
        value.update(base)
        value.update(own)
