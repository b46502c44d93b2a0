"""Pairs written in every format that is read, and what is asked of a reading: what the tests of ftchat/data share."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import zipfile

import openpyxl
import pyarrow as pa
import yaml
from hypothesis import settings
from hypothesis import strategies as st
from pyarrow import parquet

from ftchat.data import Report, Source, read
from ftchat.errors import FtchatError

FUZZ_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))  # `make fuzz` sets many more
fuzzed = settings(max_examples=FUZZ_EXAMPLES, deadline=None)

CHARACTERS = st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\r\t\x85\x1b\x7f")
TEXT = st.text(CHARACTERS, min_size=1, max_size=40).filter(str.strip)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=2, max_size=6)
SAMPLE = [("What is 2+2?", "4"), ('Say "hi"\nplease', "hi; there,\tyou"), ("你好，你是谁？", "我是助手 🙂")]

Rows = list[tuple[str, str]]


def pairs(data: bytes, **mapping: str) -> Rows:
    return [(e.prompt, e.completion) for e in read([Source("file", data)], mapping).examples]


def report(data: bytes) -> Report:
    return read([Source("file", data)]).report


def faults(data: bytes) -> list[str]:
    """What is wrong with the answer to these bytes: it is to be a reading in which every row is used or named, or one
    plain sentence."""
    try:
        found = report(data)
    except FtchatError as error:
        return [] if str(error) and str(error).isprintable() else [f"no plain sentence: {error!r}"]
    "".join(found.to_json()).encode()
    named = {p.row for p in found.problems if p.severity == "error"}
    wrong = {
        "nothing was read, and nothing said": found.rows < 1,
        "rows are neither used nor named": found.unused_rows > len(named),
        "rows gave nothing and are not named": not found.examples and named != set(range(1, found.rows + 1)),
    }
    return [fault for fault, there in wrong.items() if there]


def objects(rows: Rows) -> list[dict[str, str]]:
    return [{"prompt": p, "completion": c} for p, c in rows]


def as_json_lines(rows) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in objects(rows)).encode()


def as_table(rows, header=("prompt", "completion"), **options) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, **options).writerows([*([header] if header else []), *rows])
    return out.getvalue().encode()


def as_workbook(rows, header=("prompt", "completion")) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in [header, *rows] if header else rows:
        book.active.append(row)
    for row in book.active.iter_rows():
        for cell in row:
            cell.data_type = "s"  # a text that begins with = is no formula here
    book.save(out)
    return out.getvalue()


def as_parquet(rows, **options) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(objects(rows)), out, **options)
    return out.getvalue()


def as_table_file(**columns) -> bytes:
    """Parquet of any columns."""
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out)
    return out.getvalue()


def as_yaml(rows, **options) -> bytes:
    return yaml.safe_dump(objects(rows), allow_unicode=True, **options).encode()


def as_zip(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/pairs", data)
        archive.writestr("__MACOSX/folder/._pairs", b"x")
    return out.getvalue()


WRITERS = {
    "json lines": as_json_lines,
    "json lines, ascii": lambda rows: "\r\n".join(map(json.dumps, objects(rows))).encode(),
    "json array": lambda rows: json.dumps(objects(rows)).encode(),
    "json array, indented": lambda rows: json.dumps(objects(rows), indent=2, ensure_ascii=False).encode(),
    "json object": lambda rows: json.dumps({"version": 1, "data": objects(rows)}, indent=1).encode(),
    "json splits": lambda rows: json.dumps({"train": objects(rows[:1]), "test": objects(rows[1:])}).encode(),
    "json columns": lambda rows: json.dumps(
        {"prompt": [p for p, _ in rows], "completion": [c for _, c in rows]}
    ).encode(),
    "json one after another": lambda rows: "\n".join(json.dumps(row, indent=1) for row in objects(rows)).encode(),
    "json without any gap": lambda rows: "".join(map(json.dumps, objects(rows))).encode(),
    "csv": as_table,
    "csv, all quoted": lambda rows: as_table(rows, quoting=csv.QUOTE_ALL, lineterminator="\n"),
    "semicolons": lambda rows: as_table(rows, delimiter=";"),
    "tabs": lambda rows: as_table(rows, delimiter="\t"),
    "bars": lambda rows: as_table(rows, delimiter="|"),
    "parquet": as_parquet,
    "parquet, plain": lambda rows: as_parquet(rows, use_dictionary=False, compression="zstd"),
    "yaml": as_yaml,
    "yaml, quoted": lambda rows: as_yaml(rows, default_style='"', width=20),
    "yaml, flow": lambda rows: as_yaml(rows, default_flow_style=None),
    "yaml object": lambda rows: yaml.safe_dump({"rows": objects(rows), "version": 1}, indent=4).encode(),
    "yaml documents": lambda rows: yaml.safe_dump_all(objects(rows), explicit_start=True).encode(),
    "gzip": lambda rows: gzip.compress(as_json_lines(rows)),
    "zip": lambda rows: as_zip(as_table(rows)),
}
