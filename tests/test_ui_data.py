"""The frame and the Data tab: what is drawn of a reading and of its tokens, and what its handlers do with bad input."""

from __future__ import annotations

import json
import re
import string
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from ftchat.data import DatasetStore, Source, read
from ftchat.errors import DataError
from ftchat.events import RunFinished, RunQueued, RunStarted, StepLogged, fold
from ftchat.records import STARTER, Preview, RunConfig, TokenStats, TokenView
from ftchat.runs import RunStore
from ftchat.ui import data_views, header, texts
from ftchat.ui.markup import esc
from ftchat.ui.messages import told
from ftchat.ui.page import ASSETS, build_page, launch_options
from ftchat.ui.templates import FOLDER, cards, template, templates
from ftchat.ui.texts import TEXTS, common, compare, data, t, train
from ftchat.ui.tokens import histogram, token_panel
from ftchat.worker import Worker, open_worker

EVIL = '<img src=x onerror="alert(1)">'
LANGUAGES = ("en", "zh")


def pairs(count: int) -> str:
    return "".join(
        json.dumps({"prompt": f"question {n}", "completion": f"answer {n}"}) + "\n" for n in range(1, count + 1)
    )


def handler(page: gr.Blocks, name: str) -> Callable[..., Any]:
    """The function behind a listener, as the browser would reach it."""
    return next(fn.fn for fn in page.fns.values() if getattr(fn.fn, "__name__", "") == name)


def picked(**dataset: str) -> gr.EventData:
    """What a click on a control with these data-* attributes sends."""
    return gr.EventData(target=None, _data=dataset)


@pytest.fixture
def page(home: Path) -> gr.Blocks:
    """The whole page over a worker that nobody has asked for anything."""
    return build_page(home, open_worker("process", home))


# ---- words


def test_every_text_is_there_in_both_languages_with_the_same_places() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    for key, words in TEXTS.items():
        english, chinese = words
        assert key.startswith("ft_") and english.strip() and chinese.strip()
        assert places(chinese) <= places(english) | {"n"}, key
        # A text for one of a thing may say the number in words.
        assert places(english) <= places(chinese) or key.endswith("_1"), key


def test_no_two_tables_have_a_word_for_the_same_key() -> None:
    tables = [module.TEXTS for module in (common, data, train, compare)]
    assert sum(map(len, tables)) == len(TEXTS)


def test_one_of_a_thing_is_said_in_the_singular() -> None:
    assert t("ft_ready", "en", n=1) == "1 pair ready"
    assert t("ft_ready", "en", n=1200) == "1,200 pairs ready"
    assert t("ft_ready", "", n=2) == "2 pairs ready"


def test_every_key_in_the_code_is_in_the_tables() -> None:
    code = "".join(path.read_text("utf-8") for path in Path(texts.__file__).parents[1].glob("*.py"))
    asked = set(re.findall(r'(?:\bt|i18n)\(\s*"(ft_\w+)"', code))
    assert asked and not asked - set(TEXTS)


# ---- the page


def test_the_page_starts_without_the_libraries_of_the_model() -> None:
    said = "import sys, ftchat.ui.page; print(sorted({'torch', 'transformers', 'peft'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_no_listener_of_the_page_is_an_api_unless_it_has_a_name_of_its_own(page: gr.Blocks) -> None:
    public = [fn for fn in page.fns.values() if fn.api_visibility == "public"]
    assert {fn.api_name for fn in public} <= {"compare"}


def test_what_the_browser_gets_names_no_other_host() -> None:
    options = launch_options()
    urls = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", options["css"] + options["head"] + str(options["theme"].to_dict()))
    assert set(urls) <= {"http://www.w3.org"}  # the name space of SVG
    assert not re.search(r"@import|@font-face|url\((?!\"data:)", options["css"])
    assert options["run_history"] is False and options["ssr_mode"] is False


def test_every_part_of_the_look_is_there() -> None:
    css = launch_options()["css"]
    for name in ("frame", "data", "train", "compare"):
        assert (ASSETS / f"{name}.css").read_text("utf-8") in css
    tokens = set(re.findall(r"var\((--ft-[\w-]+)", css))
    light, dark = (re.search(rf"^{scope}{{(.*?)}}", css, re.S | re.M) for scope in (":root", r"\.dark"))
    assert light and dark
    assert tokens <= set(re.findall(r"(--ft-[\w-]+):", light[1]))
    assert set(re.findall(r"(--ft-[\w-]+):", light[1])) - {"--ft-head", "--ft-r"} == set(
        re.findall(r"(--ft-[\w-]+):", dark[1])
    )


