"""Mending on the Data tab: remedies and their Undo, edits in the table, other columns."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from pages import handler, last, pairs, picked

from ftchat.data import DatasetStore
from ftchat.ui.markup import OFF
from ftchat.ui.page import build_page
from ftchat.worker import Worker

DOUBTFUL = (
    '{"prompt": "a", "completion": "write to me@example.org"}\n'
    '{"prompt": "b", "completion": ""}\n'
    '{"prompt": "c", "completion": "Dear {{name}}"}\n' + pairs(2) + pairs(1)
)
COLUMNS = "".join(json.dumps({"first thing": f"a{n} x", "second thing": f"b{n} y"}) + "\n" for n in range(9))


def bring(page: gr.Blocks, text: str) -> str:
    return str(last(handler(page, "from_paste")(text, None, "en"))[0])


def mend(page: gr.Blocks, chosen: str, **asked: str) -> str:
    return str(last(handler(page, "mend")(chosen, "starter", "en", picked(**asked)))[0])


def report(page: gr.Blocks, chosen: str, lang: str = "en") -> str:
    """What the card of findings shows."""
    return next(
        part
        for part in handler(page, "draw_new")(chosen, "starter", lang, 0, None)
        if isinstance(part, str) and "ft-rep" in part
    )


def edit(page: gr.Blocks, chosen: str, **asked: Any) -> str:
    return str(handler(page, "edit")(chosen, "en", picked(**asked)))


def place(store: DatasetStore, chosen: str, at: int) -> list[Any]:
    return list(store.page(chosen, at, 1).rows[0][1].place)


def test_every_kind_that_can_be_mended_has_one_button_and_nothing_changes_unasked(page: gr.Blocks, home: Path) -> None:
    chosen = bring(page, DOUBTFUL)
    shown = report(page, chosen)
    for kind, action in (("pii", "mask"), ("empty_answer", "drop"), ("placeholder", "drop"), ("duplicate", "drop")):
        assert f'data-kind="{kind}" data-action="{action}"' in shown
    assert 'data-fix="all"' in shown and "data-undo" not in shown
    assert "me@example.org" in DatasetStore(home).export(chosen).decode()


def test_a_remedy_is_struck_out_and_can_be_taken_back(page: gr.Blocks, home: Path) -> None:
    chosen = bring(page, DOUBTFUL)
    masked = mend(page, chosen, kind="pii", action="mask")
    assert "me@example.org" not in DatasetStore(home).export(masked).decode()
    shown = report(page, masked)
    assert "<s>Personal data in 1 row</s>" in shown and 'data-undo="0"' in shown and 'data-kind="pii"' not in shown
    assert mend(page, masked, undo="0") == chosen


def test_fix_all_leaves_nothing_to_mend_and_each_of_it_can_be_taken_back(page: gr.Blocks) -> None:
    chosen = bring(page, DOUBTFUL)
    fixed = mend(page, chosen, fix="all")
    shown = report(page, fixed)
    assert "data-kind" not in shown and "data-fix" not in shown and shown.count("data-undo") == 4
    again = report(page, mend(page, fixed, undo="1"))
    assert again.count("data-undo") == 3


@pytest.mark.parametrize("asked", [{"kind": "pii", "action": "explode"}, {"kind": "nothing", "action": "drop"}])
def test_a_remedy_that_there_is_not_is_refused(page: gr.Blocks, asked: dict[str, str]) -> None:
    with pytest.raises(gr.Error, match="no remedy"):
        mend(page, bring(page, DOUBTFUL), **asked)


def test_the_findings_are_chinese_on_the_chinese_page(page: gr.Blocks) -> None:
    shown = report(page, bring(page, DOUBTFUL), "zh")
    for words in (
        "回答为空（completion）",
        "可能含有个人信息：邮箱",
        "占位符没有填写（{{name}}）",
        "相同",
        "移除",
        "打码",
    ):
        assert words in shown, words
    assert "this" not in shown and "empty" not in shown.replace("empty_answer", "")


def test_a_cell_is_edited_in_place(page: gr.Blocks, home: Path) -> None:
    store, chosen = DatasetStore(home), bring(page, pairs(3))
    where = json.dumps(place(store, chosen, 1))
    edited = edit(page, chosen, edit="completion", at="1", place=where, text="by hand")
    assert [example.completion for _, example in store.page(edited, 0, 9).rows] == ["answer 1", "by hand", "answer 3"]
    edited = edit(page, edited, edit="prompt", at="1", place=where, text="asked\nanew")
    assert store.page(edited, 1, 1).rows[0][1].prompt == "asked\nanew"
    assert "2 cells edited" in report(page, edited)


def test_an_edit_of_another_version_of_the_table_is_refused(page: gr.Blocks, home: Path) -> None:
    store, chosen = DatasetStore(home), bring(page, pairs(3))
    first, second = place(store, chosen, 0), place(store, chosen, 1)
    shorter = edit(page, chosen, rows=json.dumps([[0, first]]))
    assert store.info(shorter).count == 2
    with pytest.raises(gr.Error, match="changed since"):
        edit(page, shorter, edit="prompt", at="1", place=json.dumps(second), text="x")
    with pytest.raises(gr.Error, match="empty"):
        edit(page, shorter, edit="prompt", at="0", place=json.dumps(second), text=" ")


def test_a_pair_is_added_at_the_end(page: gr.Blocks, home: Path) -> None:
    added, *cleared = handler(page, "append")(bring(page, pairs(2)), "en", " new? ", "yes")
    example = DatasetStore(home).page(added, 2, 1).rows[0][1]
    assert (example.prompt, example.completion, cleared) == ("new?", "yes", ["", ""])
    with pytest.raises(gr.Error, match="empty"):
        handler(page, "append")(added, "en", "new?", "")


def test_other_columns_are_shown_by_their_first_row_and_read_again(page: gr.Blocks, home: Path) -> None:
    chosen = bring(page, COLUMNS)
    picks = ("second thing", "first thing", "–", "–")
    assert turns(handler(page, "show")(chosen, "en", *picks)) == ["b0 y", "a0 x"]
    assert "at least" in handler(page, "show")(chosen, "en", "second thing", "–", "–", "–")
    again = DatasetStore(home).get(handler(page, "reread")(chosen, "en", *picks))
    *_, switch, _ = handler(page, "draw_columns")(chosen, "en")
    assert switch.elem_classes == OFF  # JSON has no header row
    assert again.examples[0].prompt == "b0 y" and again.info.mapping == {"prompt": picks[0], "completion": picks[1]}


def turns(shown: str) -> list[str]:
    return [part.split("</dd>")[0] for part in shown.split("<dd>")[1:]]


def test_a_held_out_file_says_what_of_it_is_trained_on_and_gives_it_up(
    page: gr.Blocks, home: Path, tmp_path: Path
) -> None:
    chosen = bring(page, pairs(5))
    (tmp_path / "exam.jsonl").write_text('{"prompt": "something else", "completion": "yes"}\n' + pairs(2))
    held_out, dropped = handler(page, "bring")(str(tmp_path / "exam.jsonl"), "en")
    assert dropped is None and DatasetStore(home).info(held_out).kind == "held_out"
    shown, _ = handler(page, "draw_held_out")(chosen, held_out, "en")
    assert "exam: 3 pairs" in shown and "2 of them are also trained on" in shown and 'data-leaks="drop"' in shown
    clean = handler(page, "clean")(chosen, held_out, "en")
    shown, _ = handler(page, "draw_held_out")(chosen, clean, "zh")
    assert "exam：1 对" in shown and "它们都不参与训练" in shown
    assert handler(page, "open_page")("en", held_out, "")[1] == chosen


def test_held_out_data_stays_with_versions_of_its_dataset_only(page: gr.Blocks) -> None:
    keep = handler(page, "keep_held_out")
    first, other = bring(page, pairs(5) + pairs(1)), bring(page, pairs(2))
    mended = mend(page, first, kind="duplicate", action="drop")
    assert keep(first, first) == keep(mended, first) == (first, gr.skip())
    assert keep(other, first) == (other, None)


def test_where_no_column_is_known_they_are_asked_for_and_nothing_is_lost(page: gr.Blocks, home: Path) -> None:
    rows = [{"foo": f"a{n} x", "bar": f"b{n} y", "baz": f"c{n} z"} for n in range(9)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    before, _, said, *_, refused = last(handler(page, "from_paste")(text, None, "en"))
    assert before == gr.skip() and "columns: foo, bar, baz" in said and refused is not None
    chosen, *_, asked_again = last(handler(page, "with_columns")(refused, "baz", "foo", None, "en"))
    dataset = DatasetStore(home).get(chosen)
    assert (dataset.examples[0].prompt, dataset.examples[0].completion) == ("c0 z", "a0 x")
    assert dataset.info.mapping == {"prompt": "baz", "completion": "foo"} and asked_again is None


def test_what_the_length_limit_takes_away_is_named_and_can_be_removed(home: Path, worker: Worker) -> None:
    page, store = build_page(home, worker), DatasetStore(home)
    long = {"prompt": "long", "completion": "word " * 5000}
    chosen = bring(page, pairs(3) + json.dumps(long) + "\n")
    *_, shown = handler(page, "count")(chosen, "starter", "en")
    assert "cut by the length limit: 1 row" in shown and "line 4" in shown and 'data-kind="too_long"' in shown
    trimmed = mend(page, chosen, kind="too_long", action="trim")
    ((_, short),) = store.page(trimmed, 3, 1).rows
    assert short.prompt == "long" and 1000 < len(short.completion) < 25_000 and short.completion.endswith("word")
    *_, shown = handler(page, "count")(trimmed, "starter", "en")
    assert shown == gr.skip() and "shortened to the limit" in report(page, trimmed)
    mended = mend(page, chosen, kind="too_long", action="drop")
    assert [example.prompt for _, example in store.page(mended, 0, 9).rows] == [f"question {n}" for n in (1, 2, 3)]
    *_, shown = handler(page, "count")(mended, "starter", "en")
    assert shown == gr.skip() and "<s>Answers cut" in report(page, mended).replace("Answer cut", "Answers cut")


def test_a_first_row_is_a_header_or_is_none_as_the_user_says(page: gr.Blocks, home: Path) -> None:
    store = DatasetStore(home)
    chosen = bring(page, "hi,hello there\nbye,see you soon\n")
    assert store.info(chosen).count == 2
    _, prompt, *_, switch, _ = handler(page, "draw_columns")(chosen, "en")
    assert switch.value is False and ("1 · hi", "1") in prompt.choices and prompt.value == "1"
    named = handler(page, "rename")(chosen, "en", True)
    assert [e.prompt for _, e in store.page(named, 0, 9).rows] == ["bye"]
    _, prompt, *_, switch, _ = handler(page, "draw_columns")(named, "en")
    assert switch.value is True and ("hi", "hi") in prompt.choices
    again = handler(page, "reread")(named, "en", "hello there", "hi", "–", "–")
    assert [e.prompt for _, e in store.page(again, 0, 9).rows] == ["see you soon"]
    assert store.info(again).header is True
    assert handler(page, "rename")(named, "en", False) == chosen


def test_numbers_of_the_tokens_stay_while_they_are_counted_anew(home: Path, worker: Worker) -> None:
    page = build_page(home, worker)
    chosen = bring(page, pairs(3) + pairs(1))
    counted, *_ = handler(page, "count")(chosen, "starter", "en")
    mended = mend(page, chosen, kind="duplicate", action="drop")
    stats = next(
        part for part in handler(page, "draw_new")(mended, "starter", "en", 0, None) if "ft-stats" in str(part)
    )
    assert "–" not in stats and stats.count("ft-old") == 2 and "ft-old" not in counted


def test_a_report_of_very_many_problems_is_drawn_at_once(page: gr.Blocks, home: Path) -> None:
    chosen = bring(
        page, "".join(f'{{"prompt": "write to u{n}@x.org", "completion": ""}}\n' for n in range(30_000)) + pairs(1)
    )
    began = time.monotonic()
    shown = report(page, chosen)
    assert time.monotonic() - began < 0.3
    assert "Empty answers in 30,000 rows" in shown and "and 29,988 more" in shown and len(shown) < 3000
