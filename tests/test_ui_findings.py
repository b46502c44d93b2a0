"""What the Data tab shows of a reading: what was found, and what the model sees."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pages import EVIL, LANGUAGES, pairs

from ftchat.data import DatasetInfo, DatasetStore, Page, Report, Source, read
from ftchat.data.summary import summarise
from ftchat.records import STARTER, Preview, TokenStats, TokenView
from ftchat.ui import data_views, findings, pairs_view
from ftchat.ui.tokens import histogram, token_panel


def drawn(found: Report, lang: str) -> str:
    """The findings about what was just read."""
    info, short = DatasetInfo("0" * 16, "a", "file", 0.0, found.examples, "0" * 16), summarise(found)
    return findings.report(short.groups, info, short, short.sources > 1, lang)


def test_problems_are_grouped_by_kind_errors_first_with_lines_and_reasons() -> None:
    lines = [
        '{"prompt": "a", "completion": "1"}',
        "not json",
        '{"prompt": "b", "completion": ""}',
        '{"prompt": "c", "completion": "2"}',
        '{"prompt": "d", "completion": ""}',
        '{"prompt": "a", "completion": "1"}',
    ]
    report = read([Source.from_text("\n".join(lines), "shop.jsonl")]).report
    shown = drawn(report, "en")
    assert "3 errors" in shown and "1 warning" in shown
    assert "Empty answers in 2 rows" in shown and "lines 3, 5" in shown
    assert "JSON mistakes in 1 row<" in shown and "line 2" in shown
    assert "Exact duplicates: 1 row<" in shown
    assert shown.index("Empty answers") < shown.index("Exact duplicates")
    assert "2 行的回答为空" in drawn(report, "zh")


def test_what_was_guessed_about_a_table_is_said_in_chinese_too() -> None:
    rows = "\n".join(f"{n},Where is parcel {n}? It is late,It is on its way today,{n}" for n in range(1, 6))
    shown = drawn(read([Source.from_text(rows, "shop.csv")]).report, "zh")
    assert "没有找到标题行" in shown and "no header" not in shown
    assert "未使用：1、4" in shown and "'" not in re.sub("<.*?>", "", shown)


def test_how_a_file_was_read_is_said_in_chinese_too() -> None:
    csv = "No;What they said;Our reply\n" + "".join(f"{n};Where is it, {n}?;On its way, {n}.\n" for n in range(4))
    held = json.dumps({"data": [{"prompt": "q", "response": "a"}], "meta": [{"note": "x"}]})
    tables = "| q | a |\n|---|---|\n| x | y |\n\n| size | weight |\n|---|---|\n| 1 | 2 |\n"
    for text, name, chinese in (
        (csv, "odd.csv", "第一行看起来是列名：No, What they said, Our reply"),
        (held, "held.json", "所用的是这些键下的内容（data）；未使用：meta"),
        (tables, "tables.md", "没有读取：第 5 行"),
    ):
        problems = read([Source.from_text(text, name)]).report.problems
        (layout,) = [problem for problem in problems if problem.kind == "layout"]
        assert chinese in findings.reason(layout, "zh") and "looks" not in findings.reason(layout, "zh")


def test_where_held_out_rows_are_trained_on_is_said_in_both_languages() -> None:
    for english, chinese in (
        (
            "exam.csv line 2: this is also trained on, at shop.csv line 4",
            "exam.csv 第 2 行：也参与了训练（shop.csv 第 4 行）",
        ),
        ("row 3: its prompt is also trained on, at row 1", "第 3 条：它的问题也参与了训练（第 1 条）"),
        (
            "a: b line 2: nearly the same is also trained on, at line 9",
            "a: b 第 2 行：几乎相同的内容也参与了训练（第 9 行）",
        ),
    ):
        assert findings.leak(english, "zh") == chinese and findings.leak(english, "en") == english


def test_a_file_without_problems_says_what_was_looked_for() -> None:
    shown = drawn(read([Source.from_text(pairs(3))]).report, "en")
    assert "Every row can be used" in shown and "<li" not in shown


def test_thousands_of_problems_are_not_sent() -> None:
    text = "".join(f'{{"prompt": "p{n}", "completion": ""}}\n' for n in range(9000)) + pairs(1)
    shown = drawn(read([Source.from_text(text)]).report, "en")
    assert "Empty answers in 9,000 rows" in shown and "and 8,988 more" in shown
    assert len(shown) < 3000


def test_many_different_reasons_are_not_sent() -> None:
    text = "question,answer\n" + "".join(f"q{n},{{{{name{n}}}}}\n" for n in range(2000))
    shown = drawn(read([Source.from_text(text, "x.csv")]).report, "en")
    assert "more for other reasons" in shown and len(shown) < 3000


def test_problems_of_several_files_name_their_file() -> None:
    sources = [Source.from_text('{"prompt": "a", "completion": ""}\n' + pairs(1), f"{name}.jsonl") for name in "ab"]
    shown = drawn(read(sources).report, "en")
    assert "a.jsonl line 1; b.jsonl line 1" in shown


def test_text_from_data_never_becomes_markup(home: Path) -> None:
    row = json.dumps({EVIL: EVIL, "prompt": EVIL, "completion": f"{EVIL} ![](http://evil.example/x.png)"})
    reading = read([Source.from_text(row + "\n" + json.dumps({"prompt": EVIL, "completion": ""}), f"{EVIL}.jsonl")])
    dataset = DatasetStore(home).put(reading, EVIL, EVIL)
    for lang in LANGUAGES:
        for shown in (
            data_views.stats(dataset.info, summarise(dataset.report), None, lang),
            drawn(dataset.report, lang),
            pairs_view.table(Page(1, tuple(enumerate(dataset.examples))), lang),
            data_views.refusal(EVIL),
            token_panel(Preview((TokenView(1, EVIL, True, False),), 0, EVIL), 0, 1, EVIL, lang),
        ):
            assert "<img" not in shown and 'onerror="' not in shown


def view(text: str, trained: bool = False, special: bool = False) -> TokenView:
    return TokenView(7, text, trained, special)


def test_each_token_is_one_span_with_its_own_marks() -> None:
    tokens = (
        view("<|user|>", special=True),
        view(" hi\n"),
        view("yo", True),
        view("", True),
        view("<|end|>", True, True),
    )
    shown = token_panel(Preview(tokens, 0), 4, 9, STARTER, "en")
    spans = re.findall(r'<span class="(ft-tok[^"]*)"[^>]*>([^<]*)</span>', shown)
    assert [text for _, text in spans] == ["&lt;|user|&gt;", "·hi⏎", "yo", "▫", "&lt;|end|&gt;"]
    assert shown.count("<br>") == 1 and "⏎</span><br>" in shown
    assert [kind.split()[1:] for kind, _ in spans] == [
        ["special"],
        [],
        ["learned"],
        ["learned"],
        ["learned", "special"],
    ]
    assert "3 of 5 tokens learned" in shown and "pair 5 of 9" in shown
    assert 'data-pair="3"' in shown and 'data-pair="5"' in shown


def test_the_pager_stops_at_both_ends() -> None:
    first, last = (token_panel(Preview((), 0), index, 2, STARTER, "en") for index in (0, 1))
    assert re.search(r'data-pair="-1"[^>]*aria-disabled', first) and not re.search(r'data-pair="1"[^>]*disabled', first)
    assert re.search(r'data-pair="2"[^>]*aria-disabled', last) and not re.search(r'data-pair="0"[^>]*disabled', last)


def test_what_is_cut_and_what_cannot_be_trained_is_said() -> None:
    shown = token_panel(Preview((view("a"),), 12, "The template drops the system message."), 0, 1, STARTER, "en")
    assert "12 tokens are past the limit" in shown and "drops the system message" in shown


def test_a_very_long_example_is_not_sent_whole() -> None:
    shown = token_panel(Preview(tuple(view("x") for _ in range(5000)), 0), 0, 1, STARTER, "en")
    assert shown.count("ft-tok") < 2100 and "and 3,000 more tokens" in shown


def test_without_the_model_a_sentence_stands_where_the_tokens_would() -> None:
    shown = token_panel(None, 0, 3, STARTER, "en", "the model's process died")
    assert "process died" in shown and "ft-tok" not in shown and "pair 1 of 3" in shown


@pytest.mark.parametrize("lengths", [(1,), (5, 19, 20), (300, 301, 511), (40, 1999)])
def test_the_histogram_counts_every_example_once(lengths: tuple[int, ...]) -> None:
    stats = TokenStats(sum(lengths), 1, max(lengths), lengths[0], max(lengths), 0, 0, 512, lengths)
    shown = histogram(stats, STARTER, "en")
    bars = re.findall(r'title="(\d+)–(\d+): (\d+)"', shown)
    assert len(bars) == 20 and sum(int(count) for _, _, count in bars) == len(lengths)
    for low, high, count in bars:
        assert int(count) == sum(int(low) <= length < int(high) for length in lengths)
    assert ('class="lim"' in shown) == (int(bars[-1][1]) >= 512)


def test_how_rows_hold_their_pairs_is_said_in_chinese() -> None:
    rows = json.dumps({"topic": "x", "list": [{"question": "q", "answer": "a"}]})
    shown = drawn(read([Source.from_text(f"{rows}\n{rows}\n")]).report, "zh")
    assert "每一行可含多对（list）" in shown
