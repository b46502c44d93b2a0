"""Bytes of every container and encoding -> the rows that are in them, and a plain sentence for what is no data."""

import csv
import io
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftchat.data import Source, read
from ftchat.errors import DataError, FtchatError

CHARACTERS = st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\r\t\x85\x1b\x7f")
TEXT = st.text(CHARACTERS, min_size=1, max_size=40).filter(str.strip)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=2, max_size=6)
SAMPLE = [("What is 2+2?", "4"), ('Say "hi"\nplease', "hi; there,\tyou"), ("你好，你是谁？", "我是助手 🙂")]


def pairs(data: bytes, **mapping: str) -> list[tuple[str, str]]:
    return [(e.prompt, e.completion) for e in read([Source("file", data)], mapping).examples]


def report(data: bytes):
    return read([Source("file", data)]).report


def objects(rows) -> list[dict[str, str]]:
    return [{"prompt": p, "completion": c} for p, c in rows]


def as_json_lines(rows) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in objects(rows)).encode()


def as_table(rows, header=("prompt", "completion"), **options) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, **options).writerows([*([header] if header else []), *rows])
    return out.getvalue().encode()


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
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_every_container_gives_back_what_was_written(writer):
    @settings(max_examples=40, deadline=None)
    @given(PAIRS)
    def holds(rows):
        assert pairs(writer(rows)) == rows

    holds()
    assert pairs(writer(SAMPLE)) == SAMPLE


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("writer", [as_json_lines, as_table], ids=["json lines", "csv"])
def test_unicode_encodings(codec, writer):
    rows = [*SAMPLE, ("naïve", "café — “quoted”")] + [("plain", "ascii text")] * 5
    assert pairs(writer(rows).decode().encode(codec)) == rows


@pytest.mark.parametrize(
    ("name", "codec", "rows"),
    [
        (
            "gb18030",
            "gb18030",
            [("你好，你是谁？", "我是一个助手，很高兴为您服务。"), ("怎么退款？", "请在订单页面点击退款。")],
        ),
        ("gb18030", "gbk", [("问题一", "你好"), ("问题二", "您好")]),
        (
            "big5",
            "big5",
            [("你好，你是誰？", "我是一個助手，很高興為您服務。"), ("怎麼退款？", "請在訂單頁面點擊退款。")],
        ),
        ("shift_jis", "cp932", [("あなたは誰ですか？", "私はアシスタントです。"), ("東京", "首都です")]),
        ("cp1252", "cp1252", [("What’s a café?", "It’s a “place” — naïve, £5"), ("Wie groß?", "Schön übel")]),
        ("cp1251", "cp1251", [("Как дела?", "Хорошо, спасибо"), ("Привет", "Здравствуйте")]),
    ],
)
@pytest.mark.parametrize("writer", [as_json_lines, as_table], ids=["json lines", "csv"])
def test_older_encodings_are_told_by_content(name, codec, rows, writer):
    data = writer(rows).decode().encode(codec)
    assert pairs(data) == rows
    found = report(data)
    assert found.encoding == name and [p.kind for p in found.problems][:1] == ["encoding"]


