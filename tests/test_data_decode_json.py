"""Broken JSON: what is wrong is named, and the rest is read."""

import io
import json

import pytest
from data_files import SAMPLE, as_json_lines, objects, pairs, report

from ftchat.data import json_text
from ftchat.data.json_rows import JsonDocument
from ftchat.data.rows import UNREAD

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


def test_rows_keyed_by_ids_have_lines():
    found = report(
        b'{\n "id-a": {"prompt": "hi", "completion": "yo"},\n "id-b": {"prompt": "x",\n  "completion": " "},\n\n "id-c": {"prompt": "", "completion": "z"}}'
    )
    assert [(p.row, p.line, p.kind) for p in found.problems if p.row] == [
        (2, 3, "empty_answer"),
        (3, 6, "empty_prompt"),
    ]


@pytest.mark.parametrize("comment", ["// made by hand\n", "/* made\n by hand */", '\n// one\n  // two, ["x"]\n'])
def test_comments_before_and_between_rows_are_passed_over(comment):
    row = '{"prompt": "hi // there", "completion": "yo /* */"}'
    found = report(f"{comment}[{row},\n{comment}{row}\n{comment}]".encode())
    assert (found.format, found.rows, found.examples, found.unused_rows) == ("json", 2, 2, 0)


def test_what_is_doubtful_is_said_of_its_own_row():
    found = report(
        json.dumps({"data": [{"prompt": "a", "completion": "b"}] * 2}).replace("]", ', {"prompt": NaN}]').encode()
    )
    assert {p.row for p in found.problems if p.kind == "bad_json"} == {3}


@pytest.mark.parametrize("container", ["array", "object"])
def test_rows_are_the_same_wherever_a_long_text_is_cut(container, monkeypatch):
    """Only a piece is held at a time: values, gaps and lines that it cuts through are read all the same."""
    monkeypatch.setattr(json_text, "_PIECE", 2000)
    rows = [
        {"n": n, "prompt": f"{n} 你好 " + "a" * (n * 37 % 900), "completion": '"b"\\' * (n % 50)} for n in range(1, 300)
    ]
    text = json.dumps(rows, ensure_ascii=False, indent=1)
    text = text if container == "array" else f'{{"by": "me", "data": {text}}}'
    broken = text.replace('"completion": "', "", 1).replace('{\n  "n": 150,', '{\n "n" 150,')
    for data, lost in ((text, set()), (broken, {1, 150})):
        found = list(JsonDocument(lambda data=data: io.StringIO(data, newline="")).rows())
        lines = [number for number, line in enumerate(data.split("\n"), 1) if line.endswith("{")]
        assert (
            [row.line for row in found] == lines
            if container == "array"
            else [row.line for row in found][1:] == lines[1:]
        )
        assert {row.number for row in found if row.value is UNREAD} == lost
        assert all(
            row.value == {k: str(v) for k, v in rows[row.number - 1].items()} for row in found if row.number not in lost
        )


@pytest.mark.parametrize("before", ['"info": {"by": "me"}, ', '"train": [{"prompt": "p", "completion": "c"}], ', ""])
def test_a_broken_row_one_level_down_is_named_and_the_rest_is_read(before):
    good, bad = '{"prompt": "a", "completion": "b"}', '{"prompt": "a" "completion": "b"}'
    rows = before.count("completion")
    for held in ([bad], [good, bad, good], [bad, good], [good, good, bad]):
        found = report(f'{{{before}"test": [{", ".join(held)}]}}'.encode())
        assert (found.rows, found.unused_rows) == (len(held) + rows, 1)
        assert [(p.row, p.kind) for p in found.problems if p.severity == "error"] == [
            (rows + held.index(bad) + 1, "bad_json")
        ]
    cut = report(f'{{{before}"test": [{good}, {good[:-9]}'.encode())
    assert (cut.rows, cut.examples) == (2 + rows, 1 + rows)
