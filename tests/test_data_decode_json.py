"""Broken JSON: what is wrong is named, and the rest is read."""

import json

import pytest
from data_files import SAMPLE, as_json_lines, objects, pairs, report

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


def test_a_file_cut_off_keeps_what_is_whole():
    whole = json.dumps(objects(SAMPLE), indent=1).encode()
    found = report(whole[:-20])
    assert (found.rows, found.examples) == (3, 2)
    assert report(b'{"data": [{"prompt": "a", "completion": "b"}, {"prompt": "c", "compl').examples == 1


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ({"ai": [["hi", "hello"], ["bye", "ok"]]}, [("hi", "hello"), ("bye", "ok")]),
        ({"version": 1, "licenses": [{"id": 1}], "data": [{"question": "hi", "answer": "yo"}]}, [("hi", "yo")]),
        ({"rows": [{"row_idx": 0, "row": {"question": "hi", "answer": "yo"}}]}, [("hi", "yo")]),
        ({"question": "hi", "answer": "yo", "sources": [{"url": "x"}]}, [("hi", "yo")]),
        (
            {"id-1": {"question": "hi", "answer": "yo"}, "id-2": {"question": "a", "answer": "b"}},
            [("hi", "yo"), ("a", "b")],
        ),
        ({"prompt": {"0": "hi", "1": "a"}, "completion": {"0": "yo", "1": "b"}}, [("hi", "yo"), ("a", "b")]),
    ],
)
def test_an_object_that_holds_the_rows(value, rows):
    assert pairs(json.dumps(value, indent=1).encode()) == rows


def test_a_first_list_of_names_is_a_header():
    rows = [["id", "question", "answer"], ["1", "hi", "yo"], ["2", "a", "b"]]
    for table in (rows, [row[1:] for row in rows]):
        for data in (json.dumps(table), "\n".join(map(json.dumps, table))):
            assert pairs(data.encode()) == [("hi", "yo"), ("a", "b")]
            assert report(data.encode()).rows == 2
    assert pairs(b'[["what is this?", "answer"], ["a", "b"]]') == [("what is this?", "answer"), ("a", "b")]


def test_what_an_object_holds_beside_its_rows_is_said():
    found = report(b'{"info": {"by": "me"}, "train": [{"question": "a", "answer": "b"}], "more": [1]}')
    assert "'train'; not used: 'info', 'more'" in found.problems[0].message


def test_a_list_whose_last_row_is_broken_is_closed_all_the_same():
    rows = b'[{"prompt": "hi", "completion": "hello"}, {"prompt": "say "cup"", "completion": "cup"}]'
    assert [(p.row, p.kind, p.severity) for p in report(rows).problems] == [(2, "bad_json", "error")]
    assert [p.row for p in report(rows[:-1]).problems] == [None, 2]