def test_a_few_bad_bytes_cost_their_rows_only():
    good = as_json_lines([("你好", "您好")] * 30)
    data = good + b'{"prompt": "caf\xe9", "completion": "bad byte"}\n' + good
    found = report(data)
    assert (found.encoding, found.rows, found.examples) == ("utf-8", 61, 60)
    assert [(p.kind, p.line) for p in found.problems if p.severity == "error"] == [("bad_encoding", 31)]


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        ("Q: hi\nA: hello\nQ: bye\nA: see you\nsoon", [("hi", "hello"), ("bye", "see you\nsoon")]),
        ("Question: hi\r\n\r\nAnswer: hello\r\n", [("hi", "hello")]),
        ("Q1: hi\nA1: hello\n\nQ2. no\nQ2: bye\nA2: ok", [("hi", "hello\n\nQ2. no"), ("bye", "ok")]),
        ("**Q:** hi\n**A:** hello", [("hi", "hello")]),
        ("问：你好\n答：您好\n问：再见\n答：慢走", [("你好", "您好"), ("再见", "慢走")]),
        ("User: hi\nAssistant: hello\n\nUser: bye\nAssistant: see you", [("hi", "hello"), ("bye", "see you")]),
        ("User: hi\n\nAssistant: hello\n\nUser: bye\n\nAssistant: see you", [("hi", "hello"), ("bye", "see you")]),
        ("User: hi\nAssistant: hello\n---\nUser: bye\nAssistant: ok", [("hi", "hello"), ("bye", "ok")]),
        ("hi\thello\nbye\tsee you, soon\n", [("hi", "hello"), ("bye", "see you, soon")]),
        ("What is it?\tA thing", [("What is it?", "A thing")]),
        ("hi\nhello\n\nbye\nsee you\n\n\nok\nfine\n", [("hi", "hello"), ("bye", "see you"), ("ok", "fine")]),
        ("| prompt | answer |\n|---|:-:|\n| a \\| b | c |\n| d | e<br>f |\n", [("a | b", "c"), ("d", "e\nf")]),
        ("hello,hi\nhow are you,fine", [("hello", "hi"), ("how are you", "fine")]),
        (
            "ask,reply\nHow do I reset it?,Press the button\nWhere is the manual?,On our page\n",
            [("How do I reset it?", "Press the button"), ("Where is the manual?", "On our page")],
        ),
        ("'prompt','completion'\n'a, b','c'\n", [("a, b", "c")]),
        ('prompt,completion\n"say \\"hi\\" now","ok"\n', [('say "hi" now', "ok")]),
        ('prompt, completion\n"a, b", "c"\n', [("a, b", "c")]),
        ("prompt,completion\rone,1\rtwo,2\r", [("one", "1"), ("two", "2")]),
        ("prompt,completion,\nhi,hello,\n", [("hi", "hello")]),
        ("sep=;\r\nprompt;completion\r\nhi;hello\r\n", [("hi", "hello")]),
        ('// mine\n["hi", "hello"]\n["bye", "ok"]\n', [("hi", "hello"), ("bye", "ok")]),
        ('["hi", "hello"]', [("hi", "hello")]),
        ("问题,答案\n你好,您好\n", [("你好", "您好")]),
    ],
)
def test_what_people_paste(data, rows):
    assert pairs(data.encode()) == rows


def test_a_transcript_without_blank_lines_is_one_conversation():
    reading = read([Source("chat.txt", b"System: be kind\nUser: hi\nAssistant: hello\nUser: bye\nAssistant: ok")])
    assert [m.role for m in reading.examples[0].messages] == ["system", "user", "assistant", "user", "assistant"]
    assert [p.kind for p in reading.report.problems] == ["layout"]


def test_numbers_stay_as_written():
    lines = b'{"prompt": 00, "completion": 1}\n' + b"".join(
        b'{"prompt": %s, "completion": {"total": %s}}\n' % (n, n) for n in (b"3.30", b"1e400", b"-0", b"9" * 5000)
    )
    found = pairs(lines)
    assert [p for p, _ in found] == ["3.30", "1e400", "-0", "9" * 5000]
    assert found[0][1] == '{"total": 3.30}'
    assert pairs(b"prompt,completion\n00000,3.30\n") == [("00000", "3.30")]


BAD_LINES = {
    "cut off": b'{"prompt": "a", "completion": "b',
    "single quotes": b"{'prompt': 'a', 'completion': 'b'}",
    "raw control character": b'{"prompt": "a\x01", "completion": "b"}',
    "nul byte": b'{"prompt": "a\x00", "completion": "b"}',
    "lone surrogate": b'{"prompt": "\\ud83d", "completion": "b"}',
    "deep": b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep and open": b'{"prompt": ' + b'{"a":' * 50_000,
    "trailing comma": b'{"prompt": "a", "completion": "b",}',
    "two values": b'{"prompt": "a"} {"completion": "b"}',
}


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_json_line_is_named_and_the_rest_is_read(bad):
    good = as_json_lines(SAMPLE[:1])
    found = report(good + bad + b"\n\n" + good + good)
    errors = [p for p in found.problems if p.severity == "error"]
    assert [(p.kind, p.line, p.row) for p in errors] == [("bad_json", 2, 2)]
    assert (found.rows, found.examples, found.unused_rows) == (4, 3, 1)
    assert errors[0].message.startswith("file line 2: ")


@pytest.mark.parametrize("bad", [BAD_LINES[k] for k in BAD_LINES if "open" not in k and k != "two values"])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_bad_element_of_an_array_is_named_and_the_rest_is_read(bad, indent):
    good = json.dumps({"prompt": "a", "completion": "b", "more": {"x": [1]}}, indent=indent).encode()
    found = report(b"[\n" + b",\n".join([good, bad, good, good]) + b"\n]")
    assert (found.rows, found.examples) == (4, 3)
    assert found.counts["bad_json"] == 1


