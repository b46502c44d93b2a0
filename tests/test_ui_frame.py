"""The frame around the tabs: words, what the browser gets, the header, messages."""

from __future__ import annotations

import ast
import pickle
import re
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from pages import EVIL

import ftchat
from ftchat.errors import ConfigError, DataError
from ftchat.events import RunFinished, RunQueued, RunStarted, StepLogged
from ftchat.records import STARTER, RunConfig
from ftchat.runs import RunStore
from ftchat.ui import header, texts
from ftchat.ui.markup import esc
from ftchat.ui.messages import sentence, told
from ftchat.ui.page import ASSETS, launch_options
from ftchat.ui.texts import PARTS, TEXTS, t
from ftchat.ui.texts.chinese import ERRORS


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
    assert sum(len(part.TEXTS) for part in PARTS) == len(TEXTS)


def test_one_of_a_thing_is_said_in_the_singular() -> None:
    assert t("ft_ready", "en", n=1) == "1 pair ready"
    assert t("ft_ready", "en", n=1200) == "1,200 pairs ready"
    assert t("ft_ready", "", n=2) == "2 pairs ready"


def test_chinese_has_no_space_beside_a_chinese_name() -> None:
    for name, said in (
        ("support", "support 在此作答。"),
        ("客服", "客服在此作答。"),
        ("客服 v2", "客服 v2 在此作答。"),
    ):
        assert t("ft_cmp_tuned_empty_more", "zh", name=name) == said
    assert t("ft_template_about", "zh", pairs=40, language="英文") == "40 对 · 英文"
    assert t("ft_seen_by", "zh", base="内置模型") == "内置模型的 token"


def test_every_key_in_the_code_is_in_the_tables() -> None:
    code = "".join(path.read_text("utf-8") for path in Path(texts.__file__).parents[1].glob("*.py"))
    asked = set(re.findall(r'(?:\bt|i18n)\(\s*"(ft_\w+)"', code))
    assert asked and not asked - set(TEXTS)


def test_no_two_parts_of_the_page_have_the_same_id(page: gr.Blocks) -> None:
    ids = [block.elem_id for block in page.blocks.values() if block.elem_id]
    assert len(ids) > 50 and len(set(ids)) == len(ids)


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


def shown_by(runs: RunStore, selected: str, lang: str) -> str:
    return header._live(runs, header.active_run(runs), selected, lang)


def test_the_header_shows_the_run_that_trains_and_then_its_adapter(home: Path) -> None:
    runs = RunStore(home)
    assert header.active_run(runs) is None
    run = runs.create(RunConfig(f"shop {EVIL}", "hash"))
    with run.hold():
        run.append(RunQueued())
        assert "waiting" in shown_by(runs, run.id, "en")
        run.append(RunStarted(time=100, total_steps=100, base=STARTER, method="lora"))
        assert "starting" in shown_by(runs, run.id, "en")
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
        shown = shown_by(runs, run.id, "en")
        assert "64 %" in shown and "0:36 left" in shown and f'data-run="{run.id}"' in shown
        assert "剩 0:36" in shown_by(runs, run.id, "zh")
        assert "ft-chip tuned" not in shown
        run.append(RunFinished(steps=100, train_loss=1.0, seconds=100, tokens_per_second=9, peak_memory=1))
    shown = shown_by(runs, run.id, "en")
    assert header.active_run(runs) is None and "ft-runpill" not in shown
    assert "ft-chip tuned" in shown and esc(EVIL) in shown and "<img" not in shown


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (37.2, "0:38"), (60, "1:00"), (3725, "1:02:05")])
def test_time_left_reads_like_a_clock(seconds: float, shown: str) -> None:
    assert header.clock(seconds) == shown


def test_a_base_is_called_by_the_last_part_of_its_name() -> None:
    assert header.model_name("Qwen/Qwen3-0.6B", "en") == "Qwen3-0.6B"
    assert header.model_name("/models/mine/", "en") == "mine"
    assert header.model_name(STARTER, "zh") == "内置模型"


class Beats:
    """The page's pulse, as one browser feels it: what it has, and what the last beat brought."""

    def __init__(self, page: gr.Blocks, **values: object):
        (self.pulse,) = [fn for fn in page.fns.values() if getattr(fn.fn, "__name__", "") == "beat"]
        self.has = {block: values.get(block.elem_id or "", block.value) for block in self.pulse.inputs}

    def __call__(self) -> dict[str, object]:
        drawn = self.pulse.fn(*(self.has[block] for block in self.pulse.inputs))
        fresh = {block: value for block, value in zip(self.pulse.outputs, drawn, strict=True) if value != gr.skip()}
        self.has |= fresh
        return {block.elem_id: value for block, value in fresh.items() if block.elem_id}


def test_one_request_a_second_follows_the_runs_for_the_whole_page(page: gr.Blocks) -> None:
    timers = [fn for fn in page.fns.values() for _, event in fn.targets if event == "tick"]
    assert len(timers) == 1


def test_a_beat_brings_only_news(page: gr.Blocks, home: Path) -> None:
    beat = Beats(page)
    assert {"ft-live-head", "ft-stage"} <= set(beat())
    assert beat() == {}
    run = RunStore(home).create(RunConfig("first", "0" * 16))
    with run.hold():
        run.append(RunQueued())
        assert set(beat()) == {"ft-live-head"}


def test_a_sentence_for_the_user_becomes_a_message_and_a_bug_stays_a_bug() -> None:
    def fails(error: Exception) -> None:
        raise error

    with pytest.raises(gr.Error) as told_error:
        told(fails)(DataError(f"bad {EVIL}"))
    assert told_error.value.message == f"bad {esc(EVIL)}" and not told_error.value.print_exception
    with pytest.raises(ZeroDivisionError):
        told(fails)(ZeroDivisionError())


def test_a_message_speaks_the_language_of_the_page() -> None:
    def fails(lang: str, error: Exception) -> None:
        raise error

    known, unknown = ConfigError("a name is taken", "name_taken", name=EVIL), DataError("no such thing")
    for lang, error, said in (
        ("en", known, "a name is taken"),
        ("zh", known, f"已有名为“{esc(EVIL)}”的训练"),
        ("zh", unknown, "原因（英文）：no such thing"),
    ):
        with pytest.raises(gr.Error) as told_error:
            told(fails)(lang, error)
        assert said in told_error.value.message


def test_an_error_keeps_its_kind_on_its_way_out_of_the_worker() -> None:
    error = pickle.loads(pickle.dumps(ConfigError("it is busy", "busy_training", run="a", base="b")))
    assert str(error) == "it is busy" and sentence(error, "zh").startswith("a 正在 b")


def test_every_known_kind_of_error_is_raised_somewhere_with_the_values_that_are_said() -> None:
    given: dict[str, set[str | None]] = {}
    for path in Path(ftchat.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and len(call.args) == 2 and isinstance(call.args[1], ast.Constant):
                given[str(call.args[1].value)] = {word.arg for word in call.keywords}
    for kind, said in ERRORS.items():
        assert set(re.findall(r"{(\w+)}", said)) <= given[kind]


def test_a_streaming_handler_is_told_of_too() -> None:
    def stream() -> Any:
        yield 1
        raise DataError("half way")

    heard = []
    with pytest.raises(gr.Error, match="half way"):
        for value in told(stream)():
            heard.append(value)
    assert heard == [1]