# ---- the header


def test_the_header_shows_the_run_that_trains_and_then_its_adapter(home: Path) -> None:
    runs = RunStore(home)
    assert header.active_run(runs) is None
    run = runs.create(RunConfig(f"shop {EVIL}", "hash"))
    with run.hold():
        run.append(RunQueued())
        assert "waiting" in header._live(runs, run.id, "en")
        run.append(RunStarted(time=100, total_steps=100, base=STARTER, method="lora"))
        assert "starting" in header._live(runs, run.id, "en")
        logged = {
            "loss": 1.0,
            "learning_rate": 0.1,
            "grad_norm": 1.0,
            "epoch": 1.0,
            "tokens_per_second": 9.0,
            "memory": 1,
        }
        run.append(StepLogged(time=164, step=64, **logged))
        assert header.active_run(runs) is run
        shown = header._live(runs, run.id, "en")
        assert "64 %" in shown and "0:36 left" in shown and f'data-run="{run.id}"' in shown
        assert "剩 0:36" in header._live(runs, run.id, "zh")
        assert "ft-chip tuned" not in shown
        run.append(RunFinished(steps=100, train_loss=1.0, seconds=100, tokens_per_second=9, peak_memory=1))
    shown = header._live(runs, run.id, "en")
    assert header.active_run(runs) is None and "ft-runpill" not in shown
    assert "ft-chip tuned" in shown and esc(EVIL) in shown and "<img" not in shown


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (37.2, "0:38"), (60, "1:00"), (3725, "1:02:05")])
def test_time_left_reads_like_a_clock(seconds: float, shown: str) -> None:
    assert header.clock(seconds) == shown


def test_a_base_is_called_by_the_last_part_of_its_name() -> None:
    assert header.model_name("Qwen/Qwen3-0.6B", "en") == "Qwen3-0.6B"
    assert header.model_name("/models/mine/", "en") == "mine"
    assert header.model_name(STARTER, "zh") == "内置模型"


def test_an_idle_tick_sends_nothing(page: gr.Blocks) -> None:
    refresh = handler(page, "refresh_header")
    first, kept = refresh("en", None, "")
    assert first == kept and "Starter" in first
    again, unchanged = refresh("en", None, kept)
    assert again == unchanged == gr.skip()


# ---- messages


def test_a_sentence_for_the_user_becomes_a_message_and_a_bug_stays_a_bug() -> None:
    def fails(error: Exception) -> None:
        raise error

    with pytest.raises(gr.Error) as told_error:
        told(fails)(DataError(f"bad {EVIL}"))
    assert told_error.value.message == f"bad {esc(EVIL)}" and not told_error.value.print_exception
    with pytest.raises(ZeroDivisionError):
        told(fails)(ZeroDivisionError())


def test_a_streaming_handler_is_told_of_too() -> None:
    def stream() -> Any:
        yield 1
        raise DataError("half way")

    heard = []
    with pytest.raises(gr.Error, match="half way"):
        for value in told(stream)():
            heard.append(value)
    assert heard == [1]


# ---- templates


def test_every_template_reads_without_a_problem() -> None:
    assert len(templates()) >= 6
    for one in templates():
        reading = read([Source(one.file, one.content())])
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


# ---- what was found


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
    shown = data_views.report(report, "en")
    assert "3 errors" in shown and "1 warning" in shown
    assert "Empty answers in 2 rows" in shown and "lines 3, 5" in shown
    assert "JSON mistakes in 1 row<" in shown and "line 2" in shown
    assert "Exact duplicates: 1 row<" in shown
    assert shown.index("Empty answers") < shown.index("Exact duplicates")
    assert "2 行有空回答" in data_views.report(report, "zh")


def test_a_file_without_problems_says_what_was_looked_for() -> None:
    shown = data_views.report(read([Source.from_text(pairs(3))]).report, "en")
    assert "Every row can be used" in shown and "<li" not in shown


def test_thousands_of_problems_are_not_sent() -> None:
    text = "".join(f'{{"prompt": "p{n}", "completion": ""}}\n' for n in range(9000)) + pairs(1)
    shown = data_views.report(read([Source.from_text(text)]).report, "en")
    assert "Empty answers in 9,000 rows" in shown and "and 8,988 more" in shown
    assert len(shown) < 3000


