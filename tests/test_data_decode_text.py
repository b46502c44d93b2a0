"""Plain text, tables and Markdown as people write them -> the rows that are in them; what is broken is named."""

import pytest
from data_files import as_table, pairs, report

from ftchat.data import Source, read
from ftchat.errors import DataError


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


def test_names_over_numbers_are_a_header_and_no_pair():
    found = report(b"name,age\nAlice,30\nBob,41\n")
    assert (found.rows, found.columns, found.counts) == (2, ("name", "age"), {"not_a_pair": 2})


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


def test_a_row_with_too_few_cells_is_named():
    data = b"when,prompt,completion,who\n1,hi,hello,me\n2,hi hello,me\n3,bye,ok,you\n"
    found = report(data)
    assert found.examples == 3
    assert [(p.kind, p.severity, p.line) for p in found.problems if p.row] == [("short_row", "warning", 3)]


def test_a_header_in_the_words_of_a_shop_is_no_pair():
    asked = [
        ("Where is my parcel?", "It left today."),
        ("Do you gift wrap?", "Yes, for 2 euros."),
        ("Can I pay?", "Yes."),
    ]
    rows = [(1000 + n, *pair, f"2024-03-0{n}") for n, pair in enumerate(asked, 1)]
    for header in (
        ("Ticket no", "What they wrote", "What we said back", "Day"),
        ("Nr.", "Kunde fragt", "Unsere Antwort", "Am"),
    ):
        assert pairs(as_table(rows, header)) == asked
    # The same rows without one: a first row of values is a pair.
    assert pairs(as_table(rows, None)) == asked


def test_row_numbers_under_no_name_are_no_prompts():
    data = b'"","height","weight"\n"1",151.2,48\n"2",148,52.5\n"3",160,61\n'
    assert (report(data).rows, report(data).columns) == (3, ("1", "height", "weight"))
    assert report(data).counts == {"not_a_pair": 3}
    data = b'"","question","answer"\n"1",hi,hello\n"2",bye,ok\n'
    assert pairs(data) == [("hi", "hello"), ("bye", "ok")]


def test_columns_of_figures_are_no_pairs():
    assert report(b"1851.2,0.7\n1852.1,-3e2\n1852.9,NA\n").counts == {"not_a_pair": 3}
    assert pairs(b"12+7,19\n8*3,24\n") == [("12+7", "19"), ("8*3", "24")]


def test_every_markdown_table_has_its_own_names():
    prose = (
        "# Kettle\n\nBoils water.\n\nIt is red.\n\n| Part | Material |\n|---|---|\n| lid | steel |\n\nAsked often:\n\n"
    )
    asked = "| Question | Answer |\n|---|---|\n| How hot? | 100 degrees |\n\n| Answer | Question |\n|---|---|\n| Red | Colour? |\n"
    assert pairs((prose + asked).encode()) == [("How hot?", "100 degrees"), ("Colour?", "Red")]
    notes = [p.message for p in report((prose + asked).encode()).problems if p.kind == "layout"]
    assert len(notes) == 1 and "not read: line 7" in notes[0]
    with pytest.raises(DataError, match="no pairs were found"):
        report(prose.encode())
    assert pairs(prose.encode(), prompt="Part", completion="Material") == [("lid", "steel")]


@pytest.mark.parametrize(
    "code",
    [
        'from kettle.parts import lid, spout\n\n__all__ = [\n    "lid",\n    "spout",\n]\n',
        "// user: who pours\nconst pour = (cup) => {\n  // Q: how much?\n  // A: all of it\n  return cup;\n};\n",
        "[pour]\nkettle\n\n[drink]\ncup\n",
        "DROP INDEX IF EXISTS `cups`;--> next\nCREATE INDEX `cups` ON `shelf` (`cup`,`row`);\n",
    ],
)
def test_source_code_and_settings_hold_no_pairs(code):
    with pytest.raises(DataError, match="source code or a file of settings"):
        report(code.encode())
    asked = f"Q: What is this?\nA: A program:\n{code}"
    assert pairs(asked.encode())[0][0] == "What is this?"


@pytest.mark.parametrize("title", ["Our questions;;\n;;\n", "Our questions\n\n", ";;\n"])
def test_titles_may_stand_above_the_header(title):
    found = read([Source("f", f"{title}Question;Answer;Source\nWho?;We.;x\nWhere?;Here.;y\n".encode())])
    assert [(e.prompt, e.completion) for e in found.examples] == [("Who?", "We."), ("Where?", "Here.")]
    assert found.report.rows == 2
    assert found.examples[0].line == title.count("\n") + 2
