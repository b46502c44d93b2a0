"""Pairs that do not lie one to a row: several inside a row, groups of rows, questions as keys."""

import json
import time

import pytest

from ftchat.data import Source, read


def reading(value):
    return read([Source("file", json.dumps(value, ensure_ascii=False).encode())])


def lines(*rows):
    return read([Source("file", "".join(json.dumps(row) + "\n" for row in rows).encode())])


def pairs(found):
    return [(example.prompt, example.completion) for example in found.examples]


def test_the_pairs_inside_a_row_share_what_stands_beside_them():
    row = {
        "id": "t1",
        "name": "opposites",
        "instruction": "Say the opposite.",
        "instances": [{"input": "hot", "output": "cold"}, {"input": "", "output": "it depends"}],
        "is_classification": False,
    }
    found = lines(row, row | {"instances": [{"input": "up", "output": "down"}]})
    assert pairs(found) == [
        ("Say the opposite.\nhot", "cold"),
        ("Say the opposite.", "it depends"),
        ("Say the opposite.\nup", "down"),
    ]
    assert [(e.row, e.part) for e in found.examples] == [(1, 0), (1, 1), (2, 0)]
    assert found.report.unused_rows == 0


def test_lists_inside_lists():
    asked = {"question": "Where is Oslo?", "id": "a", "answers": [{"text": "Norway", "answer_start": 11}] * 2}
    found = reading(
        {"version": "1", "data": [{"title": "Oslo", "paragraphs": [{"context": "Oslo is in Norway.", "qas": [asked]}]}]}
    )
    assert pairs(found) == [("Where is Oslo?\nOslo is in Norway.", "Norway")]


@pytest.mark.parametrize("name", ["questions", "items", "qa_pairs", "faqs"])
def test_pairs_by_category(name):
    rows = [
        {"category": "Money", name: [{"question": "How do I pay?", "answer": "By card."}]},
        {"category": "Other", name: [{"question": "Who?", "answer": "We."}, {"question": "When?", "answer": "Now."}]},
    ]
    expected = [("How do I pay?", "By card."), ("Who?", "We."), ("When?", "Now.")]
    assert pairs(reading(rows)) == pairs(reading({"categories": rows})) == pairs(lines(*rows)) == expected


def test_what_is_wrong_inside_a_row():
    good, bad = {"question": "Who?", "answer": "We."}, {"question": "When?", "answer": ""}
    found = lines({"topic": "a", "list": [good, bad]}, {"topic": "b", "list": [bad]}, {"topic": "c", "list": []})
    assert pairs(found) == [("Who?", "We.")]
    told = [(p.row, p.kind, p.severity) for p in found.report.problems if p.row]
    assert told == [(1, "empty_answer", "warning"), (2, "empty_answer", "error"), (3, "not_a_pair", "error")]
    assert found.report.unused_rows == 2


def test_a_list_that_holds_no_pairs_stays_what_it_is():
    marked = {"text": "I live in Bonn", "entities": [{"start": 10, "end": 14, "label": "CITY"}]}
    assert lines(marked, marked).report.examples == 0
    answered = {"question": "Where?", "answer": "Bonn", "sources": [{"question": "x", "answer": "y"}]}
    assert pairs(lines(answered, answered | {"question": "Who?"})) == [("Where?", "Bonn"), ("Who?", "Bonn")]
    choices = {"question": "Which is a cow?", "choices": [{"text": "Bella", "label": "A"}], "correct_index": 0}
    assert lines(choices, choices).report.examples == 0
    sentences = {"question": "Which is true?", "options": ["It is always so.", "It is never so."], "correct_index": 0}
    assert lines(sentences, sentences).report.examples == 0


def test_rows_in_groups():
    def pair(n):
        return {"question": f"What is {n}?", "reponse": f"a number, {n}"}

    grouped = {"java": {"basics": [pair(1), pair(2)], "threads": [pair(3)]}, "spring": {"core": [pair(4)]}}
    assert [p for p, _ in pairs(reading(grouped))] == [f"What is {n}?" for n in range(1, 5)]
    assert pairs(reading({"faq": {"title": "Help", "items": [pair(1)]}})) == [("What is 1?", "a number, 1")]


def test_answers_under_their_questions():
    assert pairs(reading({"How do I pay?": "By card.", "你在哪里？": "在波恩。"})) == [
        ("How do I pay?", "By card."),
        ("你在哪里？", "在波恩。"),
    ]
    assert reading({"name": "tool", "main": "run", "how": "so", "why?": "because"}).report.examples == 0


def test_examples_of_what_not_to_say_are_left_out_and_named():
    pair = {"input": "Snow is white", "output": "yes"}
    found = reading({"Positive Examples": [pair], "Negative Examples": [{"input": "Snow is red", "output": "yes"}]})
    assert pairs(found) == [("Snow is white", "yes")]
    assert any("not used: 'Negative Examples'" in problem.message for problem in found.report.problems)


def test_a_lone_conversation_with_other_lists_beside_it():
    turns = [{"role": "user", "content": [{"text": "hi"}]}, {"role": "assistant", "content": [{"text": "hello"}]}]
    (example,) = reading({"schema": "x", "system": [{"text": "Be kind."}], "messages": turns}).examples
    assert [(m.role, m.content) for m in example.messages] == [
        ("system", "Be kind."),
        ("user", "hi"),
        ("assistant", "hello"),
    ]


def test_turns_of_parts_under_another_name():
    row = {
        "systemInstruction": {"role": "system", "parts": [{"text": "Be kind."}]},
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": [{"text": "hello"}]}],
    }
    for example in lines(row, row).examples:
        assert [m.content for m in example.messages] == ["Be kind.", "hi", "hello"]


def test_a_dialogue_and_its_summary_are_a_pair():
    row = {"id": "1", "dialogue": "Ann: I baked. Want some?\nBob: Sure!", "summary": "Ann offers Bob a cake."}
    assert pairs(lines(row, row | {"id": "2"}))[0] == (row["dialogue"], row["summary"])


def test_two_texts_and_a_label():
    row = {"premise": "A man eats.", "hypothesis": "A man is hungry.", "label": "neutral"}
    assert pairs(lines(row)) == [("A man eats.\nA man is hungry.", "neutral")]


def test_rows_full_of_lists_take_no_longer_than_others():
    row = {f"list {n}": [{f"cell {n} {m}": [{"x": "y"}] for m in range(40)}] for n in range(40)}
    began = time.monotonic()
    assert lines(row, row).report.examples == 0
    told = "User: a\n" + "Input: b\n" * 100_000 + "Assistant: c"
    (example,) = lines({"text": told}).examples
    assert len(example.prompt) == 200_001
    assert time.monotonic() - began < 5
