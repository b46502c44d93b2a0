"""Rows of every known shape -> the conversations that are trained on."""

import json

import pytest
from data_files import fuzzed
from hypothesis import given
from hypothesis import strategies as st

from ftchat.data import Source, read
from ftchat.errors import ConfigError
from ftchat.records import Example


def reading(*rows, **mapping: str):
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    return read([Source("file", data)], mapping)


def said(example: Example) -> list[tuple[str, str]]:
    return [(message.role[0], message.content) for message in example.messages]


U, A, S = "u", "a", "s"
PAIR = [(U, "hi"), (A, "hello")]
LONG = [(U, "hi"), (A, "hello"), (U, "bye"), (A, "see you")]


def moss(command):
    """A turn with marks and a command, as the MOSS data set has them."""
    said = {"Human": "hi<eoh>", "Commands": f"{command}<eoc>", "MOSS": "hello<eom>"}
    return {key: f"<|{key}|>: {value}\n" for key, value in said.items()}


SHAPES = {
    "prompt/completion": ({"prompt": "hi", "completion": "hello"}, PAIR),
    "alpaca": ({"instruction": "Add", "input": "1 2", "output": "3"}, [(U, "Add\n1 2"), (A, "3")]),
    "alpaca, empty input": ({"instruction": "hi", "input": "", "output": "hello"}, PAIR),
    "alpaca, input only": ({"instruction": "", "input": "hi", "output": "hello"}, PAIR),
    "question/answer": ({"Question ": "hi", "ANSWER": "hello"}, PAIR),
    "question/context/answer": ({"question": "hi", "context": "here", "answer": "x"}, [(U, "hi\nhere"), (A, "x")]),
    "user/assistant/system": ({"system": "be", "user": "hi", "assistant": "hello"}, [(S, "be"), *PAIR]),
    "camel case": ({"userPrompt": "hi", "model_answer": "hello"}, PAIR),
    "history": (
        {"query": "bye", "response": "see you", "history": [["hi", "hello"]], "system": "be"},
        [(S, "be"), *LONG],
    ),
    "messages": ({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}, PAIR),
    "messages of parts": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "hi"}]},
                {"role": "assistant", "content": "hello"},
            ]
        },
        PAIR,
    ),
    "sharegpt": (
        {
            "conversations": [
                {"from": "human", "value": "hi"},
                {"from": "gpt", "value": "hello"},
                {"from": "human", "value": "bye"},
                {"from": "gpt", "value": "see you"},
            ],
            "system": "be",
        },
        [(S, "be"), *LONG],
    ),
    "both sides in a turn": (
        {"conversation": [{"system": "be", "input": "hi", "output": "hello"}, {"input": "bye", "output": "see you"}]},
        [(S, "be"), *LONG],
    ),
    "prompt and completion as messages": (
        {"prompt": [{"role": "user", "content": "hi"}], "completion": [{"role": "assistant", "content": "hello"}]},
        PAIR,
    ),
    "bare messages": ([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}], PAIR),
    "a list of two": (["hi", "hello"], PAIR),
    "text/label": ({"text": "hi", "label": 3}, [(U, "hi"), (A, "3")]),
    "source/target": ({"source": "hi", "target": "hello"}, PAIR),
    "input/output": ({"input": "hi", "output": "hello"}, PAIR),
    "context/response": ({"Context": "hi", "Response": "hello"}, PAIR),
    "问题/回答": ({"问题": "hi", "回答": "hello"}, PAIR),
    "指令/输入/输出": ({"指令": "Add", "输入": "1 2", "输出": "3"}, [(U, "Add\n1 2"), (A, "3")]),
    "source is metadata": ({"source": "web", "question": "hi", "answer": "hello"}, PAIR),
    "category is metadata": ({"instruction": "hi", "context": "", "response": "hello", "category": "x"}, PAIR),
    "object as the answer": (
        {"prompt": "hi", "completion": {"a": [1.50, True]}},
        [(U, "hi"), (A, '{"a": [1.5, true]}')],
    ),
    "translation": ({"translation": {"en": "hi", "zh": "hello"}, "id": 1}, PAIR),
    "inside a column": ({"id": 1, "data": {"question": "hi", "answer": "hello"}}, PAIR),
    "marked as good": ({"prompt": "hi", "completion": "hello", "label": True}, PAIR),
    "lists of one": ({"src": ["hi"], "tgt": ["hello"]}, PAIR),
    "numbered turns": (
        {"chat": {"turn_2": {"Human": "bye", "MOSS": "see you"}, "turn_1": {"Human": "hi", "MOSS": "hello"}}},
        LONG,
    ),
    "turns with marks": (
        {"chat": {"turn_1": {"Human": "<|Human|>: hi<eoh>\n", "MOSS": "<|MOSS|>: hello<eom>\n"}}},
        PAIR,
    ),
    "turns without a command": ({"chat": {"turn_1": moss("None")}}, PAIR),
    "turns with numbers": (
        {"chat": [{"turn": 1, "user": "hi", "bot": "hello"}, {"turn": 2, "user": "bye", "bot": "see you"}]},
        LONG,
    ),
    "numbered columns": ({"user_1": "hi", "assistant_1": "hello", "user_2": "bye", "assistant_2": "see you"}, LONG),
    "turns by column": ({"dialog": {"role": ["user", "assistant"], "content": ["hi", "hello"]}}, PAIR),
    "squad": (
        {"question": "hi", "context": "here", "answers": {"text": ["x", "x"], "answer_start": [0, 0]}, "id": "1"},
        [(U, "hi\nhere"), (A, "x")],
    ),
    "unknown names": ({"foo": "hi", "bar": "hello", "id": 7}, PAIR),
}


