"""Bytes of every container and encoding -> the rows that are in them."""

import json

import pytest
from data_files import PAIRS, SAMPLE, TEXT, WRITERS, as_json_lines, as_table, as_workbook, fuzzed, pairs, report
from hypothesis import assume, given
from hypothesis import strategies as st


@pytest.mark.parametrize("name", WRITERS)
def test_every_container_gives_back_what_was_written(name):
    @fuzzed
    @given(PAIRS)
    def holds(rows):
        assume("yaml" not in name or not any("\x85" in text for row in rows for text in row))  # PyYAML writes it as " "
        assert pairs(WRITERS[name](rows)) == rows

    holds()
    assert pairs(WRITERS[name](SAMPLE)) == SAMPLE


# What XML cannot hold is left out, and what a workbook means by _x0041_.
CELL = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=40).filter(str.strip)


@fuzzed
@given(st.lists(st.tuples(CELL, CELL), min_size=2, max_size=6))
def test_a_workbook_gives_back_what_was_written(rows):
    assume(not any("_x" in cell for row in rows for cell in row))
    assert pairs(as_workbook(rows)) == rows


ONE_LINE = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1).map(str.strip).filter(bool)


def as_markdown(rows) -> bytes:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(["| prompt | answer |", "|---|:-:|", *(f"| {p} | {c} |" for p, c in cells)]).encode()


@fuzzed
@given(st.lists(st.tuples(ONE_LINE, ONE_LINE), min_size=1, max_size=6))
def test_a_markdown_table_gives_back_what_was_written(rows):
    assume(not any("\\" in cell or "<br>" in cell for row in rows for cell in row))
    assert pairs(as_markdown(rows)) == rows


WORDS = st.text(st.sampled_from("abcdef ,.?你好é'"), max_size=30).map(lambda text: f"So {text}".strip())
LABELS = [("Q: {}\nA: {}", "\n"), ("User: {}\nAssistant: {}", "\n\n"), ("问：{}\n答：{}", "\n"), ("{}\n{}", "\n\n")]


@pytest.mark.parametrize(("form", "between"), LABELS)
def test_plain_text_gives_back_what_was_written(form, between):
    @fuzzed
    @given(st.lists(st.tuples(WORDS, WORDS), min_size=2, max_size=6))
    def holds(rows):
        assert pairs(between.join(form.format(*row) for row in rows).encode()) == rows

    holds()


@fuzzed
@given(PAIRS, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["\n", "\r\n"]), st.sampled_from([0, 1]))
def test_a_table_of_any_dialect_gives_back_what_was_written(rows, delimiter, ending, quoting):
    assume(ending == "\r\n" or not any("\r" in cell for row in rows for cell in row))  # Python's writer leaves it bare
    assert pairs(as_table(rows, delimiter=delimiter, lineterminator=ending, quoting=quoting)) == rows


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
        (
            "mac_roman",
            "mac_roman",
            [("¿Cuál es el horario?", "De lunes a sábado"), ("¿Dónde está?", "En línea, vía correo")],
        ),
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


@fuzzed
@given(st.lists(st.tuples(TEXT, TEXT), min_size=2, max_size=4), st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]))
def test_a_byte_order_mark_is_believed(rows, codec):
    assert pairs(as_json_lines(rows).decode().encode(codec)) == rows


def test_numbers_stay_as_written():
    lines = b'{"prompt": 00, "completion": 1}\n' + b"".join(
        b'{"prompt": %s, "completion": {"total": %s}}\n' % (n, n) for n in (b"3.30", b"1e400", b"-0", b"9" * 5000)
    )
    found = pairs(lines)
    assert [p for p, _ in found] == ["3.30", "1e400", "-0", "9" * 5000]
    assert found[0][1] == '{"total": 3.30}'
    assert pairs(b"prompt,completion\n00000,3.30\n") == [("00000", "3.30")]
    assert pairs(b"- prompt: 00000\n  completion: 3.30\n- prompt: no\n  completion: 1_000\n") == [
        ("00000", "3.30"),
        ("no", "1_000"),
    ]
    assert pairs(json.dumps([["00000", "3.30"], ["1", "2"]]).encode()) == [("00000", "3.30"), ("1", "2")]
