"""Bytes -> format, encoding and rows; told by content, never by the name of the file.

Knows nothing of what a row means. What holds no pairs by its nature is refused in one sentence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ftchat.data import transcripts
from ftchat.data.encodings import Text, open_text
from ftchat.data.foreign import WANTED, foreign_archive, foreign_bytes, foreign_text
from ftchat.data.json_rows import JsonDocument, are_json_lines, begins_like_json, json_lines
from ftchat.data.markdown import markdown_columns, markdown_rows
from ftchat.data.nests import headed
from ftchat.data.parquet import PARQUET, read_parquet
from ftchat.data.rows import Decoded, Remark
from ftchat.data.sheets import read_workbook
from ftchat.data.sources import Source
from ftchat.data.tables import Layout, find_layout, is_lone_column, table_rows
from ftchat.data.unpacking import GZIP, ZIP, gunzip, only_file, open_zip
from ftchat.data.yaml_rows import YamlDocuments, looks_like_yaml
from ftchat.errors import DataError

_FORMATS = {"\t": "tsv"}


def decode(source: Source, mapped: Iterable[str] = (), header: bool | None = None) -> Decoded:
    """`mapped` are names that the user says are columns: they help to tell a header row. `header` is whether the first
    row of a table is one, where the user says so."""
    mapped = frozenset(mapped)
    head = source.head(len(ZIP))
    if head.startswith(GZIP):
        return _decode_packed(gunzip(source.data), mapped, header)
    if head == ZIP:
        data = source.data
        archive = open_zip(data)
        names = archive.namelist()
        if "xl/workbook.xml" in names:
            return read_workbook(data, mapped, header)
        if reason := foreign_archive(names):
            raise DataError(reason)
        return _decode_packed(only_file(archive), mapped, header)
    return _decode_plain(source, mapped, header)


def _decode_packed(data: bytes, mapped: Collection[str], header: bool | None) -> Decoded:
    """What was in an archive. One archive in another is not opened."""
    if data.startswith((GZIP, ZIP)):
        raise DataError("there is an archive inside this archive; unpack it and choose the files that hold pairs")
    return _decode_plain(Source("", data), mapped, header)


def _decode_plain(source: Source, mapped: Collection[str], header: bool | None) -> Decoded:
    if source.head(len(PARQUET)) == PARQUET:
        return read_parquet(source.data)
    if reason := foreign_bytes(source):
        raise DataError(reason)
    text = open_text(source)
    decoded = _decode_text(text, mapped, header)
    if text.guessed:
        said = f"the encoding is taken to be {text.encoding}, judging by the characters; where wrong, save as UTF-8"
        decoded.notes.append(Remark("encoding", "info", said))
    return decoded


def _decode_text(text: Text, mapped: Collection[str], header: bool | None) -> Decoded:
    head = text.head()
    if are_json_lines(text.lines()):
        return Decoded("jsonl", text.encoding, headed(json_lines(text.lines())))
    if begins_like_json(head):
        document = JsonDocument(text.opened)
        return Decoded("json", text.encoding, headed(document.rows()), notes=document.notes)
    if looks_like_yaml(head):
        documents = YamlDocuments(text.whole())
        return Decoded("yaml", text.encoding, documents.rows(), notes=documents.notes)
    if header is not None and (layout := find_layout(head, mapped, header=header)):
        return _table(text, layout)
    if columns := markdown_columns(head, mapped):
        notes: list[Remark] = []
        rows = markdown_rows(text.lines(""), columns, mapped, notes)
        return Decoded("markdown", text.encoding, rows, columns, notes)
    if layout := find_layout(head, mapped, header_only=True):
        return _table(text, layout)
    if reason := foreign_text(head):
        raise DataError(reason)
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