def test_many_different_reasons_are_not_sent() -> None:
    text = "question,answer\n" + "".join(f"q{n},{{{{name{n}}}}}\n" for n in range(2000))
    shown = data_views.report(read([Source.from_text(text, "x.csv")]).report, "en")
    assert "more for other reasons" in shown and len(shown) < 3000


def test_problems_of_several_files_name_their_file() -> None:
    sources = [Source.from_text('{"prompt": "a", "completion": ""}\n' + pairs(1), f"{name}.jsonl") for name in "ab"]
    shown = data_views.report(read(sources).report, "en")
    assert "a.jsonl line 1; b.jsonl line 1" in shown


def test_text_from_data_never_becomes_markup(home: Path) -> None:
    row = json.dumps({EVIL: EVIL, "prompt": EVIL, "completion": f"{EVIL} ![](http://evil.example/x.png)"})
    reading = read([Source.from_text(row + "\n" + json.dumps({"prompt": EVIL, "completion": ""}), f"{EVIL}.jsonl")])
    dataset = DatasetStore(home).put(reading, EVIL, EVIL)
    for lang in LANGUAGES:
        for shown in (
            data_views.stats(dataset, None, lang),
            data_views.report(dataset.report, lang),
            data_views.pairs_table(list(enumerate(dataset.examples)), lang),
            data_views.refusal(EVIL),
            token_panel(Preview((TokenView(1, EVIL, True, False),), 0, EVIL), 0, 1, lang),
        ):
            assert "<img" not in shown and 'onerror="' not in shown


# ---- as the model sees it


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
    shown = token_panel(Preview(tokens, 0), 4, 9, "en")
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
    first, last = (token_panel(Preview((), 0), index, 2, "en") for index in (0, 1))
    assert re.search(r'data-pair="-1"[^>]*aria-disabled', first) and not re.search(r'data-pair="1"[^>]*disabled', first)
    assert re.search(r'data-pair="2"[^>]*aria-disabled', last) and not re.search(r'data-pair="0"[^>]*disabled', last)


def test_what_is_cut_and_what_cannot_be_trained_is_said() -> None:
    shown = token_panel(Preview((view("a"),), 12, "The template drops the system message."), 0, 1, "en")
    assert "12 tokens are past the limit" in shown and "drops the system message" in shown


def test_a_very_long_example_is_not_sent_whole() -> None:
    shown = token_panel(Preview(tuple(view("x") for _ in range(5000)), 0), 0, 1, "en")
    assert shown.count("ft-tok") < 2100 and "and 3,000 more tokens" in shown


def test_without_the_model_a_sentence_stands_where_the_tokens_would() -> None:
    shown = token_panel(None, 0, 3, "en", "the model's process died")
    assert "process died" in shown and "ft-tok" not in shown and "pair 1 of 3" in shown


@pytest.mark.parametrize("lengths", [(1,), (5, 19, 20), (300, 301, 511), (40, 1999)])
def test_the_histogram_counts_every_example_once(lengths: tuple[int, ...]) -> None:
    stats = TokenStats(sum(lengths), 1, max(lengths), lengths[0], max(lengths), 0, 0, 512, lengths)
    shown = histogram(stats, "en")
    bars = re.findall(r'title="(\d+)–(\d+): (\d+)"', shown)
    assert len(bars) == 20 and sum(int(count) for _, _, count in bars) == len(lengths)
    for low, high, count in bars:
        assert int(count) == sum(int(low) <= length < int(high) for length in lengths)
    assert ('class="lim"' in shown) == (int(bars[-1][1]) >= 512)


# ---- the handlers


def from_template(page: gr.Blocks, name: str) -> tuple:
    return handler(page, "from_template")(None, "en", picked(template=name))


def test_one_click_on_a_card_makes_a_dataset(page: gr.Blocks, home: Path) -> None:
    chosen = from_template(page, "persona")[0]
    dataset = DatasetStore(home).get(chosen)
    assert (dataset.name, dataset.kind) == (template("persona").title["en"], "template")
    assert len(dataset.examples) == template("persona").pairs


def test_a_card_that_is_not_there_is_refused(page: gr.Blocks) -> None:
    with pytest.raises(gr.Error, match="no template"):
        from_template(page, "../secrets")


