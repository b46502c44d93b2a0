"""Bytes -> format, encoding and rows; told by content, never by the name of the file.

Knows nothing of what a row means. What holds no pairs by its nature is refused in one sentence.
"""

from __future__ import annotations

from collections.abc import Iterable

from ftchat.data import transcripts
from ftchat.data.encodings import Text, open_text
from ftchat.data.foreign import WANTED, foreign_bytes, foreign_text
from ftchat.data.json_rows import JsonDocument, are_json_lines, begins_like_json, json_lines
from ftchat.data.markdown import markdown_columns, markdown_rows
from ftchat.data.rows import Decoded, Remark
from ftchat.data.tables import Layout, find_layout, is_lone_column, table_rows
from ftchat.errors import DataError

_FORMATS = {"\t": "tsv"}


def decode(data: bytes, mapped: Iterable[str] = ()) -> Decoded:
    """`mapped` are names that the user says are columns: they help to tell a header row."""
    if reason := foreign_bytes(data):
        raise DataError(reason)
    text = open_text(data)
    decoded = _decode_text(text, mapped)
    if text.guessed:
        said = f"the encoding is taken to be {text.encoding}, judging by the characters; where wrong, save as UTF-8"
        decoded.notes.append(Remark("encoding", "info", said))
    return decoded


def _decode_text(text: Text, mapped: Iterable[str]) -> Decoded:
    head = text.head()
    if reason := foreign_text(head):
        raise DataError(reason)
    if are_json_lines(text.lines()):
        return Decoded("jsonl", text.encoding, json_lines(text.lines()))
    if begins_like_json(head):
        document = JsonDocument(text.whole())
        return Decoded("json", text.encoding, document.rows(), notes=document.notes)
    if columns := markdown_columns(head):
        return Decoded("markdown", text.encoding, markdown_rows(text.lines(""), columns), columns)
    if layout := find_layout(head, mapped, header_only=True):
        return _table(text, layout)
    if family := transcripts.find_labels(head):
        notes = [transcripts.CHAT_NOTE] if family == "chat" else []
        return Decoded("text", text.encoding, transcripts.labelled_rows(text.lines(""), family), notes=notes)
    if transcripts.are_line_pairs(head):
        rows = transcripts.line_pairs(text.lines(""))
        return Decoded("text", text.encoding, rows, notes=[transcripts.LINE_PAIRS_NOTE])
    if layout := find_layout(head, mapped):
        return _table(text, layout)
    if is_lone_column(head):
        raise DataError("this table has only one column; a pair needs two, one for the prompt and one for the answer")
    raise DataError(f"no pairs were found: this is text without columns and without lines such as Q: and A:; {WANTED}")


def _table(text: Text, layout: Layout) -> Decoded:
    rows = table_rows(text.lines(""), layout)
    notes = [layout.note] if layout.note else []
    return Decoded(_FORMATS.get(layout.delimiter, "csv"), text.encoding, rows, layout.columns, notes)