@pytest.mark.parametrize(("row", "messages"), SHAPES.values(), ids=SHAPES)
def test_shape(row, messages):
    found = reading(row, row)
    assert [said(example) for example in found.examples] == [messages] * 2
    assert found.report.unused_rows == 0


def test_several_answers_are_several_examples():
    found = reading({"prompt": "hi", "answers": ["hello", "", "hey"]})
    assert [said(e)[-1] for e in found.examples] == [(A, "hello"), (A, "hey")]
    assert {(p.kind, p.severity) for p in found.report.problems} == {("empty_answer", "warning")}


def test_several_prompts_each_go_with_each_answer():
    found = reading({"tag": "x", "patterns": ["hi", "hey"], "responses": ["a", "b"]})
    assert [(e.prompt, e.completion) for e in found.examples] == [("hi", "a"), ("hi", "b"), ("hey", "a"), ("hey", "b")]
    found = reading({"questions": ["hi", "bye"], "answers": ["a", "b"]})
    assert [(e.prompt, e.completion) for e in found.examples] == [("hi", "a"), ("bye", "b")]
    assert reading({"patterns": [], "responses": ["a"]}).report.counts == {"empty_prompt": 1}


def test_what_comes_before_the_first_tool_call_is_used_and_this_is_said():
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    turns = [
        turn("user", "hi"),
        turn("assistant", "hello"),
        turn("user", "time?"),
        call,
        turn("tool", "9"),
        turn("assistant", "9"),
    ]
    found = reading({"messages": turns})
    assert [said(example) for example in found.examples] == [PAIR]
    assert [(p.kind, p.severity) for p in found.report.problems] == [("tool_calls", "warning")]
    assert "from message 4 on" in found.report.problems[0].message


def test_messages_as_json_in_a_table():
    cell = json.dumps([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]).replace('"', '""')
    found = read([Source("t.csv", f'id,messages\n1,"{cell}"\n'.encode())])
    assert said(found.examples[0]) == PAIR


def test_a_last_question_without_answer_is_left_out_with_a_warning():
    turns = [{"role": role, "content": "x"} for role in ("user", "assistant", "user")]
    found = reading({"messages": turns})
    assert len(found.examples[0].messages) == 2
    assert found.report.counts == {"echo": 1, "unanswered": 1}


def turn(role, content, **more):
    return {"role": role, "content": content, **more}


def test_a_guess_is_said_with_its_reason():
    notes = [p for p in reading(SHAPES["unknown names"][0]).report.problems if p.severity == "info"]
    assert [(p.row, p.kind) for p in notes] == [(None, "columns")]
    assert "guess" in notes[0].message and "'foo'" in notes[0].message and "'id'" in notes[0].message


def test_two_columns_of_words_beside_others_are_no_pair():
    rows = [{"town": "Ulm", "river": "Donau", "people": n} for n in range(3)]
    assert reading(*rows).report.counts == {"not_a_pair": 3}
    rows = [{"word": "kettle", "meaning": f"a thing that boils {n} cups", "page": n} for n in range(3)]
    assert [e.prompt for e in reading(*rows).examples] == ["kettle"] * 3
    settings = {"path": "cups/large.jsonl", "type": "chat"}
    assert not reading(settings).examples
    assert not reading({"town": "Ulm am Fluss hier", "river": "Donau", "people": 3}).examples


