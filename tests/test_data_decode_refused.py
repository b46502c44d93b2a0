"""What is no data, and what is made to do harm: one plain sentence, and soon."""

import contextlib
import gzip
import io
import time
import zipfile

import pyarrow as pa
import pytest
from data_files import as_parquet, as_workbook, as_zip, faults, pairs, report
from pyarrow import parquet

from ftchat.data import Source, read
from ftchat.errors import DataError, FtchatError


def zipped(files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def written(table: pa.Table, **options) -> bytes:
    out = io.BytesIO()
    parquet.write_table(table, out, **options)
    return out.getvalue()


NOT_DATA = {
    "empty": (b"", "empty"),
    "blank": (b"\xef\xbb\xbf \n\n", "empty"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "picture"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(range(256)), "picture"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
    "damaged zip": (b"PK\x03\x04" + b"\0" * 40, "damaged"),
    "damaged parquet": (b"PAR1" + b"\0" * 40 + b"PAR1", "cannot be read"),
    "parquet, cut off": (as_parquet([("a", "b")])[:-9], "cut off"),
    "gzip, cut off": (gzip.compress(bytes(range(256)) * 99)[:-9], "cut off"),
    "damaged gzip": (b"\x1f\x8b" + bytes(99), "damaged"),
    "an archive inside an archive": (gzip.compress(as_zip(b"")), "archive inside"),
    "word document": (zipped({"word/document.xml": b""}), "Word"),
    "open document": (zipped({"content.xml": b""}), "OpenDocument"),
    "a zip of a file without a name": (zipped({"qqqq": b"hi"}).replace(b"qqqq", b"\0qqq"), "no pairs"),
    "two files in a zip": (zipped({"a.csv": b"a,b", "b.csv": b"a,b"}), "2 files"),
    "workbook of one column": (as_workbook([("a",), ("b",)], header=None), "two columns"),
    "workbook without sheets": (zipped({"xl/workbook.xml": b"<x/>"}), "cannot be opened"),
    "empty parquet": (written(pa.table({"prompt": pa.array([], pa.string())})), "no rows"),
    "web page": (b"<!DOCTYPE html><html>", "web page"),
    "binary": (bytes(range(256)) * 40, "binary"),
    "zeros": (b"\0" * 10_000, "binary"),
    "prose": (b"This is a note, nothing more.\nIt has no pairs, only sentences.\n", "no pairs"),
    "one column": (b"prompt\nhi\nbye\n", "one column"),
    "header only": (b"prompt,completion\n", "no rows"),
    "one word": (b"hello", "no pairs"),
    "lfs pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS"),
}


@pytest.mark.parametrize(("data", "word"), NOT_DATA.values(), ids=NOT_DATA)
def test_what_is_no_data_is_refused_in_one_sentence(data, word):
    with pytest.raises(DataError, match=f"^x.csv: .*{word}") as error:
        read([Source("x.csv", data)])
    assert "\n" not in str(error.value)


BIG = 10_000_000
LONG_LINES = {
    "letters": b"a" * BIG,
    "brackets": b"[" * BIG,
    "braces": b'{"a":' * (BIG // 5),
    "quotes": b'"' * BIG,
    "commas": b"," * BIG,
    "an open string": b'[{"prompt": "' + b'x\\"' * (BIG // 3),
    "backslashes": b'{"prompt": "' + b"\\" * BIG,
}


@pytest.mark.parametrize("data", LONG_LINES.values(), ids=LONG_LINES)
def test_a_very_long_line_of_nothing_ends_soon(data):
    start = time.process_time()
    with contextlib.suppress(FtchatError):
        assert report(data).examples == 0
    assert time.process_time() - start < 20


def test_a_very_long_answer_is_read():
    assert len(pairs(b'{"prompt": "a", "completion": "' + b"x" * BIG + b'"}')[0][1]) == BIG
    assert len(pairs(b"prompt,completion\na," + b"x" * BIG)[0][1]) == BIG


def with_sheet(xml: bytes, more=()) -> bytes:
    """A real workbook, but for its sheet."""
    with zipfile.ZipFile(io.BytesIO(as_workbook([("a", "b")]))) as book:
        files = {name: book.read(name) for name in book.namelist()}
    start = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    return zipped(files | {"xl/worksheets/sheet1.xml": start + xml + b"</sheetData></worksheet>"} | dict(more))


ZEROS = bytes(2**27)
MEGABYTE = "a" * 2**20
ALIASES = b"".join(b"- prompt: &a%d [%s]\n  completion: x\n" % (i + 1, b"*a%d, " % i * 9) for i in range(12))
BOMBS = {
    "gzip": (gzip.compress(ZEROS), "unpack"),
    "zip": (as_zip(ZEROS), "unpack"),
    "xlsx": (with_sheet(b"", {"xl/media/a": ZEROS}), "unpack"),
    "xlsx, a row far down": (with_sheet(b'<row r="9999999999"><c r="A9999999999"><v>1</v></c></row>'), "larger"),
    "xlsx, cells far right": (with_sheet(b'<row><c r="ZZZ1"><v>1</v></c></row>' * 2000), None),
    "parquet, repeated": (
        written(pa.table({"prompt": pa.array([MEGABYTE] * 300), "completion": ["b"] * 300})),
        "unpack",
    ),
    "parquet, one text for all rows": (
        written(
            pa.table({"prompt": pa.DictionaryArray.from_arrays([0] * 5000, [MEGABYTE]), "completion": ["b"] * 5000})
        ),
        "unpack",
    ),
    "parquet, packed": (
        written(pa.table({"prompt": [str(i) + MEGABYTE for i in range(100)]}), compression="zstd"),
        "unpack",
    ),
    "yaml, aliases": (b"- prompt: &a0 [x, y]\n  completion: x\n" + ALIASES, "aliases"),
    "yaml, an alias of itself": (b"- &a\n  prompt: *a\n  completion: x\n", None),
    "yaml, deep": (b"- prompt:\n    x: " + b"[" * 100_000 + b"\n  completion: x\n", None),
    "yaml, deep blocks": (b"- prompt: x\n  completion:\n" + b"".join(b" " * i + b"- \n" for i in range(4, 3000)), None),
    "json, deep": (b"[" * 1_000_000 + b"]" * 1_000_000, None),
}


@pytest.mark.parametrize(("data", "word"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_or_read_soon(data, word):
    start = time.process_time()
    if word:
        with pytest.raises(DataError, match=word):
            report(data)
    else:
        assert faults(data) == []
    assert time.process_time() - start < 20


@pytest.mark.parametrize(
    "slow",
    [
        b"[" + b",".join(b'{"prompt": "cup %d, "completion": "tea"}' % n for n in range(60_000)) + b"]",
        b"|part|material|\n|" + b"-" * 2_000_000 + b" x\n",
    ],
    ids=["every row of a long line is broken", "a rule without an end"],
)
def test_what_is_broken_all_over_is_read_soon(slow):
    begun = time.perf_counter()
    assert faults(slow) == []
    assert time.perf_counter() - begun < 10 + 2 * len(slow) / 1e6
