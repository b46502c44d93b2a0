"""YAML as people write it -> rows with their lines; what is broken is named, and the rest is read."""

import pytest
from data_files import pairs, report

from ftchat.data import Source, read


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        ("- prompt: hi\n  completion: |\n    two\n    lines\n", [("hi", "two\nlines\n")]),
        ("# mine\n\n---\n- question: hi\n  answer: hello\n", [("hi", "hello")]),
        ("categories:\n- AI\nconversations:\n- - hi\n  - hello\n- - bye\n  - ok\n", [("hi", "hello"), ("bye", "ok")]),
        ("data:\n  - {q: hi, a: hello}\n  - {q: '00', a: 3.30}\n", [("hi", "hello"), ("00", "3.30")]),
        ("---\nprompt: hi\ncompletion: no\n---\nprompt: a\ncompletion: ~x\n", [("hi", "no"), ("a", "~x")]),
        ("prompt: hi\ncompletion: |\n  a: b\n", [("hi", "a: b\n")]),
        ("one:\n  question: hi\n  answer: yo\ntwo:\n  question: bye\n  answer: ok\n", [("hi", "yo"), ("bye", "ok")]),
        ("- &one\n  prompt: hi\n  completion: yo\n- <<: *one\n  prompt: bye\n", [("hi", "yo"), ("bye", "yo")]),
        ("- messages:\n  - role: user\n    content: hi\n  - role: assistant\n    content: yo\n", [("hi", "yo")]),
        ("- !!python/object/apply:os.system\n  prompt: hi\n  completion: !!int '3'\n", [("hi", "3")]),
        ("- Q: hi\n- A: hello\n", [("hi", "hello")]),  # a transcript with dashes, and no list of rows
    ],
)
def test_what_people_write(data, rows):
    assert pairs(data.encode()) == rows


def test_statements_that_follow_each_other_are_turns():
    found = read([Source("corpus.yml", b"talk:\n- - hi\n  - hello\n  - bye\n  - ok\n- - a\n  - b\n")])
    assert [[m.content for m in e.messages] for e in found.examples] == [["hi", "hello", "bye", "ok"], ["a", "b"]]


def test_rows_have_their_lines():
    found = read(
        [Source("t", "# 文\n- prompt: 'a\u2028  b'\n  completion: b\n\n- prompt: c\n  completion: d\n".encode())]
    )
    assert [example.line for example in found.examples] == [2, 5]


def test_what_is_null_is_missing():
    found = report(b"- prompt: a\n  completion: ~\n- prompt: b\n  completion:\n- prompt: null\n  completion: 'null'\n")
    assert (found.format, found.counts) == ("yaml", {"empty_answer": 2, "empty_prompt": 1})


GOOD = "- prompt: {0}\n  completion: fine\n"


@pytest.mark.parametrize(
    "bad",
    [
        "- prompt: a: b\n  completion: x\n",
        '- prompt: "never closed\n  completion: x\n',
        "- prompt: {{ name }}\n  completion: x\n",
        "- prompt: [a, b\n  completion: x\n",
        "- prompt: *nothing\n  completion: x\n",
        "- prompt: a\n\tcompletion: x\n",
        "- &a\n  prompt: *a\n  completion: x\n",
    ],
)
def test_a_broken_item_is_named_and_the_rest_is_read(bad):
    for before in ("", GOOD.format("before")):
        found = report((before + bad + GOOD.format("after") + GOOD.format("last")).encode())
        errors = [(p.kind, p.line) for p in found.problems if p.severity == "error"]
        assert errors == [("bad_yaml", 1 + before.count("\n"))]
        assert found.examples == found.rows - 1 == 2 + bool(before)


def test_a_character_that_yaml_does_not_take_is_kept():
    assert pairs("- prompt: a\x01b\n  completion: \x7f\ufffe!\n".encode()) == [("a\x01b", "\x7f\ufffe!")]
    found = report(b"- prompt: caf\xe9\n  completion: b\n" + "- prompt: 你好你好\n  completion: d\n".encode() * 9)
    assert [(p.kind, p.line) for p in found.problems if p.severity == "error"] == [("bad_encoding", 1)]


def test_a_key_that_stands_twice_is_said():
    found = report(b"- prompt: a\n  prompt: b\n  completion: c\n")
    assert [(p.kind, p.severity) for p in found.problems] == [("bad_yaml", "warning")]
    assert "line 2" in found.problems[0].message


def test_each_example_of_an_intent_is_one():
    text = """version: "3.1"
nlu:
- intent: greet
  examples: |
    - hey
    - hello [Anna](name)
- synonym: credit
  examples: |
    - credit card
- intent: leave
  examples: |
    - bye
"""
    found = read([Source("nlu.yml", text.encode())])
    assert [(e.prompt, e.completion) for e in found.examples] == [
        ("hey", "greet"), ("hello Anna", "greet"), ("bye", "leave"),
    ]  # fmt: skip
    assert [(p.row, p.kind, p.severity) for p in found.report.problems if p.row] == [(2, "not_a_pair", "error")]