@given(st.lists(st.sampled_from(["", "book", "book page"]), min_size=2, max_size=30).filter(lambda kinds: "" in kinds))
def test_what_is_guessed_holds_for_all_rows_that_have_the_columns_whichever_comes_first(kinds):
    rows = [{"saying": f"hi {n}", "who": "Ann"} | dict.fromkeys(kind.split(), "x") for n, kind in enumerate(kinds)]
    found = reading(*rows)
    assert [(e.prompt, e.completion) for e in found.examples] == [(row["saying"], "Ann") for row in rows]


def test_names_that_mean_an_answer_only_beside_a_question():
    assert said(reading({"a": "hi", "b": "hello"}).examples[0]) == PAIR
    assert said(reading({"q": "hi", "a": "hello"}).examples[0]) == PAIR


def test_one_question_with_several_ideal_answers():
    asked = [{"role": "system", "content": "be"}, {"role": "user", "content": "hi"}]
    assert said(reading({"input": asked, "ideal": "hello"}).examples[0]) == [(S, "be"), *PAIR]
    found = reading({"input": "hi", "ideal": ["hello", "hey"]})
    assert [e.completion for e in found.examples] == ["hello", "hey"]


def test_mapping_overrides_names():
    row = {"question": "no", "answer": "nope", "x": "hi", "y": "hello", "z": "be"}
    assert said(reading(row, prompt="x", completion="y", system="z").examples[0]) == [(S, "be"), *PAIR]
    assert said(reading(row, label="y").examples[0]) == [(U, "no"), (A, "hello")]
    table = Source("t.csv", b"hi,x,hello\nhi,y,hello\n")
    assert said(read([table], {"prompt": "1", "completion": "3"}).examples[0]) == PAIR


def test_a_path_maps_a_column_inside_another():
    row = {"id": 1, "data": {"q1": "hi", "x": {"y": "hello"}, "z": "no"}}
    found = reading(row, row, prompt="data.q1", completion="data.x.y")
    assert said(found.examples[0]) == PAIR
    row = {"translation": {"en": "hello", "zh": "hi"}}
    assert said(reading(row, prompt="translation.zh", completion="translation.en").examples[0]) == PAIR
    with pytest.raises(ConfigError, match=r"data\.nothing"):
        reading({"data": {"a": "b"}}, prompt="data.nothing")


@pytest.mark.parametrize(
    ("mapping", "word"),
    [
        ({"promt": "a"}, "prompt"),
        ({"prompt": "quesion"}, "question"),
        ({"label": "answer", "completion": "answer"}, "one"),
    ],
)
def test_a_wrong_mapping_names_the_nearest(mapping, word):
    with pytest.raises(ConfigError, match=word):
        reading({"question": "a", "answer": "b"}, **mapping)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["prompt", "completion", "answers", "messages", "role", "content", "from", "history", "input"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@fuzzed
@given(st.lists(JSON, min_size=2, max_size=5))
def test_every_row_gives_an_example_or_an_error_that_names_it(rows):
    data = "".join(json.dumps(row) + "\n" for row in [{"prompt": "a", "completion": "b"}, *rows]).encode()
    found = read([Source("file", data)])
    used = {example.row for example in found.examples}
    named = {p.row for p in found.report.problems if p.severity == "error"}
    assert found.report.rows == len(rows) + 1
    assert used | named == set(range(1, len(rows) + 2)) and not used & named
    assert found.report.unused_rows == len(named)
    assert all(example.messages[-1].role == "assistant" for example in found.examples)


@pytest.mark.parametrize(
    ("asking", "answering"),
    [("Customer question", "Our answer"), ("user_query_text", "bot_reply"), ("客户问题", "标准答案")],
)
def test_words_in_the_names_of_columns_help_to_guess(asking, answering):
    row = {"topic": "money", asking: "pay?", answering: "card", "author": "me"}
    found = reading(row, row | {asking: "leave?"})
    assert [said(example)[0] for example in found.examples] == [(U, "pay?"), (U, "leave?")]
    assert any("guess" in problem.message and f"'{asking}'" in problem.message for problem in found.report.problems)
    table = "\n".join([",".join(row), "money,pay?,card,me", "money,leave?,door,me"]).encode()
    assert [example.completion for example in read([Source("f", table)]).examples] == ["card", "door"]
