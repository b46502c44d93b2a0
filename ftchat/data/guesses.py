"""Which two columns are prompt and answer where no name is known: by the words in their names, or by what they hold.

Knows nothing of plans; whoever guesses says so, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ftchat.data.rows import Number

_NEVER_TEXT = frozenset(
    "id idx index uuid guid date time datetime timestamp url link path file filename type version license checksum "
    "hash lang language split score".split()
)
_FIGURE = re.compile(r"\s*(?:[-+]?[\d.,]*\d(?:e[-+]?\d+)?|nan?|n/a)?\s*", re.IGNORECASE)
_SENTENCE = re.compile(r"\S+\s+\S+\s+\S|[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]{5}")  # three words, or five signs
_ASKING = re.compile(r"question|prompt|instruction|query|问题|提问|指令|質問|질문|frage|pregunta", re.IGNORECASE)
_ANSWERING = re.compile(
    r"answer|response|reply|completion|output|回答|答案|回复|答复|答え|답변|antwort|respuesta|r[ée]ponse", re.IGNORECASE
)


def speaks_of(names: Sequence[str]) -> tuple[str, str] | None:
    """The one name that has a word for asking in it, and the one with a word for answering."""
    asking = [name for name in names if _ASKING.search(name) and not _ANSWERING.search(name)]
    answering = [name for name in names if _ANSWERING.search(name) and not _ASKING.search(name)]
    return (asking[0], answering[0]) if len(asking) == len(answering) == 1 else None


def guess_pair(
    columns: Sequence[str], free: Sequence[str], rows: Sequence[dict[str, Any]], lone: bool
) -> tuple[str, str] | None:
    """Of the `free` columns, which hold text. `lone`: there is but one row."""
    if named := speaks_of(free):
        return named
    if list(columns) == ["1", "2"] and not all(_is_figure(row[column]) for row in rows for column in columns):
        return "1", "2"
    if len(free) != 2:
        return None
    # Tables of countries and files of settings have two columns of words too, beside others.
    others = any(column not in free and column.lower() not in _NEVER_TEXT for column in columns)
    if others and (lone or not any(_holds_sentences(column, rows) for column in free)):
        return None
    return free[0], free[1]


def holds_text(column: str, rows: Sequence[dict[str, Any]]) -> bool:
    if column.lower() in _NEVER_TEXT:
        return False
    values = [row[column] for row in rows if row[column]]
    return 2 * sum(is_text(v) and not _is_number_or_link(v) for v in values) > len(values)


def is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def _holds_sentences(column: str, rows: Sequence[dict[str, Any]]) -> bool:
    values = [row[column] for row in rows if row[column]]
    return 2 * sum(isinstance(v, str) and _SENTENCE.search(v) is not None for v in values) > len(values)


def _is_figure(value: Any) -> bool:
    return value is None or (isinstance(value, str) and _FIGURE.fullmatch(value) is not None)


def _is_number_or_link(text: str) -> bool:
    return text.startswith(("http://", "https://")) or not text.strip("0123456789.,:-+/% \t")