def test_doubtful_json_is_read_with_a_warning():
    found = report(b'{"prompt": "a", "prompt": "b", "completion": "c"}\n{"prompt": NaN, "completion": "c", "x": NaN}\n')
    kinds = [(p.row, p.kind, p.severity) for p in found.problems if p.row]
    assert (1, "bad_json", "warning") in kinds and (2, "bad_json", "warning") in kinds
    assert (2, "empty_prompt", "error") in kinds


def test_lines_that_are_no_json_at_all_are_each_named():
    found = report(b"{'prompt': 'a', 'completion': 'b'}\n" * 3)
    assert (found.rows, found.examples, found.counts) == (3, 0, {"bad_json": 3})


def test_names_over_numbers_are_a_header_and_no_pair():
    found = report(b"name,age\nAlice,30\nBob,41\n")
    assert (found.rows, found.columns, found.counts) == (2, ("name", "age"), {"not_a_pair": 2})


def test_a_file_cut_off_keeps_what_is_whole():
    whole = json.dumps(objects(SAMPLE), indent=1).encode()
    found = report(whole[:-20])
    assert (found.rows, found.examples) == (3, 2)
    assert report(b'{"data": [{"prompt": "a", "completion": "b"}, {"prompt": "c", "compl').examples == 1


@pytest.mark.parametrize(
    "bad",
    ['"never closed,answer', 'say "hi" to me,"oh" no', "one,two,three", 'x,"open'],
)
def test_a_bad_table_row_is_named_and_the_rest_is_read(bad):
    data = f'prompt,completion\n{"a,b"}\n{bad}\nc,"d\ne"\nf,g\n'.encode()
    found = report(data)
    assert pairs(data)[-2:] == [("c", "d\ne"), ("f", "g")]
    assert (found.rows, found.examples) == (4, 3)
    assert [(p.kind, p.line) for p in found.problems if p.severity == "error"] == [("bad_csv", 3)]


NOT_DATA = {
    "empty": (b"", "empty"),
    "blank": (b"\xef\xbb\xbf \n\n", "empty"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "picture"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(range(256)), "picture"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
    "xlsx": (b"PK\x03\x04" + b"\0" * 40 + b"xl/workbook.xml", "Excel"),
    "zip": (b"PK\x03\x04" + b"\0" * 40, "ZIP"),
    "parquet": (b"PAR1" + b"\0" * 40 + b"PAR1", "Parquet"),
    "yaml": (b"- prompt: hi\n  completion: hello\n", "YAML"),
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
    try:
        assert report(data).examples == 0
    except FtchatError:
        pass
    assert time.process_time() - start < 20


def test_a_very_long_answer_is_read():
    assert len(pairs(b'{"prompt": "a", "completion": "' + b"x" * BIG + b'"}')[0][1]) == BIG
    assert len(pairs(b"prompt,completion\na," + b"x" * BIG)[0][1]) == BIG


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: t.encode("utf-8", "surrogatepass"))))
def test_any_bytes_give_a_reading_or_a_sentence(data):
    check_any(data)


PIECES = ["{", "}", "[", "]", '"', "'", ",", ";", "\t", "|", ":", "\n", "\r\n", "\\", "\\u", "---", "Q:", "A:", "User:"]
WORDS = ["prompt", "completion", '"prompt"', '"messages"', '"role"', '"a"', "hi", "1", "null", " ", "é", "\x00", "😀"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES + WORDS), max_size=60).map("".join))
def test_any_broken_text_gives_a_reading_or_a_sentence(text):
    check_any(text.encode())


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_damaged_file_gives_a_reading_or_a_sentence(draw):
    data = bytearray(draw.draw(st.sampled_from(list(WRITERS.values())))(SAMPLE * 2))
    for _ in range(draw.draw(st.integers(1, 5))):
        where = draw.draw(st.integers(0, len(data) - 1))
        data[where : where + draw.draw(st.integers(0, 4))] = draw.draw(st.binary(max_size=3))
    check_any(bytes(data))


def check_any(data: bytes) -> None:
    try:
        found = report(data)
    except FtchatError as error:
        assert "\n" not in str(error) and str(error).isprintable()
        return
    named = {p.row for p in found.problems if p.severity == "error"}
    assert found.rows >= 1 and found.unused_rows <= len(named)
    assert found.examples > 0 or named == set(range(1, found.rows + 1))
    json.dumps(found.to_json(), ensure_ascii=False).encode()
