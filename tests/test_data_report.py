"""What the report says of doubtful and unusable rows, and in which words."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftchat.data import Report, Source, read, reading
from ftchat.data.judges import judge_lengths, problems_of
from ftchat.records import TokenStats


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
        ("mojibake", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚"),
        ("mojibake", "ä½\xa0å¥½"),
        ("mojibake", "锟斤拷"),
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
        "« CAFÉ\xa0», l’été…, „Größe“ – déjà»”",
        "tab\there\nand\r\nlines",
        "ISBN 978-3-16-148410-0",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text):
    assert report(("p", text)).problems == ()


def test_the_report_as_json():
    found = report(("a", ""), ("a", "b"), ("a", "b"))
    shape = json.loads("".join(found.to_json()))
    assert list(shape) == [
        "format", "encoding", "rows", "examples", "unused_rows", "columns", "problems", "counts",
    ]  # fmt: skip
    assert shape["counts"] == {"duplicate": 1, "empty_answer": 1}
    assert set(shape["problems"][0]) == {"source", "line", "row", "kind", "severity", "message"}
    assert Report.from_json(json.dumps(shape)) == found


def test_foreign_text_in_a_message_is_short_and_printable():
    name = "x\x1b[31m" + "y" * 500
    found = read([Source("f", json.dumps([{name: "a"}, {name: "b"}]).encode())]).report
    assert all(len(p.message) < 400 and p.message.isprintable() for p in found.problems)


def test_near_duplicates_are_looked_for_past_the_limit_only_if_asked(monkeypatch):
    monkeypatch.setattr(reading, "NEAR_LIMIT", 2)
    rows = [("Where is my parcel?", "On its way."), ("Where is my parcel", "On its way"), ("x", "y")]
    data = Source("f", "".join(json.dumps(list(row)) + "\n" for row in rows).encode())
    (note,) = read([data]).report.problems
    assert (note.kind, note.severity, note.row) == ("near_duplicate", "info", None) and "not looked for" in note.message
    assert read([data], near_duplicates=True).report.counts == {"near_duplicate": 1}


def test_labels_are_counted():
    found = report(*((f"text number {n}", "ham" if n % 20 else "spam") for n in range(100)))
    (note,) = found.problems
    assert (note.kind, note.severity, note.row) == ("class_balance", "warning", None)
    assert "2 labels: 'ham' 95.0%, 'spam' 5.0%" in note.message and "19 times" in note.message
    even = report(*((f"text number {n}", "ham" if n % 2 else "spam") for n in range(100)))
    assert [(problem.kind, problem.severity) for problem in even.problems] == [("class_balance", "info")]
    assert not report(*((f"text number {n}", f"answer {n}") for n in range(40))).problems


def test_scripts_are_counted():
    rows = [(f"q{n}", text) for n, text in enumerate(["hello"] * 6 + ["你好"] * 3 + ["こんにちは世界"])]
    (note,) = [problem for problem in report(*rows).problems if problem.kind == "languages"]
    assert "Latin 60%, Chinese 30%, Japanese 10%" in note.message and note.severity == "info"


def test_few_chinese_characters_under_a_japanese_prompt_are_japanese():
    kanji = [(f"これは何ですか、{n}", "東京駅") for n in range(3)] + [("どこですか", "これです"), ("誰", "私です")]
    assert "languages" not in [problem.kind for problem in report(*kanji).problems]
    (note,) = report(("これは何ですか", "这是一个很长的中文回答，没有假名"), ("何ですか", "これです")).problems
    assert "Chinese 50%" in note.message


def test_any_script_has_its_name():
    rows = [("প্রশ্ন", "আমি ভালো আছি"), ("q", "¿qué? µ ª x²"), ("r", "ß 𝛼 = 3 ångström")]
    (note,) = report(*rows).problems
    assert "Latin 67%, Bengali 33%" in note.message


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Dear {{ first_name }},", True),
        ("use `{{name}}` here", False),
        ("```html\n<p>{{ user.name }}</p>\n```", False),
        ("```\n<p>{{ user.name }}</p>", False),
        ("key: ${{ secrets.KEY }}", False),
        ("```x``` and {{name}}", True),
    ],
)
def test_placeholders_in_code_are_meant(text, found):
    assert ("placeholder" in report(("write a template", text)).counts) == found


def test_a_very_long_row_is_said():
    found = report(("p", "word " * 2000), ("q", "a"))
    assert [(p.kind, p.severity, p.row) for p in found.problems] == [("very_long", "info", 1)]


def test_what_a_length_limit_takes_is_named():
    rows = read([Source("f", b'["a", "b"]\n["c", "d"]\n["e", "f"]\n["g", "h"]\n')]).examples
    stats = TokenStats(0, 0, 0, 0, 0, 2, 1, 8, (8, 9, 20, 0), (2,))
    found = problems_of(rows, judge_lengths(rows, stats))
    assert [(p.kind, p.row) for p in found] == [("too_long", 2), ("answer_lost", 3), ("refused", 4)]


texts = st.sampled_from(["a", "b", "hello there", "hello there!", "Hello  there", " ", "x@y.com", "{{name}}", "z"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=12))
def test_counts_agree_with_a_naive_count(pairs):
    found = report(*pairs)
    usable = [(n, pair) for n, pair in enumerate(pairs, 1) if all(text.strip() for text in pair)]
    first = {pair: n for n, pair in reversed(usable)}
    right = {
        "empty_prompt": {n for n, (p, c) in enumerate(pairs, 1) if not p.strip()},
        "empty_answer": {n for n, (p, c) in enumerate(pairs, 1) if not c.strip()},
        "duplicate": {n for n, pair in usable if first[pair] != n},
        "conflict": {n for n, (p, c) in usable if any(q == p and d != c for _, (q, d) in usable)},
        "echo": {n for n, (p, c) in usable if p == c},
        "pii": {n for n, pair in usable if "x@y.com" in pair},
        "placeholder": {n for n, pair in usable if "{{name}}" in pair},
    }
    counts = {kind: n for kind, n in found.counts.items() if kind != "near_duplicate"}
    assert counts == {kind: len(rows) for kind, rows in sorted(right.items()) if rows}
    for kind, rows in right.items():
        assert set(rows_of(found, kind)) == rows
    assert (found.rows, found.examples, found.unused_rows) == (len(pairs), len(usable), len(pairs) - len(usable))