@pytest.mark.parametrize("text", ["", "  \n ", "just some words", "[", "\udcff"])
@pytest.mark.parametrize("before", [None, "0123456789abcdef"])
def test_a_bad_paste_gets_a_sentence_and_keeps_the_earlier_dataset(
    page: gr.Blocks, text: str, before: str | None
) -> None:
    chosen, _, said, *_ = handler(page, "from_paste")(text, before, "en")
    assert chosen == before
    assert 'role="alert"' in said and len(re.sub(r"<[^>]+>", "", said)) > 20
    assert ("unchanged" in said) == (before is not None)


def test_files_become_one_dataset_and_a_bad_one_a_sentence(page: gr.Blocks, home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(pairs(2))
    (tmp_path / "b.csv").write_text("question,answer\nq,a\n")
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9)
    read_files = handler(page, "from_files")
    chosen, *_ = read_files([str(tmp_path / name) for name in ("a.jsonl", "b.csv")], None, "en")
    dataset = DatasetStore(home).get(chosen)
    assert dataset.name == "a and 1 more" and len(dataset.examples) == 3
    kept, _, said, *_, dropped = read_files([str(tmp_path / "c.png")], chosen, "en")
    assert kept == chosen and "picture" in said and dropped is None


def test_files_too_big_for_the_page_are_not_read(page: gr.Blocks, tmp_path: Path) -> None:
    with (tmp_path / "big.jsonl").open("wb") as file:
        file.truncate(65 * 2**20)
    chosen, _, said, *_ = handler(page, "from_files")([str(tmp_path / "big.jsonl")], None, "en")
    assert chosen is None and "too big for the page" in said


def test_the_table_is_read_by_pages_and_searched(page: gr.Blocks) -> None:
    chosen = handler(page, "from_paste")(pairs(120), None, "en")[0]
    turn, search = handler(page, "turn"), handler(page, "search")
    number, head, body = turn(chosen, "en", "", picked(page="2"))
    assert number == 2 and "101 to 120 of 120" in head and body.count("<tr>") == 20 + 1
    number, head, body = search(chosen, "en", "QUESTION 11")
    assert number == 0 and "1 to 11 of 11" in head  # 11 and 110 to 119
    assert 'data-pair="10"' in body and 'data-pair="118"' in body
    assert "No pair contains that" in search(chosen, "en", "nowhere")[2]
    assert turn(chosen, "en", "", picked(page="0"))[2].count("<tr>") == 50 + 1


def test_the_cleaned_data_can_be_downloaded(page: gr.Blocks, home: Path) -> None:
    chosen = handler(page, "from_paste")(pairs(2), None, "en")[0]
    download = Path(handler(page, "draw_new")(chosen, "en")[-1])
    assert download.suffix == ".jsonl" and download.read_bytes() == DatasetStore(home).export(chosen)


def test_nothing_but_the_tokens_waits_for_the_model(page: gr.Blocks) -> None:
    chosen = from_template(page, "persona")[0]
    drawn = [part for part in handler(page, "draw_new")(chosen, "en") if isinstance(part, str)]
    assert any("40" in part and "rows read" in part for part in drawn)
    assert any("Waiting for the model" in part for part in drawn) and any("40 pairs ready" in part for part in drawn)


def test_the_tokens_are_those_of_the_model(home: Path, worker: Worker) -> None:
    page = build_page(home, worker)
    chosen = from_template(page, "persona")[0]
    shown = handler(page, "look")(chosen, "en", 0)
    learned = re.findall(r'<span class="ft-tok learned"[^>]*>([^<]*)</span>', shown)
    first = DatasetStore(home).get(chosen).examples[0]
    assert "".join(learned).replace("·", " ").strip() == esc(first.completion)
    stats, lengths = handler(page, "count")(chosen, "en")
    assert "%" in stats and "ft-hist" in lengths


def test_a_worker_that_fails_leaves_the_rest_of_the_tab(home: Path) -> None:
    class Dead(Worker):
        def _start(self) -> Any:
            raise DataError("the model cannot be loaded")

    page = build_page(home, Dead(home))
    chosen = from_template(page, "persona")[0]
    assert "the model cannot be loaded" in handler(page, "look")(chosen, "en", 0)
    assert handler(page, "count")(chosen, "en") == (gr.skip(), gr.skip())


def test_a_reload_finds_the_newest_dataset_and_run(page: gr.Blocks, home: Path) -> None:
    assert handler(page, "open_page")("zh") == ("zh", None, None)
    chosen = handler(page, "from_paste")(pairs(2), None, "en")[0]
    run = RunStore(home).create(RunConfig("first", chosen))
    assert handler(page, "open_page")("en") == ("en", chosen, run.id)
    assert fold(run.events(), held=False).over
