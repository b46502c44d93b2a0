"""The Data tab: its templates, and what its handlers do with good and bad input."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from pages import LANGUAGES, handler, last, pairs, picked

from ftchat.data import DatasetStore, Source, read
from ftchat.errors import DataError
from ftchat.records import STARTER, RunConfig
from ftchat.runs import RunStore
from ftchat.ui.bases import LISTED, Bases
from ftchat.ui.markup import esc
from ftchat.ui.page import build_page
from ftchat.ui.templates import FOLDER, cards, template, templates
from ftchat.worker import Worker


def test_every_template_reads_without_a_problem() -> None:
    assert len(templates()) >= 6
    for one in templates():
        reading = read([Source.from_path(one.path)])
        assert len(reading.examples) == one.pairs >= 30, one.id
        assert not [problem for problem in reading.report.problems if problem.severity == "error"], one.id
        assert set(one.title) == set(one.description) == set(LANGUAGES)
        assert any(example.prompt == one.sample["prompt"] for example in reading.examples), one.id


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_cards_show_the_readers_own_language_first(lang: str) -> None:
    drawn = re.findall(r'data-template="(\w+)"', cards(lang))
    assert sorted(drawn) == sorted(one.id for one in templates())
    assert template(drawn[0]).language == lang
    assert all((FOLDER / template(name).file).exists() for name in drawn)


def from_template(page: gr.Blocks, name: str) -> tuple:
    return last(handler(page, "from_template")(None, "en", picked(template=name)))


def test_one_click_on_a_card_makes_a_dataset(page: gr.Blocks, home: Path) -> None:
    chosen = from_template(page, "persona")[0]
    dataset = DatasetStore(home).get(chosen)
    assert (dataset.name, dataset.info.kind) == (template("persona").title["en"], "template")
    assert len(dataset.examples) == template("persona").pairs


def test_a_card_that_is_not_there_is_refused(page: gr.Blocks) -> None:
    with pytest.raises(gr.Error, match="no template"):
        from_template(page, "../secrets")


@pytest.mark.parametrize("text", ["", "  \n ", "just some words", "[", "\udcff"])
@pytest.mark.parametrize("before", [None, "0123456789abcdef"])
def test_a_bad_paste_gets_a_sentence_and_keeps_the_earlier_dataset(
    page: gr.Blocks, text: str, before: str | None
) -> None:
    chosen, _, said, *_ = last(handler(page, "from_paste")(text, before, "en"))
    assert chosen == gr.skip()
    assert 'role="alert"' in said and len(re.sub(r"<[^>]+>", "", said)) > 20
    assert ("unchanged" in said) == (before is not None)


def test_files_become_one_dataset_and_a_bad_one_a_sentence(page: gr.Blocks, home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(pairs(2))
    (tmp_path / "b.csv").write_text("question,answer\nq,a\n")
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9)
    read_files = lambda *asked: last(handler(page, "from_files")(*asked))  # noqa: E731
    chosen, *_ = read_files([str(tmp_path / name) for name in ("a.jsonl", "b.csv")], None, "en")
    dataset = DatasetStore(home).get(chosen)
    assert dataset.name == "a and 1 more" and len(dataset.examples) == 3
    kept, _, said, *_, dropped = read_files([str(tmp_path / "c.png")], chosen, "en")
    assert kept == gr.skip() and "picture" in said and dropped is None


def test_files_too_big_for_the_page_are_not_read(page: gr.Blocks, tmp_path: Path) -> None:
    with (tmp_path / "big.jsonl").open("wb") as file:
        file.truncate(257 * 2**20)
    chosen, _, said, *_ = last(handler(page, "from_files")([str(tmp_path / "big.jsonl")], None, "en"))
    assert chosen == gr.skip() and "too big for the page" in said


def test_the_table_is_read_by_pages_and_searched(page: gr.Blocks) -> None:
    chosen = last(handler(page, "from_paste")(pairs(120), None, "en"))[0]
    turn, search = handler(page, "turn"), handler(page, "search")
    number, head, body = turn(chosen, "en", "", picked(page="2"))
    assert number == 2 and "101 to 120 of 120" in head and body.count("<tr>") == 20 + 1
    number, head, body = search(chosen, "en", "QUESTION 11")
    assert number == 0 and "1 to 11 of 11" in head  # 11 and 110 to 119
    assert 'data-pair="10"' in body and 'data-pair="118"' in body
    assert "No pair contains that" in search(chosen, "en", "nowhere")[2]
    assert turn(chosen, "en", "", picked(page="0"))[2].count("<tr>") == 50 + 1


def test_the_cleaned_data_can_be_downloaded(page: gr.Blocks, home: Path) -> None:
    chosen = last(handler(page, "from_paste")(pairs(2), None, "en"))[0]
    download = Path(handler(page, "offer")(chosen))
    assert download.suffix == ".jsonl" and download.read_bytes() == DatasetStore(home).export(chosen)


def test_nothing_but_the_tokens_waits_for_the_model(page: gr.Blocks) -> None:
    chosen = from_template(page, "persona")[0]
    drawn = [part for part in handler(page, "draw_new")(chosen, STARTER, "en", 0, None) if isinstance(part, str)]
    assert any("40" in part and "rows read" in part for part in drawn)
    assert any("Waiting for the model" in part for part in drawn) and any("40 pairs ready" in part for part in drawn)


def test_the_tokens_are_those_of_the_model(home: Path, worker: Worker) -> None:
    page = build_page(home, worker)
    chosen = from_template(page, "persona")[0]
    shown = handler(page, "look")(chosen, STARTER, "en", 0)
    learned = re.findall(r'<span class="ft-tok learned"[^>]*>([^<]*)</span>', shown)
    first = DatasetStore(home).get(chosen).examples[0]
    assert "".join(learned).replace("·", " ").strip() == esc(first.completion)
    stats, lengths, _ = handler(page, "count")(chosen, STARTER, "en")
    assert "%" in stats and "ft-hist" in lengths


def test_a_worker_that_fails_leaves_the_rest_of_the_tab(home: Path) -> None:
    class Dead(Worker):
        def _start(self) -> Any:
            raise DataError("the model cannot be loaded")

        def _join(self) -> None:
            """Nothing was started."""

    page = build_page(home, Dead(home))
    chosen = from_template(page, "persona")[0]
    assert "the model cannot be loaded" in handler(page, "look")(chosen, STARTER, "en", 0)
    stats, lengths, _ = handler(page, "count")(chosen, STARTER, "en")
    assert "rows read" in stats and lengths == ""


def test_the_tokens_are_those_of_the_chosen_base(home: Path, worker: Worker, models: dict[str, Path]) -> None:
    page = build_page(home, worker)
    chosen = from_template(page, "persona")[0]
    other = str(next(iter(models.values())))
    shown = {base: handler(page, "look")(chosen, base, "en", 0) for base in (STARTER, other)}
    assert "Tokens of Starter" in shown[STARTER] and f"Tokens of {Path(other).name}" in shown[other]
    counted = {base: handler(page, "count")(chosen, base, "en") for base in (STARTER, other)}
    assert counted[STARTER] != counted[other] and Path(other).name in counted[other][1]
    nowhere = handler(page, "look")(chosen, "/nowhere/at-all", "en", 0)
    assert "no folder /nowhere/at-all" in nowhere
    assert "ft-hist" not in handler(page, "count")(chosen, "/nowhere/at-all", "en")[1]


def test_a_reload_finds_what_was_chosen_last_else_the_newest(page: gr.Blocks, home: Path) -> None:
    opened = handler(page, "open_page")
    assert opened("zh", "", "") == ("zh", None, None, gr.skip())
    earlier, newer = (last(handler(page, "from_paste")(pairs(count), None, "en"))[0] for count in (2, 3))
    first, second = (RunStore(home).create(RunConfig(name, earlier)) for name in ("first", "second"))
    newest = opened("en", "", "")
    assert newest[1] == newer and newest[2] in (first.id, second.id)
    assert opened("en", f"{earlier} {first.id}", "") == ("en", earlier, first.id, gr.skip())
    assert opened("en", "0000000000000000 ../../etc", "") == newest


def test_a_reload_finds_the_base_model_again_where_it_may_be_named(home: Path, worker: Worker) -> None:
    page, shared = build_page(home, worker), build_page(home, worker, Bases.listed([]))
    assert handler(page, "open_page")("en", "", "/models/mine")[-1] == "/models/mine"
    assert handler(shared, "open_page")("en", "", "/models/mine")[-1] == gr.skip()
    assert handler(shared, "open_page")("en", "", LISTED[0])[-1] == LISTED[0]
    recall = handler(page, "recall")
    assert recall("/models/mine", STARTER, "")[:2] == ("other", "/models/mine")
    assert recall("/models/mine", "other", "/models/mine ") == recall(STARTER, STARTER, "")
