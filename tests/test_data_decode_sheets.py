"""Workbooks and Parquet -> the rows in them, as near as may be to how they are shown."""

import datetime
import io

import datasets
import openpyxl
import pyarrow as pa
import pytest
from data_files import as_table_file, as_workbook, pairs, report

from ftchat.data import Source, read


def saved(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_sheets(**sheets) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return book


PAIR = [("prompt", "completion"), ("hi", "hello")]


@pytest.mark.parametrize(
    ("value", "format", "text"),
    [
        ("00000", "General", "00000"),
        (5, "General", "5"),
        (5.0, "General", "5"),
        (3.3, "General", "3.3"),
        (0.1 + 0.2, "General", "0.3"),
        (3.3, "0.00", "3.30"),
        (7, "00000", "00007"),
        (-7, "000", "-007"),
        (1234567.891, "#,##0.00", "1,234,567.89"),
        (0.256, "0.0%", "25.6%"),
        (2.5, "0", "3"),
        (1.5, "# ?/?", "1.5"),
        (True, "General", "TRUE"),
        (datetime.datetime(2024, 1, 31), "yyyy-mm-dd", "2024-01-31"),
        (datetime.datetime(2024, 1, 31, 10, 20), "yyyy-mm-dd hh:mm", "2024-01-31 10:20:00"),
        (datetime.time(10, 20), "hh:mm", "10:20:00"),
        ("a_x000D_b", "General", "a\rb"),
    ],
)
def test_a_cell_reads_as_it_is_shown(value, format, text):
    book = with_sheets(one=[("prompt", "completion"), ("x", value)])
    book["one"]["B2"].number_format = format
    assert pairs(saved(book)) == [("x", text)]


def test_rows_come_from_every_sheet_that_holds_pairs_and_this_is_said():
    book = with_sheets(
        intro=[("About",)], a=PAIR, plain=[("x", "y")], b=[("question", "answer"), ("bye", "ok")], hidden=PAIR
    )
    book["hidden"].sheet_state = "hidden"
    assert pairs(saved(book)) == [("hi", "hello"), ("bye", "ok")]
    said = report(saved(book)).problems[0].message
    assert "from the sheets 'a', 'b'; not from the sheets 'intro', 'hidden', 'plain'" in said


def test_a_title_above_the_header_and_blank_rows_are_no_rows():
    found = report(
        saved(with_sheets(one=[("My pairs",), (), ("Question", "Answer"), ("hi", "yo"), (None, None), ("a", "b")]))
    )
    assert (found.rows, found.examples, found.columns) == (2, 2, ("Question", "Answer"))


def test_a_cell_beyond_the_header_is_a_column_of_its_own():
    found = read([Source("x", saved(with_sheets(one=[*PAIR, ("a", "b", None, "note")])))])
    assert len(found.examples) == 2 and "4" in found.report.columns


def test_a_workbook_without_a_header_is_said_to_have_none():
    data = as_workbook([("What is it?", "It is this, of course."), ("And that?", "That is that.")], header=None)
    assert pairs(data) == [("What is it?", "It is this, of course."), ("And that?", "That is that.")]
    assert "no header" in report(data).problems[0].message


def test_no_row_of_a_workbook_has_a_line():
    found = report(saved(with_sheets(one=[*PAIR, ("a", None)])))
    assert [(p.row, p.line, p.kind) for p in found.problems] == [(2, None, "empty_answer")]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([1, 2]), ["1", "2"]),
        (pa.array([3.3, float("inf")]), ["3.3", "Infinity"]),
        (pa.array([3.3, 1.0], pa.float32()), ["3.3", "1.0"]),
        (pa.array(["3.30", "00000"]), ["3.30", "00000"]),
        (pa.array(["3.30", "1"]).cast(pa.decimal128(10, 2)), ["3.30", "1.00"]),
        (pa.array([b"hi", "你好".encode()]), ["hi", "你好"]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        (pa.array([datetime.date(2024, 1, 31)] * 2), ["2024-01-31"] * 2),
        (pa.array([{"a": [1, None]}, {"a": []}]), ['{"a": [1, null]}', '{"a": []}']),
        (pa.array([True, False]), ["true", "false"]),
    ],
    ids=str,
)
def test_every_type_of_a_column_has_its_text(values, texts):
    assert pairs(as_table_file(prompt=["x", "y"], completion=values)) == list(zip("xy", texts, strict=True))


def test_nested_columns_are_messages():
    turns = [{"role": "user", "content": "hi", "name": None}, {"role": "assistant", "content": "yo", "name": "me"}]
    assert pairs(as_table_file(messages=[turns, turns], id=[1, 2])) == [("hi", "yo")] * 2


def test_what_is_missing_or_no_text_is_named():
    found = report(as_table_file(prompt=[b"a", b"b", b"\xff"], completion=[float("nan"), 1.0, 2.0]))
    assert found.counts == {"empty_answer": 1, "bad_encoding": 1} and found.examples == 1


def test_classes_have_their_names():
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    out = io.BytesIO()
    datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, -1]}, features=features).to_parquet(out)
    assert pairs(out.getvalue()) == [("a", "good"), ("b", "bad")]
    assert report(out.getvalue()).counts == {"empty_answer": 1}


def test_cells_that_are_merged_downwards_are_the_same_as_above():
    rows = [("question", "answer"), ("How do I pay?", "By card."), (None, "In cash."), (None, None), (None, "Not yet."),
            ("Where?", "Here."), ("Who?", None), ("What?", "Both.")]  # fmt: skip
    book = with_sheets(faq=rows)
    for cells in ("A2:A5", "B6:B7"):
        book["faq"].merge_cells(cells)
    asked = "How do I pay?"
    assert pairs(saved(book)) == [
        (asked, "By card."), (asked, "In cash."), (asked, "Not yet."), ("Where?", "Here."), ("Who?", "Here."),
        ("What?", "Both."),
    ]  # fmt: skip


def test_titles_that_are_merged_across_are_no_cells_of_a_row():
    book = with_sheets(
        faq=[("Questions of our customers", None), (None, None), ("question", "answer"), ("hi", "hello")]
    )
    book["faq"].merge_cells("A1:B2")
    assert pairs(saved(book)) == [("hi", "hello")]
