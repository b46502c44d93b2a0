"""What the report says of doubtful and unusable rows, and in which words."""

import json

import pytest

from ftchat.data import Report, Source, read


def report(*pairs, name="faq.csv"):
    data = "".join(json.dumps({"prompt": p, "completion": c}) + "\n" for p, c in pairs).encode()
    return read([Source(name, data)]).report


def rows_of(found: Report, kind: str) -> list[int | None]:
    return [problem.row for problem in found.problems if problem.kind == kind]


def test_a_problem_says_where_and_what():
    found = read([Source("faq.csv", b"instruction,output\na,b\nc,\n")]).report
    (problem,) = found.problems
    assert problem.message == "faq.csv line 3: the answer ('output') is empty"
    assert (problem.source, problem.line, problem.row, problem.severity) == ("faq.csv", 3, 2, "error")


def test_the_line_is_where_the_row_begins():
    found = read([Source("f", b'prompt,completion\n"a\nb",c\n\nd,\n')]).report
    assert [(p.line, p.row) for p in found.problems] == [(5, 2)]


def test_duplicates_are_the_second_and_later_copies():
    found = report(("a", "b"), ("c", "d"), ("a", "b"), ("a", "b"), ("a ", "b"))
    assert rows_of(found, "duplicate") == [3, 4]
    assert (found.examples, found.unused_rows, found.counts) == (5, 0, {"duplicate": 2, "near_duplicate": 1})


def test_a_conflict_names_every_row_of_the_prompt():
    found = report(("a", "b"), ("x", "y"), ("a", "c"), ("a", "b"))
    assert rows_of(found, "conflict") == [1, 3, 4]
    assert found.counts == {"conflict": 3, "duplicate": 1}


def test_copies_and_conflicts_are_found_across_files():
    files = [Source("a.jsonl", b'["p", "q"]\n["r", "s"]\n'), Source("b.csv", b"prompt,answer\np,q\nr,t\n")]
    found = read(files).report
    assert (found.format, found.rows) == ("jsonl, csv", 4)
    assert found.counts == {"conflict": 2, "duplicate": 1}
    assert "same as a.jsonl line 1" in next(p.message for p in found.problems if p.kind == "duplicate")


def test_files_of_one_name_are_told_apart():
    found = read([Source("a", b"prompt,answer\np,\n"), Source("a", b"prompt,answer\np,\n")]).report
    assert [p.source for p in found.problems] == ["a", "a (2)"]
    assert found.counts == {"empty_answer": 2}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("placeholder", "Dear {{name}}, hello"),
        ("placeholder", "Dear {{ first_name }}"),
        ("pii", "write to jo.doe@example.co.uk"),
        ("pii", "call +44 20 7946 0958 now"),
        ("pii", "call (555) 867-5309"),
        ("pii", "电话13812345678。"),
        ("pii", "card 4111 1111 1111 1111"),
        ("pii", "card 4111111111111111"),
        ("control_characters", "a\x00b"),
        ("mojibake", "It’s a cafÃ©"),
        ("mojibake", "donâ€™t"),
        ("mojibake", "lost \ufffd"),
        ("echo", "p"),
    ],
)
def test_warnings(kind, text):
    found = report(("p", text))
    assert [(p.kind, p.severity, p.row) for p in found.problems] == [(kind, "warning", 1)]
    assert found.examples == 1


@pytest.mark.parametrize(
    "text",
    [
        "a {{ b { c }",
        "use {{}} in Vue",
        "@home and a@b",
        "in 1999-2004, 3.14159265358979, 192.168.100.200",
        "order 1234567890123",
        "2024-01-31 12:30:45",
        "1 000 000 000",
        "Ça va? Ã LA CARTE, naïve — “café”",
        "tab\there\nand\r\nlines",
        "ISBN 978-3-16-148410-0",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text):
    assert report(("p", text)).problems == ()


def test_the_report_as_json():
    found = report(("a", ""), ("a", "b"), ("a", "b"))
    shape = found.to_json()
    assert list(shape) == [
        "format", "encoding", "rows", "examples", "unused_rows", "columns", "problems", "counts",
    ]  # fmt: skip
    assert json.loads(json.dumps(shape))["counts"] == {"duplicate": 1, "empty_answer": 1}
    assert set(shape["problems"][0]) == {"source", "line", "row", "kind", "severity", "message"}
    assert Report.from_json(json.loads(json.dumps(shape))) == found


def test_foreign_text_in_a_message_is_short_and_printable():
    name = "x\x1b[31m" + "y" * 500
    found = read([Source("f", json.dumps([{name: "a"}, {name: "b"}]).encode())]).report
    assert all(len(p.message) < 400 and p.message.isprintable() for p in found.problems)
